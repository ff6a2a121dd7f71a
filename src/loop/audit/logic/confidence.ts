import type { AffectedPackage } from '../../../model/vulnerability.ts';

/**
 * How sure it is that a host is affected, where that follows from the version of a package alone; 0 to 1. Never 1: only a
 * look from outside proves something. Judged are what the statement is about and how old the facts are, not how bad it is.
 */
export function confidenceOf({ release, fix }: Pick<AffectedPackage, 'release' | 'fix'>, isStale: boolean): number {
  // Of a library of a language, nobody says whether the program uses the part that is vulnerable.
  const said = release === null ? 0.8 : fix === null ? 0.9 : 0.95;
  return isStale ? said / 2 : said;
}

/** Of a host with several of the packages: one that is affected is enough. */
export const confidenceOfHost = (packages: readonly Pick<AffectedPackage, 'release' | 'fix'>[], isStale: boolean) =>
  packages.length === 0 ? null : Math.max(...packages.map((one) => confidenceOf(one, isStale)));
