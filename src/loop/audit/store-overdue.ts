import { sql } from 'kysely';
import { systemActor } from '../../model/actor.ts';
import type { DbOrTx, Platform } from '../../platform/context.ts';
import { anyOf, chunks } from '../../platform/db/many.ts';
import { type Burning, burningOf, type Kind, type Lists, type Said, type Track } from './logic/overdue.ts';
import { type Asked, listsWith, MANY } from './soonest.ts';
import { packagesIn } from './store-matches.ts';
import { lockCounts } from './store-recount.ts';

/** Fewer, where they affect many packages. */
const PACKAGES_IN_ALL = 200_000;
/** Time makes more hosts overdue without anything having changed. */
const AGAIN_MS = 3_600_000;
/** Facts come all the time, and what many hosts have changes with them. */
const CHANGED_MS = 60_000;

/** As much is read in one statement, so that none takes long. */
export interface Portions {
  advisories: number;
  hosts: number;
  lists: number;
}

/** Advisories whose overdue hosts are counted by one job, until `since` stands beside them no more. */
export interface Turn {
  since: string;
  advisories: string[];
}

/** Those that another job has are passed over, unless it began so long ago that it must have died. */
const IS_FREE = sql`(overdue_turn is null or overdue_turn < clock_timestamp() - interval '2 minutes')`;

export async function takeTurn(platform: Platform, now: Date, atOnce: number): Promise<Turn> {
  const ago = (ms: number): Date => new Date(now.getTime() - ms);
  const { rows } = await sql<{ advisory: string; packages: number; since: string }>`
    select advisory, packages, clock_timestamp()::text as since from audit.vulnerability
    where due_at < ${now} and ${IS_FREE} and (overdue_counted_at is null
      or overdue_counted_at < case when overdue_hosts is null then ${ago(CHANGED_MS)}::timestamptz else ${ago(AGAIN_MS)} end)
    order by overdue_counted_at nulls first, priority desc, advisory limit ${atOnce}`.execute(platform.db);
  let packages = 0;
  const wanted = rows.flatMap((row, at) =>
    (packages += row.packages) <= PACKAGES_IN_ALL || at === 0 ? [row.advisory] : [],
  );
  const since = rows[0]?.since ?? '';
  const advisories: string[] = [];
  for (const some of chunks(wanted))
    await platform.observe(COUNTING, async (tx) => {
      await lockCounts(tx.db);
      const { rows: taken } = await sql<{ advisory: string }>`
        update audit.vulnerability set overdue_turn = ${since}::timestamptz
        where advisory = ${anyOf(some)} and ${IS_FREE} returning advisory`.execute(tx.db);
      advisories.push(...taken.map((row) => row.advisory));
    });
  return { since, advisories };
}

const COUNTING = systemActor('audit.overdue');

/** `count` null: it was put off. What changed meanwhile was counted for nothing, and waits like all others. */
export async function endTurn(
  platform: Platform,
  { since }: Turn,
  { counts, now }: { counts: readonly { advisory: string; count: number | null }[]; now: Date },
): Promise<void> {
  for (const some of chunks(counts))
    await platform.observe(COUNTING, async (tx) => {
      await lockCounts(tx.db);
      await sql`update audit.vulnerability v set overdue_turn = null,
          overdue_hosts = case when v.overdue_turn is null or n.hosts is null then v.overdue_hosts else n.hosts end,
          overdue_counted_at = case when n.hosts is null then v.overdue_counted_at
            else greatest(v.overdue_counted_at, ${now}) end
        from unnest(${some.map(({ advisory }) => advisory)}::text[], ${some.map(({ count }) => count)}::integer[])
          as n (advisory, hosts)
        where v.advisory = n.advisory and coalesce(v.overdue_turn = ${since}::timestamptz, true)`.execute(tx.db);
      await tx.publish('findings', {});
    });
}

/** `ids` with commas between */
export interface Hosts extends Kind {
  ids: string;
}

export async function burningIn(db: DbOrTx, alike: readonly Asked[], atOnce: number): Promise<Burning[]> {
  const burning: Burning[] = [];
  for (const some of chunks(alike, atOnce)) {
    const { rows } = await sql<Said & { place: number }>`
      select n.place::integer - 1 as place, m.package_id as "packageId", m.verdict, m.since, m.until
      from unnest(${some.map((one) => one.advisories[0]!)}::text[]) with ordinality n (advisory, place)
      join audit.match m on m.advisory = n.advisory and m.verdict <> 'bundled'`.execute(db);
    const said = Map.groupBy(rows, ({ place }) => place);
    for (const at of some.keys()) burning.push(burningOf(said.get(at) ?? []));
  }
  return burning;
}

