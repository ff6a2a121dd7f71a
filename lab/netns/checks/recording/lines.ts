/** Which lines of a file's text a check is about. Pure. */
import type { Check } from '../../../../src/model/kit.ts';
import { needed } from './lists.ts';

/** Shorter ones stay whole. */
const LONG = 6;
const MOST = 4;

/** Words that its patterns look for. */
function wordsOf(check: Check): string[] {
  if (check.kind !== 'host') return [];
  return [...check.expect.matchAll(/'([^']*)'/g)].flatMap(([, text]) => text!.match(/[A-Za-z_]{4,}/g) ?? []);
}

const says = (line: string): boolean => /^\s*[^\s#;]/.test(line);

/**
 * Those without which it would not hold, and those that have its words: what fails because something is missing shows what
 * is there instead. Where there are neither, the first that says anything.
 */
export function linesFor(check: Check, text: string, holds: (fewer: string) => boolean): string {
  const lines = text.split('\n');
  if (lines.length <= LONG) return text;
  const numbers = [...lines.keys()];
  const joined = (some: readonly number[]): string => some.map((n) => `${lines[n]!}\n`).join('');
  const left = needed(numbers, (some) => holds(joined(some)));
  const words = wordsOf(check);
  const hits = (n: number): number => words.filter((word) => lines[n]!.includes(word)).length;
  const spoken = numbers.filter((n) => says(lines[n]!));
  const asked = spoken
    .filter((n) => hits(n) > 0)
    .toSorted((a, b) => hits(b) - hits(a) || a - b)
    .slice(0, MOST);
  const chosen = new Set([...left, ...(left.length + asked.length > 0 ? asked : spoken.slice(0, 1))]);
  return joined(numbers.filter((n) => chosen.has(n)));
}
