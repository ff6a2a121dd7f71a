import type { AffectedPackage } from '../../../model/vulnerability.ts';
import { kernelOf, ownVersion } from './kernels.ts';

/** Packages of a host that a change which is not over brings to these versions. */
export interface PlannedUpgrade {
  hostId: string;
  changeId: string;
  packages: readonly { name: string; version: string }[];
}

/** Negative: a is older than b; null: they cannot be compared. */
type Order = (a: string, b: string) => number | null;
type Affected = Pick<AffectedPackage, 'ecosystem' | 'name' | 'source' | 'version' | 'fix'>;
type OrderOf = (ecosystem: string) => Order | null;

/**
 * The change after which none of these packages is affected any more; one that brings some of them only is none. Of a
 * kernel it is the one that brings a fixed image: the host boots into it by this change or another one.
 */
export function plannedIn(
  upgrades: readonly PlannedUpgrade[],
  affected: readonly Affected[],
  order: OrderOf,
): string | null {
  if (affected.length === 0) return null;
  const fixes = ({ packages }: PlannedUpgrade): boolean => affected.every((one) => isFixed(one, packages, order));
  return upgrades.find(fixes)?.changeId ?? null;
}

/**
 * A fix may be a version of the source: a package that is affected and not older than it is numbered otherwise, and nothing
 * is told of it.
 */
function isFixed(one: Affected, packages: PlannedUpgrade['packages'], order: OrderOf): boolean {
  const { ecosystem, name, version, fix } = one;
  if (fix === null) return false;
  const beside = (it: string): number => order(ecosystem)?.(it, fix) ?? NaN;
  if (kernelOf(one) !== null) return isImageFixed(one, fix, packages, beside);
  const to = packages.find((it) => it.name === name)?.version;
  return to !== undefined && beside(version) < 0 && beside(to) >= 0;
}

/** The next kernel is a package of another name: the new image, or the one that depends on the newest. */
const isImageFixed = (
  { ecosystem, name }: Affected,
  fix: string,
  packages: PlannedUpgrade['packages'],
  beside: (version: string) => number,
): boolean =>
  packages.some((to) => {
    const version = ownVersion(ecosystem === 'Ubuntu' ? 'linux-meta' : 'linux-signed-', to.version);
    return flavourOf(to.name) === flavourOf(name) && series(version) === series(fix) && beside(version) >= 0;
  });

/** `amd64` of linux-image-6.1.0-18-amd64 and of linux-image-amd64; null: no image of a kernel. */
function flavourOf(name: string): string | null {
  const rest = /^linux-image-(?:unsigned-)?(.+)$/.exec(name)?.[1];
  return rest === undefined ? null : (/^\d[^-]*(?:-\d[^-]*)*-(.+)$/.exec(rest)?.[1] ?? rest);
}

/** A kernel of a newer series may be older than the fix in it. */
const series = (version: string): string | null => /^(?:\d+:)?(\d+\.\d+)/.exec(version)?.[1] ?? null;