/** By their days for what is so bad. Who had nothing at the cutoff, or has nothing now, has no clock that began before it. */
export async function kindsOf(
  db: DbOrTx,
  severity: string,
  { burning, now, atOnce }: { burning: readonly Burning[]; now: Date; atOnce: number },
): Promise<Hosts[]> {
  const { rows } = await sql<{ id: string }>`
    select distinct t.host_id as id from audit.host_term t
    where t.severity = ${severity} and ${await isConcerned(db, burning)} order by 1`.execute(db);
  const kinds = new Map<string, TrackedHosts>();
  for (const some of chunks(rows, atOnce))
    for (const kind of await trackedHosts(db, severity, { ids: some.map(({ id }) => id), now })) addTo(kinds, kind);
  // Those that have much in common come together.
  return [...kinds.values()]
    .toSorted((a, b) => (a.tracks < b.tracks ? -1 : a.tracks > b.tracks ? 1 : a.days - b.days))
    .map(({ tracks, ids, ...kind }) => ({
      ...kind,
      ids: ids.join(),
      cutoff: now.getTime() - kind.days * DAY_MS,
      tracks: tracks.split(' ').map(toTrack),
    }));
}

interface TrackedHosts {
  days: number;
  tracks: string;
  hosts: number;
  ids: string[];
}

function addTo(kinds: Map<string, TrackedHosts>, kind: TrackedHosts): void {
  const key = `${kind.days} ${kind.tracks}`;
  const known = kinds.get(key);
  if (known === undefined) kinds.set(key, kind);
  else {
    known.hosts += kind.hosts;
    known.ids.push(...kind.ids);
  }
}

async function trackedHosts(
  db: DbOrTx,
  severity: string,
  { ids, now }: { ids: readonly string[]; now: Date },
): Promise<TrackedHosts[]> {
  const { rows } = await sql<Omit<TrackedHosts, 'ids'> & { ids: string }>`
    with term as materialized (
      select t.host_id, t.days, ${now}::timestamptz - make_interval(hours => 24 * t.days) as cutoff
      from audit.host_term t where t.severity = ${severity} and t.host_id = ${anyOf(ids)}),
    track as (
      select t.host_id, t.days, h.section, string_agg(h.list_id::text, ',' order by h.since) as lists,
        bool_or(h.until is null) as goes_on,
        min(h.since) < t.cutoff as is_old,
        min(h.since) < t.cutoff and bool_or(h.until is null)
          and sum(coalesce(h.until, ${now}) - h.since) = ${now}::timestamptz - min(h.since) as is_whole
      from term t join audit.host_list h on h.host_id = t.host_id
        and (h.until is null or h.until >= t.cutoff and h.until > h.since)
      group by t.host_id, t.days, t.cutoff, h.section),
    host as (
      select host_id, days, string_agg(case when is_whole then '' when goes_on then '-' else '!' end || lists, ' '
        order by section) as tracks
      from track group by 1, 2 having bool_or(is_old) and bool_or(goes_on))
    select days, tracks, count(*)::integer as hosts, string_agg(host_id, ',') as ids from host group by 1, 2`.execute(
    db,
  );
  return rows.map((row) => ({ ...row, ids: row.ids.split(',') }));
}

const DAY_MS = 24 * 3_600_000;

function toTrack(text: string): Track {
  const [, mark, told] = /^([-!]?)(.*)$/.exec(text)!;
  const lists = told!.split(',').map(Number);
  return { isWhole: mark === '', goesOn: mark !== '!', lists: lists.filter((list, at) => list !== lists[at - 1]) };
}

/** Few packages are on few hosts, which the index knows. */
async function isConcerned(db: DbOrTx, burning: readonly Burning[]) {
  const packages = new Set(burning.flatMap(({ steady }) => [...steady.keys()]));
  if (packages.size >= MANY) return sql`true`;
  const lists = [...new Set([...(await listsWith(db, [...packages])).values()].flat())];
  return sql`t.host_id in (select c.host_id from audit.host_list c
    where c.until is null and c.list_id = any(${lists}::integer[]))`;
}

export async function listsOf(db: DbOrTx, kinds: readonly Kind[], atOnce: number): Promise<Lists> {
  const ids = [...new Set(kinds.flatMap(({ tracks }) => tracks.flatMap(({ lists }) => lists)))];
  const packages = new Map<number, Int32Array>();
  const first = new Map<number, number>();
  for (const some of chunks(ids, atOnce)) {
    for (const [id, own] of await packagesIn(db, some)) packages.set(id, own);
    const { rows } = await sql<{ id: number; first: Date }>`
      select list_id as id, min(since) as first from audit.host_list where list_id = any(${some}::integer[])
      group by 1`.execute(db);
    for (const row of rows) first.set(row.id, row.first.getTime());
  }
  return { packages, first };
}

export async function acceptedHosts(db: DbOrTx, exceptions: readonly string[]): Promise<ReadonlyMap<string, string[]>> {
  if (exceptions.length === 0) return new Map();
  const { rows } = await sql<{ id: string; hosts: string[] }>`
    select exception_id as id, hosts from audit.accepted where exception_id = ${anyOf(exceptions)}`.execute(db);
  return new Map(rows.map(({ id, hosts }) => [id, hosts]));
}
