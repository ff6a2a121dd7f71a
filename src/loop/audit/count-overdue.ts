import { setImmediate as nextTurn } from 'node:timers/promises';
import type { DbOrTx, Platform } from '../../platform/context.ts';
import { chunks } from '../../platform/db/many.ts';
import { Doubts } from './logic/doubts.ts';
import { findOverdue } from './logic/overdue.ts';
import { type Asked, dueOn, type Question } from './soonest.ts';
import { alikeIn } from './store-due.ts';
import {
  acceptedHosts,
  burningIn,
  endTurn,
  type Hosts,
  kindsOf,
  listsOf,
  type Portions,
  takeTurn,
} from './store-overdue.ts';

/** One run counts no longer than this; the next one goes on with what has waited longest. */
const RUN_MS = 5000;
/** As many are counted at once, or fewer, where they affect many packages. */
const AT_ONCE = 20_000;
/** So many kinds of hosts, with their lists, are in memory at a time. */
const KINDS_AT_ONCE = 4000;
/** When so many hosts were asked one by one, what is left is for the next turn; and as many are asked at a time. */
const MOST_ASKED = 20_000;
const ASKED_AT_ONCE = 1000;
const PORTIONS: Portions = { advisories: 2000, hosts: 2000, lists: 500 };
/** So long the process does nothing else. */
const TURN_MS = 20;

/**
 * On how many hosts each is overdue: only of those whose soonest time is past, never counted ones first and the urgent ones
 * of them, and then in turn, so that what changes all the time keeps nothing else waiting. Nothing is locked while it is
 * counted. What changed meanwhile is told as not known; who dies in the middle leaves all as it was.
 */
export async function countOverdue(platform: Platform, runMs = RUN_MS, atOnce = AT_ONCE): Promise<void> {
  const began = performance.now();
  for (let left = true; left && !platform.stopping.aborted && performance.now() - began < runMs;)
    left = await countTurn(platform, atOnce);
}

async function countTurn(platform: Platform, atOnce: number): Promise<boolean> {
  const now = platform.now();
  const turn = await takeTurn(platform, now, atOnce);
  if (turn.advisories.length === 0) return false;
  const alike = await alikeIn(platform.db, turn.advisories, PORTIONS.advisories);
  const hosts = await overdueOn(platform.db, alike, now);
  const counted = new Map(alike.flatMap((one, at) => one.advisories.map((advisory) => [advisory, hosts[at]!])));
  // Those that are not alike to any are accepted everywhere.
  const counts = turn.advisories.map((advisory) => ({
    advisory,
    count: counted.has(advisory) ? counted.get(advisory)! : 0,
  }));
  await endTurn(platform, turn, { counts, now });
  return true;
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
  { most = MOST_ASKED, portions = PORTIONS }: { most?: number; portions?: Portions } = {},
): Promise<(number | null)[]> {
  const burning = await burningIn(db, alike, portions.advisories);
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
    for (const kinds of chunks(
      await kindsOf(db, severity, { burning: own, now, atOnce: portions.hosts }),
      KINDS_AT_ONCE,
    )) {
      const sparedIn = sparedBy(kinds);
      const steps = findOverdue(own, kinds, await listsOf(db, kinds, portions.lists), (index, kindAt, overdue) => {
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

interface Doubtful {
  kind: Hosts;
  without: ReadonlySet<string>;
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
