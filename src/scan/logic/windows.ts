import { addressAt, countAddresses } from './targets.ts';
import type { Interval } from './address.ts';
import { permutation } from './permutation.ts';

/** About this many pairs a window: big enough to spread the load, small enough that results come soon. */
const WINDOW_PAIRS = 16_384;
const FEWEST_ADDRESSES = 16;
const MOST_ADDRESSES = 1024;

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

export function scanOrder(intervals: readonly Interval[], ports: readonly number[], seed: number): Windows {
  const count = Number(countAddresses(intervals));
  const width = Math.min(MOST_ADDRESSES, Math.max(FEWEST_ADDRESSES, Math.floor(WINDOW_PAIRS / ports.length)));
  const shuffled = permutation(count, seed);
  const inWindow = (window: number): number => Math.min(width, count - window * width);
  const addressOf = (window: number, index: number): string => addressAt(intervals, shuffled(window * width + index));
  // The order of the window at hand; making it anew for each pair would cost more than the pair.
  const orders = new Map<string, (index: number) => number>();
  const orderOf = (window: number): ((index: number) => number) => {
    const size = inWindow(window) * ports.length;
    const key = `${window}`;
    if (!orders.has(key)) orders.clear();
    const order = orders.get(key) ?? permutation(size, seed + window + 1);
    orders.set(key, order);
    return order;
  };
  return {
    pairs: count * ports.length,
    windows: Math.ceil(count / width),
    pairsIn: (window) => inWindow(window) * ports.length,
    pairAt: (window, index) => {
      const place = orderOf(window)(index);
      return { address: addressOf(window, Math.floor(place / ports.length)), port: ports[place % ports.length]! };
    },
    addressesIn: (window) => Array.from({ length: inWindow(window) }, (_, index) => addressOf(window, index)),
  };
}
