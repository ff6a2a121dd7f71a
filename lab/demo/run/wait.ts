import { setTimeout as sleep } from 'node:timers/promises';

/** Looks again and again until there is an answer; says what it waited for when there is none in time. */
export async function until<T>(
  what: string,
  seconds: number,
  look: () => Promise<T | null | undefined | false>,
  everyMs = 150,
): Promise<T> {
  const deadline = Date.now() + seconds * 1000;
  for (;;) {
    const found = await look();
    if (found) return found;
    if (Date.now() > deadline) throw new Error(`Waited ${seconds} s in vain for ${what}.`);
    await sleep(everyMs);
  }
}

/** The same, but running out of time is an answer: null. */
export async function untilOrNull<T>(
  seconds: number,
  look: () => Promise<T | null | undefined | false>,
  everyMs = 150,
): Promise<T | null> {
  const deadline = Date.now() + seconds * 1000;
  for (;;) {
    const found = await look();
    if (found) return found;
    if (Date.now() > deadline) return null;
    await sleep(everyMs);
  }
}
