import { setTimeout as sleep } from 'node:timers/promises';
import { envFor, readEnv } from '../env.ts';
import { localHost } from '../../host/local.ts';
import { stderrLog as log } from '../log.ts';
import { freshness, type Freshness } from '../outdated.ts';
import { RUNS } from '../runs.ts';
import { takePlace } from '../self.ts';
import { BOTH_AGAIN } from '../supervise.ts';
import { askerOf } from './asker.ts';
import { gaveWay } from './chosen.ts';
import { look } from './looking.ts';
import { readHandover, type Handover } from './handover.ts';
import type { Resumed } from './times.ts';
import { trailIsSound } from './trail.ts';
import { wait, type Waiter } from './wait.ts';

const SUPERVISOR_MS = 2000;
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
  const resumed = handed === null ? {} : { resumed: JSON.stringify(goingOn(handed)) };
  await takePlace(envFor(resumed), signal);
  return end(signal);
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
    look: () => look(handed, ask, signal),
    outdated: () => fresh.left(),
    log,
    signal,
    now: Date.now,
    sleep: (ms) => sleep(ms, undefined, { signal }).catch(() => {}),
  };
}

const goingOn = ({ times, shell, absence }: Handover): Resumed => ({ times, shell, absence });
