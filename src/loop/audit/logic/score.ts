import { type Dimension, NO_TALLY, type ScoreRow, scoreOf, type Tally } from '../../../model/compliance.ts';
import type { Verdict } from '../../../model/finding.ts';
import type { Check } from '../../../model/kit.ts';

/** Hosts of one group that have the same verdicts of a kit. */
export interface Alike {
  /** owner or host id; '' where all count together */
  group: string;
  stale: boolean;
  digest: string;
  drifted: readonly string[];
  hosts: number;
}

export interface VerdictSet {
  kit: string;
  marks: Readonly<Record<string, Verdict>>;
}

/** A failing check whose findings are all accepted, on so many hosts of the group that are not stale. */
export interface Accepted {
  group: string;
  kit: string;
  check: string;
  hosts: number;
}

type ControlsOf = (kit: string, check: string) => readonly string[];

/** Names under which one check of one group counts. */
function namesIn(
  by: Dimension | 'estate',
  one: { group: string; kit: string; check: string },
  controls: ControlsOf,
): readonly string[] {
  switch (by) {
    case 'estate':
      return [''];
    case 'kit':
      return [one.kit];
    case 'check':
      return [`${one.kit}/${one.check}`];
    case 'control':
      return controls(one.kit, one.check);
    default:
      return [one.group];
  }
}

/** Counts by what is distinct: hosts that are alike are one row here. `hosts` of the tallies is left to the caller. */
export function tallies(
  by: Dimension | 'estate',
  alike: readonly Alike[],
  sets: ReadonlyMap<string, VerdictSet>,
  accepted: readonly Accepted[],
  controls: ControlsOf,
): Map<string, Tally> {
  const found = new Map<string, Tally>();
  const add = (name: string, field: keyof Tally, count: number): void => {
    const tally = found.get(name) ?? { ...NO_TALLY };
    tally[field] += count;
    found.set(name, tally);
  };
  for (const { group, stale, digest, drifted, hosts } of alike) {
    const set = sets.get(digest);
    if (!set) continue;
    const gone = new Set(drifted);
    const counted = Object.entries(set.marks).flatMap(([check, verdict]) =>
      namesIn(by, { group, kit: set.kit, check }, controls).map((name) => ({ name, check, verdict })),
    );
    for (const { name, check, verdict } of counted) {
      add(name, fieldOf(verdict, stale), hosts);
      if (!stale && gone.has(check)) add(name, 'drifted', hosts);
    }
  }
  for (const one of accepted) {
    for (const name of namesIn(by, one, controls)) {
      add(name, 'fail', -one.hosts);
      add(name, 'excepted', one.hosts);
    }
  }
  return found;
}

function fieldOf(verdict: Verdict, stale: boolean): 'pass' | 'fail' | 'unknown' | 'stale' | 'notApplicable' {
  if (verdict === 'not-applicable') return 'notApplicable';
  return stale ? 'stale' : verdict;
}

export function sumOf(parts: Iterable<Tally>): Tally {
  const sum = { ...NO_TALLY };
  for (const part of parts) for (const field of Object.keys(sum) as (keyof Tally)[]) sum[field] += part[field];
  return sum;
}

export const scoreRow = (id: string, name: string, tally: Tally): ScoreRow => ({
  id,
  name,
  tally,
  score: scoreOf(tally),
  scoreWithExceptions: scoreOf(tally, 'pass'),
});

/** The worst first; what nothing applies to last. */
export const byScore = (a: ScoreRow, b: ScoreRow): number =>
  (a.score ?? 101) - (b.score ?? 101) || (a.name < b.name ? -1 : a.name > b.name ? 1 : 0);

/** Controls that a check serves, each with its catalogue: `cis-debian-12 5.1.4`. */
export const controlsServed = ({ controls }: Pick<Check, 'controls'>): string[] =>
  Object.entries(controls).flatMap(([framework, ids]) => (ids ?? []).map((id) => `${framework} ${id}`));
