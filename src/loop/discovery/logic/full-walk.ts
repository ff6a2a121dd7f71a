/** What a scan was made for; `at`: when. */
export interface Walked {
  at: Date;
  targets: readonly string[];
  /** the addresses of names among the targets */
  resolved: readonly string[];
  exclude: readonly string[];
  ports: string;
  /** UDP ports */
  udp: string;
}

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
 * time where that takes an hour at most, else once a week. `lastFull`: the last full
 * walk that came to its end. Where the scope has grown since then, it is as if there had been none.
 */
export function walkNow(scope: {
  fullEvery: number | null;
  lastFull: Walked | null;
  wanted: Omit<Walked, 'at'>;
  /** how long a full walk takes at most */
  seconds: number;
  now: Date;
}): Walk {
  const { fullEvery, lastFull, wanted, seconds, now } = scope;
  if (!lastFull || hasGrown(lastFull, wanted)) return 'full';
  if (fullEvery === null && seconds <= SHORT_SECONDS) return 'full';
  const due = lastFull.at.getTime() + (fullEvery ?? FULL_EVERY_DAYS) * DAY_MS - SLACK_MS;
  return now.getTime() >= due ? 'full' : 'known';
}

/** Is anything to be looked at now that was not then? */
function hasGrown(then: Walked, now: Omit<Walked, 'at'>): boolean {
  const isIn = (list: readonly string[], all: readonly string[]): boolean => {
    const there = new Set(all);
    return list.every((one) => there.has(one));
  };
  return (
    then.ports !== now.ports ||
    then.udp !== now.udp ||
    !isIn(now.targets, then.targets) ||
    !isIn(now.resolved, then.resolved) ||
    !isIn(then.exclude, now.exclude)
  );
}
