import { compareDigits, compareText } from '../../../model/versions/digits.ts';
import type { VersionScheme } from './contract.ts';

const VERSION = /^\d+(?:\.[0-9A-Za-z]+)*(?:-[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?$/;
const isNumber = (segment: string): boolean => /^\d/.test(segment);

/** RubyGems: a segment with a letter makes a pre-release, `-` stands for `.pre.`, and zeros before it or at the end are nothing. */
export const rubygems: VersionScheme = {
  isValid: (version) => VERSION.test(version),
  compare(a, b) {
    const [left, right] = [segments(a), segments(b)];
    for (let at = 0; at < Math.max(left.length, right.length); at += 1) {
      const [one, other] = [left[at] ?? '0', right[at] ?? '0'];
      const difference =
        Number(isNumber(one)) - Number(isNumber(other)) ||
        (isNumber(one) ? compareDigits(one, other) : compareText(one, other));
      if (difference !== 0) return difference;
    }
    return 0;
  },
};

function segments(version: string): string[] {
  const all = version.replaceAll('-', '.pre.').match(/\d+|[a-z]+/gi) ?? [];
  const word = all.findIndex((segment) => !isNumber(segment));
  return word === -1 ? withoutZeros(all) : [...withoutZeros(all.slice(0, word)), ...withoutZeros(all.slice(word))];
}

function withoutZeros(all: readonly string[]): string[] {
  const last = all.findLastIndex((segment) => !/^0+$/.test(segment));
  return all.slice(0, last + 1);
}
