import type { PackageOrigin } from '../../model/facts.ts';

/** What apt was told about its lists: the line that names one → the fields of its Release file (`o`, `a`, `n`, `l` …). */
export type Archives = ReadonlyMap<string, Record<string, string>>;

/** `apt-cache policy` without a name: each list, and below it its release. */
export function parseArchives(text: string): Archives {
  const lists = text.matchAll(/^ *-?\d+ (\S+ \S+ .*)\n +release (.*)$/gm);
  return new Map(
    [...lists].map(([, list, release]) => [
      list!.trim(),
      Object.fromEntries(
        release!.split(',').map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]),
      ),
    ]),
  );
}

const OWN = /^(?:Debian|Ubuntu|Raspbian|UbuntuESM\w*)$/;
/** In several at once: what says most about why it is there. */
const RANK: readonly PackageOrigin[] = ['security', 'updates', 'main', 'backports', 'foreign'];

/** By suite, codename, label and origin. */
const KINDS: [RegExp, PackageOrigin][] = [
  [/-security\b|\bUbuntuESM|\bDebian-Security\b/, 'security'],
  [/-backports\b/, 'backports'],
  [/-(?:proposed-)?updates\b/, 'updates'],
];

function kindOf(release: Record<string, string> | undefined): PackageOrigin {
  const { o: origin = '', a: suite = '', n: codename = '', l: label = '' } = release ?? {};
  if (origin === 'Debian Backports') return 'backports';
  if (!OWN.test(origin)) return 'foreign';
  return KINDS.find(([pattern]) => pattern.test(`${suite} ${codename} ${label} ${origin}`))?.[1] ?? 'main';
}

/** The archives that lists are of, each as `origin suite component`, without the distribution's words for the same. */
export function namesOf(archives: Archives): string[] {
  const names = [...archives.values()].map(({ o = '', n, a, c = '' }) => `${o} ${n ?? a ?? ''} ${c}`.trim());
  return [...new Set(names)].filter((name) => name !== 'now').sort();
}

/** Is one of them where the distribution publishes security updates? */
export const hasSecurity = (archives: Archives): boolean =>
  [...archives.values()].some((release) => kindOf(release) === 'security');

/** The packages that are installed, each with what apt prints of it. */
function* blocksOf(text: string): Generator<{ name: string; installed: string; block: string }> {
  for (const block of text.split(/^(?=\S+:$)/m)) {
    const name = /^(\S+):\n/.exec(block)?.[1];
    const installed = /^ +Installed: (\S+)$/m.exec(block)?.[1];
    if (name !== undefined && installed !== undefined && installed !== '(none)') yield { name, installed, block };
  }
}

/**
 * What the archive has that is newer than what is installed, by where it is from: a security update stays one when a
 * still newer version of another suite stands above it. apt lists versions newest first. none: nothing newer is offered.
 */
export function parseNewer(text: string, archives: Archives): Map<string, PackageOrigin | 'none'> {
  const found = new Map<string, PackageOrigin | 'none'>();
  for (const { name, installed, block } of blocksOf(text)) {
    const versions = [...listsOfVersions(block)];
    const at = versions.findIndex(([version]) => version === installed);
    const newer = versions
      .slice(0, Math.max(0, at))
      .flatMap(([, lists]) => lists.map((list) => kindOf(archives.get(list))));
    found.set(name, RANK.find((kind) => newer.includes(kind)) ?? 'none');
  }
  return found;
}

/**
 * Where the installed version of each package is from, by `apt-cache policy NAME…`. A version that the archive has replaced
 * is in no list any more: where the distribution has others of that name, nobody can tell which of its archives it was.
 */
export function parseOrigins(text: string, archives: Archives): Map<string, PackageOrigin | null> {
  const found = new Map<string, PackageOrigin | null>();
  for (const { name, installed, block } of blocksOf(text)) {
    const versions = listsOfVersions(block);
    const here = (versions.get(installed) ?? []).map((list) => kindOf(archives.get(list)));
    const elsewhere = [...versions.values()].flat().map((list) => kindOf(archives.get(list)));
    found.set(name, RANK.find((kind) => here.includes(kind)) ?? fallback(elsewhere));
  }
  return found;
}

function fallback(elsewhere: readonly PackageOrigin[]): PackageOrigin | null {
  if (elsewhere.length === 0) return 'local';
  return elsewhere.every((kind) => kind === 'foreign') ? 'foreign' : null;
}

/** ` *** VERSION PRIORITY`, and below it, further in, the lists that have it; dpkg's own status is none. */
function listsOfVersions(block: string): Map<string, string[]> {
  const versions = new Map<string, string[]>();
  let lists: string[] = [];
  for (const line of block.split('\n')) {
    const version = /^ (?:\*\*\*|   ) (\S+) -?\d+$/.exec(line)?.[1];
    if (version !== undefined) {
      lists = [];
      versions.set(version, lists);
    }
    const list = /^ {7,}-?\d+ (\S+ \S+ .*)$/.exec(line)?.[1];
    if (list !== undefined) lists.push(list.trim());
  }
  return versions;
}
