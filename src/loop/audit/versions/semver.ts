import { compareDigits, compareText } from '../../../model/versions/digits.ts';
import type { VersionScheme } from './contract.ts';

/** Parts left out are zero, and a `v` may stand before: so Go and many feeds write them. */
const VERSION = /^[vV]?(\d+(?:\.\d+){0,2})(?:-([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(?:\+[0-9A-Za-z.-]+)?$/;

/** Semantic Versioning 2.0: npm, Go, crates.io, Hex. Build metadata says nothing about the order. */
export const semver: VersionScheme = semverLike(VERSION, compareText);

/** The order of numbers, then of the pre-release, for a pattern that captures both. */
export function semverLike(pattern: RegExp, compareWords: (a: string, b: string) => number): VersionScheme {
  return {
    isValid: (version) => pattern.test(version),
    compare(a, b) {
      const [left, right] = [pattern.exec(a) ?? [], pattern.exec(b) ?? []];
      return (
        compareNumbers(left[1] ?? '', right[1] ?? '') || comparePreRelease(left[2] ?? '', right[2] ?? '', compareWords)
      );
    },
  };
}

function compareNumbers(a: string, b: string): number {
  const [left, right] = [a.split('.'), b.split('.')];
  for (let at = 0; at < Math.max(left.length, right.length); at += 1) {
    const difference = compareDigits(left[at] ?? '', right[at] ?? '');
    if (difference !== 0) return difference;
  }
  return 0;
}

/** A version with a pre-release is older than the one without; numbers are before words; more is after less. */
function comparePreRelease(a: string, b: string, compareWords: (a: string, b: string) => number): number {
  if (a === '' || b === '') return Number(a === '') - Number(b === '');
  const [left, right] = [a.split('.'), b.split('.')];
  for (let at = 0; at < Math.max(left.length, right.length); at += 1) {
    const [one, other] = [left[at], right[at]];
    if (one === undefined || other === undefined) return one === undefined ? -1 : 1;
    const [isNumber, otherIsNumber] = [/^\d+$/.test(one), /^\d+$/.test(other)];
    const difference =
      Number(otherIsNumber) - Number(isNumber) || (isNumber ? compareDigits(one, other) : compareWords(one, other));
    if (difference !== 0) return difference;
  }
  return 0;
}
