import type { ScanEstimate } from '../../model/estate.ts';
import type { Interval } from './address.ts';
import { countSubnets } from './subnets.ts';
import { countAddresses, subtractIntervals } from './targets.ts';
import { scanOrder } from './windows.ts';

/** A SYN with its options in an Ethernet frame. */
const FRAME = { 4: 74, 6: 94 } as const;
/** Silence is asked again, once where that does not help. */
const TRIES = 2;
/** s at the end of a window until the last silent one is given up. */
const WINDOW_END = 1.2;
/** The same for those that were asked over UDP. */
const UDP_END = 2;
/** And for those that are asked by ICMP, a second each time. */
const PING_END = 2;
/** The shortest frame there is. */
const ECHO_FRAME = 60;
const LOOPBACK: Interval = { family: 4, first: 127n << 24n, last: (128n << 24n) - 1n };

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
  /** who has no open port is asked by ICMP */
  pings?: boolean;
}): ScanEstimate {
  const { intervals, excluded, ports, udp = [], rate, subnetRate, pings = false } = walk;
  const addresses = Number(countAddresses(intervals));
  const each = ports.length + udp.length;
  const pairs = addresses * each;
  const pace = fullPace(intervals, rate, subnetRate);
  const { windows } = scanOrder(intervals, ports, 0, rate);
  const v6 = Number(countAddresses(intervals.filter(({ family }) => family === 6))) * each;
  const echoes = pings ? echoesTo(intervals) : 0;
  const ending = WINDOW_END + (udp.length > 0 ? UDP_END : 0) + (echoes > 0 ? PING_END : 0);
  const bytes = (pairs - v6) * FRAME[4] + v6 * FRAME[6];
  return {
    addresses,
    excluded: Number(excluded),
    ports: ports.length,
    udp: udp.length,
    pairs,
    echoes,
    rate: pace,
    packets: { least: pairs + echoes, most: (pairs + echoes) * TRIES },
    bytes: { least: bytes + echoes * ECHO_FRAME, most: (bytes + echoes * ECHO_FRAME) * TRIES },
    seconds: {
      least: Math.ceil((pairs + echoes) / pace),
      most: Math.ceil(((pairs + echoes) * TRIES) / pace + windows * ending),
    },
  };
}

/** Over IPv4 alone, and nobody on our own loopback. */
function echoesTo(intervals: readonly Interval[]): number {
  const v4 = intervals.filter(({ family }) => family === 4);
  return Number(countAddresses(subtractIntervals(v4, [LOOPBACK])));
}

/** A second: the rate of the whole, as far as the subnets' own rate lets it. */
export function fullPace(intervals: readonly Interval[], rate: number, subnetRate: number): number {
  return Math.min(rate, subnetRate * Number(countSubnets(intervals)));
}
