import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFile, rename, stat } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { AppError } from '../../../model/errors/index.ts';
import { saysDiskFull } from './paths.ts';
import {
  clearPredecessor,
  hasEnded,
  lastWords,
  launch,
  type LaunchOptions,
  readPostmaster,
  signalLeftBehind,
} from './process.ts';

export interface Supervisor {
  /** pid of the postmaster, for `doctor` and tests */
  pid(): Promise<number | null>;
  stop(): Promise<void>;
}

interface State {
  child: ChildProcess | null;
  stopping: boolean;
  restarting: Promise<void> | null;
}

const START_TIMEOUT_MS = 120_000;
const LOG_LIMIT = 16 * 1024 * 1024;

/** Starts the server and keeps it running until `stop`. */
export async function supervise(options: LaunchOptions, log: Logger): Promise<Supervisor> {
  await rotateLog(options.paths.log);
  await clearPredecessor(options.paths);
  const state: State = { child: null, stopping: false, restarting: null };
  await startPatiently(options, state);
  watch(options, state, log);
  return {
    pid: async () => (await readPostmaster(options.paths.data))?.pid ?? null,
    stop: () => stop(state, log),
  };
}

/**
 * After a kill -9 the old shared memory lingers until the last backend is gone, normally for less than a second. One that
 * is busy is told to end after two, and ended after five, as PostgreSQL itself does when it stops at once.
 */
async function startPatiently(options: LaunchOptions, state: State): Promise<void> {
  const began = Date.now();
  for (;;) {
    try {
      state.child = await start(options);
      return;
    } catch (error) {
      const { message } = error as Error;
      const waited = Date.now() - began;
      const isShared = message.includes('pre-existing shared memory');
      if ((!isShared && !/lock file ".*" already exists/.test(message)) || waited > 10_000) throw error;
      if (isShared && waited > 2000) await signalLeftBehind(options.paths.data, waited > 5000 ? 'SIGKILL' : 'SIGQUIT');
      await sleep(200);
    }
  }
}

async function start(options: LaunchOptions): Promise<ChildProcess> {
  const from = await stat(options.paths.log).then(
    (info) => info.size,
    () => 0,
  );
  return whenReady(await launch(options), options, from);
}

/** `from`: where the words of this start begin in its log. Rejects with them when it ends instead. */
export async function whenReady(child: ChildProcess, options: LaunchOptions, from: number): Promise<ChildProcess> {
  const deadline = Date.now() + START_TIMEOUT_MS;
  while (!hasEnded(child)) {
    const postmaster = await readPostmaster(options.paths.data);
    // A pid file of before a crash says "ready" as well: the process must be younger than the file's owner, so ours.
    if (postmaster?.ready && (await isChildOf(postmaster.pid, child.pid))) return quiet(child);
    if (Date.now() > deadline) {
      child.stdin?.end();
      break;
    }
    await sleep(20);
  }
  const why = hasEnded(child)
    ? await lastWords(options.paths.log, from)
    : `it was not ready after ${START_TIMEOUT_MS / 1000} s`;
  if (saysDiskFull(why)) throw new AppError('DATABASE_DISK_FULL', { why });
  throw new AppError('DATABASE_START', { why, log: options.paths.log });
}

async function isChildOf(pid: number, shell: number | undefined): Promise<boolean> {
  try {
    const text = await readFile(`/proc/${pid}/stat`, 'utf8');
    return Number(text.slice(text.lastIndexOf(')') + 2).split(' ')[1]) === shell;
  } catch {
    // No /proc (macOS): the predecessor was cleared before, so a ready one is ours.
    return process.platform !== 'linux';
  }
}

/** The server must not keep a process alive that has nothing else to do; its pipe tells it when that process ends. */
function quiet(child: ChildProcess): ChildProcess {
  child.unref();
  (child.stdin as unknown as { unref?: () => void } | null)?.unref?.();
  return child;
}

function watch(options: LaunchOptions, state: State, log: Logger): void {
  const child = state.child!;
  const ended = (): void => {
    if (state.stopping) return;
    const { exitCode: code, signalCode: signal } = child;
    log.warn({ code, signal, log: options.paths.log }, 'PostgreSQL ended by itself and is started again');
    state.restarting = restart(options, state, log);
  };
  if (hasEnded(child)) ended();
  else child.once('exit', ended);
}

async function restart(options: LaunchOptions, state: State, log: Logger): Promise<void> {
  for (let delay = 50; !state.stopping; delay = Math.min(delay * 2, 10_000)) {
    try {
      await startPatiently(options, state);
      if (state.stopping) return;
      log.info('PostgreSQL runs again');
      watch(options, state, log);
      return;
    } catch (error) {
      log.error({ err: error, retryInMs: delay }, 'PostgreSQL does not start');
      await sleep(delay, undefined, { ref: false });
    }
  }
}

/** Closing the pipe makes the watchdog send SIGINT (fast shutdown); SIGQUIT after half a minute; never SIGKILL. */
async function stop(state: State, log: Logger): Promise<void> {
  state.stopping = true;
  await state.restarting;
  const child = state.child;
  if (!child || hasEnded(child)) return;
  child.ref();
  const ended = once(child, 'exit');
  child.stdin?.end();
  const late = setTimeout(() => {
    log.warn('PostgreSQL takes long to stop and is told to stop at once');
    if (child.pid) process.kill(-child.pid, 'SIGQUIT');
  }, 30_000);
  await ended;
  clearTimeout(late);
}

async function rotateLog(path: string): Promise<void> {
  const size = await stat(path).then(
    (info) => info.size,
    () => 0,
  );
  if (size > LOG_LIMIT) await rename(path, `${path}.1`);
}
