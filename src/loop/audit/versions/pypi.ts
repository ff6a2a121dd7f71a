import { compareDigits, compareText } from '../../../model/versions/digits.ts';
import type { VersionScheme } from './contract.ts';

/** PEP 440, appendix B, with what it normalises. */
const VERSION = new RegExp(
  String.raw`^v?(?:(?<epoch>\d+)!)?(?<release>\d+(?:\.\d+)*)` +
    String.raw`(?:[-_.]?(?<pre>alpha|a|beta|b|preview|pre|c|rc)[-_.]?(?<preNumber>\d*))?` +
    String.raw`(?<post>-(?<postNumber>\d+)|[-_.]?(?:post|rev|r)[-_.]?(?<postDigits>\d*))?` +
    String.raw`(?<dev>[-_.]?dev[-_.]?(?<devNumber>\d*))?` +
    String.raw`(?:\+(?<local>[a-z0-9]+(?:[-_.][a-z0-9]+)*))?$`,
  'i',
);
const PHASES: Readonly<Record<string, string>> = { alpha: 'a', beta: 'b', c: 'rc', pre: 'rc', preview: 'rc' };

interface Parsed {
  epoch: string;
  release: string[];
  /** a dev release of nothing else is before all pre-releases, a final one after them */
  pre: { rank: number; phase: string; number: string };
  post: string | null;
  dev: string | null;
  local: string[] | null;
}

/** PyPI: PEP 440. */
export const pypi: VersionScheme = {
  isValid: (version) => VERSION.test(version.trim()),
  compare(a, b) {
    const [left, right] = [parse(a), parse(b)];
    if (!left || !right) return 0;
    return (
      compareDigits(left.epoch, right.epoch) ||
      compareReleases(left.release, right.release) ||
      Math.sign(left.pre.rank - right.pre.rank) ||
      compareText(left.pre.phase, right.pre.phase) ||
      compareDigits(left.pre.number, right.pre.number) ||
      nullFirst(left.post, right.post, compareDigits) ||
      -nullFirst(left.dev, right.dev, (one, other) => -compareDigits(one, other)) ||
      nullFirst(left.local, right.local, compareLocal)
    );
  },
};

function parse(version: string): Parsed | null {
  const found = VERSION.exec(version.trim().toLowerCase())?.groups;
  if (!found) return null;
  const { epoch = '', release = '', post, postNumber, postDigits = '', dev, devNumber = '', local } = found;
  return {
    epoch,
    release: release.split('.'),
    pre: preOf(found),
    post: post === undefined ? null : (postNumber ?? postDigits),
    dev: dev === undefined ? null : devNumber,
    local: local === undefined ? null : local.split(/[-_.]/),
  };
}

function preOf({ pre, preNumber = '', post, dev }: Record<string, string | undefined>): Parsed['pre'] {
  if (pre) return { rank: 1, phase: PHASES[pre] ?? pre, number: preNumber };
  return { rank: post === undefined && dev !== undefined ? 0 : 2, phase: '', number: '' };
}

function compareReleases(a: readonly string[], b: readonly string[]): number {
  for (let at = 0; at < Math.max(a.length, b.length); at += 1) {
    const difference = compareDigits(a[at] ?? '', b[at] ?? '');
    if (difference !== 0) return difference;
  }
  return 0;
}

function nullFirst<T>(a: T | null, b: T | null, compare: (a: T, b: T) => number): number {
  if (a === null || b === null) return Number(a !== null) - Number(b !== null);
  return compare(a, b);
}

/** Numbers are after words, and more is after less. */
function compareLocal(a: readonly string[], b: readonly string[]): number {
  for (let at = 0; at < Math.min(a.length, b.length); at += 1) {
    const [one, other] = [a[at]!, b[at]!];
    const [isNumber, otherIsNumber] = [/^\d+$/.test(one), /^\d+$/.test(other)];
    const difference =
      Number(isNumber) - Number(otherIsNumber) || (isNumber ? compareDigits(one, other) : compareText(one, other));
    if (difference !== 0) return difference;
  }
  return Math.sign(a.length - b.length);
}
