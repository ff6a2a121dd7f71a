/**
 * What is to be asked of one place after the other, until so many hosts were asked: whatever comes after that is put off, and
 * kept no longer than until that is known. Otherwise there would be as many as there are hosts, for each place.
 */
export class Doubts<T> {
  readonly #most: number;
  readonly #hosts: Float64Array;
  readonly #kept = new Map<number, T[]>();
  readonly #putOff = new Set<number>();
  /** of the places before this one it is still open whether they are put off */
  #end: number;
  #sum = 0;

  constructor(places: number, most: number) {
    this.#most = most;
    this.#hosts = new Float64Array(places);
    this.#end = places;
  }

  add(place: number, what: T, hosts: number): void {
    if (hosts === 0) return;
    if (place >= this.#end) {
      this.#putOff.add(place);
      return;
    }
    const kept = this.#kept.get(place);
    if (kept) kept.push(what);
    else this.#kept.set(place, [what]);
    this.#hosts[place]! += hosts;
    this.#sum += hosts;
    while (this.#end > 0 && this.#sum - this.#hosts[this.#end - 1]! >= this.#most) this.#drop(--this.#end);
  }

  #drop(place: number): void {
    this.#sum -= this.#hosts[place]!;
    if (this.#kept.delete(place)) this.#putOff.add(place);
  }

  get putOff(): Iterable<number> {
    return this.#putOff;
  }

  get toAsk(): [place: number, what: readonly T[]][] {
    return [...this.#kept].toSorted(([one], [other]) => one - other);
  }
}
