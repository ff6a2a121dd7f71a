import { sql } from 'kysely';
import { systemActor } from '../../model/actor.ts';
import type { DbOrTx, Platform } from '../../platform/context.ts';
import { anyOf, chunks } from '../../platform/db/many.ts';
import { dueOf } from './logic/terms.ts';
import { lifeOf, type Span } from './logic/vulnerability-life.ts';
import { type Asked, listsWith } from './soonest.ts';
import { alikeIn } from './store-due.ts';
import { lockCounts } from './store-recount.ts';

/** One run counts no longer than this; the next one, a minute later, goes on with the most urgent that is left. */
const RUN_MS = 5000;
/** As many are counted in one transaction, which keeps other counts waiting. */
const AT_ONCE = 20;
/** As many hosts, with all that they had, are in memory at a time. */
const HOSTS_AT_ONCE = 5000;
/** Time makes more hosts overdue without anything having changed. */
const AGAIN_MS = 3_600_000;

/** On how many hosts each is overdue: only of those whose soonest time is past, never counted ones and urgent ones first. */
export async function countOverdue(platform: Platform, runMs = RUN_MS): Promise<void> {
  const began = performance.now();
  for (let left = true; left && !platform.stopping.aborted && performance.now() - began < runMs;) {
    left = await platform.observe(systemActor('audit.overdue'), async (tx) => {
      await lockCounts(tx.db);
      const due = await waiting(tx.db, tx.now);
      if (due.length === 0) return false;
      await put(tx.db, due, 0, tx.now);
      for (const one of await alikeIn(tx.db, due))
        await put(tx.db, one.advisories, await overdueOn(tx.db, one, tx.now), tx.now);
      await tx.publish('findings', {});
      return due.length === AT_ONCE;
    });
  }
}

async function waiting(db: DbOrTx, now: Date): Promise<string[]> {
  const { rows } = await sql<{ advisory: string }>`
    select advisory from audit.vulnerability where due_at < ${now}
      and (overdue_counted_at is null or overdue_counted_at < ${new Date(now.getTime() - AGAIN_MS)})
    order by overdue_counted_at is not null, priority desc, advisory limit ${AT_ONCE}`.execute(db);
  return rows.map(({ advisory }) => advisory);
}

async function put(db: DbOrTx, advisories: readonly string[], hosts: number, now: Date): Promise<void> {
  await sql`update audit.vulnerability set overdue_hosts = ${hosts}, overdue_counted_at = ${now}
    where advisory = ${anyOf(advisories)}`.execute(db);
}

/** What is said of any of the packages in a list, and when. */
interface Said extends Span {
  list: number;
}

/**
 * Hosts that have had one and the same affected list for longer than they may are overdue without another look. Of those
 * that cannot have begun so early none is. The others are asked what they had before, by the one definition of when a clock
 * began.
 */
export async function overdueOn(db: DbOrTx, one: Asked, now: Date): Promise<number> {
  const said = await saidOf(db, one.advisories[0]!);
  const { certain, doubtful } = await sorted(db, { one, said, now });
  let found = certain;
  for (const some of chunks(doubtful, HOSTS_AT_ONCE)) {
    const spans = Map.groupBy(await spansOf(db, said, some), ({ hostId }) => hostId);
    for (const { hostId, days } of some) if (isOverdue(spans.get(hostId) ?? [], one.severity, days, now)) found += 1;
  }
  return found;
}

function isOverdue(spans: readonly Span[], severity: string, days: number, now: Date): boolean {
  const life = lifeOf(spans);
  if (life?.state !== 'open' && life?.state !== 'rekindled') return false;
  return dueOf(life, severity as never, { [severity]: days })! < now;
}

async function saidOf(db: DbOrTx, advisory: string): Promise<Said[]> {
  const { rows } = await sql<Span & { packageId: number }>`
    select package_id as "packageId", verdict, since, until from audit.match where advisory = ${advisory}`.execute(db);
  const lists = await listsWith(db, [...new Set(rows.map(({ packageId }) => packageId))]);
  return rows.flatMap(({ packageId, ...span }) => (lists.get(packageId) ?? []).map((list) => ({ ...span, list })));
}

const asRows = (said: readonly Said[]) => sql`unnest(${said.map(({ list }) => list)}::integer[],
  ${said.map(({ verdict }) => verdict)}::text[], ${said.map(({ since }) => since)}::timestamptz[],
  ${said.map(({ until }) => until)}::timestamptz[]) as s (list_id, verdict, since, until)`;

interface Held {
  hostId: string;
  days: number;
}

async function sorted(
  db: DbOrTx,
  { one, said, now }: { one: Asked; said: readonly Said[]; now: Date },
): Promise<{ certain: number; doubtful: Held[] }> {
  const burning = said.filter(({ verdict, until }) => verdict === 'affected' && until === null);
  const { rows } = await sql<{ certain: boolean; hosts: number; ids: string | null; days: number }>`
    with spared as materialized (select unnest(a.hosts) as host_id from audit.accepted a
      where a.exception_id = ${anyOf(one.accepted)}),
    held as (
      select h.host_id, t.days,
        bool_or(greatest(h.since, s.since) + make_interval(hours => 24 * t.days) < ${now}::timestamptz) as certain
      from ${asRows(burning)} join audit.host_list h on h.list_id = s.list_id and h.until is null
      join audit.host_term t on t.host_id = h.host_id and t.severity = ${one.severity}
      where not exists (select from spared p where p.host_id = h.host_id) group by h.host_id, t.days)
    select certain, days, count(*)::integer as hosts,
      case when not certain then string_agg(host_id, ',' order by host_id) end as ids
    from held where certain or greatest(${one.begun}::timestamptz,
      (select min(f.since) from audit.host_list f where f.host_id = held.host_id))
      + make_interval(hours => 24 * days) < ${now}::timestamptz
    group by certain, days`.execute(db);
  return {
    certain: rows.reduce((sum, { certain, hosts }) => sum + (certain ? hosts : 0), 0),
    doubtful: rows.flatMap(({ ids, days }) => (ids?.split(',') ?? []).map((hostId) => ({ hostId, days }))),
  };
}

async function spansOf(
  db: DbOrTx,
  said: readonly Said[],
  hosts: readonly Held[],
): Promise<(Span & { hostId: string })[]> {
  const { rows } = await sql<Span & { hostId: string }>`
    select h.host_id as "hostId", s.verdict, greatest(h.since, s.since) as since, least(h.until, s.until) as until
    from ${asRows(said)} join audit.host_list h on h.list_id = s.list_id
      and h.since < coalesce(s.until, 'infinity') and s.since < coalesce(h.until, 'infinity')
    where h.host_id = ${anyOf(hosts.map(({ hostId }) => hostId))}`.execute(db);
  return rows;
}
