import { sha256 } from '../canonical.ts';
import { PATH_DIRS, readText, stampOf, type Host } from '../host.ts';
import { includedFrom, SSHD_CONFIG, sshdWords } from './sshd.ts';

const DEPTH = 16;
const FILES_LIMIT = 200;
const KEYS_LIMIT = 50;
const FILE_LIMIT = 262_144;

/** Looked at in every case; those of `PATH_DIRS` are where it may lie itself. */
export const SSHD_PLACES = ['/etc/passwd', '/run/sshd', ...PATH_DIRS.map((directory) => `${directory}/sshd`)];

/**
 * Changes whenever sshd may make something else of its files: with them and all that they include, wherever that stands, its
 * keys (it tells nothing without any), its own directory and account, the program, and the boot. Null: more than is looked at.
 */
export async function sshdStamp(host: Host): Promise<string | null> {
  const { texts, keys, includes } = await filesOf(host);
  if (Math.max(texts.length, includes.length) > FILES_LIMIT || keys.length > KEYS_LIMIT) return null;
  if (!includes.every(({ pattern }) => isFollowed(pattern))) return null;
  const own = ((await host.list('/etc/ssh')) ?? []).filter((name) => name.startsWith('ssh_host_'));
  const paths = [...SSHD_PLACES, ...own.map((name) => `/etc/ssh/${name}`), ...keys];
  const stats = await Promise.all(paths.map((path) => host.stat(path)));
  const boot = await readText(host, '/proc/sys/kernel/random/boot_id', 4096);
  const seen = paths.map((path, index) => {
    const stat = stats[index];
    return stat ? `${path} ${stampOf(stat)} ${stat.mode} ${stat.uid}` : path;
  });
  const by = includes.map(({ pattern, files }) => `${files} ${pattern}`);
  return sha256([boot, ...texts.map(sha256), ...by, ...seen].join('\n'));
}

/** Of what glob(3) would find, `includedFrom` sees what has its signs in the last part only, and no names with a dot before. */
export const isFollowed = (pattern: string): boolean => /^(?:[^*?[\]{}~"'\\]*\/)?(?!\.)[^/[\]{}~"'\\]+$/.test(pattern);

interface Found {
  texts: string[];
  keys: string[];
  /** how many texts each brought: by another one, a text means something else */
  includes: { pattern: string; files: number }[];
}

/** A level of includes after the other, those in Match blocks as well. */
async function filesOf(host: Host): Promise<Found> {
  const included = includedFrom(host);
  const found: Found = { texts: [], keys: [], includes: [] };
  let texts = [(await readText(host, SSHD_CONFIG, FILE_LIMIT)) ?? ''];
  for (let depth = 0; depth <= DEPTH && texts.length > 0 && found.texts.length <= FILES_LIMIT; depth += 1) {
    found.texts.push(...texts);
    const lines = [...new Set(texts)].flatMap((text) => text.split('\n'));
    const named = (keyword: RegExp): string[] => sshdWords(lines, keyword);
    found.keys.push(...named(/^host(?:key|certificate)$/));
    const patterns = [...new Set(named(/^include$/))].slice(0, FILES_LIMIT + 1);
    const groups = await Promise.all(patterns.map(included));
    found.includes.push(...patterns.map((pattern, index) => ({ pattern, files: groups[index]!.length })));
    texts = groups.flat();
  }
  return found;
}
