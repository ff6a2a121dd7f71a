import { formatAddress, type Interval, parseAddress } from './address.ts';
import { permutation } from './permutation.ts';
import { addressAt, countAddresses, parseTargets, subtractIntervals } from './targets.ts';

/**
 * What an agent may do when it looks around in its own subnet, whoever asks. Server and agent both keep to it: the
 * server orders no more, and the agent does no more.
 */
export const PATROL = {
  /** of a wider subnet an agent looks at the block of this size that it is in itself */
  prefix: 22,
  addresses: 1024,
  ports: 64,
  /** new connections per second */
  rate: 50,
  /** addresses looked at together: each host is complete after its window, and no kernel's neighbour table fills up */
  window: 32,
  /** from the order to its end, ms */
  life: 60 * 60_000,
} as const;

/** The part of a directly attached subnet that an agent may look at; `block` is its name in CIDR form. */
export interface Block {
  block: string;
  interval: Interval;
}

/** From an interface's own address and prefix length. Null: nothing to look at there (IPv6, a point-to-point link, loopback). */
export function blockOf(cidr: string): Block | null {
  const [address = '', length = ''] = cidr.split('/');
  const parsed = parseAddress(address);
  const prefix = /^\d{1,2}$/.test(length) ? Number(length) : 32;
  // Of IPv6 not even the smallest subnet can be walked through.
  if (parsed?.family !== 4 || address.includes(':') || prefix > 30 || prefix < 1 || isOurOwn(parsed.value)) return null;
  const bits = BigInt(32 - Math.max(prefix, PATROL.prefix));
  const first = (parsed.value >> bits) << bits;
  const last = first + (1n << bits) - 1n;
  const block = `${formatAddress(4, first)}/${32 - Number(bits)}`;
  // Network and broadcast addresses are no hosts, where the block is all of the subnet.
  const edge = prefix >= PATROL.prefix ? 1n : 0n;
  return { block, interval: { family: 4, first: first + edge, last: last - edge } };
}

/** Loopback, link-local, multicast: every machine has them. */
function isOurOwn(value: bigint): boolean {
  const top = Number(value >> 24n);
  return top === 0 || top === 127 || top >= 224 || value >> 16n === 0xa9fen;
}

export function intersectIntervals(a: readonly Interval[], b: readonly Interval[]): Interval[] {
  return subtractIntervals(a, subtractIntervals(a, b));
}

/** `10.0.0.1-10.0.0.9`, as `parseTargets` reads it. */
export function rangesOf(intervals: readonly Interval[]): string[] {
  return intervals.map(({ family, first, last }) => `${formatAddress(family, first)}-${formatAddress(family, last)}`);
}

export const intervalsOf = (ranges: readonly string[]): Interval[] =>
  parseTargets(ranges, { confirmWide: true }).intervals;

export interface PatrolWindows {
  windows: number;
  addressesIn(window: number): string[];
}

/** The order of a patrol, computed on both sides: the server knows which addresses a window may tell about. */
export function patrolWindows(ranges: readonly string[], seed: number): PatrolWindows {
  const intervals = intervalsOf(ranges);
  const count = Number(countAddresses(intervals));
  const shuffled = count > 0 ? permutation(count, seed) : (): number => 0;
  return {
    windows: Math.ceil(count / PATROL.window),
    addressesIn: (window) => {
      const from = window * PATROL.window;
      const length = Math.max(0, Math.min(PATROL.window, count - from));
      return Array.from({ length }, (_, index) => addressAt(intervals, shuffled(from + index)));
    },
  };
}
