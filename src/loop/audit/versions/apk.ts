import { compareDigits, compareText } from '../../../model/versions/digits.ts';
import type { VersionScheme } from './contract.ts';

const BEFORE = ['alpha', 'beta', 'pre', 'rc'];
const AFTER = ['cvs', 'svn', 'git', 'hg', 'p'];
const VERSION =
  /^(\d+(?:\.\d+)*)(?:([a-z])(\d*))?((?:_(?:alpha|beta|pre|rc|cvs|svn|git|hg|p)\d*)*)(?:~([0-9a-f]+))?(?:-r(\d*))?$/;

/** What comes first is older, where two versions differ in kind; one that ends is `END`. */
const BEFORE_SUFFIX = 0;
const END = 1;
const REVISION = 2;
const HASH = 3;
const SUFFIX_NUMBER = 4;
const AFTER_SUFFIX = 5;
const LETTER = 6;
const NUMBER = 7;

interface Token {
  kind: number;
  value: string;
  /** a number behind a dot: one with a leading zero is compared as text */
  behindDot?: boolean;
}

/** apk's order: number{.number}…{letter}{_suffix{number}}…{~hash}{-r#}. */
export const apk: VersionScheme = {
  isValid: (version) => VERSION.test(version),
  compare(a, b) {
    const [left, right] = [tokens(a), tokens(b)];
    for (let at = 0; ; at += 1) {
      const [one, other] = [left[at] ?? { kind: END, value: '' }, right[at] ?? { kind: END, value: '' }];
      const difference = Math.sign(one.kind - other.kind) || compareTokens(one, other);
      if (difference !== 0 || one.kind === END) return difference;
    }
  },
};

function tokens(version: string): Token[] {
  const match = VERSION.exec(version);
  if (!match) return [];
  const [, numbers, letter, digits, suffixes, hash, revision] = match;
  return [
    ...numbers!.split('.').map((value, at) => ({ kind: NUMBER, value, behindDot: at > 0 })),
    ...(letter ? [{ kind: LETTER, value: letter }] : []),
    ...(digits ? [{ kind: NUMBER, value: digits }] : []),
    ...[...suffixes!.matchAll(/_([a-z]+)(\d*)/g)].flatMap(([, name, number]) => suffix(name!, number!)),
    ...(hash ? [{ kind: HASH, value: hash }] : []),
    ...(revision === undefined ? [] : [{ kind: REVISION, value: revision }]),
  ];
}

function suffix(name: string, number: string): Token[] {
  const before = BEFORE.indexOf(name);
  const own =
    before === -1
      ? { kind: AFTER_SUFFIX, value: String(AFTER.indexOf(name)) }
      : { kind: BEFORE_SUFFIX, value: String(before) };
  return number === '' ? [own] : [own, { kind: SUFFIX_NUMBER, value: number }];
}

function compareTokens(a: Token, b: Token): number {
  const asText = a.kind === LETTER || a.kind === HASH || (a.behindDot && [a, b].some(({ value }) => value[0] === '0'));
  return asText ? compareText(a.value, b.value) : compareDigits(a.value, b.value);
}
