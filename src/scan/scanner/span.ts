const FEWEST = 256;
/** A ring that is made so wide at once; wider ones grow. */
const WIDE = 2 ** 17;

/** The columns of a span: what is known of each pair that is not over, or waits for one before it that is not. */
interface Columns {
  addresses: string[];
  ports: Uint16Array;
  tries: Uint8Array;
  /** ms for which the first try was waited for */
  firstMs: Uint16Array;
  /** how often the pace had fallen when the last try was sent */
  falls: Uint32Array;
  /** how many tries that excused */
  excused: Uint8Array;
  /** how often our own machine spoilt it */
  spoilt: Uint8Array;
  /** 0 while it is not over */
  ends: Uint8Array;
}

const columns = (size: number): Columns => ({
  addresses: Array.from<string>({ length: size }),
  ports: new Uint16Array(size),
  tries: new Uint8Array(size),
  firstMs: new Uint16Array(size),
  falls: new Uint32Array(size),
  excused: new Uint8Array(size),
  spoilt: new Uint8Array(size),
  ends: new Uint8Array(size),
});

/**
 * The pairs of a sweep from the first that is not over to the last that was begun, in a ring of columns: an object for each
 * of the hundred thousand that wait for silence at once would be the collector's work more than ours.
 */
export class Span {
  /** every pair before this one is over */
  first: number;
  /** the next one to begin */
  next: number;
  of: Columns;
  #size: number;

  /** `most`: how many there may be at once, as far as that is known. */
  constructor(from: number, most = 0) {
    this.first = from;
    this.next = from;
    this.#size = 2 ** Math.ceil(Math.log2(Math.max(FEWEST, Math.min(WIDE, most))));
    this.of = columns(this.#size);
  }

  get isEmpty(): boolean {
    return this.first === this.next;
  }

  /** Where in the columns a pair stands; to be asked again after `begin`. */
  at(id: number): number {
    return id % this.#size;
  }

  begin(address: string, port: number): number {
    if (this.next - this.first === this.#size) this.#grow();
    const id = this.next++;
    const place = this.at(id);
    const { addresses, ports, tries, firstMs, falls, excused, spoilt, ends } = this.of;
    addresses[place] = address;
    ports[place] = port;
    for (const column of [tries, firstMs, falls, excused, spoilt, ends]) column[place] = 0;
    return id;
  }

  /** `how`: a number of the caller's, 1 to 255. */
  end(id: number, how: number): void {
    this.of.ends[this.at(id)] = how;
  }

  /** Lets go of those at the beginning that are over, in the order of the pairs. */
  advance(each: (address: string, how: number) => void): void {
    for (; this.first < this.next; this.first++) {
      const place = this.at(this.first);
      const how = this.of.ends[place]!;
      if (how === 0) return;
      each(this.of.addresses[place]!, how);
    }
  }

  #grow(): void {
    const [before, size] = [this.of, this.#size];
    const wider = columns(size * 2);
    for (let id = this.first; id < this.next; id++) {
      const [from, to] = [id % size, id % (size * 2)];
      wider.addresses[to] = before.addresses[from]!;
      for (const name of ['ports', 'tries', 'firstMs', 'falls', 'excused', 'spoilt', 'ends'] as const)
        wider[name][to] = before[name][from]!;
    }
    this.of = wider;
    this.#size *= 2;
  }
}
