import type { AffectedPackage } from '../../../model/vulnerability.ts';

/** Packages of a host that a change which is not over brings to these versions. */
export interface PlannedUpgrade {
  hostId: string;
  changeId: string;
  packages: readonly { name: string; version: string }[];
}

/** Negative: a is older than b; null: they cannot be compared. */
type Order = (a: string, b: string) => number | null;
type Affected = Pick<AffectedPackage, 'ecosystem' | 'name' | 'version' | 'fix'>;

/**
 * The change after which none of these packages is affected any more; one that brings some of them only is none. A fix may be
 * a version of the source: a package that is affected and not older than it is numbered otherwise, and nothing is told of it.
 */
export function plannedIn(
  upgrades: readonly PlannedUpgrade[],
  affected: readonly Affected[],
  order: (ecosystem: string) => Order | null,
): string | null {
  if (affected.length === 0) return null;
  const fixes = ({ packages }: PlannedUpgrade): boolean =>
    affected.every(({ ecosystem, name, version, fix }) => {
      const to = packages.find((one) => one.name === name)?.version;
      if (fix === null || to === undefined) return false;
      const [now, then] = [version, to].map((one) => order(ecosystem)?.(one, fix) ?? NaN);
      return now! < 0 && then! >= 0;
    });
  return upgrades.find(fixes)?.changeId ?? null;
}
