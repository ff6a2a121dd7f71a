import { type Interval, ipv4Value, parseAddress } from './address.ts';
import { type Bucket, isFull, newBucket, takeTokens } from './pace.ts';
import { countAddresses, mergeIntervals } from './targets.ts';

/** A second, to one /24 (IPv6: /64), unless somebody says otherwise: what small routers and firewalls bear. */
export const DEFAULT_SUBNET_RATE = 500;

/**
 * A rate for each /24 (IPv6: /64) besides that of the whole. A bucket that is full again is as good as a new one, so it
 * is forgotten: however large the space, only what was touched within the last tenth of a second takes memory.
 */
export interface Subnets {
  /** what its own user may do */
  readonly rate: number;
  readonly shared: SharedSubnets;
}

/** One for all who connect from one process: at one subnet the most careful of them says how fast all may go. */
export interface SharedSubnets {
  readonly buckets: Map<Key, SubnetBucket>;
  /** with so many, the full ones are looked for */
  cleanAt: number;
}

type Key = string | number;

interface SubnetBucket extends Bucket {
  /** when somebody last asked at this rate or a lower one (ms) */
  askedAt: number;
}

const FEWEST_CLEANED = 1024;
/** Whoever has not asked at a subnet for so long is not concerned any more. */
const CONCERNED_MS = 10_000;

export const newSharedSubnets = (): SharedSubnets => ({ buckets: new Map(), cleanAt: FEWEST_CLEANED });
export const newSubnets = (rate: number, shared = newSharedSubnets()): Subnets => ({ rate, shared });

/** Takes a token at each address's subnet, on credit if need be; returns how many ms to wait before using them. */
export function takeAt(subnets: Subnets, addresses: readonly string[], now: number): number {
  const counts = new Map<Key, number>();
  for (const address of addresses) {
    const key = keyOf(address);
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  let wait = 0;
  for (const [key, count] of counts) wait = Math.max(wait, takeTokens(bucketOf(subnets, key, now), count, now));
  return wait;
}

/** Tells the same apart as `subnetOf`; an IPv4 subnet by its number, since text would be cut off anew for each packet. */
const keyOf = (address: string): Key => (address.includes(':') ? subnetOf(address) : ipv4Value(address) >>> 8);

function bucketOf({ rate, shared }: Subnets, key: Key, now: number): Bucket {
  const known = shared.buckets.get(key);
  if (known) return agreed(known, rate, now);
  if (shared.buckets.size >= shared.cleanAt) forgetFull(shared, rate, now);
  const fresh = { ...newBucket(rate, now), askedAt: now };
  shared.buckets.set(key, fresh);
  return fresh;
}

/** The lowest rate of those concerned. What was earned until now was earned at the rate of before. */
function agreed(bucket: SubnetBucket, rate: number, now: number): Bucket {
  if (rate > bucket.rate && !isOver(bucket, now)) return bucket;
  bucket.askedAt = now;
  if (rate !== bucket.rate) takeTokens(bucket, 0, now);
  bucket.rate = rate;
  return bucket;
}

const isOver = ({ askedAt }: SubnetBucket, now: number): boolean => now - askedAt > CONCERNED_MS;

/** A bucket that remembers a lower rate than ours is kept as long as that counts. */
function forgetFull(shared: SharedSubnets, rate: number, now: number): void {
  for (const [key, bucket] of shared.buckets)
    if (isFull(bucket, now) && (bucket.rate >= rate || isOver(bucket, now))) shared.buckets.delete(key);
  shared.cleanAt = Math.max(FEWEST_CLEANED, shared.buckets.size * 2);
}

/** What tells subnets apart: the /24 of an IPv4 address, the /64 of an IPv6 one. */
export function subnetOf(address: string): string {
  if (!address.includes(':')) return address.slice(0, address.lastIndexOf('.'));
  const parsed = parseAddress(address);
  if (!parsed) return address;
  return parsed.family === 4 ? `${parsed.value >> 8n}/24` : `${(parsed.value >> 64n).toString(16)}/64`;
}

/** The addresses of a /24 (by `subnetOf`) that are wanted, in random order; of an IPv6 one none. */
export function someOf(subnet: string, isWanted: (address: string) => boolean): string[] {
  if (subnet.includes('/')) return [];
  const all = Array.from({ length: 256 }, (_, last) => `${subnet}.${last}`).filter(isWanted);
  const place = new Map(all.map((address) => [address, Math.random()]));
  return all.toSorted((a, b) => place.get(a)! - place.get(b)!);
}

/** How many /24s and /64s a set touches, without making a list of them. */
export function countSubnets(intervals: readonly Interval[]): bigint {
  const subnets = intervals.map(({ family, first, last }) => {
    const bits = family === 4 ? 8n : 64n;
    return { family, first: first >> bits, last: last >> bits };
  });
  return countAddresses(mergeIntervals(subnets));
}
