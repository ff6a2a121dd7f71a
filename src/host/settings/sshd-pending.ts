import { sha256 } from '../canonical.ts';
import { readText, type Host } from '../host.ts';
import { isFollowed } from './sshd-stamp.ts';
import { includedFiles, SSHD_CONFIG, sshdWords } from './sshd.ts';

const MORE = '/etc/ssh/sshd_config.d';
const [DEPTH, FILES_LIMIT] = [16, 200];
const PID_FILES = ['/run/sshd.pid', '/var/run/sshd.pid'];

/** What its files held when a look found that the daemon had read them as they were; kept from look to look. */
export interface ReadBefore {
  /** when it read them */
  at: number | null;
  hash: string;
}

export const nothingRead = (): ReadBefore => ({ at: null, hash: '' });

/**
 * Were its files changed after the daemon last read them? It writes its pid file whenever it does, at a reload too; its
 * process stays the same then. Null: it does not run, or keeps no such file, or reads more than is looked at.
 *
 * When a file changed is what the kernel says, not the time of its contents: whoever restores one brings that along. A file
 * of which only the mode changed, or that was changed back, is in force; so a look that saw what was read remembers it.
 */
export async function sshdPending(
  host: Host,
  pidFile: string | undefined,
  before: ReadBefore = nothingRead(),
): Promise<boolean | null> {
  const read = await lastRead(host, pidFile === undefined ? PID_FILES : [pidFile]);
  if (read === null) return null;
  // Before their times are looked at: what changes in between is then seen as changed.
  const { texts, directories, isAll } = await filesOf(host);
  const files = [...texts.keys()];
  const hash = sha256(files.map((path) => `${path} ${sha256(texts.get(path) ?? '')}\n`).join(''));
  // The directories as well: a file that was removed has said something before.
  const stats = await Promise.all([...directories, ...files].map((path) => host.stat(path)));
  const isChanged = stats.some((stat) => stat !== null && (stat.ctime ?? stat.mtime) > read);
  if (!isAll) return isChanged || null;
  if ([...texts.values()].includes(undefined)) return isChanged;
  if (!isChanged) Object.assign(before, { at: read, hash });
  return isChanged && (before.at !== read || before.hash !== hash);
}

interface Files {
  /** undefined: it cannot be read */
  texts: Map<string, Uint8Array | null | undefined>;
  directories: Set<string>;
  /** no pattern is one that only glob(3) follows, and there are not too many */
  isAll: boolean;
}

/** What sshd reads, wherever that stands: a level of includes after the other, those in Match blocks as well. */
async function filesOf(host: Host): Promise<Files> {
  const found: Files = { texts: new Map(), directories: new Set([MORE]), isAll: true };
  const own = ((await host.list(MORE)) ?? []).filter((name) => name.endsWith('.conf'));
  let paths = [SSHD_CONFIG, ...own.map((name) => `${MORE}/${name}`)];
  for (let depth = 0; depth <= DEPTH && paths.length > 0; depth += 1) {
    const texts = await Promise.all(paths.map((path) => host.read(path).catch(() => undefined)));
    paths.forEach((path, index) => found.texts.set(path, texts[index]));
    const lines = texts.flatMap((text) => (text ? Buffer.from(text).toString().split('\n') : []));
    const patterns = [...new Set(sshdWords(lines, /^include$/))];
    const groups = await Promise.all(patterns.slice(0, FILES_LIMIT).map((pattern) => includedFiles(host, pattern)));
    // One that is named and there says what it says; of all others their directory tells that they came or went.
    groups.forEach(({ directory, paths: named }, index) => {
      if (/[*?]/.test(patterns[index]!) || named.length === 0) found.directories.add(directory);
    });
    paths = [...new Set(groups.flatMap((group) => group.paths))].filter((path) => !found.texts.has(path));
    const isTooMuch = patterns.length > FILES_LIMIT || found.texts.size + paths.length > FILES_LIMIT;
    if (isTooMuch || !patterns.every(isFollowed)) found.isAll = false;
    if (isTooMuch) break;
  }
  return found;
}

async function lastRead(host: Host, files: readonly string[]): Promise<number | null> {
  for (const path of files) {
    const pid = (await readText(host, path, 64).catch(() => null))?.trim() ?? '';
    if (!/^\d+$/.test(pid) || (await host.stat(`/proc/${pid}`)) === null) continue;
    return (await host.stat(path))?.mtime ?? null;
  }
  return null;
}
