import { keepPreviousData, useQuery } from '@tanstack/react-query';
import type { PublicKeys } from '../../model/key.ts';
import type { KeysShown } from '../search.ts';
import { api } from './client.ts';

/** As many keys as a page takes; who has more narrows them down. */
const PAGE = 100;

export const useKeys = (show: KeysShown, key: string) =>
  useQuery({
    queryKey: ['keys', show, key],
    placeholderData: keepPreviousData,
    queryFn: async () =>
      (await api.listPublicKeys({
        query: { limit: PAGE, ...(show === 'all' ? {} : { [show]: 'true' }), ...(key === '' ? {} : { key }) },
      })) as PublicKeys,
  });
