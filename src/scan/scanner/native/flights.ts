const NONE = -1;

/**
 * Which slot a sequence number is of: a table of numbers, where a `Map` would keep an object for each packet. Sequence
 * numbers are hashes already (`Cookies`), so their lowest bits say where to begin to look.
 */
export class Flights {
  readonly #mask: number;
  /** slots, each at the place where its number's bits point or in the run behind it */
  readonly #places: Int32Array;
  readonly #numbers: Uint32Array;
  #count = 0;

  /** `width`: slots are below that. At most half of the table is taken, so that runs stay short. */
  constructor(width: number) {
    const size = 2 ** Math.ceil(Math.log2(Math.max(1, width) * 2));
    this.#mask = size - 1;
    this.#places = new Int32Array(size).fill(NONE);
    this.#numbers = new Uint32Array(width);
  }

  get count(): number {
    return this.#count;
  }

  add(slot: number, sequence: number): void {
    this.#numbers[slot] = sequence;
    let place = sequence & this.#mask;
    while (this.#places[place] !== NONE) place = (place + 1) & this.#mask;
    this.#places[place] = slot;
    this.#count += 1;
  }

  /** The slot with that number of which `holds` is true, or -1: two may by chance have one number. */
  find(sequence: number, holds: (slot: number) => boolean): number {
    for (let place = sequence & this.#mask; ; place = (place + 1) & this.#mask) {
      const slot = this.#places[place]!;
      if (slot === NONE || (this.#numbers[slot] === sequence && holds(slot))) return slot;
    }
  }

  remove(slot: number): void {
    let hole = this.#numbers[slot]! & this.#mask;
    while (this.#places[hole] !== slot) hole = (hole + 1) & this.#mask;
    this.#count -= 1;
    // What stands behind moves up where it may, so that no run has a gap that would end a search too soon.
    for (let place = (hole + 1) & this.#mask; this.#places[place] !== NONE; place = (place + 1) & this.#mask) {
      const home = this.#numbers[this.#places[place]!]! & this.#mask;
      if (((place - home) & this.#mask) < ((place - hole) & this.#mask)) continue;
      this.#places[hole] = this.#places[place]!;
      hole = place;
    }
    this.#places[hole] = NONE;
  }

  /** As it is now: whoever goes through them may remove them. */
  slots(): Int32Array {
    return this.#places.filter((slot) => slot !== NONE);
  }
}
