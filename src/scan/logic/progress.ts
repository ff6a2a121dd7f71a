/** How fast a scan gets on, weighted so that the last minute counts most. Times in ms, passed in. */
export interface Speed {
  done: number;
  at: number;
  /** weighted sums of pairs and of seconds */
  pairs: number;
  seconds: number;
}

const MEMORY_SECONDS = 60;
/** Before that, one window's end or beginning would be taken for the whole. */
const FEWEST_SECONDS = 2;

export const newSpeed = (done: number, at: number): Speed => ({ done, at, pairs: 0, seconds: 0 });

export function noteDone(speed: Speed, done: number, at: number): void {
  const seconds = Math.max(0, at - speed.at) / 1000;
  const kept = Math.exp(-seconds / MEMORY_SECONDS);
  speed.pairs = speed.pairs * kept + Math.max(0, done - speed.done);
  speed.seconds = speed.seconds * kept + seconds;
  speed.done = done;
  speed.at = at;
}

/** Pairs a second; null when it is too early to tell. */
export function perSecond({ pairs, seconds }: Speed): number | null {
  return seconds >= FEWEST_SECONDS && pairs > 0 ? pairs / seconds : null;
}
