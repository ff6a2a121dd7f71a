/** Token bucket: never more than `rate` a second after a burst of at most a tenth of that. Times in ms, passed in. */
export interface Bucket {
  readonly rate: number;
  tokens: number;
  at: number;
}

const burst = (rate: number): number => Math.max(1, Math.floor(rate / 10));

export function newBucket(rate: number, now: number): Bucket {
  return { rate, tokens: burst(rate), at: now };
}

/** Takes one token, on credit if need be; returns how long to wait before using it. */
export function takeToken(bucket: Bucket, now: number): number {
  const earned = (Math.max(0, now - bucket.at) / 1000) * bucket.rate;
  bucket.tokens = Math.min(burst(bucket.rate), bucket.tokens + earned) - 1;
  bucket.at = Math.max(now, bucket.at);
  return bucket.tokens >= 0 ? 0 : Math.ceil((-bucket.tokens / bucket.rate) * 1000);
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

export function timeoutOf(rtt: Rtt): number {
  if (rtt.smoothed === null) return 1000;
  return Math.min(LONGEST_TIMEOUT, Math.max(SHORTEST_TIMEOUT, Math.ceil(rtt.smoothed + 4 * rtt.variation)));
}
