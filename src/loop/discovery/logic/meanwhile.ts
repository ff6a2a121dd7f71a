import type { Sighting } from '../../../model/estate.ts';
import { Index } from './indexed.ts';
import { strong, textOf } from './strong.ts';

/** How things stand while one decides: what is seen at which place, and where an identity is shown. A place has one look. */
export class Meanwhile {
  readonly #at = new Map<string, Sighting>();
  readonly #shown = new Index<string>();

  /** Of two looks at one place the later one in this order counts. */
  constructor(sightings: readonly Sighting[]) {
    for (const sighting of sightings) this.show(sighting);
  }

  /** Instead of what was seen there before. */
  show(sighting: Sighting): void {
    const { address, identifiers } = sighting;
    const before = this.#at.get(address);
    for (const one of before ? strong(before.identifiers) : []) this.#shown.remove(textOf(one), address);
    for (const one of strong(identifiers)) this.#shown.add(textOf(one), address);
    this.#at.set(address, sighting);
  }

  at(place: string): Sighting | undefined {
    return this.#at.get(place);
  }

  /** `identity`: an identifier as `kind value` */
  placesOf(identity: string): string[] {
    return this.#shown.of(identity);
  }
}
