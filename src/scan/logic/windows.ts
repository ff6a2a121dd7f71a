import { lookupOf } from './lookup.ts';
import { countAddresses } from './targets.ts';
import type { Interval } from './address.ts';
import { permutation } from './permutation.ts';

/** About this many pairs a window: big enough to spread the load, small enough that results come soon. */
const WINDOW_PAIRS = 16_384;
const FEWEST_ADDRESSES = 16;
const MOST_ADDRESSES = 1024;
/**
 * Each window ends with waiting for those that do not answer. At a high rate that would be most of the time, so that a
 * window is about this many seconds' worth, and up to so many times as wide.
 */
const WINDOW_SECONDS = 16;
const WIDEST = 8;

/**
 * The order of a scan. Addresses are taken in random order, a window of them at a time, and within a window all pairs
 * of address and port in random order again: no host is hit in one burst, and yet each is complete after its window,
 * so that one decision sees all its identifiers. Computed, never stored: position → pair.
 */
export interface Windows {
  pairs: number;
  windows: number;
  pairsIn(window: number): number;
  pairAt(window: number, index: number): { address: string; port: number };
  addressesIn(window: number): string[];
}

/**
 * The same intervals, ports, seed and rate (a second) give the same order. `most`: no window has more addresses, where
 * several are to share the work.
 */
export function scanOrder(
  intervals: readonly Interval[],
  ports: readonly number[],
  seed: number,
  rate = 0,
  most = Infinity,
): Windows {
  const count = Number(countAddresses(intervals));
  const wider = Math.min(WIDEST, Math.max(1, (rate * WINDOW_SECONDS) / WINDOW_PAIRS));
  const fitting = Math.floor((WINDOW_PAIRS * wider) / ports.length);
  const width = Math.min(most, Math.floor(MOST_ADDRESSES * wider), Math.max(FEWEST_ADDRESSES, fitting));
  const shuffled = permutation(count, seed);
  const lookup = lookupOf(intervals);
  const inWindow = (window: number): number => Math.min(width, count - window * width);
  const addressOf = (window: number, index: number): string => lookup.at(shuffled(window * width + index));
  // Order and addresses of the window at hand; making them anew for each pair would cost more than the pair.
  let near: { window: number; order: (index: number) => number; addresses: (string | undefined)[] } | null = null;
  const at = (window: number): NonNullable<typeof near> => {
    if (near?.window === window) return near;
    const size = inWindow(window) * ports.length;
    near = { window, order: permutation(size, seed + window + 1), addresses: [] };
    return near;
  };
  return {
    pairs: count * ports.length,
    windows: Math.ceil(count / width),
    pairsIn: (window) => inWindow(window) * ports.length,
    pairAt: (window, index) => {
      const { order, addresses } = at(window);
      const place = order(index);
      const host = Math.floor(place / ports.length);
      return { address: (addresses[host] ??= addressOf(window, host)), port: ports[place % ports.length]! };
    },
    addressesIn: (window) => Array.from({ length: inWindow(window) }, (_, index) => addressOf(window, index)),
  };
}
