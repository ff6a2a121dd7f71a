import type { Simulation } from './manager.ts';

const CHANGE = /^\(\d+\/\d+\) (\w+) ([^\s(@]+)(?:@\S+)? \((\S+)(?: -> (\S+))?\)$/;

/** `(1/2) Upgrading NAME (OLD -> NEW)`, `Installing NAME (NEW)`, `Purging NAME (OLD)`; a tag may follow the name. */
export function parseApkChanges(text: string): Simulation {
  const found: Simulation = { changes: [], removed: [] };
  for (const line of text.split('\n')) {
    const [, what, name = '', version = '', to] = CHANGE.exec(line) ?? [];
    if (what === 'Purging') found.removed.push(name);
    else if (what === 'Installing') found.changes.push({ name, from: null, to: version });
    else if (what !== undefined && to !== undefined) found.changes.push({ name, from: version, to });
  }
  return found;
}

/** `NAME-VERSION   < NEWER [@tag]` → the newer version. */
export function parseApkNewer(text: string): Map<string, string> {
  return new Map(
    text.split('\n').flatMap((line): [string, string][] => {
      const [whole = '', sign, newer] = line.split(/ +/);
      const name = /^(.+)-\d[^-]*(?:-r\d+)?$/.exec(whole)?.[1];
      return sign === '<' && name !== undefined && newer ? [[name, newer]] : [];
    }),
  );
}

const nameOf = (entry: string): string => entry.split(/[=<>~@]/, 1)[0]!;
/** Its lines, and where somebody wrote several into one, its words. */
const entriesOf = (world: string): string[] => world.split(/\s+/).filter((entry) => entry !== '');

/** `name=version` is what keeps a package where it is, `name@tag=version` as well; `name=~version` only keeps it near. */
export const isPinned = (entry: string | null): boolean =>
  entry !== null && /^[^=<>~@]+(?:@[^=<>~]+)?=(?!~)/.test(entry);

/** The name with the tag of the repository that it is to come from, as apk writes it: before the version. */
export const nameWithTag = (name: string, entry: string | null): string =>
  name + (/^[^=<>~@]+(@[^=<>~]+)/.exec(entry ?? '')?.[1] ?? '');

/** What stands in apk's world about a package; null: nothing. */
export const worldEntry = (world: string, name: string): string | null =>
  entriesOf(world).find((entry) => nameOf(entry) === name) ?? null;

/** The world with this instead of what it says about the package, in the order that apk itself keeps. Empty: without. */
export function worldWith(world: string, name: string, entry: string): string {
  const others = entriesOf(world).filter((one) => nameOf(one) !== name);
  const all = entry === '' ? others : [...others, entry];
  return all
    .sort()
    .map((one) => `${one}\n`)
    .join('');
}
