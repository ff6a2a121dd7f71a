import { join } from 'node:path/posix';
import { readText, type Host } from '../host.ts';
import { fits } from '../settings/glob.ts';
import { split, type WordRules } from '../words.ts';
import type { DeclaredFiles } from './systemd.ts';

const HOME = '/etc/nginx';
const MAIN = `${HOME}/nginx.conf`;
const USUAL = ['conf.d/*.conf', 'sites-enabled/*'];
const LIMIT = 262_144;
/** Files that include each other would be read for ever; nobody's settings have more of them. */
const FILES_LIMIT = 300;
const STATEMENT: WordRules = { ends: (char) => /[;{}]/.test(char), quotes: `"'`, escapes: 'anything' };
const BLANK: WordRules = { ends: (char) => /\s/.test(char), quotes: `"'`, escapes: 'anything' };

export interface NginxFiles extends Pick<DeclaredFiles, 'certificate' | 'privateKey'> {
  /** all that its servers name, certificates and keys */
  named: string[];
}

interface Named {
  certificate: Set<string>;
  privateKey: Set<string>;
  /** what nginx reads too and we cannot */
  unread: Set<string>;
}

/**
 * nginx says itself which certificate it serves. With several (one server each), none stands for the unit; and with a file
 * that could not be read nobody knows whether there are several.
 */
export async function nginxFiles(host: Host): Promise<NginxFiles> {
  const named: Named = { certificate: new Set(), privateKey: new Set(), unread: new Set() };
  const seen = new Set<string>();
  await readFrom(host, MAIN, named, seen);
  // One that was started with other settings of its own still has its servers where the distribution puts them.
  if ((await host.stat(MAIN).catch(() => null)) === null)
    for (const pattern of USUAL)
      for (const path of await filesOf(host, pattern)) await readFrom(host, path, named, seen);
  const only = (paths: Set<string>): string | null =>
    paths.size === 1 && named.unread.size === 0 ? [...paths][0]! : null;
  return {
    certificate: only(named.certificate),
    privateKey: only(named.privateKey),
    named: [...named.certificate, ...named.privateKey].sort(),
  };
}

/** Each file once, however often it is included. */
async function readFrom(host: Host, path: string, named: Named, seen: Set<string>): Promise<void> {
  if (seen.has(path)) return;
  seen.add(path);
  const text = seen.size > FILES_LIMIT ? null : await textOf(host, path);
  if (text === null) {
    if (path !== MAIN) named.unread.add(path);
    return;
  }
  for (const [directive, value] of statements(text)) {
    if (directive === 'ssl_certificate') add(named.certificate, value);
    else if (directive === 'ssl_certificate_key') add(named.privateKey, value);
    else if (directive === 'include')
      for (const one of await filesOf(host, value)) await readFrom(host, one, named, seen);
  }
}

/** Not a regular file, too large, not ours to read: the others are read all the same. */
async function textOf(host: Host, path: string): Promise<string | null> {
  try {
    if ((await host.stat(path))?.kind !== 'file') return null;
    return await readText(host, path, LIMIT);
  } catch {
    return null;
  }
}

/** A value with a variable is decided by each connection, `data:` and `engine:` are no files. */
function add(paths: Set<string>, value: string): void {
  if (!/\$|^(?:data|engine|store):/.test(value)) paths.add(absolute(value));
}

const absolute = (path: string): string => join(path.startsWith('/') ? '/' : HOME, path);

/** Directives with their first value; those without one and comments are left out. */
export function statements(text: string): [string, string][] {
  const lines = text.split('\n').map(withoutComment);
  return split(lines.join('\n'), STATEMENT).flatMap((statement): [string, string][] => {
    const [name, value] = split(statement.trim().slice(0, 4096), BLANK);
    return name === undefined || value === undefined ? [] : [[name, value.replace(/^(["'])(.*)\1$/, '$2')]];
  });
}

/** `#` in the middle of a word is one of its characters. */
function withoutComment(line: string): string {
  const at = /(?:^|[\s;{}])#/.exec(line)?.index;
  return at === undefined ? line : line.slice(0, line.indexOf('#', at));
}

/** Files of a pattern in order of name; only the last part may hold `*` or `?`. */
async function filesOf(host: Host, pattern: string): Promise<string[]> {
  const path = absolute(pattern);
  const cut = path.lastIndexOf('/');
  const [directory, wanted] = [path.slice(0, cut) || '/', path.slice(cut + 1)];
  if (!/[*?]/.test(wanted)) return [path];
  const names = (await host.list(directory).catch(() => null)) ?? [];
  return names.filter((name) => !name.startsWith('.') && fits(name, wanted)).map((name) => `${directory}/${name}`);
}
