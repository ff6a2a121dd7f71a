import type { Sighting } from '../../../model/estate.ts';
import { Meanwhile } from './meanwhile.ts';
import { atPlace } from './place.ts';
import { isMeasured } from './reconcile.ts';
import { strong } from './strong.ts';

/** What was seen at the same time: nothing of it contradicts another look at the same address. */
export interface Part {
  /** of the batch, its sightings are those from where the last part ended to before this index */
  to: number;
  /**
   * All that is told of how things stand while this part is decided, until the next one is asked for. A place that this
   * part did not look at is as the next look finds it, or else as the last one left it.
   */
  meanwhile: Meanwhile;
}

/**
 * A batch in order, cut wherever an address shows something else than it did just now: one address has one holder at a
 * time, so the later look is decided upon after the earlier one is written down, as it would be in a batch of its own.
 * From one part to the next only the places that were looked at change, so that many parts cost no more than few.
 */
export function* partsOf(sightings: readonly Sighting[]): Generator<Part> {
  const looks = sightings.map(atPlace);
  const cuts = [0, ...cutsOf(sightings), sightings.length];
  // Most batches are one part.
  if (cuts.length === 2) return yield { to: sightings.length, meanwhile: new Meanwhile(looks) };
  const next = nextLooks(looks);
  const meanwhile = new Meanwhile(looks.toReversed());
  for (const [index, from] of cuts.slice(0, -1).entries()) {
    const to = cuts[index + 1]!;
    const own = looks.slice(from, to);
    for (const look of own) meanwhile.show(look);
    yield { to, meanwhile };
    for (const place of own.keys()) {
      const later = next[from + place]!;
      if (later >= to) meanwhile.show(looks[later]!);
    }
  }
}

/** Of each look, which one is the next at its place; -1: none. */
function nextLooks(looks: readonly Sighting[]): number[] {
  const first = new Map<string, number>();
  const next = looks.map(() => -1);
  for (const index of [...looks.keys()].toReversed()) {
    const { address } = looks[index]!;
    next[index] = first.get(address) ?? -1;
    first.set(address, index);
  }
  return next;
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
