/** Which things have a key: a batch of a thousand asks that a thousand times. */
export class Index<T> {
  readonly #all = new Map<string, Set<T>>();
  readonly #order: ((one: T) => number) | undefined;

  /** `order`: without it, in the order they were added */
  constructor(order?: (one: T) => number) {
    this.#order = order;
  }

  of(key: string): T[] {
    const all = [...(this.#all.get(key) ?? [])];
    const order = this.#order;
    return order && all.length > 1 ? all.sort((a, b) => order(a) - order(b)) : all;
  }

  add(key: string, one: T): void {
    const set = this.#all.get(key);
    if (set) set.add(one);
    else this.#all.set(key, new Set([one]));
  }

  remove(key: string, one: T): void {
    this.#all.get(key)?.delete(one);
  }
}
