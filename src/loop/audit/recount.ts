import { sql } from 'kysely';
import { systemActor } from '../../model/actor.ts';
import type { DbOrTx, Platform } from '../../platform/context.ts';
import { anyOf, chunks } from '../../platform/db/many.ts';
import type { Discovery } from '../discovery/index.ts';
import { countHosts } from './count-hosts.ts';
import { countOverdue } from './count-overdue.ts';
import { ofOneOnly } from './logic/count-hosts.ts';
import { IMPORTANT_TAGS } from './logic/priority.ts';
import { packagesIn } from './store-matches.ts';
import { followTerms, putDue } from './store-due.ts';
import { lockCounts } from './store-recount.ts';
import { type Detailed, detailsOf, withWordsOf } from './store-severity.ts';
import { dropCounts, putCounts, weigh } from './store-vulnerabilities.ts';

/** As many requests as one transaction takes. */
const AT_ONCE = 200_000;
/** As many advisories, of which most are of interest to no host, are in memory at a time. */
const COUNTED_AT_ONCE = 50_000;

/** Job: counts again what changed, until nothing is left. Who stops in the middle leaves the rest for the next. */
export async function recount(platform: Platform, discovery: Pick<Discovery, 'briefs'>): Promise<void> {
  const important = new Set<string>();
  for (const tag of IMPORTANT_TAGS) for (const { id } of await discovery.briefs({ tag })) important.add(id);
  for (let left = true; left && !platform.stopping.aborted;) {
    left = await platform.observe(systemActor('audit.recount'), async (tx) => {
      await lockCounts(tx.db);
      await sql`select audit.sort_in_lists()`.execute(tx.db);
      const lists = await setImportant(tx.db, important);
      const due = await takeDue(tx.db);
      const advisories = new Set(await withWordsOf(tx.db, due.advisories));
      for (const one of await advisoriesBetween(tx.db, [...due.lists, ...lists.map((list) => [list])]))
        advisories.add(one);
      for (const some of chunks([...advisories].toSorted(), COUNTED_AT_ONCE)) await countSome(tx.db, some);
      if (due.signals) await weigh(tx.db, null);
      if (due.signals || advisories.size > 0) await tx.publish('findings', {});
      return due.count === AT_ONCE;
    });
  }
  await followTerms(platform);
  await countOverdue(platform);
}

interface Due {
  count: number;
  /** each once: what these lists differ by */
  lists: number[][];
  advisories: string[];
  signals: boolean;
}

async function takeDue(db: DbOrTx): Promise<Due> {
  const { rows } = await sql<Due>`
    with due as materialized (delete from audit.recount
      where id in (select id from audit.recount order by id limit ${AT_ONCE}) returning lists, advisories, signals)
    select (select count(*)::integer from due) as count,
      (select coalesce(json_agg(distinct lists), '[]') from due where cardinality(lists) > 0) as lists,
      array(select distinct unnest(advisories) from due) as advisories,
      (select coalesce(bool_or(signals), false) from due) as signals`.execute(db);
  return rows[0]!;
}

/** Marks the hosts whose owners say that they matter; returns the lists of those of which that is news. */
async function setImportant(db: DbOrTx, hostIds: ReadonlySet<string>): Promise<number[]> {
  const { rows: marked } = await sql<{ host_id: string }>`
    select host_id from audit.host_system where important`.execute(db);
  const before = new Set(marked.map((row) => row.host_id));
  const changed = [...hostIds, ...before].filter((id) => hostIds.has(id) !== before.has(id));
  if (changed.length === 0) return [];
  const { rows } = await sql<{ list_id: number }>`
    with changed as (update audit.host_system set important = not important
      where host_id = ${anyOf(changed)} returning host_id)
    select distinct h.list_id from changed c join audit.host_list h on h.host_id = c.host_id and h.until is null`.execute(
    db,
  );
  return rows.map((row) => row.list_id);
}

/** Advisories of the packages that the lists of a group do not all have. */
async function advisoriesBetween(db: DbOrTx, groups: readonly (readonly number[])[]): Promise<string[]> {
  const distinct = [...new Map(groups.map((one) => [one.join(), one])).values()];
  const differing = new Set<number>();
  for (const some of chunks(distinct)) {
    const lists = await packagesIn(db, [...new Set(some.flat())]);
    for (const group of some)
      for (const id of ofOneOnly(group.flatMap((list) => lists.get(list) ?? []))) differing.add(id);
  }
  if (differing.size === 0) return [];
  const { rows } = await sql<{ advisory: string }>`
    select distinct m.advisory from audit.match m
    where m.until is null and m.verdict = 'affected' and m.package_id = any(${[...differing]}::integer[])`.execute(db);
  return rows.map((row) => row.advisory);
}

interface Counted extends Detailed {
  ids: number[];
  fixable: boolean;
}

/** Advisories that affect the same packages are counted once. */
async function countSome(db: DbOrTx, advisories: readonly string[]): Promise<void> {
  const { rows } = await sql<Counted>`
    select m.advisory, array_agg(distinct m.about) as sources, array_agg(m.package_id order by m.package_id) as ids,
      array_agg(distinct coalesce(p.release, '')) as releases, bool_or(m.fix is not null) as fixable
    from audit.match m join audit.package p on p.id = m.package_id where m.until is null and m.verdict = 'affected' and m.advisory = ${anyOf(advisories)}
    group by m.advisory`.execute(db);
  const details = await detailsOf(db, rows);
  const counts = await countHosts(db, [...new Set(rows.map(({ ids }) => ids.join()))]);
  const found = rows.filter(({ ids }) => counts.has(ids.join()));
  const there = new Set(found.map(({ advisory }) => advisory));
  await dropCounts(
    db,
    advisories.filter((one) => !there.has(one)),
  );
  await putCounts(
    db,
    found.map(({ ids, releases: _releases, ...one }) => ({
      ...one,
      ...counts.get(ids.join())!,
      ...(details.get(one.advisory) ?? { aliases: [], severity: 'unknown' as const, severity_by: null }),
      packages: ids.length,
    })),
  );
  await weigh(db, [...there]);
  await putDue(db, [...there]);
}
