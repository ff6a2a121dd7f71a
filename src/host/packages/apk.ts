import type { PackageFact } from '../../model/facts.ts';
import { readText, stampOf, type Host } from '../host.ts';

const DATABASES = ['/lib/apk/db/installed', '/usr/lib/apk/db/installed'];
const LIMIT = 64 * 1024 * 1024;

async function database(host: Host): Promise<string | null> {
  for (const path of DATABASES) if ((await host.stat(path)) !== null) return path;
  return null;
}

/** Changes whenever the package database does; null where there is none. */
export async function apkStamp(host: Host): Promise<string | null> {
  const path = await database(host);
  const stat = path === null ? null : await host.stat(path);
  return stat === null ? null : stampOf(stat);
}

export async function readApk(host: Host, ecosystem: string): Promise<PackageFact[]> {
  const path = await database(host);
  return path === null ? [] : parseApk((await readText(host, path, LIMIT)) ?? '', ecosystem);
}

/** Stanzas of one-letter fields: P name, V version, A architecture, o origin (the source). */
export function parseApk(text: string, ecosystem: string): PackageFact[] {
  return text.split(/\n\n+/).flatMap((stanza) => {
    const field = (letter: string): string | undefined => new RegExp(`^${letter}:(.*)$`, 'm').exec(stanza)?.[1]?.trim();
    const [name, version] = [field('P'), field('V')];
    if (!name || !version) return [];
    // All packages of one source have its version.
    const source = field('o') || name;
    return [{ ecosystem, name, version, arch: field('A') ?? '', source, sourceVersion: version, status: 'installed' }];
  });
}

/** Name and flags of each package in the database; the flags say what of it did not come to its end. */
export async function apksOf(host: Host): Promise<{ name: string; flags: string }[]> {
  const path = await database(host);
  const text = path === null ? '' : ((await readText(host, path, LIMIT)) ?? '');
  return text.split(/\n\n+/).flatMap((stanza) => {
    const name = /^P:(.*)$/m.exec(stanza)?.[1]?.trim();
    return name ? [{ name, flags: /^f:(.*)$/m.exec(stanza)?.[1] ?? '' }] : [];
  });
}

/** Which package brought each of these files? `F:` names a directory, `R:` a file in it. */
export async function apksOfFiles(host: Host, paths: readonly string[]): Promise<Map<string, string>> {
  const wanted = new Set(paths);
  const found = new Map<string, string>();
  const at = await database(host);
  if (wanted.size === 0 || at === null) return found;
  let [name, directory] = ['', ''];
  for (const line of ((await readText(host, at, LIMIT)) ?? '').split('\n')) {
    const value = line.slice(2);
    if (line.startsWith('P:')) name = value;
    else if (line.startsWith('F:')) directory = value;
    else if (line.startsWith('R:') && wanted.has(`/${directory}/${value}`)) found.set(`/${directory}/${value}`, name);
  }
  return found;
}
