import { setImmediate as nextTurn } from 'node:timers/promises';
import { sql } from 'kysely';
import { systemActor } from '../../model/actor.ts';
import type { DbOrTx, Platform } from '../../platform/context.ts';
import { anyOf, chunks } from '../../platform/db/many.ts';
import { Doubts } from './logic/doubts.ts';
import { type Burning, burningOf, findOverdue, type Kind, type Lists, type Said, type Track } from './logic/overdue.ts';
import { type Asked, dueOn, listsWith, MANY, type Question } from './soonest.ts';
import { alikeIn } from './store-due.ts';
import { packagesIn } from './store-matches.ts';
import { lockCounts } from './store-recount.ts';

/** One run counts no longer than this; the next one goes on with what has waited longest. */
const RUN_MS = 5000;
/** As many are counted in one transaction, which keeps other counts waiting, or fewer, where they affect many packages. */
const AT_ONCE = 20_000;
const PACKAGES_IN_ALL = 200_000;
/** So many kinds of hosts, with their lists, are in memory at a time. */
const KINDS_AT_ONCE = 4000;
/** When so many hosts were asked one by one, what is left is for the next transaction; and as many are asked at a time. */
const MOST_ASKED = 20_000;
const ASKED_AT_ONCE = 5000;
/** So long the process does nothing else. */
const TURN_MS = 20;
/** Time makes more hosts overdue without anything having changed. */
const AGAIN_MS = 3_600_000;
/** Facts come all the time, and what many hosts have changes with them. */
const CHANGED_MS = 60_000;

/**
 * On how many hosts each is overdue: only of those whose soonest time is past, never counted ones first and the urgent ones
 * of them, and then in turn, so that what changes all the time keeps nothing else waiting.
 */
export async function countOverdue(platform: Platform, runMs = RUN_MS, atOnce = AT_ONCE): Promise<void> {
  const began = performance.now();
  for (let left = true; left && !platform.stopping.aborted && performance.now() - began < runMs;) {
    left = await platform.observe(systemActor('audit.overdue'), async (tx) => {
      await lockCounts(tx.db);
      const due = await waiting(tx.db, tx.now, atOnce);
      if (due.length === 0) return false;
      const alike = await alikeIn(tx.db, due);
      const hosts = await overdueOn(tx.db, alike, tx.now);
      const counted = new Map(alike.flatMap((one, at) => one.advisories.map((advisory) => [advisory, hosts[at]!])));
      // Those that are not alike to any are accepted everywhere.
      const done = due.flatMap((advisory) => {
        const count = counted.has(advisory) ? counted.get(advisory)! : 0;
        return count === null ? [] : [{ advisory, count }];
      });
      await put(tx.db, done, tx.now);
      await tx.publish('findings', {});
      return true;
    });
  }
}

async function waiting(db: DbOrTx, now: Date, atOnce: number): Promise<string[]> {
  const ago = (ms: number): Date => new Date(now.getTime() - ms);
  const { rows } = await sql<{ advisory: string; packages: number }>`
    select advisory, packages from audit.vulnerability where due_at < ${now} and (overdue_counted_at is null
      or overdue_counted_at < case when overdue_hosts is null then ${ago(CHANGED_MS)}::timestamptz else ${ago(AGAIN_MS)} end)
    order by overdue_counted_at nulls first, priority desc, advisory limit ${atOnce}`.execute(db);
  let packages = 0;
  return rows.flatMap((row, at) => ((packages += row.packages) <= PACKAGES_IN_ALL || at === 0 ? [row.advisory] : []));
}

async function put(db: DbOrTx, done: readonly { advisory: string; count: number }[], now: Date): Promise<void> {
  await sql`update audit.vulnerability v set overdue_hosts = n.hosts, overdue_counted_at = ${now}
    from unnest(${done.map(({ advisory }) => advisory)}::text[], ${done.map(({ count }) => count)}::integer[])
      as n (advisory, hosts)
    where v.advisory = n.advisory`.execute(db);
}

/**
 * Hosts with the same lists since their cutoff are one kind. Of most kinds it follows from the lists alone whether what
 * burns today began before the cutoff; hosts of the others are asked one by one, by the one definition of when a clock began.
 * null: too many had been asked already.
 */
export async function overdueOn(
  db: DbOrTx,
  alike: readonly Asked[],
  now: Date,
  most = MOST_ASKED,
): Promise<(number | null)[]> {
  const burning = await burningIn(db, alike);
  const found: (number | null)[] = alike.map(() => 0);
  const doubts = new Doubts<Doubtful>(alike.length, most);
  for (const [severity, places] of Map.groupBy(alike.keys(), (at) => alike[at]!.severity)) {
    const own = places.map((at) => burning[at]!);
    const sparedBy = spared(
      await acceptedHosts(
        db,
        places.flatMap((at) => alike[at]!.accepted),
      ),
    );
    for (const kinds of chunks(await kindsOf(db, severity, { burning: own, now }), KINDS_AT_ONCE)) {
      const sparedIn = sparedBy(kinds);
      const steps = findOverdue(own, kinds, await listsOf(db, kinds), (index, kindAt, overdue) => {
        const at = places[index]!;
        const kind = kinds[kindAt]!;
        const without = sparedIn(alike[at]!.accepted, kindAt);
        const hosts = kind.hosts - without.size;
        if (overdue === 'yes') found[at]! += hosts;
        else doubts.add(at, { kind, without }, hosts);
      });
      await inTurns(steps);
    }
  }
  for (const at of doubts.putOff) found[at] = null;
  for (const [at, some] of doubts.toAsk) found[at]! += await overdueAmong(db, questionsOf(alike[at]!, some), now);
  return found;
}

