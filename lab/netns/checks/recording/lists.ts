/** Where facts have lists, of which a check may need few items. Pure. */
import type { Facts } from '../../../../src/model/facts.ts';

export type SomeFacts = Partial<Facts>;
/** Of a list in the facts: its section, or section and field. */
export type Place = readonly [section: string, field?: string];

/** Names with values, as many as the host has of them. */
const MAPS: ReadonlySet<string> = new Set(['settings.sshd', 'settings.sysctl']);

const isPlain = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export function placesIn(facts: SomeFacts): Place[] {
  return Object.entries(facts).flatMap(([section, data]): Place[] => {
    if (Array.isArray(data)) return [[section]];
    return Object.entries(data as Record<string, unknown>).flatMap(([field, value]): Place[] =>
      Array.isArray(value) || MAPS.has(`${section}.${field}`) ? [[section, field]] : [],
    );
  });
}

/** What is listed there; of a map, pairs. */
export function itemsAt(facts: SomeFacts, [section, field]: Place): readonly unknown[] {
  const data = (facts as Record<string, unknown>)[section];
  const list = field === undefined ? data : (data as Record<string, unknown>)[field];
  return isPlain(list) ? Object.entries(list) : (list as readonly unknown[]);
}

export function withItems(facts: SomeFacts, [section, field]: Place, items: readonly unknown[]): SomeFacts {
  if (field === undefined) return { ...facts, [section]: items };
  const data = (facts as Record<string, Record<string, unknown>>)[section]!;
  const list = isPlain(data[field]) ? Object.fromEntries(items as [string, unknown][]) : items;
  return { ...facts, [section]: { ...data, [field]: list } };
}

/**
 * The fewest of them with which it still holds, in their order: none of these could be left out. Halves, quarters and so on
 * are tried first, so that what is not needed of a long list goes at once.
 */
export function needed<T>(items: readonly T[], holds: (fewer: readonly T[]) => boolean): T[] {
  let left = [...items];
  for (let size = left.length; size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2))
    for (let at = 0; at < left.length;) {
      const fewer = [...left.slice(0, at), ...left.slice(at + size)];
      if (holds(fewer)) left = fewer;
      else at += size;
    }
  return left;
}

/** Those that were kept with the nearest ones of the others, `most` of them, all in their order. */
export function withNeighbours<T>(
  items: readonly T[],
  kept: readonly T[],
  { most, fits = () => true }: { most: number; fits?: (item: T) => boolean },
): T[] {
  const isKept = new Set(kept);
  const at = items.flatMap((item, index) => (isKept.has(item) ? [index] : []));
  const distance = (index: number): number =>
    Math.min(...(at.length > 0 ? at : [0]).map((one) => Math.abs(one - index)));
  const near = items
    .map((item, index) => ({ item, index }))
    .filter(({ item }) => !isKept.has(item) && fits(item))
    .toSorted((a, b) => distance(a.index) - distance(b.index) || a.index - b.index)
    .slice(0, most);
  const chosen = new Set([...kept, ...near.map(({ item }) => item)]);
  return items.filter((item) => chosen.has(item));
}
