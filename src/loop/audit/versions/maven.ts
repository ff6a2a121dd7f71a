import { compareDigits, compareText } from '../../../model/versions/digits.ts';
import type { VersionScheme } from './contract.ts';

const QUALIFIERS = ['alpha', 'beta', 'milestone', 'rc', 'snapshot', '', 'sp'];
const ALIASES: Readonly<Record<string, string>> = { cr: 'rc', final: '', ga: '', release: '' };
const SHORT: Readonly<Record<string, string>> = { a: 'alpha', b: 'beta', m: 'milestone' };

/** A number as its digits, a word, or what stands behind a dash or a change between the two. */
type Item = { digits: string } | { word: string } | Item[];

/** Maven's ComparableVersion. Every text without blanks is a version there. */
export const maven: VersionScheme = {
  isValid: (version) => /^[!-~]+$/.test(version),
  compare: (a, b) => compareLists(parse(a), parse(b)),
};

function parse(version: string): Item[] {
  const root: Item[] = [];
  const lists = [root];
  const deeper = (): void => {
    const list: Item[] = [];
    lists.at(-1)!.push(list);
    lists.push(list);
  };
  const word = (text: string, end: string, beforeDigit: boolean): void => {
    if (end === '' && lists.at(-1)!.length > 0) deeper();
    lists.at(-1)!.push({ word: qualifier(text, beforeDigit) });
  };
  for (const { part, end, next } of parts(version.toLowerCase())) {
    if (part === '') lists.at(-1)!.push({ digits: '' });
    else if (/^\d/.test(part)) lists.at(-1)!.push({ digits: part.replace(/^0+/, '') });
    else word(part, end, end === '' && /^\d/.test(next));
    if (end === '-' || (end === '' && next !== '')) deeper();
  }
  for (const list of lists.toReversed()) normalize(list);
  return root;
}

/** Runs of digits and of others, each with the dot or dash that ends it; two separators enclose an empty one. */
function parts(version: string): { part: string; end: string; next: string }[] {
  const found = [...version.matchAll(/(\d+|[^\d.-]+|(?=[.-]))([.-]?)/g)];
  return found.map((match) => ({
    part: match[1]!,
    end: match[2]!,
    next: version.slice(match.index + match[0].length, match.index + match[0].length + 1),
  }));
}

function qualifier(text: string, beforeDigit: boolean): string {
  const full = beforeDigit && Object.hasOwn(SHORT, text) ? SHORT[text]! : text;
  return Object.hasOwn(ALIASES, full) ? ALIASES[full]! : full;
}

/** Zeros and empty words say nothing at the end, nor before the lists there. */
function normalize(list: Item[]): void {
  for (let at = list.length - 1; at >= 0; at -= 1) {
    if (isNull(list[at]!)) list.splice(at, 1);
    else if (!Array.isArray(list[at])) return;
  }
}

function isNull(item: Item): boolean {
  if (Array.isArray(item)) return item.length === 0;
  return 'digits' in item ? item.digits === '' : item.word === '';
}

const kindOf = (item: Item): number => (Array.isArray(item) ? 1 : 'digits' in item ? 2 : 0);

/** Words are before lists, lists before numbers. */
function compareItems(a: Item, b: Item): number {
  const difference = kindOf(a) - kindOf(b);
  if (difference !== 0) return Math.sign(difference);
  if (Array.isArray(a)) return compareLists(a, b as Item[]);
  if ('digits' in a) return compareDigits(a.digits, (b as { digits: string }).digits);
  return compareWords(a.word, (b as { word: string }).word);
}

function compareLists(a: readonly Item[], b: readonly Item[]): number {
  for (let at = 0; at < Math.max(a.length, b.length); at += 1) {
    const [one, other] = [a[at], b[at]];
    const difference =
      one === undefined
        ? -againstNothing(other!)
        : other === undefined
          ? againstNothing(one)
          : compareItems(one, other);
    if (difference !== 0) return difference;
  }
  return 0;
}

function againstNothing(item: Item): number {
  if (Array.isArray(item)) return item.map(againstNothing).find((difference) => difference !== 0) ?? 0;
  return 'digits' in item ? Number(item.digits !== '') : compareWords(item.word, '');
}

/** Known ones in their order, unknown ones after them as text. */
function compareWords(a: string, b: string): number {
  const [left, right] = [QUALIFIERS.indexOf(a), QUALIFIERS.indexOf(b)];
  if (left === -1 && right === -1) return compareText(a, b);
  return left === -1 ? 1 : right === -1 ? -1 : Math.sign(left - right);
}
