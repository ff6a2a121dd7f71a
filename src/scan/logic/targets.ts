import { AppError } from '../../model/errors/index.ts';
import { formatAddress, parseAddress, type Interval, type ParsedAddress } from './address.ts';

export interface Targets {
  intervals: Interval[];
  /** host names, to be resolved when the scan starts */
  names: string[];
}

const BITS = { 4: 32, 6: 128 } as const;
const NAME = /^(?=.{1,253}$)([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?\.)*[a-z]([a-z0-9-]{0,61}[a-z0-9])?\.?$/i;

const invalid = (target: string, why: string): AppError => new AppError('TARGET_INVALID', { target, why });

/** Reads addresses, CIDRs, ranges and names. What is wider than a /8 must be confirmed. */
export function parseTargets(texts: readonly string[], options: { confirmWide?: boolean | undefined } = {}): Targets {
  const targets: Targets = { intervals: [], names: [] };
  for (const text of texts.map((t) => t.trim())) {
    const interval = parseOne(text);
    if (!interval) targets.names.push(text.toLowerCase().replace(/\.$/, ''));
    else if (isWide(interval) && !options.confirmWide) throw new AppError('TARGET_WIDE', { target: text });
    else targets.intervals.push(interval);
  }
  return { intervals: mergeIntervals(targets.intervals), names: [...new Set(targets.names)] };
}

function parseOne(text: string): Interval | null {
  if (text.includes('/')) return parseCidr(text);
  const single = parseAddress(text);
  if (single) return { family: single.family, first: single.value, last: single.value };
  if (/^[0-9a-f:.]+\s*-\s*[0-9a-f:.]+$/i.test(text) && /[:.]/.test(text.split('-')[0]!)) return parseRange(text);
  if (NAME.test(text)) return null;
  throw invalid(text, 'it is neither an address nor a name');
}

function parseCidr(text: string): Interval {
  const [base, prefixText, ...rest] = text.split('/');
  const address = parseAddress(base ?? '');
  if (!address || rest.length > 0) throw invalid(text, 'the part before the slash is no address');
  const bits = BITS[address.family];
  const prefix = /^\d{1,3}$/.test(prefixText ?? '') ? Number(prefixText) : Number.NaN;
  if (!(prefix <= bits)) throw invalid(text, `the prefix length must be 0 to ${bits}`);
  const size = 1n << BigInt(bits - prefix);
  const first = (address.value / size) * size;
  return { family: address.family, first, last: first + size - 1n };
}

function parseRange(text: string): Interval {
  const [left = '', right = ''] = text.split('-').map((part) => part.trim());
  const first = parseAddress(left);
  if (!first) throw invalid(text, `"${left}" is no address`);
  const last = rangeEnd(first, left, right);
  if (!last || last.family !== first.family) throw invalid(text, `"${right}" is no address to end the range with`);
  if (last.value < first.value) throw invalid(text, 'the range ends before it starts');
  return { family: first.family, first: first.value, last: last.value };
}

/** `10.0.0.1-20` means `10.0.0.1-10.0.0.20`. */
function rangeEnd(first: ParsedAddress, left: string, right: string): ParsedAddress | null {
  if (first.family === 4 && /^\d{1,3}$/.test(right)) return parseAddress(left.replace(/\d+$/, right));
  return parseAddress(right);
}

function isWide(interval: Interval): boolean {
  return interval.last - interval.first + 1n > 1n << BigInt(BITS[interval.family] - 8);
}

const order = (a: Interval, b: Interval): number =>
  a.family - b.family || (a.first < b.first ? -1 : a.first > b.first ? 1 : 0);

/** Sorted, disjoint, as few as possible. */
export function mergeIntervals(intervals: readonly Interval[]): Interval[] {
  const merged: Interval[] = [];
  for (const next of intervals.toSorted(order)) {
    const last = merged.at(-1);
    if (last && last.family === next.family && next.first <= last.last + 1n) {
      if (next.last > last.last) last.last = next.last;
    } else merged.push({ ...next });
  }
  return merged;
}

export function subtractIntervals(from: readonly Interval[], minus: readonly Interval[]): Interval[] {
  let left = mergeIntervals(from);
  for (const cut of mergeIntervals(minus)) left = left.flatMap((interval) => without(interval, cut));
  return left;
}

function without(interval: Interval, cut: Interval): Interval[] {
  if (cut.family !== interval.family || cut.last < interval.first || cut.first > interval.last) return [interval];
  const parts: Interval[] = [];
  if (cut.first > interval.first) parts.push({ ...interval, last: cut.first - 1n });
  if (cut.last < interval.last) parts.push({ ...interval, first: cut.last + 1n });
  return parts;
}

export function containsAddress(intervals: readonly Interval[], address: string): boolean {
  const parsed = parseAddress(address);
  if (!parsed) return false;
  return intervals.some((i) => i.family === parsed.family && i.first <= parsed.value && parsed.value <= i.last);
}

/** Of sorted, disjoint intervals, as `mergeIntervals` makes them. */
export function overlap(some: readonly Interval[], others: readonly Interval[]): boolean {
  let [i, j] = [0, 0];
  while (i < some.length && j < others.length) {
    const [a, b] = [some[i]!, others[j]!];
    if (endsBefore(a, b)) i++;
    else if (endsBefore(b, a)) j++;
    else return true;
  }
  return false;
}

const endsBefore = (a: Interval, b: Interval): boolean =>
  a.family < b.family || (a.family === b.family && a.last < b.first);

export function countAddresses(intervals: readonly Interval[]): bigint {
  return intervals.reduce((sum, interval) => sum + interval.last - interval.first + 1n, 0n);
}

/** The `index`-th address of the set, without making a list of it. */
export function addressAt(intervals: readonly Interval[], index: number): string {
  let left = BigInt(index);
  for (const interval of intervals) {
    const size = interval.last - interval.first + 1n;
    if (left < size) return formatAddress(interval.family, interval.first + left);
    left -= size;
  }
  throw new RangeError(`address ${index} of ${countAddresses(intervals)}`);
}
