import { keepPreviousData, useQuery } from '@tanstack/react-query';
import type { NetworkMap } from '../../model/map.ts';
import { api } from './client.ts';

/** All addresses are counted for it, so it is not asked at each event. */
const MAP_MS = 60_000;
export const useMap = (open: readonly string[]) =>
  useQuery({
    queryKey: ['map', open.join()],
    staleTime: MAP_MS,
    refetchInterval: MAP_MS,
    placeholderData: keepPreviousData,
    queryFn: async () =>
      (await api.getMap({ query: open.length > 0 ? { open: open.join(',') as never } : {} })) as NetworkMap,
  });
