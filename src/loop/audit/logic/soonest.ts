/** Advisories that affect the same packages since the same moments, and for which the same hosts have no clock. */
export interface Alike {
  advisories: readonly string[];
  severity: string;
  /** packages that it affects now */
  packages: readonly number[];
  /** the first moment at which it affected anything */
  begun: Date;
}

/** Hosts with the same list of packages and as many days: of them the one that was known first. */
export interface Kind {
  hostId: string;
  severity: string;
  days: number;
  /** since when it has any list at all */
  first: Date;
}

export interface Candidate {
  hostId: string;
  days: number;
  /** no sooner than this */
  bound: number;
}

const DAY_MS = 24 * 3_600_000;

/** A host's clock cannot have begun before the advisory did, nor before the host was known. */
export const boundOf = (begun: Date, first: Date, days: number): number =>
  Math.max(begun.getTime(), first.getTime()) + days * DAY_MS;

/**
 * Of each package the hosts that were known first, one for each severity and number of days: of all that have it, no other
 * can be sooner. Lists times packages is much at 100,000 hosts, so that severities and days are numbers here.
 */
export function firstOf(
  lists: ReadonlyMap<number, readonly number[]>,
  kinds: ReadonlyMap<number, readonly Kind[]>,
): Map<number, readonly Kind[]> {
  const places = new Map<string, number>();
  const placed = (kind: Kind): Placed => {
    const term = `${kind.severity} ${kind.days}`;
    if (!places.has(term)) places.set(term, places.size);
    return { kind, place: places.get(term)!, first: kind.first.getTime() };
  };
  const byList = new Map([...kinds].map(([list, own]) => [list, own.map(placed)]));
  return new Map([...lists].map(([id, own]) => [id, earliest(own, byList)]));
}

interface Placed {
  kind: Kind;
  place: number;
  first: number;
}

function earliest(lists: readonly number[], byList: ReadonlyMap<number, readonly Placed[]>): Kind[] {
  const found = new Map<number, Placed>();
  for (const list of lists)
    for (const one of byList.get(list) ?? []) {
      const there = found.get(one.place);
      if (there === undefined || one.first < there.first) found.set(one.place, one);
    }
  return [...found.values()].map(({ kind }) => kind);
}

/** The host whose time may be the soonest; null: none that has any of the packages has a time. */
export function mostLikely(
  { packages, severity, begun }: Alike,
  firsts: ReadonlyMap<number, readonly Kind[]>,
): Candidate | null {
  let found: Candidate | null = null;
  for (const kind of packages.flatMap((id) => firsts.get(id) ?? [])) {
    const bound = boundOf(begun, kind.first, kind.days);
    if (kind.severity === severity && (found === null || bound < found.bound))
      found = { hostId: kind.hostId, days: kind.days, bound };
  }
  return found;
}
