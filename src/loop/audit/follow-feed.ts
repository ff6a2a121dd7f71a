import { sql } from 'kysely';
import type { DbOrTx, Tx } from '../../platform/context.ts';
import { called } from './logic/advisories/match.ts';
import { matchPackages } from './match-packages.ts';
import { lockMatches, packagesCalled } from './store-interned.ts';
import { noteRecount } from './store-recount.ts';
import { recordRematched } from './tell-matches.ts';

/** What changed of what a feed says. */
export interface Said {
  /** keys of statements: ecosystem, release, source or binary, name and id */
  keys: readonly string[];
  signals: boolean;
}

/**
 * Does `change`, which changes what a feed says, and matches anew the packages whose names it is about, in the same
 * transaction. Of feeds that count the same the newer one is right: where two of them change places, so may the verdicts
 * on what both speak of.
 */
export async function followFeed<T>(
  tx: Tx,
  feed: string,
  change: () => Promise<{ said: Said; result: T }>,
): Promise<T> {
  const then = (await feedTimes(tx.db)).get(feed);
  const { said, result } = await change();
  // Facts that come with packages of their own wait from here on, and not for the writing of statements.
  await lockMatches(tx.db, 'alone');
  const times = await feedTimes(tx.db);
  const passed = passedBy(feed, then, times);
  const names = new Map<string, { ecosystem: string; called: string }>();
  const advisories = new Set<string>();
  for (const key of said.keys) {
    const [ecosystem, , , name, id] = JSON.parse(key) as [string, string | null, string, string, string];
    const one = { ecosystem, called: called(ecosystem, name) };
    names.set(`${ecosystem} ${one.called}`, one);
    advisories.add(id);
  }
  for (const one of await namesOfBoth(tx.db, feed, passed)) names.set(`${one.ecosystem} ${one.called}`, one);
  if (names.size > 0) {
    const changes = await matchPackages(tx, await packagesCalled(tx.db, [...names.values()]));
    for (const advisory of changes.touched) advisories.add(advisory);
    await recordRematched(tx, { kind: 'feed', id: feed, name: feed }, changes);
  }
  if (advisories.size > 0) await noteRecount(tx, { advisories: [...advisories] });
  if (said.signals) await noteRecount(tx, { signals: true });
  return result;
}

/** When what is in force of each feed was made, as far as statements are weighed by it. */
async function feedTimes(db: DbOrTx): Promise<Map<string, number>> {
  const { rows } = await sql<{ feed: string; time: Date }>`
    select feed, coalesce(feed_time, ok_at) as time from audit.feed_state
    where coalesce(feed_time, ok_at) is not null and statements > 0`.execute(db);
  return new Map(rows.map((row) => [row.feed, row.time.getTime()]));
}

/** Feeds that stand otherwise to this one than before: older, newer, or of the same time. */
function passedBy(feed: string, then: number | undefined, times: ReadonlyMap<string, number>): string[] {
  const stands = (own: number | undefined, other: number): number | null =>
    own === undefined ? null : Math.sign(own - other);
  return [...times]
    .filter(([name, other]) => name !== feed && stands(then, other) !== stands(times.get(feed), other))
    .map(([name]) => name);
}

async function namesOfBoth(
  db: DbOrTx,
  feed: string,
  others: readonly string[],
): Promise<{ ecosystem: string; called: string }[]> {
  if (others.length === 0) return [];
  const { rows } = await sql<{ ecosystem: string; called: string }>`
    select distinct a.ecosystem, a.called from audit.statement a
    where a.feed = ${feed} and exists (select from audit.statement b
      where b.called = a.called and b.ecosystem = a.ecosystem and b.feed = any(${[...others]}::text[]))`.execute(db);
  return rows;
}
