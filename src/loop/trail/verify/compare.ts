/** Compares the entries that a file holds with the leaf hashes that a signed checkpoint vouches for. */
export interface FoundEntry {
  /** index as the file states it */
  index: number;
  /** id and type for messages */
  label: string;
  hash: string;
}

/** What was done to the file, as one group shows it; what stands in another group is told apart by `inWords`. */
export type Damage =
  | { kind: 'altered'; index: number; leaf: string; found: FoundEntry }
  | { kind: 'removed'; index: number; leaf: string }
  | { kind: 'inserted'; found: FoundEntry };

/**
 * What was done to the group that begins at `base`. The order of the file is matched to the order of the
 * leaves by the longest run that fits both; what stands between two fits was altered, removed or inserted.
 */
export function compareGroup(
  base: number,
  leaves: readonly string[],
  found: readonly FoundEntry[],
): (string | Damage)[] {
  const where = new Map(leaves.map((hash, position) => [hash, position]));
  const places = found.map((entry) => where.get(entry.hash) ?? null);
  const kept = longestRising(places);
  const moved = new Set<number>();
  const problems: (string | Damage)[] = [];
  for (const [i, place] of places.entries()) {
    if (place === null || kept.has(i)) continue;
    const twin = places.some((other, j) => other === place && j !== i && (kept.has(j) || j < i));
    if (!twin) moved.add(place);
    const what = twin ? 'is there twice' : REORDERED;
    problems.push(`entry ${base + place} (${found[i]!.label}) ${what}`);
  }
  const gaps = compareGaps(base, leaves, found, places, kept, moved);
  problems.push(...gaps);
  return problems.length > 0 ? problems : misnumbered(base, found);
}

function compareGaps(
  base: number,
  leaves: readonly string[],
  found: readonly FoundEntry[],
  places: readonly (number | null)[],
  kept: ReadonlySet<number>,
  moved: ReadonlySet<number>,
): Damage[] {
  const problems: Damage[] = [];
  let nextLeaf = 0;
  let strangers: FoundEntry[] = [];
  const close = (until: number): void => {
    for (let leaf = nextLeaf; leaf < until; leaf++) {
      if (moved.has(leaf)) continue;
      const stranger = strangers.shift();
      const missing = { index: base + leaf, leaf: leaves[leaf]! };
      problems.push(stranger ? { kind: 'altered', ...missing, found: stranger } : { kind: 'removed', ...missing });
    }
    problems.push(...strangers.map((entry): Damage => ({ kind: 'inserted', found: entry })));
    strangers = [];
    nextLeaf = until + 1;
  };
  for (const [i, entry] of found.entries()) {
    if (kept.has(i)) close(places[i]!);
    else if (places[i] === null) strangers.push(entry);
  }
  close(leaves.length);
  return problems;
}

const REORDERED = 'was reordered: it stands in another place';
type Missing = Exclude<Damage, { kind: 'inserted' }>;

/** An entry that is missing in one group and stands in another was moved there, neither altered nor removed. */
export function inWords(damages: readonly (string | Damage)[]): string[] {
  const all = damages.filter((one) => typeof one !== 'string');
  const missing = new Map(all.flatMap((one) => (one.kind === 'inserted' ? [] : [[one.leaf, one] as const])));
  const elsewhere = new Set(all.flatMap((one) => (one.kind === 'removed' ? [] : [one.found.hash])));
  return damages.flatMap((one) => (typeof one === 'string' ? [one] : wordsOf(one, missing, elsewhere)));
}

function wordsOf(damage: Damage, missing: ReadonlyMap<string, Missing>, elsewhere: ReadonlySet<string>): string[] {
  const isThere = damage.kind !== 'inserted' && elsewhere.has(damage.leaf);
  if (damage.kind === 'removed') return isThere ? [] : [`entry ${damage.index} was removed`];
  const { found } = damage;
  const home = missing.get(found.hash);
  if (!home) {
    return damage.kind === 'altered' && !isThere
      ? [`entry ${damage.index} (${found.label}) was altered: its bytes do not match its leaf hash`]
      : [`entry (${found.label}) numbered ${found.index} was inserted: it was never on the trail`];
  }
  const moved = `entry ${home.index} (${found.label}) ${REORDERED}`;
  if (damage.kind === 'inserted') return [moved];
  if (home.kind === 'altered' && home.found.hash === damage.leaf) {
    const both = `entries ${damage.index} (${home.found.label}) and ${home.index} (${found.label}) were reordered`;
    return damage.index < home.index ? [`${both}: each stands in the place of the other`] : [];
  }
  return isThere ? [moved] : [moved, `entry ${damage.index} was removed`];
}

function misnumbered(base: number, found: readonly FoundEntry[]): string[] {
  return found.flatMap((entry, i) =>
    entry.index === base + i ? [] : [`entry ${base + i} (${entry.label}) is numbered ${entry.index}`],
  );
}

/** Positions in `values` of a longest strictly rising subsequence; nulls belong to none. Patience sorting, O(n log n). */
function longestRising(values: readonly (number | null)[]): Set<number> {
  const tails: number[] = [];
  const previous: (number | null)[] = values.map(() => null);
  for (const [i, value] of values.entries()) {
    if (value === null) continue;
    let low = 0;
    let high = tails.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (values[tails[middle]!]! < value) low = middle + 1;
      else high = middle;
    }
    previous[i] = low > 0 ? tails[low - 1]! : null;
    tails[low] = i;
  }
  const kept = new Set<number>();
  for (let i = tails.at(-1) ?? null; i !== null; i = previous[i] ?? null) kept.add(i);
  return kept;
}
