import { sql } from 'kysely';
import type { DbOrTx, Platform, Tx } from '../../platform/context.ts';
import { systemActor } from '../../model/actor.ts';
import { anyOf, chunks } from '../../platform/db/many.ts';
import type { Terms } from './logic/terms.ts';
import { type Asked, soonestOf } from './soonest.ts';
import { lockCounts } from './store-recount.ts';

/** As many advisories, with the lists of their packages, are in memory at a time. */
const AT_ONCE = 5000;

/**
 * By when each of these is to be gone from the first host that has it, by the terms of its hosts. Advisories that affect the
 * same packages since the same moments, as many of one import do, are looked at once. Who accepted the risk has no clock.
 */
export async function putDue(db: DbOrTx, advisories: readonly string[]): Promise<void> {
  if (!(await hasTerms(db))) return dropDue(db, advisories);
  for (const some of chunks(advisories, AT_ONCE)) {
    const alike = await alikeIn(db, some);
    const soonest = await soonestOf(db, alike);
    const rows = alike.flatMap((one, index) => one.advisories.map((advisory) => ({ advisory, due: soonest[index]! })));
    await sql`update audit.vulnerability v set due_at = n.due, overdue_hosts = null, overdue_turn = null
      from unnest(${rows.map(({ advisory }) => advisory)}::text[], ${rows.map(({ due }) => due)}::timestamptz[]) as n (advisory, due)
      where v.advisory = n.advisory and (v.due_at is distinct from n.due or v.overdue_hosts is not null or v.overdue_turn is not null)`.execute(
      db,
    );
    const asked = new Set(rows.map(({ advisory }) => advisory));
    await dropDue(
      db,
      some.filter((advisory) => !asked.has(advisory)),
    );
  }
}

/** Those whose risk is not accepted everywhere. */
export async function alikeIn(db: DbOrTx, advisories: readonly string[], atOnce?: number): Promise<Asked[]> {
  const alike = new Map<string, Grouped>();
  for (const some of chunks(advisories, atOnce))
    for (const one of await alikeAmong(db, some)) {
      const key = [one.spans, one.severity, ...one.accepted].join(' ');
      const known = alike.get(key);
      if (known === undefined) alike.set(key, one);
      else known.advisories.push(...one.advisories);
    }
  return [...alike.values()].map(({ spans: _spans, ...one }) => one);
}

type Grouped = Asked & { advisories: string[]; spans: string };

async function alikeAmong(db: DbOrTx, advisories: readonly string[]): Promise<Grouped[]> {
  const { rows } = await sql<Omit<Grouped, 'packages'> & { packages: readonly number[] | null }>`
    with asked as (
      select v.advisory, case v.severity when 'unknown' then 'medium' else v.severity end as severity,
        array(select a.exception_id from audit.accepted a
          where upper(a.advisory) = any(v.answers_to) order by 1) as accepted
      from audit.vulnerability v where v.advisory = ${anyOf(advisories)}
        and not exists (select from audit.accepted a where a.hosts is null and upper(a.advisory) = any(v.answers_to))),
    one as (
      select a.*, min(m.since) filter (where m.verdict = 'affected') as begun,
        array_agg(distinct m.package_id) filter (where m.verdict = 'affected' and m.until is null) as packages,
        md5(string_agg(concat_ws(' ', m.package_id, m.verdict, m.since, m.until), ',' order by m.package_id, m.since, m.id)) as spans
      from asked a join audit.match m on m.advisory = a.advisory and m.verdict <> 'bundled'
      group by a.advisory, a.severity, a.accepted)
    select array_agg(advisory) as advisories, spans, severity, accepted, min(begun) as begun, min(packages) as packages
    from one group by spans, severity, accepted`.execute(db);
  return rows.map((row) => ({ ...row, packages: row.packages ?? [] }));
}

/** Nobody set a time for anything: then there is no need to look at any host. */
async function hasTerms(db: DbOrTx): Promise<boolean> {
  const { rows } = await sql`select from audit.host_term limit 1`.execute(db);
  return rows.length > 0;
}

async function dropDue(db: DbOrTx, advisories: readonly string[]): Promise<void> {
  await sql`update audit.vulnerability set due_at = null, overdue_hosts = null, overdue_turn = null
    where advisory = ${anyOf(advisories)} and due_at is not null`.execute(db);
}

/** The host is held to these from now on; what affects it gets its time anew where they are others than before. */
export async function noteTerms(tx: Tx, hostId: string, terms: Terms): Promise<void> {
  const { rows } = await sql<{ severity: keyof Terms; days: number }>`
    select severity, days from audit.host_term where host_id = ${hostId}`.execute(tx.db);
  const wanted = Object.entries(terms);
  if (rows.length === wanted.length && rows.every(({ severity, days }) => terms[severity] === days)) return;
  await sql`delete from audit.host_term where host_id = ${hostId}`.execute(tx.db);
  await sql`insert into audit.host_term (host_id, severity, days)
    select ${hostId}, * from unnest(${wanted.map(([severity]) => severity)}::text[], ${wanted.map(([, days]) => days)}::integer[])`.execute(
    tx.db,
  );
  // Not "do nothing": who takes the row that is there must wait for these days, or would go by those of before.
  await sql`insert into audit.due_again (host_id) values (${hostId})
    on conflict (host_id) do update set host_id = excluded.host_id`.execute(tx.db);
  await tx.enqueue('audit.recount', {}, { singletonKey: 'recount' });
}

/** Of all hosts whose terms changed, once: what affects them. Who stops in the middle leaves them for the next. */
export async function followTerms(platform: Platform): Promise<void> {
  await platform.observe(systemActor('audit.recount'), async (tx) => {
    await lockCounts(tx.db);
    const { rows } = await sql<{ advisory: string }>`
      with again as (delete from audit.due_again returning host_id),
      lists as (select distinct h.list_id from again join audit.host_list h on h.host_id = again.host_id and h.until is null),
      packages as (select distinct p from lists join audit.package_list l on l.id = lists.list_id cross join unnest(l.packages) p)
      select distinct m.advisory from packages join audit.match m on m.package_id = p and m.until is null
      where m.verdict = 'affected'`.execute(tx.db);
    if (rows.length === 0) return;
    await putDue(
      tx.db,
      rows.map(({ advisory }) => advisory),
    );
    await tx.publish('findings', {});
  });
}
