import { keepPreviousData, useInfiniteQuery, useQuery } from '@tanstack/react-query';
import type { Host } from '../../model/estate.ts';
import type { HostFilter } from '../search.ts';
import { api } from './client.ts';

/** As many as are read at a time; who looks for one searches. */
const PAGE = 100;

const SHOWN = {
  all: {},
  unknown: { claim: 'unknown', machines: 'true' },
  unmanaged: { managed: 'false', machines: 'true' },
} as const;

export const useHostPages = (show: HostFilter, text: string) =>
  useInfiniteQuery({
    queryKey: ['hosts', 'pages', show, text],
    placeholderData: keepPreviousData,
    initialPageParam: null as string | null,
    queryFn: async ({ pageParam: after }) => {
      const page = await api.listHosts({
        query: { ...SHOWN[show], ...(text ? { text } : {}), limit: PAGE, ...(after === null ? {} : { after }) },
      });
      return page as typeof page & { items: Host[] };
    },
    getNextPageParam: ({ next }) => next,
    select: ({ pages }) => pages.flatMap(({ items }) => items),
  });

export const useHostCounts = () => useQuery({ queryKey: ['hosts', 'counts'], queryFn: () => api.countHosts() });
