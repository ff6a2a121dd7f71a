import type { FindingCounts, FindingNow } from '../../model/finding.ts';
import type { FindingFilter, NowFilter } from './face.ts';
import { asOfNow, byDue, bySeverity } from './finding-clocks.ts';
import type { Judge } from './judge-host.ts';
import { cursorOf, type Position, type Sort } from './logic/finding-cursor.ts';
import { countKinds, findingIds, matching, type NowAsked } from './store-finding-pages.ts';
import { findFindings, findingsInOrder, plainFinding } from './store-findings.ts';

export interface PageAsked {
  /** at most so many; all, where nothing is said */
  limit?: number | undefined;
  /** those behind this one; with `limit` only */
  after?: Position | undefined;
  sort?: Sort | undefined;
}

export interface FindingPage {
  items: FindingNow[];
  /** where the next page goes on; null at the end */
  next: string | null;
  more: boolean;
}

type Context = Pick<Judge, 'platform' | 'discovery' | 'kits' | 'staleAfterMs'>;

const BY = { due: byDue, worst: bySeverity };

/** Findings in the order of their ids, or as asked, a page at a time: a page costs what is on it, whatever is asked for. */
export async function findingPage(
  context: Context,
  filter: FindingFilter,
  now: NowFilter,
  { limit, after, sort }: PageAsked,
): Promise<FindingPage> {
  const { db } = context.platform;
  const asked = nowAsked(context, now);
  if (limit === undefined) {
    const found = await findFindings(db, filter, { after: after?.id, now: asked });
    const items = await asOfNow(context, found.map(plainFinding));
    return { items: sort === undefined ? items : items.toSorted(BY[sort]), next: null, more: false };
  }
  const cut = { after: after ?? startOf(sort, filter), sort, limit: limit + 1 };
  const ids = await findingIds(db, matching(filter, asked), cut);
  const shown = await findingsInOrder(db, ids.slice(0, limit));
  const items = await asOfNow(context, shown.map(plainFinding));
  const [more, last] = [ids.length > limit, items.at(-1)];
  return { items, next: more && last ? cursorOf(sort, last) : null, more };
}

/** The worst first of what is all as severe begins where those do. */
function startOf(sort: Sort | undefined, { severities }: FindingFilter): Position | undefined {
  return sort === 'worst' && severities?.length === 1 ? { key: severities[0]!, id: '' } : undefined;
}

export async function findingCounts(context: Context, filter: FindingFilter, now: NowFilter): Promise<FindingCounts> {
  const items = await countKinds(context.platform.db, matching(filter, nowAsked(context, now)));
  return { total: items.reduce((sum, { findings }) => sum + findings, 0), items };
}

function nowAsked({ platform, discovery, staleAfterMs }: Context, { owner, ...asked }: NowFilter): NowAsked {
  const at = platform.now();
  return {
    ...asked,
    at,
    staleBefore: new Date(at.getTime() - staleAfterMs),
    ...(owner === undefined ? {} : { owned: discovery.ownedBy(owner) }),
  };
}
