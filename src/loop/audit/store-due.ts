import { sql } from 'kysely';
import type { DbOrTx, Platform, Tx } from '../../platform/context.ts';
import { systemActor } from '../../model/actor.ts';
import { anyOf, chunks } from '../../platform/db/many.ts';
import type { Terms } from './logic/terms.ts';
import { lockCounts } from './store-recount.ts';

/** Many advisories of one import affect the same packages since the same time: those are looked at once. */
const AT_ONCE = 5000;

/**
 * By when each of these is to be gone from the first host that has it, by the terms of its hosts. A host's clock runs from
 * the last time that it began to be affected; what is unknown in between stops none. Who accepted the risk has no clock.
 */
export async function putDue(db: DbOrTx, advisories: readonly string[]): Promise<void> {
  if (!(await hasTerms(db))) return dropDue(db, advisories);
  for (const some of chunks(advisories, AT_ONCE)) {
    await sql`
      with asked as (
        select v.advisory, case v.severity when 'unknown' then 'medium' else v.severity end as severity,
          array(select a.exception_id from audit.accepted a
            where a.hosts is not null and upper(a.advisory) = any(v.answers_to) order by 1) as accepted,
          exists (select from audit.accepted a where a.hosts is null and upper(a.advisory) = any(v.answers_to)) as everywhere
        from audit.vulnerability v where v.advisory = ${anyOf(some)}),
      alike as materialized (
        select a.*, md5(string_agg(concat_ws(' ', m.package_id, m.verdict, m.since, m.until), ',' order by m.package_id, m.since, m.id)) as spans
        from asked a join audit.match m on m.advisory = a.advisory group by a.advisory, a.severity, a.accepted, a.everywhere),
      one as materialized (select spans, severity, accepted, everywhere, min(advisory) as advisory from alike group by 1, 2, 3, 4),
      -- As rows: a list of half the estate must not be looked through for each host.
      spared as materialized (select a.exception_id, unnest(a.hosts) as host_id from audit.accepted a
        where a.exception_id in (select unnest(accepted) from one)),
      on_host as (
        select o.advisory, h.host_id, t.days, range_agg(tstzrange(greatest(h.since, m.since), least(h.until, m.until))) as ranges,
          array_agg(greatest(h.since, m.since)) filter (where m.verdict = 'affected') as begun
        from one o join audit.match m on m.advisory = o.advisory
        join audit.package_list l on l.packages @> array[m.package_id]
        join audit.host_list h on h.list_id = l.id
          and h.since < coalesce(m.until, 'infinity') and m.since < coalesce(h.until, 'infinity')
        join audit.host_term t on t.host_id = h.host_id and t.severity = o.severity
        where not o.everywhere
          and not exists (select from spared s where s.host_id = h.host_id and s.exception_id = any(o.accepted))
        group by o.advisory, h.host_id, t.days
        having bool_or(m.verdict = 'affected' and m.until is null and h.until is null)),
      due as (
        select advisory, min((select min(b) from unnest(begun) b
          where b >= (select lower(r) from unnest(ranges) r where upper_inf(r))) + make_interval(hours => 24 * days)) as at
        from on_host group by advisory)
      update audit.vulnerability v set due_at = due.at
      from alike join one using (spans, severity, accepted, everywhere) left join due on due.advisory = one.advisory
      where v.advisory = alike.advisory and v.due_at is distinct from due.at`.execute(db);
  }
}

/** Nobody set a time for anything: then there is no need to look at any host. */
async function hasTerms(db: DbOrTx): Promise<boolean> {
  const { rows } = await sql`select from audit.host_term limit 1`.execute(db);
  return rows.length > 0;
}

async function dropDue(db: DbOrTx, advisories: readonly string[]): Promise<void> {
  await sql`update audit.vulnerability set due_at = null
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
