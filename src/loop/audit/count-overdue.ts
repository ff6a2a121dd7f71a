import { sql } from 'kysely';
import { systemActor } from '../../model/actor.ts';
import type { DbOrTx, Platform } from '../../platform/context.ts';
import { chunks } from '../../platform/db/many.ts';
import { dueOf } from './logic/terms.ts';
import { lifeOf, type Span } from './logic/vulnerability-life.ts';
import { type Asked, listsWith } from './soonest.ts';
import { alikeIn } from './store-due.ts';
import { lockCounts } from './store-recount.ts';

/** One run counts no longer than this; the next one goes on with what has waited longest. */
const RUN_MS = 5000;
/** As many are counted in one transaction, which keeps other counts waiting, or fewer, where many hosts have them. */
const AT_ONCE = 50;
const HOSTS_IN_ALL = 500_000;
/** As many hosts, with all that they had, are in memory at a time. */
const HOSTS_AT_ONCE = 5000;
/** Time makes more hosts overdue without anything having changed. */
const AGAIN_MS = 3_600_000;
/** Facts come all the time, and what many hosts have changes with them. */
const CHANGED_MS = 60_000;

/**
 * On how many hosts each is overdue: only of those whose soonest time is past, never counted ones first and the urgent ones
 * of them, and then in turn, so that what changes all the time keeps nothing else waiting.
 */
export async function countOverdue(platform: Platform, runMs = RUN_MS): Promise<void> {
  const began = performance.now();
  for (let left = true; left && !platform.stopping.aborted && performance.now() - began < runMs;) {
    left = await platform.observe(systemActor('audit.overdue'), async (tx) => {
      await lockCounts(tx.db);
      const due = await waiting(tx.db, tx.now);
      if (due.length === 0) return false;
      const alike = await alikeIn(tx.db, due);
      const hosts = await overdueOn(tx.db, alike, tx.now);
      const counted = new Map(alike.flatMap((one, at) => one.advisories.map((advisory) => [advisory, hosts[at]!])));
      await put(tx.db, due, (advisory) => counted.get(advisory) ?? 0, tx.now);
      await tx.publish('findings', {});
      return true;
    });
  }
}

async function waiting(db: DbOrTx, now: Date): Promise<string[]> {
  const ago = (ms: number): Date => new Date(now.getTime() - ms);
  const { rows } = await sql<{ advisory: string; hosts: number }>`
    select advisory, hosts from audit.vulnerability where due_at < ${now} and (overdue_counted_at is null
      or overdue_counted_at < case when overdue_hosts is null then ${ago(CHANGED_MS)}::timestamptz else ${ago(AGAIN_MS)} end)
    order by overdue_counted_at nulls first, priority desc, advisory limit ${AT_ONCE}`.execute(db);
  let hosts = 0;
  return rows.flatMap((row, at) => ((hosts += row.hosts) <= HOSTS_IN_ALL || at === 0 ? [row.advisory] : []));
}

async function put(db: DbOrTx, due: readonly string[], of: (advisory: string) => number, now: Date): Promise<void> {
  await sql`update audit.vulnerability v set overdue_hosts = n.hosts, overdue_counted_at = ${now}
    from unnest(${[...due]}::text[], ${due.map(of)}::integer[]) as n (advisory, hosts)
    where v.advisory = n.advisory`.execute(db);
}

/** What is said of any of the packages in a list, and when; `place`: of which of those that are counted together. */
interface Said extends Span {
  place: number;
  list: number;
}

/**
 * Hosts that have had one and the same affected list for longer than they may are overdue without another look. Of those
 * that cannot have begun so early none is. The others are asked what they had before, by the one definition of when a clock
 * began.
 */
export async function overdueOn(db: DbOrTx, alike: readonly Asked[], now: Date): Promise<number[]> {
  const said = await saidOf(db, alike);
  const held = await heldLongEnough(db, { alike, said, now });
  const found = alike.map((_, at) =>
    held.reduce((sum, { place, certain, hosts }) => sum + (certain && place === at ? hosts : 0), 0),
  );
  const doubtful = held.flatMap(({ place, days, ids }) =>
    (ids?.split(',') ?? []).map((hostId) => ({ place, days, hostId })),
  );
  for (const some of chunks(doubtful, HOSTS_AT_ONCE)) {
    const spans = Map.groupBy(await spansOf(db, said, some), (span) => keyOf(span));
    for (const one of some)
      if (isOverdue(spans.get(keyOf(one)) ?? [], alike[one.place]!.severity, one.days, now)) found[one.place]! += 1;
  }
  return found;
}

