import { readText, type Host } from '../host.ts';

const CONFIG = '/etc/ssh/sshd_config';
const MORE = '/etc/ssh/sshd_config.d';
const PID_FILES = ['/run/sshd.pid', '/var/run/sshd.pid'];

/**
 * Were its files changed after the daemon last read them? It writes its pid file whenever it does, at a reload too; its
 * process stays the same then. Null: it does not run, or keeps no such file.
 */
export async function sshdPending(host: Host, pidFile: string | undefined): Promise<boolean | null> {
  const read = await lastRead(host, pidFile === undefined ? PID_FILES : [pidFile]);
  if (read === null) return null;
  const names = ((await host.list(MORE)) ?? []).filter((name) => name.endsWith('.conf'));
  // The directory as well: a file that was removed has said something before.
  const stats = await Promise.all([CONFIG, MORE, ...names.map((name) => `${MORE}/${name}`)].map((at) => host.stat(at)));
  return stats.some((stat) => stat !== null && stat.mtime > read);
}

async function lastRead(host: Host, files: readonly string[]): Promise<number | null> {
  for (const path of files) {
    const pid = (await readText(host, path, 64).catch(() => null))?.trim() ?? '';
    if (!/^\d+$/.test(pid) || (await host.stat(`/proc/${pid}`)) === null) continue;
    return (await host.stat(path))?.mtime ?? null;
  }
  return null;
}
