import { compareDigits } from '../../../model/versions/digits.ts';
import type { VersionScheme } from './contract.ts';

/** dpkg: an epoch that a machine's integer holds, and no dash without something on both sides of it. */
export const debian: VersionScheme = {
  isValid: (version) => /^(?:\d{1,9}:)?[0-9A-Za-z][0-9A-Za-z.+~:]*(?:-[0-9A-Za-z.+~:-]*)?(?<!-)$/.test(version),
  compare: (a, b) => compareDebian(a, b),
};

/** Order of Debian package versions, as deb-version(7) has it: [epoch:]upstream[-revision]. */
export function compareDebian(a: string, b: string): number {
  const left = parse(a);
  const right = parse(b);
  return (
    Math.sign(left.epoch - right.epoch) || part(left.upstream, right.upstream) || part(left.revision, right.revision)
  );
}

function parse(version: string): { epoch: number; upstream: string; revision: string } {
  const text = version.trim();
  const colon = text.indexOf(':');
  const epoch = colon > 0 ? Number(text.slice(0, colon)) : 0;
  const rest = colon === -1 ? text : text.slice(colon + 1);
  const dash = rest.lastIndexOf('-');
  return {
    epoch: Number.isFinite(epoch) ? epoch : 0,
    upstream: dash === -1 ? rest : rest.slice(0, dash),
    revision: dash === -1 ? '' : rest.slice(dash + 1),
  };
}

const isDigit = (char: string | undefined): boolean => char !== undefined && char >= '0' && char <= '9';

/** `~` before the end, the end before letters, letters before all else. A digit ends the run of non-digits. */
function weight(char: string | undefined): number {
  if (char === '~') return -1;
  if (char === undefined || isDigit(char)) return 0;
  return /[A-Za-z]/.test(char) ? char.codePointAt(0)! : char.codePointAt(0)! + 256;
}

/** Runs of non-digits and of digits in turn. */
function part(a: string, b: string): number {
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    while ((i < a.length && !isDigit(a[i])) || (j < b.length && !isDigit(b[j]))) {
      const difference = weight(a[i]) - weight(b[j]);
      if (difference !== 0) return Math.sign(difference);
      i += 1;
      j += 1;
    }
    const left = /^\d*/.exec(a.slice(i))![0];
    const right = /^\d*/.exec(b.slice(j))![0];
    const difference = compareDigits(left, right);
    if (difference !== 0) return difference;
    i += left.length;
    j += right.length;
  }
  return 0;
}
