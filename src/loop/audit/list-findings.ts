import type { FindingNow } from '../../model/finding.ts';
import type { FindingFilter } from './face.ts';
import { asOfNow, byDue, fits, type NowFilter } from './finding-clocks.ts';
import { findFindings, plainFinding } from './store-findings.ts';

export interface PageAsked {
  /** at most so many; all, where nothing is said */
  limit?: number | undefined;
  /** those behind this id */
  after?: string | undefined;
  /** the soonest to end first */
  sort?: 'due' | undefined;
}

export interface FindingPage {
  items: FindingNow[];
  /** where the next page goes on; null at the end, and where they are sorted by their time */
  next: string | null;
  more: boolean;
}

/** How many are read at once where only some of them may fit. */
const BATCH = 1000;

type Context = Parameters<typeof asOfNow>[0];

/**
 * Findings in the order of their ids, a page at a time: what is stored picks them, and what depends on the time is asked
 * of those that were read. So a page costs what is on it, however many there are, unless few of many fit.
 */
export async function findingPage(
  context: Context,
  filter: FindingFilter,
  now: NowFilter,
  { limit, after = '', sort }: PageAsked,
): Promise<FindingPage> {
  if (sort === 'due' || limit === undefined) {
    const items = await fitting(context, await stored(context, filter, now), now);
    return cut(sort === 'due' ? items.toSorted(byDue) : items, limit ?? items.length, false);
  }
  const batch = isPicked(now) ? limit + 1 : Math.max(BATCH, limit + 1);
  const items: FindingNow[] = [];
  for (let from = after; items.length <= limit;) {
    const rows = await stored(context, filter, now, { after: from, limit: batch });
    items.push(...(await fitting(context, rows, now)));
    if (rows.length < batch) break;
    from = rows.at(-1)!.id;
  }
  return cut(items, limit, true);
}

function cut(items: readonly FindingNow[], limit: number, goesOn: boolean): FindingPage {
  const more = items.length > limit;
  return { items: items.slice(0, limit), next: more && goesOn ? items[limit - 1]!.id : null, more };
}

/** What is overdue is picked where it is stored; whether it is stale, whose it is and what drifted is asked afterwards. */
const isPicked = ({ overdue, ...asked }: NowFilter): boolean =>
  overdue !== false && Object.values(asked).every((value) => value === undefined);

const fitting = async (
  context: Context,
  rows: Awaited<ReturnType<typeof findFindings>>,
  now: NowFilter,
): Promise<FindingNow[]> => (await asOfNow(context, rows.map(plainFinding))).filter((one) => fits(one, now));

const stored = (
  { platform }: Context,
  filter: FindingFilter,
  { overdue }: NowFilter,
  page?: { after: string; limit: number },
): ReturnType<typeof findFindings> =>
  findFindings(platform.db, filter, { ...page, ...(overdue ? { overdueAt: platform.now() } : {}) });
