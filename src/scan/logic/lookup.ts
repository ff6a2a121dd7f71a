import { formatAddress, type Interval, parseAddress } from './address.ts';

/** A set of addresses that is asked often: by place and by address, in a few steps however many intervals it has. */
export interface Lookup {
  /** The `index`-th address of the set. */
  at(index: number): string;
  has(address: string): boolean;
}

/** Of sorted, disjoint intervals, as `mergeIntervals` makes them. */
export function lookupOf(intervals: readonly Interval[]): Lookup {
  const before: bigint[] = [];
  let sum = 0n;
  for (const { first, last } of intervals) {
    before.push(sum);
    sum += last - first + 1n;
  }
  return {
    at: (index) => {
      const place = BigInt(index);
      const which = lastWhere(before.length, (i) => before[i]! <= place);
      if (which < 0 || place >= sum) throw new RangeError(`address ${index} of ${sum}`);
      const { family, first } = intervals[which]!;
      return formatAddress(family, first + place - before[which]!);
    },
    has: (address) => {
      const parsed = parseAddress(address);
      if (!parsed) return false;
      const { family, value } = parsed;
      const isBefore = (one: Interval): boolean => one.family < family || (one.family === family && one.first <= value);
      const found = intervals[lastWhere(intervals.length, (i) => isBefore(intervals[i]!))];
      return found !== undefined && found.family === family && value <= found.last;
    },
  };
}

/** The last index below `length` where `holds`, which holds up to some index and not beyond; -1: nowhere. */
function lastWhere(length: number, holds: (index: number) => boolean): number {
  let [low, high] = [-1, length - 1];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (holds(middle)) low = middle;
    else high = middle - 1;
  }
  return low;
}
