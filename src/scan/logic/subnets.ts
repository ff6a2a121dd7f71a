import { type Interval, parseAddress } from './address.ts';
import { type Bucket, isFull, newBucket, takeTokens } from './pace.ts';
import { countAddresses, mergeIntervals } from './targets.ts';

/** A second, to one /24 (IPv6: /64), unless somebody says otherwise: what small routers and firewalls bear. */
export const DEFAULT_SUBNET_RATE = 500;

/**
 * A rate for each /24 (IPv6: /64) besides that of the whole. A bucket that is full again is as good as a new one, so it
 * is forgotten: however large the space, only what was touched within the last tenth of a second takes memory.
 */
export interface Subnets {
  readonly rate: number;
  readonly buckets: Map<string, Bucket>;
  /** with so many, the full ones are looked for */
  cleanAt: number;
}

const FEWEST_CLEANED = 1024;

export const newSubnets = (rate: number): Subnets => ({ rate, buckets: new Map(), cleanAt: FEWEST_CLEANED });

/** Takes a token at each address's subnet, on credit if need be; returns how many ms to wait before using them. */
export function takeAt(subnets: Subnets, addresses: readonly string[], now: number): number {
  const counts = new Map<string, number>();
  for (const address of addresses) {
    const key = subnetOf(address);
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  let wait = 0;
  for (const [key, count] of counts) wait = Math.max(wait, takeTokens(bucketOf(subnets, key, now), count, now));
  return wait;
}

function bucketOf(subnets: Subnets, key: string, now: number): Bucket {
  const known = subnets.buckets.get(key);
  if (known) return known;
  if (subnets.buckets.size >= subnets.cleanAt) forgetFull(subnets, now);
  const fresh = newBucket(subnets.rate, now);
  subnets.buckets.set(key, fresh);
  return fresh;
}

function forgetFull(subnets: Subnets, now: number): void {
  for (const [key, bucket] of subnets.buckets) if (isFull(bucket, now)) subnets.buckets.delete(key);
  subnets.cleanAt = Math.max(FEWEST_CLEANED, subnets.buckets.size * 2);
}

/** What tells subnets apart: the /24 of an IPv4 address, the /64 of an IPv6 one. */
export function subnetOf(address: string): string {
  if (!address.includes(':')) return address.slice(0, address.lastIndexOf('.'));
  const parsed = parseAddress(address);
  if (!parsed) return address;
  return parsed.family === 4 ? `${parsed.value >> 8n}/24` : `${(parsed.value >> 64n).toString(16)}/64`;
}

/** How many /24s and /64s a set touches, without making a list of them. */
export function countSubnets(intervals: readonly Interval[]): bigint {
  const subnets = intervals.map(({ family, first, last }) => {
    const bits = family === 4 ? 8n : 64n;
    return { family, first: first >> bits, last: last >> bits };
  });
  return countAddresses(mergeIntervals(subnets));
}
