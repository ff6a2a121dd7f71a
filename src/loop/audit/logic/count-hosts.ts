import { sitesOf } from './reached.ts';

/** Hosts that are the same in all that is counted of them. */
export interface Kind {
  /** the lists of distinct packages that they have, by number; null: none of that section */
  packages: number | null;
  inventories: number | null;
  /** packages that a listener beyond the loopback address is of */
  listens: readonly string[];
  /** packages that a look from outside reached, each with the site that it came from */
  reached: readonly string[];
  /** when the last of them was seen so, ISO 8601 */
  reachedAt: string | null;
  hosts: number;
  important: number;
  /** of the host that most others connect to */
  peers: number;
}

export interface Counts {
  hosts: number;
  listening: number;
  /** of the hosts: where a look from outside reached any of the packages; from which sites, and when last */
  reached: number;
  reachedFrom: string[];
  reachedAt: string | null;
  important: number;
  peers: number;
}

/** Packages of which a host has any, and their names. */
export interface PackageSet {
  ids: readonly number[];
  names: ReadonlySet<string>;
}

/** What `hosts` are counted by: zero of all of them. */
export const noCounts = (): Counts => ({
  hosts: 0,
  listening: 0,
  reached: 0,
  reachedFrom: [],
  reachedAt: null,
  important: 0,
  peers: 0,
});

/**
 * Adds to the counts of each set the hosts of these kinds that have any of its packages, each once. So the time goes with
 * how often a package of interest is in a list, and not with hosts; kinds may come some at a time.
 */
export function addCounts(
  sets: readonly PackageSet[],
  kinds: readonly Kind[],
  lists: ReadonlyMap<number, Int32Array>,
  into: readonly Counts[],
): void {
  const having = whoHas(sets, kinds, lists);
  // When a kind was last counted: no set counts it twice.
  const counted = new Int32Array(kinds.length).fill(-1);
  const listens = distinct(kinds, (kind) => kind.listens);
  const reached = distinct(kinds, (kind) => kind.reached);
  sets.forEach(({ ids, names }, index) => {
    const counts = into[index]!;
    const isListening = remembered((which) => listens.distinct[which]!.some((name) => names.has(name)));
    const reachedFrom = remembered((which) => sitesOf(reached.distinct[which]!, names));
    for (const id of ids)
      for (const at of having.get(id) ?? []) {
        if (counted[at] === index) continue;
        counted[at] = index;
        const kind = kinds[at]!;
        counts.hosts += kind.hosts;
        counts.important += kind.important;
        if (kind.peers > counts.peers) counts.peers = kind.peers;
        if (kind.listens.length > 0 && isListening(listens.of[at]!)) counts.listening += kind.hosts;
        if (kind.reached.length > 0) addReached(counts, kind, reachedFrom(reached.of[at]!));
      }
  });
}

/** Of each package that any set is about: the places of the kinds that have it. */
function whoHas(
  sets: readonly PackageSet[],
  kinds: readonly Kind[],
  lists: ReadonlyMap<number, Int32Array>,
): Map<number, number[]> {
  const having = new Map<number, number[]>();
  for (const { ids } of sets) for (const id of ids) having.set(id, []);
  kinds.forEach(({ packages, inventories }, at) => {
    for (const list of [packages, inventories])
      if (list !== null) for (const id of lists.get(list) ?? []) having.get(id)?.push(at);
  });
  return having;
}

function addReached(counts: Counts, { hosts, reachedAt }: Kind, sites: readonly string[]): void {
  if (sites.length === 0) return;
  counts.reached += hosts;
  for (const site of sites) if (!counts.reachedFrom.includes(site)) counts.reachedFrom.push(site);
  if (reachedAt !== null && (counts.reachedAt === null || reachedAt > counts.reachedAt)) counts.reachedAt = reachedAt;
}

/** Each answer is worked out once. */
function remembered<T>(answer: (which: number) => T): (which: number) => T {
  const known = new Map<number, T>();
  return (which) => {
    if (!known.has(which)) known.set(which, answer(which));
    return known.get(which)!;
  };
}

/** Many kinds listen with the same packages. */
function distinct(
  kinds: readonly Kind[],
  of: (kind: Kind) => readonly string[],
): { of: number[]; distinct: (readonly string[])[] } {
  const numbers = new Map<string, number>();
  const found: (readonly string[])[] = [];
  const places = kinds.map((kind) => {
    const one = of(kind);
    const key = one.join('\n');
    if (!numbers.has(key)) numbers.set(key, found.push(one) - 1);
    return numbers.get(key)!;
  });
  return { of: places, distinct: found };
}

/** The packages that just one of these lists has. */
export function ofOneOnly(lists: readonly Int32Array[]): Iterable<number> {
  if (lists.length === 1) return lists[0]!;
  const times = new Map<number, number>();
  for (const list of lists) for (const id of list) times.set(id, (times.get(id) ?? 0) + 1);
  return [...times].flatMap(([id, count]) => (count === 1 ? [id] : []));
}
