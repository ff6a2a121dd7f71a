import { type ChildProcess, spawn } from 'node:child_process';
import { open, readdir, readFile, readlink, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ENDED, startOf } from './lock.ts';
import type { RunAs, StatePaths } from './paths.ts';

/**
 * The shell between us and the server. Its standard input is a pipe from us: when we die, however suddenly, the pipe
 * ends and the server is told to stop. It exits with the server's own exit code.
 */
const WATCHDOG =
  'exec 3<&0; "$0" "$@" </dev/null 3<&- & P=$!; (read _ <&3; kill -INT $P) & W=$!; exec 3<&-; wait $P; R=$?; kill $W 2>/dev/null; exit $R';

export interface LaunchOptions {
  postgres: string;
  paths: StatePaths;
  socket: string;
  who: RunAs | null;
  settings: Record<string, string>;
}

/** Starts the server; a session of its own, so that Ctrl-C in the terminal reaches us and not it. */
export async function launch(options: LaunchOptions): Promise<ChildProcess> {
  const settings = Object.entries({ ...options.settings, unix_socket_directories: options.socket });
  const args = ['-D', options.paths.data, ...settings.flatMap(([name, value]) => ['-c', `${name}=${value}`])];
  const log = await open(options.paths.log, 'a', 0o600);
  try {
    const env = { LC_ALL: 'C', TZ: 'UTC', PATH: '/usr/sbin:/usr/bin:/sbin:/bin' };
    const child = spawn('/bin/sh', ['-c', WATCHDOG, options.postgres, ...args], {
      cwd: '/',
      env,
      detached: true,
      stdio: ['pipe', log.fd, log.fd],
      ...(options.who ? { uid: options.who.uid, gid: options.who.gid } : {}),
    });
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve);
      child.once('error', reject);
    });
    // The pipe may break when the shell dies first; the exit event tells of that.
    child.stdin?.on('error', () => undefined);
    return child;
  } finally {
    await log.close();
  }
}

/** Asked of the child itself: who listens for its end may come after it, on a machine that has much to do. */
export const hasEnded = ({ exitCode, signalCode }: ChildProcess): boolean => exitCode !== null || signalCode !== null;

export interface Postmaster {
  pid: number;
  ready: boolean;
}

export async function readPostmaster(data: string): Promise<Postmaster | null> {
  const text = await readFile(join(data, 'postmaster.pid'), 'utf8').catch(() => null);
  if (text === null) return null;
  const lines = text.split('\n');
  const pid = Number(lines[0]);
  // Negative: a standalone backend. The last line says how far it is, never localised.
  return Number.isInteger(pid) && pid !== 0 ? { pid: Math.abs(pid), ready: lines[7]?.trim() === 'ready' } : null;
}

/** Is this process a PostgreSQL that runs on this data directory? Its working directory says so. */
async function servesDirectory(pid: number, data: string): Promise<boolean> {
  try {
    const [cwd, there, here] = await Promise.all([readlink(`/proc/${pid}/cwd`), stat(`/proc/${pid}/cwd`), stat(data)]);
    return cwd === data || (there.ino === here.ino && there.dev === here.dev);
  } catch {
    return false;
  }
}

/**
 * Before a start: an earlier server on this directory is waited for, then asked to stop. (Its owner is gone, we hold the
 * lock; normally its watchdog has stopped it already.) A pid file whose number now belongs to some other program would
 * stop our server from starting: its first line gets the number of a process that cannot exist; deleting the file would
 * lose the check for left-over shared memory.
 */
export async function clearPredecessor(paths: StatePaths, patienceMs = 30_000): Promise<void> {
  const deadline = Date.now() + patienceMs;
  const askAt = Date.now() + 2000;
  for (let asked = false; ; await sleep(50)) {
    const found = await readPostmaster(paths.data);
    if (!found || !isRunning(found.pid)) return;
    if (!(await servesDirectory(found.pid, paths.data))) return disown(paths.data);
    if (!asked && Date.now() > askAt) {
      asked = true;
      process.kill(found.pid, 'SIGINT');
    }
    if (Date.now() > deadline) return;
  }
}

/**
 * Of a server that died, what still works on this directory: PostgreSQL's own processes end by themselves, but one that
 * computes or writes notices late, and no other server may start meanwhile.
 */
export async function signalLeftBehind(data: string, signal: 'SIGQUIT' | 'SIGKILL'): Promise<void> {
  const pids = (await readdir('/proc').catch(() => [])).map(Number).filter((pid) => pid > 0 && pid !== process.pid);
  for (const pid of pids) {
    if (!(await servesDirectory(pid, data))) continue;
    try {
      process.kill(pid, signal);
    } catch {
      // It has just ended, or is nobody's that we may signal.
    }
  }
}

/** A process that ended but was not yet collected by its parent (state Z) does not run. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
  }
  return startOf(pid) !== ENDED;
}

/** Of a server that ends just now neither its directory nor, a moment later, its pid file is seen: nothing to disown. */
export async function disown(data: string): Promise<void> {
  const path = join(data, 'postmaster.pid');
  const text = await readFile(path, 'utf8').catch(nothingThere);
  if (text === null) return;
  const [, ...rest] = text.split('\n');
  // Above any kernel's pid_max (2^22), and so at least as long as what it takes the place of. Only into a file that is
  // there: one of ours alone would say half of it.
  await writeFile(path, ['2147483646', ...rest].join('\n'), { flag: 'r+' }).catch(nothingThere);
}

function nothingThere(error: NodeJS.ErrnoException): null {
  if (error.code !== 'ENOENT') throw error;
  return null;
}

/** The end of the server's log: what it said when it would not start. */
export async function lastWords(path: string, from: number): Promise<string> {
  const text = await readFile(path, 'utf8').catch(() => '');
  const lines = text
    .slice(from)
    .split('\n')
    .filter((line) => /FATAL|PANIC|ERROR|error:|No space left/.test(line));
  return (
    lines.at(-1)?.replace(/^.*?(FATAL|PANIC|ERROR|error):\s*/, '') ?? text.trim().split('\n').at(-1) ?? 'no output'
  );
}
