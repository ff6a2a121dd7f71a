import type { AffectedRange, Check } from '../../../model/kit.ts';

/** `Debian:12` is a Debian. */
export const family = (ecosystem: string): string => ecosystem.split(':')[0]!;

type Ordered = (ecosystem: string) => unknown;

/** What these checks say of packages. */
export const rangesIn = (checks: readonly Check[]): AffectedRange[] =>
  checks.flatMap((check) => (check.kind === 'package' ? check.affected : []));

/**
 * Why these ranges say nothing about a host with such packages, or null when they do. To find none of its packages in a
 * range is no good news where no range is about its kind of packages, or where their versions cannot be compared.
 */
export function outOfReach(
  ranges: readonly AffectedRange[],
  ecosystems: readonly string[],
  orderOf: Ordered,
): string | null {
  if (ranges.length === 0 || ecosystems.length === 0) return null;
  const about = new Set(ranges.map((range) => family(range.ecosystem)));
  if (ecosystems.some((one) => about.has(family(one)) && orderOf(one) !== null)) return null;
  const names = [...new Set(ecosystems.map(family))].sort().join(', ');
  const unordered = ecosystems.some((one) => about.has(family(one)));
  return unordered
    ? `how versions of its packages (${names}) are ordered is not known`
    : `nothing is known about its kind of packages (${names}); ranges are given for ${[...about].sort().join(', ')}`;
}
