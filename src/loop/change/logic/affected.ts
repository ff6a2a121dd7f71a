import type { Kit } from '../../../model/kit.ts';

/** An ecosystem's own order of versions; null where none is known. */
export type OrderOf = (ecosystem: string) => ((a: string, b: string) => number | null) | null;

/** Does the kit call this version of the package affected? Where versions cannot be compared: yes, to be on the safe side. */
export function isAffected(
  kit: Kit,
  orderOf: OrderOf,
): (fact: { ecosystem: string; source: string }, version: string) => boolean {
  const ranges = kit.checks.flatMap((check) => (check.kind === 'package' ? check.affected : []));
  return (fact, version) =>
    ranges.some((range) => {
      if (range.ecosystem !== fact.ecosystem.split(':')[0] || range.name !== fact.source) return false;
      const order = orderOf(fact.ecosystem);
      if (!order) return true;
      const begun = range.introduced === '0' || (order(version, range.introduced) ?? 0) >= 0;
      return begun && (range.fixed === undefined || (order(version, range.fixed) ?? -1) < 0);
    });
}