const keyOf = ({ place, hostId }: { place: number; hostId: string }): string => `${place} ${hostId}`;

function isOverdue(spans: readonly Span[], severity: string, days: number, now: Date): boolean {
  const life = lifeOf(spans);
  if (life?.state !== 'open' && life?.state !== 'rekindled') return false;
  return dueOf(life, severity as never, { [severity]: days })! < now;
}

async function saidOf(db: DbOrTx, alike: readonly Asked[]): Promise<Said[]> {
  const { rows } = await sql<Span & { place: number; packageId: number }>`
    select n.place::integer - 1 as place, m.package_id as "packageId", m.verdict, m.since, m.until
    from unnest(${alike.map((one) => one.advisories[0]!)}::text[]) with ordinality n (advisory, place)
    join audit.match m on m.advisory = n.advisory and m.verdict <> 'bundled'`.execute(db);
  const lists = await listsWith(db, [...new Set(rows.map(({ packageId }) => packageId))]);
  return rows.flatMap(({ packageId, ...span }) => (lists.get(packageId) ?? []).map((list) => ({ ...span, list })));
}

const asRows = (said: readonly Said[]) => sql`unnest(${said.map(({ place }) => place)}::integer[],
  ${said.map(({ list }) => list)}::integer[], ${said.map(({ verdict }) => verdict)}::text[],
  ${said.map(({ since }) => since)}::timestamptz[], ${said.map(({ until }) => until)}::timestamptz[])
  as s (place, list_id, verdict, since, until)`;

interface Held {
  place: number;
  days: number;
  certain: boolean;
  hosts: number;
  /** of those that are to be asked */
  ids: string | null;
}

async function heldLongEnough(
  db: DbOrTx,
  { alike, said, now }: { alike: readonly Asked[]; said: readonly Said[]; now: Date },
): Promise<Held[]> {
  const burning = said.filter(({ verdict, until }) => verdict === 'affected' && until === null);
  const accepted = alike.flatMap((one, place) => one.accepted.map((id) => ({ place, id })));
  const { rows } = await sql<Held>`
    with spared as materialized (select e.place, unnest(a.hosts) as host_id
      from unnest(${accepted.map(({ place }) => place)}::integer[], ${accepted.map(({ id }) => id)}::text[]) as e (place, id)
      join audit.accepted a on a.exception_id = e.id),
    asked as materialized (select place - 1 as place, severity, begun
      from unnest(${alike.map(({ severity }) => severity)}::text[], ${alike.map(({ begun }) => begun)}::timestamptz[])
        with ordinality n (severity, begun, place)),
    held as (
      select s.place, h.host_id, t.days,
        bool_or(greatest(h.since, s.since) + make_interval(hours => 24 * t.days) < ${now}::timestamptz) as certain
      from ${asRows(burning)} join asked a on a.place = s.place
      join audit.host_list h on h.list_id = s.list_id and h.until is null
      join audit.host_term t on t.host_id = h.host_id and t.severity = a.severity
      where not exists (select from spared p where p.place = s.place and p.host_id = h.host_id)
      group by s.place, h.host_id, t.days)
    select held.place, days, certain, count(*)::integer as hosts,
      case when not certain then string_agg(host_id, ',') end as ids
    from held join asked a on a.place = held.place
    where certain or greatest(a.begun, (select min(f.since) from audit.host_list f where f.host_id = held.host_id))
      + make_interval(hours => 24 * days) < ${now}::timestamptz
    group by held.place, certain, days`.execute(db);
  return rows;
}

async function spansOf(
  db: DbOrTx,
  said: readonly Said[],
  hosts: readonly { place: number; hostId: string }[],
): Promise<(Span & { place: number; hostId: string })[]> {
  const { rows } = await sql<Span & { place: number; hostId: string }>`
    select d.place, h.host_id as "hostId", s.verdict, greatest(h.since, s.since) as since, least(h.until, s.until) as until
    from unnest(${hosts.map(({ place }) => place)}::integer[], ${hosts.map(({ hostId }) => hostId)}::text[]) as d (place, host_id)
    join audit.host_list h on h.host_id = d.host_id
    join ${asRows(said)} on s.place = d.place and s.list_id = h.list_id
      and h.since < coalesce(s.until, 'infinity') and s.since < coalesce(h.until, 'infinity')`.execute(db);
  return rows;
}
