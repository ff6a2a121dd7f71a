import { type RawBuilder, sql } from 'kysely';
import type { DbOrTx } from '../../platform/context.ts';
import { anyOf, chunks } from '../../platform/db/many.ts';

/**
 * On how many hosts each of these falls due, by day (UTC). Hosts that came to the same lists on the same days, by the same
 * terms, are one kind: one host of it is looked at, and stands for all. `place` is what orders two moments of one day, so
 * that a kind has no host whose time would come out on another day.
 */
export async function putDueDays(db: DbOrTx, advisories: readonly string[]): Promise<void> {
  const { rows } = await sql<{ advisory: string; alike: string }>`
    with ${CLOCKS(advisories)} select advisory, concat_ws(' ', spans, severity, accepted::text) as alike from alike`.execute(
    db,
  );
  const groups = [...Map.groupBy(rows, ({ alike }) => alike).values()];
  for (const some of chunks(groups, AT_ONCE))
    await putSome(
      db,
      some.flat().map(({ advisory }) => advisory),
    );
}

/** Beyond, the time of one statement grows faster than what it looks at. */
const AT_ONCE = 20;

async function putSome(db: DbOrTx, advisories: readonly string[]): Promise<void> {
  await sql`
    with ${CLOCKS(advisories)},
    said as materialized (
      select o.advisory, l.id as list_id, m.verdict, m.since, m.until from one o
      join audit.match m on m.advisory = o.advisory join audit.package_list l on l.packages @> array[m.package_id]),
    lists as materialized (select distinct list_id from said),
    changes as materialized (select array(select since from said union select until from said where until is not null
      order by 1) as at),
    holders as materialized (
      select distinct h.host_id from lists join audit.host_list h on h.list_id = lists.list_id and h.until is null
      where exists (select from audit.host_term t where t.host_id = h.host_id)),
    moments as (
      select h.host_id, h.list_id, e.kind, (e.at at time zone 'utc')::date as day, width_bucket(e.at, c.at) as change,
        e.at = any(c.at) as is_change, dense_rank() over (partition by h.host_id order by e.at) as place
      from holders join audit.host_list h on h.host_id = holders.host_id and h.list_id in (select list_id from lists)
      cross join changes c cross join lateral (values ('+', h.since), ('-', h.until)) e (kind, at)),
    kinds as materialized (
      select min(host_id) as host_id, count(*)::integer as hosts from (
        select m.host_id, md5(string_agg(concat_ws(' ', list_id, kind, day, change, is_change, place), ','
            order by place, list_id, kind)) as history,
          (select string_agg(t.severity || t.days, ',' order by t.severity) from audit.host_term t
            where t.host_id = m.host_id) as terms,
          (select string_agg(a.exception_id, ',' order by a.exception_id) from audit.accepted a
            where a.hosts is null or m.host_id = any(a.hosts)) as accepted
        from moments m group by m.host_id) one_each
      group by history, terms, accepted),
    on_kind as (
      select o.advisory, k.host_id, k.hosts, t.days,
        range_agg(tstzrange(greatest(h.since, s.since), least(h.until, s.until))) as ranges,
        array_agg(greatest(h.since, s.since)) filter (where s.verdict = 'affected') as begun
      from kinds k join audit.host_list h on h.host_id = k.host_id
      join said s on s.list_id = h.list_id and h.since < coalesce(s.until, 'infinity') and s.since < coalesce(h.until, 'infinity')
      join one o on o.advisory = s.advisory
      join audit.host_term t on t.host_id = k.host_id and t.severity = o.severity
      where not exists (select from audit.accepted a
        where a.exception_id = any(o.accepted) and (a.hosts is null or k.host_id = any(a.hosts)))
      group by o.advisory, k.host_id, k.hosts, t.days
      having bool_or(s.verdict = 'affected' and s.until is null and h.until is null)),
    days as (
      select advisory, ((select min(b) from unnest(begun) b
        where b >= (select lower(r) from unnest(ranges) r where upper_inf(r))) at time zone 'utc')::date + days as day,
        sum(hosts)::integer as hosts
      from on_kind group by 1, 2),
    due as (select advisory, array_agg(day order by day) as days, array_agg(hosts order by day) as hosts
      from days group by advisory)
    update audit.vulnerability v set due_days = coalesce(due.days, '{}'), due_hosts = coalesce(due.hosts, '{}')
    from alike join one using (spans, severity, accepted) left join due on due.advisory = one.advisory
    where v.advisory = alike.advisory
      and (v.due_days, v.due_hosts) is distinct from (coalesce(due.days, '{}'), coalesce(due.hosts, '{}'))`.execute(db);
}

/** Advisories that affect the same packages since the same moments, as severe and as accepted, are looked at once. */
const CLOCKS = (advisories: readonly string[]): RawBuilder<unknown> => sql`
  asked as (
    select v.advisory, case v.severity when 'unknown' then 'medium' else v.severity end as severity,
      array(select a.exception_id from audit.accepted a
        where upper(a.advisory) = upper(v.advisory) or a.advisory = any(v.aliases) order by 1) as accepted
    from audit.vulnerability v where v.advisory = ${anyOf(advisories)}),
  alike as materialized (
    select a.*, md5(string_agg(concat_ws(' ', m.package_id, m.verdict, m.since, m.until), ','
      order by m.package_id, m.since, m.id)) as spans
    from asked a join audit.match m on m.advisory = a.advisory group by a.advisory, a.severity, a.accepted),
  one as materialized (select spans, severity, accepted, min(advisory) as advisory from alike group by 1, 2, 3)`;

export async function dropDueDays(db: DbOrTx, advisories: readonly string[]): Promise<void> {
  await sql`update audit.vulnerability set due_days = '{}', due_hosts = '{}'
    where advisory = ${anyOf(advisories)} and due_days <> '{}'`.execute(db);
}

/** How many hosts' time has come by now; by the day, so that who falls due later today counts. */
export const overdueHosts = (now: Date): RawBuilder<number> => sql<number>`
  (case when v.due_at < ${now} then (select coalesce(sum(d.hosts), 0) from unnest(v.due_days, v.due_hosts) d (day, hosts)
    where d.day <= (${now}::timestamptz at time zone 'utc')::date) else 0 end)::integer`;
