import type { Simulation } from './manager.ts';
import { entryOf } from '../../model/entry-of.ts';

/** Attributes of one element, as zypper writes them. */
function attributes(text: string): Record<string, string> {
  return Object.fromEntries([...text.matchAll(/([\w-]+)="([^"]*)"/g)].map((match) => [match[1]!, decoded(match[2]!)]));
}

const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };
const decoded = (text: string): string =>
  text.replace(/&(\w+);/g, (all, name: string) => entryOf(ENTITIES, name) ?? all);

export const zypperVersion = (edition: string): string => edition.replace(/^0:/, '');

/** `zypper --xmlout list-updates`: name → the version that would come. */
export function parseUpdates(text: string): Map<string, string> {
  const updates = [...text.matchAll(/<update ([^<>]*)>/g)].map((match) => attributes(match[1]!));
  const packages = updates.filter((update) => (update['kind'] ?? 'package') === 'package');
  return new Map(packages.map(({ name = '', edition = '' }) => [name, zypperVersion(edition)]));
}

/** The solvables of a summary, one a line, each with the element that it stands in (`to-upgrade` …). */
function* solvablesOf(text: string): Generator<Record<string, string>> {
  let section = '';
  for (const line of text.split('\n')) {
    const mark = /^<(\/?)(to-[a-z-]+)>/.exec(line);
    if (mark) section = mark[1] === '' ? mark[2]! : '';
    const solvable = section === '' ? null : /^<solvable ([^<>]*)>/.exec(line);
    if (solvable) yield { ...attributes(solvable[1]!), section };
  }
}

/** The summary of `zypper --xmlout install --dry-run`: which packages go up, down, come and go. */
export function parseSummary(text: string): Simulation {
  const all = [...solvablesOf(text)].filter(({ type, section }) => type === 'package' && section !== 'to-reinstall');
  const gone = all.flatMap(({ section, name }) => (section === 'to-remove' ? [name!] : []));
  const changes = all
    .filter(({ section }) => section !== 'to-remove')
    .map(({ name, edition, 'edition-old': old }) => ({
      name: name!,
      from: old === undefined ? null : zypperVersion(old),
      to: zypperVersion(edition!),
    }));
  const changed = new Map(changes.map((change) => [change.name, change]));
  return { changes: [...changed.values()], removed: gone.filter((name) => !changed.has(name)) };
}

/** Why there is no way, in the words of its solver; null: it says nothing of a problem. */
export function parseProblems(text: string): string | null {
  const lines = text.split('\n').flatMap((line) => /Problem: (.*)$/.exec(line)?.[1] ?? []);
  return lines.length === 0 ? null : [...new Set(lines.map(decoded))].join('; ');
}
