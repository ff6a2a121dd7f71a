import type { PackageFact } from '../../model/facts.ts';
import { readText, stampOf, type Host } from '../host.ts';

export const DPKG_STATUS = '/var/lib/dpkg/status';
export const DPKG_INFO = '/var/lib/dpkg/info';
/** Where dpkg notes what it does, package by package, until it writes all of the status anew at its end. */
const DPKG_JOURNAL = '/var/lib/dpkg/updates';
const STATUS_LIMIT = 64 * 1024 * 1024;
const QUERY_LENGTH = 48 * 1024;
const QUERY_OUTPUT = 16 * 1024 * 1024;
/** Files of such a package are on the disk, wholly or in part. `config-files` and `not-installed` are not. */
const PRESENT = new Set([
  'installed',
  'unpacked',
  'half-installed',
  'half-configured',
  'triggers-awaited',
  'triggers-pending',
]);

type Fields = Record<string, string>;

/** deb822 stanzas; continuation lines are kept out, no field we use has one. */
function stanzas(text: string): Fields[] {
  return text.split(/\n\s*\n/).flatMap((block) => {
    const fields: Fields = {};
    for (const line of block.split('\n')) {
      const match = /^([A-Za-z][\w-]*):[ \t]*(.*)$/.exec(line);
      if (match) fields[match[1]!.toLowerCase()] = match[2]!.trim();
    }
    return fields['package'] ? [fields] : [];
  });
}

/** `Source: name (version)`: absent, it is the binary's; without a version, the binary's version. */
function sourceOf(fields: Fields): { source: string; sourceVersion: string } {
  const match = /^(\S+)(?:\s+\((.+)\))?$/.exec(fields['source'] ?? '');
  return {
    source: match?.[1] ?? fields['package']!,
    sourceVersion: match?.[2] ?? fields['version'] ?? '',
  };
}

/** `notes`: of dpkg's journal, in their order; the last one about a package counts. */
export function parseDpkgStatus(text: string, ecosystem: string, notes: readonly string[] = []): PackageFact[] {
  const written = stanzas(text);
  const noted = new Map(notes.flatMap(stanzas).map((fields) => [keyOf(fields), fields]));
  const known = new Set(noted.size === 0 ? [] : written.map(keyOf));
  const all = noted.size === 0 ? written : written.map((fields) => noted.get(keyOf(fields)) ?? fields);
  const fresh = [...noted].flatMap(([key, fields]) => (known.has(key) ? [] : [fields]));
  return [...all, ...fresh].flatMap((fields) => {
    const status = (fields['status'] ?? '').split(/\s+/)[2] ?? '';
    if (!PRESENT.has(status) || !fields['version']) return [];
    return [
      {
        ecosystem,
        name: fields['package']!,
        version: fields['version'],
        arch: fields['architecture'] ?? '',
        ...sourceOf(fields),
        status,
        ...(/^hold\s/.test(fields['status'] ?? '') ? { held: true as const } : {}),
      },
    ];
  });
}

const keyOf = (fields: Fields): string => `${fields['package']}:${fields['architecture'] ?? ''}`;

/** As dpkg itself reads it: a run that was cut off, or is under way, has its last word in the journal. */
export async function readDpkgStatus(host: Host, ecosystem: string): Promise<PackageFact[]> {
  const notes: string[] = [];
  for (const file of await journal(host)) notes.push((await readText(host, file, STATUS_LIMIT)) ?? '');
  const text = await readText(host, DPKG_STATUS, STATUS_LIMIT);
  return text === null ? [] : parseDpkgStatus(text, ecosystem, notes);
}

async function journal(host: Host): Promise<string[]> {
  const names = ((await host.list(DPKG_JOURNAL)) ?? []).filter((name) => /^\d+$/.test(name));
  return names.sort((a, b) => Number(a) - Number(b)).map((name) => `${DPKG_JOURNAL}/${name}`);
}

/** A run of dpkg did not come to its end, or is at work. As long as this is so, apt installs nothing. */
export const isCutOff = async (host: Host): Promise<boolean> => (await journal(host)).length > 0;

/** Changes whenever the package database does. */
export async function dpkgStamp(host: Host): Promise<string> {
  const found = await host.stat(DPKG_STATUS);
  const noted = (await journal(host)).at(-1);
  return found ? `${stampOf(found)}${noted ? `:${noted}` : ''}` : 'none';
}

/** dpkg may know a file by its name before /usr was merged. */
function names(path: string): string[] {
  return /^\/usr\/(bin|sbin|lib\w*)\//.test(path) ? [path, path.slice('/usr'.length)] : [path];
}

/**
 * Which package brought each of these files? Files that no package brought are left out. Over a network dpkg is asked: it
 * has hundreds of lists, and each would be several questions.
 */
export async function packagesOfFiles(host: Host, paths: readonly string[]): Promise<Map<string, string>> {
  const wanted = new Map(paths.flatMap((path) => names(path).map((name) => [name, path] as const)));
  if (wanted.size === 0) return new Map();
  return (host.far ? await byQuery(host, wanted) : null) ?? byLists(host, wanted);
}

/** By name as dpkg may know it → path that was asked for. */
type Wanted = ReadonlyMap<string, string>;

/** Null: it cannot be asked. */
async function byQuery(host: Host, wanted: Wanted): Promise<Map<string, string> | null> {
  const found = new Map<string, string>();
  for (const some of chunks([...wanted.keys()].filter((name) => !/[*?[\]\\\n]/.test(name)))) {
    // It ends with 1 when one of them is nobody's; what it says of the others is true.
    const told = await host.exec(['dpkg-query', '-S', ...some], { maxOutput: QUERY_OUTPUT });
    if (told.code > 1) return null;
    for (const [name, owner] of parseQuery(told.stdout)) {
      const path = wanted.get(name);
      if (path !== undefined) found.set(path, owner);
    }
  }
  return found;
}

/** One command line is one argument of the shell on the other side, and as such at most 128 KiB long. */
function chunks(all: readonly string[]): string[][] {
  const found: string[][] = [];
  let room = 0;
  for (const name of all) {
    room -= Buffer.byteLength(name) + 10;
    if (room < 0) {
      found.push([]);
      room = QUERY_LENGTH;
    }
    found.at(-1)!.push(name);
  }
  return found;
}

/** `name:arch, other: /path`; lines about diversions name no package. */
export function parseQuery(text: string): [string, string][] {
  return text.split('\n').flatMap((line): [string, string][] => {
    const at = line.indexOf(': /');
    const owner = line
      .slice(0, Math.max(0, at))
      .split(', ')[0]!
      .replace(/:[^:]+$/, '');
    return at === -1 || !/^[a-z0-9][a-z0-9+.-]*$/.test(owner) ? [] : [[line.slice(at + 2), owner]];
  });
}

async function byLists(host: Host, wanted: Wanted): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for (const file of (await host.list(DPKG_INFO)) ?? []) {
    if (!file.endsWith('.list')) continue;
    const text = (await readText(host, `${DPKG_INFO}/${file}`)) ?? '';
    const name = file.slice(0, -'.list'.length).replace(/:[^:]+$/, '');
    for (const line of text.split('\n')) {
      const path = wanted.get(line);
      if (path !== undefined) found.set(path, name);
    }
  }
  return found;
}
