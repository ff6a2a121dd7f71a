import { sha256 } from '../canonical.ts';
import { readText, type Host } from '../host.ts';

const CONFIG = '/etc/ssh/sshd_config';
const MORE = '/etc/ssh/sshd_config.d';
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
 * process stays the same then. Null: it does not run, or keeps no such file.
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
  const names = ((await host.list(MORE)) ?? []).filter((name) => name.endsWith('.conf'));
  const files = [CONFIG, ...names.map((name) => `${MORE}/${name}`)];
  // Before their times are looked at: what changes in between is then seen as changed.
  const texts = await Promise.all(files.map((path) => host.read(path).catch(() => undefined)));
  const hash = sha256(files.map((path, index) => `${path} ${sha256(texts[index] ?? '')}\n`).join(''));
  // The directory as well: a file that was removed has said something before.
  const stats = await Promise.all([MORE, ...files].map((path) => host.stat(path)));
  const isChanged = stats.some((stat) => stat !== null && (stat.ctime ?? stat.mtime) > read);
  if (texts.includes(undefined)) return isChanged;
  if (!isChanged) Object.assign(before, { at: read, hash });
  return isChanged && (before.at !== read || before.hash !== hash);
}

async function lastRead(host: Host, files: readonly string[]): Promise<number | null> {
  for (const path of files) {
    const pid = (await readText(host, path, 64).catch(() => null))?.trim() ?? '';
    if (!/^\d+$/.test(pid) || (await host.stat(`/proc/${pid}`)) === null) continue;
    return (await host.stat(path))?.mtime ?? null;
  }
  return null;
}
