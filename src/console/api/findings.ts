import { keepPreviousData, useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { BURNING, type FindingCounts, type FindingNow, type FindingState } from '../../model/finding.ts';
import type { Severity } from '../../model/kit.ts';
import { api } from './client.ts';
import { inPortions } from './portions.ts';
import { unlessUnknown } from './unless-unknown.ts';

/** As many as are read at a time; who wants to see more goes on, or narrows them down. */
const PAGE = 100;

export interface AskedFindings {
  kit?: string | undefined;
  severity?: Severity | undefined;
  /** none: in whatever state */
  states?: readonly FindingState[] | undefined;
  overdue?: true | undefined;
  stale?: true | undefined;
  drift?: true | undefined;
}

const queryOf = ({ kit, severity, states, overdue, stale, drift }: AskedFindings) => ({
  ...(kit === undefined ? {} : { kit }),
  ...(severity === undefined ? {} : { severity }),
  ...(states === undefined ? {} : { state: [...states] }),
  ...(overdue ? { overdue: 'true' as const } : {}),
  ...(stale ? { stale: 'true' as const } : {}),
  ...(drift ? { drift: 'true' as const } : {}),
});

interface FindingPage {
  items: FindingNow[];
  next: string | null;
}

/** The worst first, page after page. */
export const useFindingPages = (asked: AskedFindings) =>
  useInfiniteQuery({
    queryKey: ['findings', 'pages', asked],
    placeholderData: keepPreviousData,
    initialPageParam: null as string | null,
    queryFn: ({ pageParam: after }) =>
      unlessUnknown(
        api.listFindings({
          query: { ...queryOf(asked), sort: 'worst', limit: PAGE, ...(after === null ? {} : { after }) },
        }) as Promise<FindingPage>,
        { items: [], next: null },
      ),
    getNextPageParam: ({ next }) => next,
    select: ({ pages }) => pages.flatMap(({ items }) => items),
  });

export const useFindingCounts = (asked: AskedFindings = {}, enabled = true) =>
  useQuery({
    queryKey: ['findings', 'counts', asked],
    queryFn: async (): Promise<FindingCounts> => api.countFindings({ query: queryOf(asked) }),
    enabled,
  });

export const useFinding = (id: string | undefined) =>
  useQuery({
    queryKey: ['findings', 'one', id],
    queryFn: async () => (await api.getFinding({ params: { id: id! } })) as FindingNow,
    enabled: id !== undefined,
  });

/** So many are read of a plan; the largest are for tens of thousands. */
const MOST = 1000;

export const useFindingsOf = (ids: readonly string[]) =>
  useQuery({
    queryKey: ['findings', 'of', ids],
    queryFn: () =>
      inPortions(ids.slice(0, MOST), async (id) => (await api.listFindings({ query: { id } })).items as FindingNow[]),
  });

/** How many findings burn on each of these hosts. */
export const useBurningOn = (hosts: readonly string[]) =>
  useQuery({
    queryKey: ['findings', 'hosts', hosts],
    placeholderData: keepPreviousData,
    enabled: hosts.length > 0,
    queryFn: async () => {
      const items = await inPortions(
        hosts,
        async (host) => (await api.countFindingsOfHosts({ query: { host, state: [...BURNING] } })).items,
      );
      return new Map(items.map(({ host, findings }) => [host, findings]));
    },
  });

/** How many there are of those kinds. */
export const sumOf = ({ items }: FindingCounts, fits: (kind: FindingCounts['items'][number]) => boolean): number =>
  items.reduce((sum, kind) => sum + (fits(kind) ? kind.findings : 0), 0);

export const kitsIn = ({ items }: FindingCounts): string[] => [...new Set(items.map(({ kit }) => kit))].sort();
