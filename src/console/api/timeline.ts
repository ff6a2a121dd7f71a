import { useInfiniteQuery } from '@tanstack/react-query';
import type { Claim } from '../../model/estate.ts';
import type { MomentKind, Timeline } from '../../model/timeline.ts';
import { api } from './client.ts';

const PAGE = 200;
const DAY_MS = 86_400_000;

/** The newest first, page by page. */
export const useTimeline = (days: number, kinds: readonly MomentKind[], claim: Claim | undefined) =>
  useInfiniteQuery({
    queryKey: ['timeline', days, kinds.join(), claim ?? ''],
    initialPageParam: null as string | null,
    queryFn: async ({ pageParam }) =>
      (await api.getTimeline({
        query: {
          since: new Date(Date.now() - days * DAY_MS).toISOString(),
          kind: kinds.join(',') as never,
          limit: PAGE,
          ...(claim ? { claim } : {}),
          ...(pageParam ? { before: pageParam } : {}),
        },
      })) as Timeline,
    getNextPageParam: ({ next }: Timeline) => next,
  });
