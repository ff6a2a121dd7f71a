import { lifeOf, type Span } from './vulnerability-life.ts';

/** Hosts that have had the same lists since the same moment before their cutoff, one after the other. */
export interface Kind {
  days: number;
  /** what began before it is overdue */
  cutoff: number;
  tracks: readonly Track[];
  hosts: number;
}

/** The lists of one section since the cutoff, in their order. */
export interface Track {
  lists: readonly number[];
  /** the last is that of today; otherwise there is none any more */
  goesOn: boolean;
  /** from before the cutoff until now, without a gap */
  isWhole: boolean;
}

/** The packages of each list in ascending order, and since when any host had it at all. */
export interface Lists {
  packages: ReadonlyMap<number, Int32Array>;
  first: ReadonlyMap<number, number>;
}

export interface Said extends Span {
  packageId: number;
}

/** What feeds say of one advisory, as far as it can be told without any host. */
export interface Burning {
  /** no host's clock can have begun sooner; null: it burns nowhere */
  begun: number | null;
  spans: ReadonlyMap<number, readonly Span[]>;
  /** packages that it affects now, and since when without a break */
  steady: ReadonlyMap<number, number>;
}

export function burningOf(said: readonly Said[]): Burning {
  const spans = Map.groupBy(said, ({ packageId }) => packageId);
  const steady = new Map<number, number>();
  for (const [id, own] of spans) {
    const since = steadySince(own);
    if (since !== null) steady.set(id, since);
  }
  return { begun: begunOf(said), spans, steady };
}

/** The time of all spans together is no later than that of a host, which saw some of them for some of their time. */
function begunOf(spans: readonly Span[]): number | null {
  const life = lifeOf(spans);
  if (life === null || life.state === 'fixed') return null;
  return (life.rekindledAt ?? life.openedAt).getTime();
}

/** Times of one advisory may overlap: what was told of under another name goes on with that one's, from before its own. */
function steadySince(spans: readonly Span[]): number | null {
  const { since, until } = lastStretch(spans.filter(({ verdict }) => verdict === 'affected'));
  return until === Infinity ? since : null;
}

function lastStretch(spans: readonly Span[]): { since: number; until: number } {
  let [since, until] = [0, 0];
  for (const span of spans.toSorted((a, b) => a.since.getTime() - b.since.getTime())) {
    if (span.since.getTime() > until) since = span.since.getTime();
    until = Math.max(until, span.until?.getTime() ?? Infinity);
  }
  return { since, until };
}

/** `ask`: that depends on when the hosts of this kind changed, or on what they had before their cutoff. */
export type Overdue = 'yes' | 'ask';

/**
 * Tells of each advisory and each kind of hosts that have any of its packages whether it is overdue there; kinds where it
 * is not are left out. The time goes with how often a package of interest is in a list, and not with hosts; whoever asks
 * goes on after each advisory, and may let others have a turn.
 */
export function* findOverdue(
  asked: readonly Burning[],
  kinds: readonly Kind[],
  lists: Lists,
  found: (place: number, kind: number, overdue: Overdue) => void,
): Generator<void> {
  const having = whoHas(asked, kinds, lists);
  // By which a kind was looked at last: no advisory looks at it twice.
  const seen = new Int32Array(kinds.length).fill(-1);
  for (const [place, one] of asked.entries()) {
    yield;
    // Most have had one package all the time.
    eachPlace(one, having, 'throughout', (at, since) => {
      if (seen[at] === place || since >= kinds[at]!.cutoff) return;
      seen[at] = place;
      found(place, at, 'yes');
    });
    eachPlace(one, having, 'now', (at) => {
      if (seen[at] === place) return;
      seen[at] = place;
      const overdue = overdueOf(one, kinds[at]!, lists);
      if (overdue !== null) found(place, at, overdue);
    });
  }
}

/** Where its packages are, and since when it affects that one. */
function eachPlace(
  { steady }: Burning,
  having: ReadonlyMap<number, Having>,
  which: keyof Having,
  visit: (at: number, since: number) => void,
): void {
  for (const [id, since] of steady) for (const at of having.get(id)![which]) visit(at, since);
}

/** The places of the kinds that have it now, and of those that have had it since before their cutoff. */
interface Having {
  now: number[];
  throughout: number[];
}

/** Of each package that any of these affects now. */
function whoHas(asked: readonly Burning[], kinds: readonly Kind[], lists: Lists): Map<number, Having> {
  const having = new Map<number, Having>();
  for (const { steady } of asked) for (const id of steady.keys()) having.set(id, { now: [], throughout: [] });
  for (const [at, { tracks }] of kinds.entries()) for (const track of tracks) note(having, { at, track, lists });
  return having;
}

function note(having: ReadonlyMap<number, Having>, { at, track, lists }: { at: number; track: Track; lists: Lists }) {
  if (!track.goesOn) return;
  const [last, ...before] = track.lists.toReversed().map((list) => lists.packages.get(list));
  for (const id of last ?? []) {
    const one = having.get(id);
    if (one === undefined) continue;
    one.now.push(at);
    const isThroughout = track.isWhole && before.every((list) => list !== undefined && isIn(list, id));
    if (isThroughout) one.throughout.push(at);
  }
}

function overdueOf(one: Burning, kind: Kind, lists: Lists): Overdue | null {
  if (one.begun === null || one.begun >= kind.cutoff) return null;
  const own = kind.tracks.map((track) => track.lists.map((list) => ownOf(one, lists.packages.get(list))));
  if (kind.tracks.some((track, at) => track.isWhole && burnsThroughout(one, kind, { track, own: own[at]!, lists })))
    return 'yes';
  // A moment with nothing of it: then what burns now began after that.
  const speaking = own.filter((track) => track.some((packages) => packages.length > 0));
  if (speaking.length === 1 && speaking[0]!.some((packages) => packages.length === 0)) return null;
  const spans = [...new Set(own.flat(2))].flatMap((id) => one.spans.get(id)!);
  // Affected or unknown: what is unknown at the cutoff may go on with what the hosts had before.
  return lastStretch(spans).since >= kind.cutoff ? null : 'ask';
}

/** A list cannot have been on a host before it was on any: what affected it then already did so all the time. */
function burnsThroughout(
  { steady }: Burning,
  { cutoff }: Kind,
  { track, own, lists }: { track: Track; own: readonly (readonly number[])[]; lists: Lists },
): boolean {
  return track.lists.every((list, at) => {
    const first = lists.first.get(list)!;
    return own[at]!.some((id) => {
      const since = steady.get(id);
      return since !== undefined && (since < cutoff || since <= first);
    });
  });
}

/** Of its packages those that are in a list. */
function ownOf({ spans }: Burning, list: Int32Array | undefined): number[] {
  return list === undefined ? [] : [...spans.keys()].filter((id) => isIn(list, id));
}

function isIn(list: Int32Array, id: number): boolean {
  let [from, to] = [0, list.length];
  while (from < to) {
    const middle = (from + to) >> 1;
    if (list[middle]! < id) from = middle + 1;
    else to = middle;
  }
  return list[from] === id;
}
