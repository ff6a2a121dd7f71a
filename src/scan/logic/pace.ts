/** Token bucket: never more than `rate` a second after a burst of at most a tenth of that. Times in ms, passed in. */
export interface Bucket {
  /** whoever sets a tempo may change it */
  rate: number;
  tokens: number;
  at: number;
}

const burst = (rate: number): number => Math.max(1, Math.floor(rate / 10));

export function newBucket(rate: number, now: number): Bucket {
  return { rate, tokens: burst(rate), at: now };
}

/** Takes tokens for `count` things that go out together, on credit if need be; returns how long to wait before (ms). */
export function takeTokens(bucket: Bucket, count: number, now: number): number {
  earn(bucket, now);
  bucket.tokens -= count;
  return bucket.tokens >= 0 ? 0 : Math.ceil((-bucket.tokens / bucket.rate) * 1000);
}

/** Takes as many of `wanted` as there are now, never on credit. */
export function takeThere(bucket: Bucket, wanted: number, now: number): number {
  earn(bucket, now);
  const taken = Math.max(0, Math.min(wanted, Math.floor(bucket.tokens)));
  bucket.tokens -= taken;
  return taken;
}

/** As good as a new one: nobody took anything for a while. */
export function isFull(bucket: Bucket, now: number): boolean {
  earn(bucket, now);
  return bucket.tokens >= burst(bucket.rate);
}

function earn(bucket: Bucket, now: number): void {
  const earned = (Math.max(0, now - bucket.at) / 1000) * bucket.rate;
  bucket.tokens = Math.min(burst(bucket.rate), bucket.tokens + earned);
  bucket.at = Math.max(now, bucket.at);
}

/** What goes out together is a hundredth of a second's worth, so that a rate is a rate and not a row of bursts. */
export function togetherAt(rate: number, most: number): number {
  return Math.max(1, Math.min(most, Math.floor(rate / 100)));
}

/** Round-trip estimate as TCP keeps it (RFC 6298): how long an answer may take before we call it silence. */
export interface Rtt {
  smoothed: number | null;
  variation: number;
}

export const SHORTEST_TIMEOUT = 250;
export const LONGEST_TIMEOUT = 3000;

export const newRtt = (): Rtt => ({ smoothed: null, variation: 0 });

export function observeRtt(rtt: Rtt, sample: number): void {
  if (rtt.smoothed === null) {
    rtt.smoothed = sample;
    rtt.variation = sample / 2;
    return;
  }
  rtt.variation = 0.75 * rtt.variation + 0.25 * Math.abs(rtt.smoothed - sample);
  rtt.smoothed = 0.875 * rtt.smoothed + 0.125 * sample;
}

export function timeoutOf(rtt: Rtt, shortest = SHORTEST_TIMEOUT): number {
  if (rtt.smoothed === null) return 1000;
  return Math.min(LONGEST_TIMEOUT, Math.max(shortest, Math.ceil(rtt.smoothed + 4 * rtt.variation)));
}
