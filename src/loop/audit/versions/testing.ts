import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';

const DATA = join(import.meta.dirname, '../../../../../shared/data/versions');
export const SIGNS = ['<', '=', '>'] as const;

/** `1.0 < 1.1`, one a line; null where the data is not on this machine. */
export function pairsOf(file: string): [string, string, string][] | null {
  const path = join(DATA, file);
  if (!existsSync(path)) return null;
  const lines = readFileSync(path, 'utf8').split('\n');
  return lines.flatMap((line): [string, string, string][] => {
    const match = /^(\S+) ([<=>]) (\S+)$/.exec(line.trim());
    return match ? [[match[1]!, match[2]!, match[3]!]] : [];
  });
}

const matching = (pattern: RegExp): fc.Arbitrary<string> => fc.stringMatching(pattern);

/** Versions as they are met in each ecosystem, near enough to each other to be equal now and then. */
export const VERSIONS: Readonly<Record<string, fc.Arbitrary<string>>> = {
  Alpine: matching(/^[0-2](\.0?[0-2]{1,2}){0,2}([ab]1?)?(_(alpha|rc|git|p)[0-2]?){0,2}(~[0-9a-f]{2})?(-r[0-2])?$/),
  Debian: matching(/^([0-2]:)?[0-2][0ab.~+]{0,3}(-[01ab.~+]{1,3})?$/),
  Go: matching(/^v?[0-2]\.[0-2]\.[0-2](-(0|1|10|a|rc)(\.(0|1|a-)){0,2})?(\+b)?$/),
  Maven: matching(/^[0-2](\.[0-2]){0,2}(-(alpha|beta|rc|SNAPSHOT|sp|jre|1|2))?(-[0-2])?$/),
  NuGet: matching(/^[0-2](\.[0-2]){0,3}(-(0|1|a|B|rc)(\.(0|1|A)){0,2})?$/),
  PyPI: matching(/^(1!)?[0-2](\.[0-2]){0,2}((a|b|rc)[0-2])?(\.post[0-2]?)?(\.dev[0-2]?)?(\+(a|1|1\.a|2))?$/),
  'Red Hat': matching(/^([0-2]:)?[0-2][0-2ab.~^]{0,3}(-[0-2][ab.~]{0,2})?$/),
  RubyGems: matching(/^[0-2](\.[0-2]){0,2}(\.(a|b|pre|rc1|0)){0,2}(-[0-2])?$/),
};
