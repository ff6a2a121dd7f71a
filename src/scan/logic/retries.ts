import { LONGEST_TIMEOUT, type Rtt, timeoutOf } from './pace.ts';

/** However lossy a network seems, silence is silence after so many tries. */
const MOST_TRIES = 4;
/** With another try to come, the first one need not wait for the slowest answer that there may be. */
const SHORTEST_FIRST = 100;
const LONGER_EACH_TIME = 3;
const LONGER_WHERE_NOTHING_IS_LOST = 2;

/**
 * How often silence is asked again. Once at least: a lost packet looks like a closed door. And once more than ever
 * helped: where the second try was answered, packets get lost, and a third one may be needed elsewhere.
 */
export interface Retries {
  /** the most tries that an answer took so far */
  helped: number;
}

export const newRetries = (): Retries => ({ helped: 1 });

/** An answer came to try `tries` (the first is 1). */
export function observeTry(retries: Retries, tries: number): void {
  retries.helped = Math.max(retries.helped, tries);
}

export function isTriedAgain(retries: Retries, tries: number): boolean {
  return tries < Math.min(MOST_TRIES, retries.helped + 1);
}

/** Nothing is known yet. Nearly every network answers within that, and the second try waits for the others. */
const FIRST_OF_ALL = 300;

/**
 * ms to wait at try `tries`. Longer each time, as TCP does it: the answer may have been slow and not lost. Three times as
 * long as before, so that a pace that is too fast shows in time. Twice while no answer ever took a second try and
 * `hearsEarlier`: what answers the first try counts for the second, so that a slow one has the time of both.
 */
export function timeoutAt(rtt: Rtt, tries: number, { helped }: Retries, hearsEarlier: boolean): number {
  const first = rtt.smoothed === null ? FIRST_OF_ALL : timeoutOf(rtt, SHORTEST_FIRST);
  const isTwice = hearsEarlier && helped === 1 && rtt.smoothed !== null;
  const longer = isTwice ? LONGER_WHERE_NOTHING_IS_LOST : LONGER_EACH_TIME;
  return Math.min(LONGEST_TIMEOUT, first * longer ** (tries - 1));
}
