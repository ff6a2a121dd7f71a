import { setTimeout as sleep } from 'node:timers/promises';
import type { Platform } from '../../platform/context.ts';
import { sequence } from './sequence.ts';

/** Announcements come in bursts; one batch takes them all. */
const GATHER_MS = 150;
/** Entries whose writer announced nothing are found by looking. */
const LOOK_MS = 1000;

/** Sequences soon after anything was committed. Returns the function that stops it and waits for what is running. */
export function follow(platform: Platform): () => Promise<void> {
  const stopped = new AbortController();
  let wake = (): void => undefined;
  let said = '';
  const unsubscribe = platform.events.subscribe('*', (event) => {
    if (event.topic !== 'trail') wake();
  });
  const run = async (): Promise<void> => {
    try {
      await sequence(platform);
      said = '';
    } catch (error) {
      // Tried again at every look, said once.
      const text = (error as Error).message;
      if (text !== said && !stopped.signal.aborted)
        platform.log.error({ err: error }, 'the trail could not be continued');
      said = text;
    }
  };
  const loop = async (): Promise<void> => {
    while (!stopped.signal.aborted) {
      await run();
      const woken = new Promise<void>((resolve) => {
        wake = resolve;
      });
      await Promise.race([woken, sleep(LOOK_MS, undefined, { signal: stopped.signal, ref: false })]).catch(
        () => undefined,
      );
      await sleep(GATHER_MS, undefined, { signal: stopped.signal, ref: false }).catch(() => undefined);
    }
  };
  const done = loop();
  return async () => {
    unsubscribe();
    stopped.abort();
    wake();
    await done;
  };
}
