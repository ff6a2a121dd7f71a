import type { Sighting } from '../../../model/estate.ts';
import { atPlace } from './place.ts';
import { isMeasured, strong } from './reconcile.ts';

/** What was seen at the same time: nothing of it contradicts another look at the same address. */
export interface Part {
  sightings: readonly Sighting[];
  /**
   * All that is told of how things stand meanwhile; what comes later in it counts. A place that this part did not look
   * at is as the next look finds it, or else as the last one left it.
   */
  beside: readonly Sighting[];
}

/**
 * A batch in order, cut wherever an address shows something else than it did just now: one address has one holder at a
 * time, so the later look is decided upon after the earlier one is written down, as it would be in a batch of its own.
 */
export function partsOf(sightings: readonly Sighting[]): Part[] {
  const cuts = [0, ...cutsOf(sightings), sightings.length];
  return cuts.slice(0, -1).map((from, index) => {
    const to = cuts[index + 1]!;
    const own = sightings.slice(from, to);
    return { sightings: own, beside: [...sightings.slice(0, from), ...sightings.slice(to).toReversed(), ...own] };
  });
}

function cutsOf(sightings: readonly Sighting[]): number[] {
  const cuts: number[] = [];
  const last = new Map<string, Sighting>();
  for (const [index, sighting] of sightings.entries()) {
    if (!isMeasured(sighting)) continue;
    const before = last.get(sighting.address);
    if (before && shownBy(before) !== shownBy(sighting)) {
      cuts.push(index);
      last.clear();
    }
    last.set(sighting.address, sighting);
  }
  return cuts;
}

/** By which identity, and from which site: a host has a row an address, wherever that is. */
function shownBy(sighting: Sighting): string {
  const texts = strong(sighting.identifiers).map(({ kind, value }) => `${kind} ${value}`);
  return [atPlace(sighting).address, ...texts.toSorted()].join('\n');
}
