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

/** The host whose time may be the soonest; null: none that has any of the packages has a time. */
export function mostLikely(
  { packages, severity, begun }: Alike,
  lists: ReadonlyMap<number, readonly number[]>,
  kinds: ReadonlyMap<number, readonly Kind[]>,
): Candidate | null {
  let found: Candidate | null = null;
  for (const list of new Set(packages.flatMap((id) => lists.get(id) ?? [])))
    for (const kind of kinds.get(list) ?? []) {
      const bound = boundOf(begun, kind.first, kind.days);
      if (kind.severity === severity && (found === null || bound < found.bound))
        found = { hostId: kind.hostId, days: kind.days, bound };
    }
  return found;
}
