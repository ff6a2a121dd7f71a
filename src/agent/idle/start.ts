import { spawn, type ChildProcess } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { envFor, readEnv } from '../env.ts';
import { localHost } from '../../host/local.ts';
import { stderrLog as log } from '../log.ts';
import { freshness, type Freshness } from '../outdated.ts';
import { RUNS } from '../runs.ts';
import { canTakePlace, ownCommand, takePlace } from '../self.ts';
import { BOTH_AGAIN } from '../supervise.ts';
import { askerOf } from './asker.ts';
import { gaveWay } from './chosen.ts';
import { readHandover, type Handover } from './handover.ts';
import type { Resumed } from './times.ts';
import { trailIsSound } from './trail.ts';
import { wait, type Looked, type Waiter } from './wait.ts';

const SUPERVISOR_MS = 2000;
const LOOK_MS = 900_000;
const ORPHANED = 'whoever started us is gone';

/** Waits in the place of the agent, until there is work, or the end. Returns the exit code. */
export async function startWaiting(text: string): Promise<number> {
  const handed = readHandover(text);
  let mayWait = handed !== null;
  try {
    if (handed !== null && gaveWay(handed)) return RUNS;
  } catch (error) {
    log.warn('Cannot wait; the whole agent goes on', { why: (error as Error).message });
    mayWait = false;
  }
  const stop = new AbortController();
  for (const name of ['SIGTERM', 'SIGINT'] as const) process.on(name, () => stop.abort());
  if (handed === null || !mayWait) return work(handed, stop.signal);
  const timer = endWith(readEnv().supervisor, () => stop.abort(ORPHANED));
  const fresh = await freshness(localHost({ root: readEnv().hostRoot }), handed.shell);
  const woken = await wait(waiterOf(handed, fresh, stop.signal));
  clearInterval(timer);
  if (woken === 'stopped') return end(stop.signal);
  if (woken === 'work') return work(handed, stop.signal);
  log.info('Libraries were replaced: starting anew');
  return woken === 'again' ? work(null, stop.signal) : BOTH_AGAIN;
}

/** The whole agent takes our place and goes on where we were. */
async function work(handed: Handover | null, signal: AbortSignal): Promise<number> {
  while (!signal.aborted && !canTakePlace()) await sleep(1000, undefined, { signal }).catch(() => {});
  // What was told meanwhile is heard first: whatever takes our place would know nothing of it.
  await new Promise((resolve) => setImmediate(resolve));
  if (signal.aborted) return end(signal);
  const resumed = handed === null ? {} : { resumed: JSON.stringify(goingOn(handed)) };
  return takePlace(envFor(resumed));
}

async function end(signal: AbortSignal): Promise<number> {
  if (signal.reason === ORPHANED) return 0;
  const { leave } = await import('../main.ts');
  return leave(process.argv.slice(2));
}

function endWith(supervisor: number | null, stop: () => void): NodeJS.Timeout | undefined {
  if (supervisor === null) return undefined;
  return setInterval(() => process.ppid === supervisor || stop(), SUPERVISOR_MS).unref();
}

function waiterOf(handed: Handover, fresh: Freshness, signal: AbortSignal): Waiter {
  const { ask } = askerOf(handed);
  return {
    handed,
    ask,
    trailIsSound: () => trailIsSound(handed, ask),
    look: () => look(handed, signal),
    outdated: () => fresh.left(),
    log,
    signal,
    now: Date.now,
    sleep: (ms) => sleep(ms, undefined, { signal }).catch(() => {}),
  };
}

const goingOn = ({ times, shell, absence }: Handover): Resumed => ({ times, shell, absence });

/** In a process of its own, which ends: what it needs is given back whole. */
function look(handed: Handover, signal: AbortSignal): Promise<Looked> {
  const [command, ...own] = ownCommand();
  const env = { ...envFor({ looking: JSON.stringify(handed) }), LASTEMBER_SUPERVISOR: String(process.pid) };
  return new Promise((resolve, reject) => {
    const child = spawn(command!, [...own, ...process.argv.slice(2)], {
      env,
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    let looked: Looked | null = null;
    const over = endWhen(child, signal);
    child.on('message', (message) => (looked = message as Looked));
    child.on('error', reject);
    child.on('exit', (code, killed) => {
      over();
      if (looked !== null && code === 0) resolve(looked);
      else reject(new Error(`it ended with ${killed ?? code}`));
    });
  });
}

/** Told to stop, or at it for longer than any look is. */
function endWhen(child: ChildProcess, signal: AbortSignal): () => void {
  const stop = (): void => void child.kill('SIGTERM');
  const late = setTimeout(() => child.kill('SIGKILL'), LOOK_MS);
  signal.addEventListener('abort', stop, { once: true });
  return () => {
    clearTimeout(late);
    signal.removeEventListener('abort', stop);
  };
}
