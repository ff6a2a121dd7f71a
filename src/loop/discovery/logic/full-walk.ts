/** What a scheduled scan walks: all of its scope, or only the addresses that are known in it. */
export type Walk = 'full' | 'known';

const DAY_MS = 24 * 3600_000;
/** A walk that takes no longer is made each time: whoever is new there is worth it. */
const SHORT_SECONDS = 3600;
const FULL_EVERY_DAYS = 7;
/** Schedules are late by a minute or two, not always the same. */
const SLACK_MS = 3600_000;

/**
 * Known addresses are looked at each time, empty space seldom. `fullEvery`: days between two full walks; null: each
 * time where that takes an hour at most, else once a week. `lastFull`: when the last full walk that came to its end began.
 */
export function walkNow(scope: {
  fullEvery: number | null;
  lastFull: Date | null;
  /** how long a full walk takes at most */
  seconds: number;
  now: Date;
}): Walk {
  const { fullEvery, lastFull, seconds, now } = scope;
  if (!lastFull) return 'full';
  if (fullEvery === null && seconds <= SHORT_SECONDS) return 'full';
  const due = lastFull.getTime() + (fullEvery ?? FULL_EVERY_DAYS) * DAY_MS - SLACK_MS;
  return now.getTime() >= due ? 'full' : 'known';
}
