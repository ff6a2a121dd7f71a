import type { ScanEstimate } from '../../model/estate.ts';
import type { Interval } from './address.ts';
import { countSubnets } from './subnets.ts';
import { countAddresses } from './targets.ts';
import { scanOrder } from './windows.ts';

/** A SYN with its options in an Ethernet frame. */
const FRAME = { 4: 74, 6: 94 } as const;
/** Silence is asked again, once where that does not help. */
const TRIES = 2;
/** s at the end of a window until the last silent one is given up. */
const WINDOW_END = 1.2;
/** The same for those that were asked over UDP. */
const UDP_END = 2;

/**
 * What a walk costs, before it begins: from where every port refuses at once to where nobody answers. In constant
 * memory, whatever the size. Reading what is open comes on top: a few connections each.
 */
export function estimateScan(walk: {
  intervals: readonly Interval[];
  excluded: bigint;
  ports: readonly number[];
  /** UDP ports */
  udp?: readonly number[];
  rate: number;
  subnetRate: number;
}): ScanEstimate {
  const { intervals, excluded, ports, udp = [], rate, subnetRate } = walk;
  const addresses = Number(countAddresses(intervals));
  const each = ports.length + udp.length;
  const pairs = addresses * each;
  const pace = fullPace(intervals, rate, subnetRate);
  const { windows } = scanOrder(intervals, ports, 0, rate);
  const v6 = Number(countAddresses(intervals.filter(({ family }) => family === 6))) * each;
  const bytes = (pairs - v6) * FRAME[4] + v6 * FRAME[6];
  return {
    addresses,
    excluded: Number(excluded),
    ports: ports.length,
    udp: udp.length,
    pairs,
    rate: pace,
    packets: { least: pairs, most: pairs * TRIES },
    bytes: { least: bytes, most: bytes * TRIES },
    seconds: {
      least: Math.ceil(pairs / pace),
      most: Math.ceil((pairs * TRIES) / pace + windows * (WINDOW_END + (udp.length > 0 ? UDP_END : 0))),
    },
  };
}

/** A second: the rate of the whole, as far as the subnets' own rate lets it. */
export function fullPace(intervals: readonly Interval[], rate: number, subnetRate: number): number {
  return Math.min(rate, subnetRate * Number(countSubnets(intervals)));
}
