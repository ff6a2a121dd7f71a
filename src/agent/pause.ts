import { setTimeout as sleep } from 'node:timers/promises';
import { spread } from './idle/absence.ts';

/** Between half and all of it; ends at once where we are told to stop. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(spread(ms, Math.random()), undefined, { signal }).catch(() => {});
}
