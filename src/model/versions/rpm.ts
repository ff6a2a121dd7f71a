import { compareDigits, compareText } from './digits.ts';

/** Order of rpm's versions, [epoch:]version[-release], as rpm has it. Negative: a is older than b. */
export function compareRpm(a: string, b: string): number {
  const left = parse(a);
  const right = parse(b);
  return (
    compareDigits(left.epoch, right.epoch) ||
    part(left.version, right.version) ||
    Number(left.release !== null) - Number(right.release !== null) ||
    part(left.release ?? '', right.release ?? '')
  );
}

/** Without a release is before any with one. */
function parse(text: string): { epoch: string; version: string; release: string | null } {
  const epoch = /^(\d*):/.exec(text)?.[0] ?? '';
  const rest = text.slice(epoch.length);
  const dash = rest.lastIndexOf('-');
  return {
    epoch: epoch.slice(0, -1),
    version: dash === -1 ? rest : rest.slice(0, dash),
    release: dash === -1 ? null : rest.slice(dash + 1),
  };
}

/** Runs of digits, runs of ASCII letters, `~` and `^`; all else only separates. */
const runs = (text: string): string[] => text.match(/\d+|[A-Za-z]+|[~^]/g) ?? [];

/** `~` before the end, the end before `^`, `^` before all else, letters before digits, more before less. */
function weight(run: string | undefined): number {
  if (run === '~') return 0;
  if (run === undefined) return 1;
  if (run === '^') return 2;
  return /^[A-Za-z]/.test(run) ? 3 : 4;
}

function part(a: string, b: string): number {
  if (a === b) return 0;
  const [left, right] = [runs(a), runs(b)];
  for (let at = 0; at < left.length || at < right.length; at += 1) {
    const [one, other] = [left[at], right[at]];
    const difference = weight(one) - weight(other) || sameKind(one!, other!);
    if (difference !== 0) return Math.sign(difference);
  }
  return 0;
}

function sameKind(a: string, b: string): number {
  if (/^\d/.test(a)) return compareDigits(a, b);
  return compareText(a, b);
}
