import { useQuery } from '@tanstack/react-query';
import type { RegisteredKey } from '../../model/auth.ts';
import { api } from './client.ts';

/** Approver keys that count, with whose they are. */
export const useApproverKeys = () =>
  useQuery({
    queryKey: ['approver-keys'],
    queryFn: async (): Promise<RegisteredKey[]> => (await api.listKeys()).items.filter((key) => !key.revoked),
  });