/** Requests are answered meanwhile. */
async function inTurns(steps: Iterator<void>): Promise<void> {
  for (let began = performance.now(); !steps.next().done;) {
    if (performance.now() - began < TURN_MS) continue;
    await nextTurn();
    began = performance.now();
  }
}

interface Hosts extends Kind {
  ids: string;
}
interface Doubtful {
  kind: Hosts;
  without: ReadonlySet<string>;
}

async function burningIn(db: DbOrTx, alike: readonly Asked[]): Promise<Burning[]> {
  const { rows } = await sql<Said & { place: number }>`
    select n.place::integer - 1 as place, m.package_id as "packageId", m.verdict, m.since, m.until
    from unnest(${alike.map((one) => one.advisories[0]!)}::text[]) with ordinality n (advisory, place)
    join audit.match m on m.advisory = n.advisory and m.verdict <> 'bundled'`.execute(db);
  const said = Map.groupBy(rows, ({ place }) => place);
  return alike.map((_, at) => burningOf(said.get(at) ?? []));
}

/** By their days for what is so bad. Who had nothing at the cutoff, or has nothing now, has no clock that began before it. */
async function kindsOf(
  db: DbOrTx,
  severity: string,
  { burning, now }: { burning: readonly Burning[]; now: Date },
): Promise<Hosts[]> {
  const { rows } = await sql<{ days: number; tracks: string; hosts: number; ids: string }>`
    with term as materialized (
      select t.host_id, t.days, ${now}::timestamptz - make_interval(hours => 24 * t.days) as cutoff
      from audit.host_term t where t.severity = ${severity} and ${await isConcerned(db, burning)}),
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
    select days, tracks, count(*)::integer as hosts, string_agg(host_id, ',') as ids
    from host group by 1, 2 order by 2, 1`.execute(db);
  return rows.map(({ tracks, ...kind }) => ({
    ...kind,
    cutoff: now.getTime() - kind.days * DAY_MS,
    tracks: tracks.split(' ').map(toTrack),
  }));
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

async function listsOf(db: DbOrTx, kinds: readonly Kind[]): Promise<Lists> {
  const ids = [...new Set(kinds.flatMap(({ tracks }) => tracks.flatMap(({ lists }) => lists)))];
  const { rows } = await sql<{ id: number; first: Date }>`
    select list_id as id, min(since) as first from audit.host_list where list_id = any(${ids}::integer[])
    group by 1`.execute(db);
  return {
    packages: await packagesIn(db, ids),
    first: new Map(rows.map(({ id, first }) => [id, first.getTime()])),
  };
}

async function acceptedHosts(db: DbOrTx, exceptions: readonly string[]): Promise<ReadonlyMap<string, string[]>> {
  if (exceptions.length === 0) return new Map();
  const { rows } = await sql<{ id: string; hosts: string[] }>`
    select exception_id as id, hosts from audit.accepted where exception_id = ${anyOf(exceptions)}`.execute(db);
  return new Map(rows.map(({ id, hosts }) => [id, hosts]));
}

const NONE: ReadonlySet<string> = new Set();

/** Of these kinds the hosts that accepted the risk by any of some exceptions; each group of those is looked at once. */
function spared(hosts: ReadonlyMap<string, string[]>) {
  return (kinds: readonly Hosts[]) => {
    const known = new Map<string, Map<number, Set<string>>>();
    const kindOf = new Map(
      hosts.size === 0 ? [] : kinds.flatMap(({ ids }, at) => ids.split(',').map((id) => [id, at] as const)),
    );
    const group = (exceptions: readonly string[]): Map<number, Set<string>> => {
      const all = new Set(exceptions.flatMap((id) => hosts.get(id) ?? []));
      const here = [...all].filter((id) => kindOf.has(id));
      return new Map([...Map.groupBy(here, (id) => kindOf.get(id)!)].map(([at, own]) => [at, new Set(own)] as const));
    };
    return (exceptions: readonly string[], at: number): ReadonlySet<string> => {
      if (exceptions.length === 0) return NONE;
      const key = exceptions.join();
      if (!known.has(key)) known.set(key, group(exceptions));
      return known.get(key)!.get(at) ?? NONE;
    };
  };
}

const questionsOf = (of: Asked, some: readonly Doubtful[]): Question[] =>
  some.flatMap(({ kind: { ids, days }, without }) =>
    ids.split(',').flatMap((hostId) => (without.has(hostId) ? [] : [{ hostId, days, of }])),
  );

async function overdueAmong(db: DbOrTx, questions: readonly Question[], now: Date): Promise<number> {
  let count = 0;
  for (const some of chunks(questions, ASKED_AT_ONCE)) {
    const dues = await dueOn(db, some);
    count += dues.filter((due) => due !== null && due < now).length;
  }
  return count;
}
