import type { Host } from '../host.ts';
import { nothingRead, sshdPending } from './sshd-pending.ts';
import { parseEffective, readSshd } from './sshd.ts';

/** Settings as the files on the disk mean them, and who told. */
export interface SshdSettings {
  by: 'sshd' | 'files' | null;
  /** true: the daemon that runs read the files before they were last changed */
  pending: boolean | null;
  settings: Record<string, string>;
}

/**
 * What sshd itself makes of its files, defaults of its version included: what the next start or reload would put in force,
 * which is what is in force unless they were changed since. It refuses to tell without keys or its directory,
 * and before 8.4 with Match blocks: then we read the files as it would.
 */
export async function sshdInForce(host: Host, ask = askSshd, before = nothingRead()): Promise<SshdSettings> {
  const told = await ask(host);
  const pending = (settings: Record<string, string>): Promise<boolean | null> =>
    sshdPending(host, settings['pidfile'], before);
  if (told !== null) return { by: 'sshd', settings: told, pending: await pending(told) };
  const read = await readSshd(host);
  if (read === null) return { by: null, settings: {}, pending: null };
  return { by: 'files', settings: read, pending: await pending(read) };
}

/** What sshd says that it makes of its files; null: it does not tell. */
export async function askSshd(host: Host): Promise<Record<string, string> | null> {
  const told = await host.exec(['sshd', '-T'], { timeoutMs: 15_000 }).catch(() => null);
  const settings = told?.code === 0 ? parseEffective(told.stdout) : {};
  return settings['port'] === undefined ? null : settings;
}
