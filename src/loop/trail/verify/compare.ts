/** Compares the entries that a file holds with the leaf hashes that a signed checkpoint vouches for. */
export interface FoundEntry {
  /** index as the file states it */
  index: number;
  /** id and type for messages */
  label: string;
  hash: string;
}

/**
 * What was done to the group that begins at `base`, in words. The order of the file is matched to the order of the
 * leaves by the longest run that fits both; what stands between two fits was altered, removed or inserted.
 */
export function compareGroup(base: number, leaves: readonly string[], found: readonly FoundEntry[]): string[] {
  const where = new Map(leaves.map((hash, position) => [hash, position]));
  const places = found.map((entry) => where.get(entry.hash) ?? null);
  const kept = longestRising(places);
  const moved = new Set<number>();
  const problems: string[] = [];
  for (const [i, place] of places.entries()) {
    if (place === null || kept.has(i)) continue;
    const twin = places.some((other, j) => other === place && j !== i && (kept.has(j) || j < i));
    if (!twin) moved.add(place);
    const what = twin ? 'is there twice' : 'was moved: it stands out of order';
    problems.push(`entry ${base + place} (${found[i]!.label}) ${what}`);
  }
  const gaps = compareGaps(base, leaves.length, found, places, kept, moved);
  problems.push(...gaps);
  return problems.length > 0 ? problems : misnumbered(base, found);
}

function compareGaps(
  base: number,
  size: number,
  found: readonly FoundEntry[],
  places: readonly (number | null)[],
  kept: ReadonlySet<number>,
  moved: ReadonlySet<number>,
): string[] {
  const problems: string[] = [];
  let nextLeaf = 0;
  let strangers: FoundEntry[] = [];
  const close = (until: number): void => {
    for (let leaf = nextLeaf; leaf < until; leaf++) {
      if (moved.has(leaf)) continue;
      const stranger = strangers.shift();
      if (stranger)
        problems.push(`entry ${base + leaf} (${stranger.label}) was altered: its bytes do not match its leaf hash`);
      else problems.push(`entry ${base + leaf} was removed`);
    }
    for (const entry of strangers) {
      problems.push(`entry (${entry.label}) numbered ${entry.index} was inserted: it was never on the trail`);
    }
    strangers = [];
    nextLeaf = until + 1;
  };
  for (const [i, entry] of found.entries()) {
    if (kept.has(i)) close(places[i]!);
    else if (places[i] === null) strangers.push(entry);
  }
  close(size);
  return problems;
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
