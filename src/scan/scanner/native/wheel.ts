const TICK_MS = 8;
const TICKS = 1024;

/** Deadlines of many things at once: setting and meeting one costs the same however many there are. */
export class Wheel {
  readonly #spokes: number[][] = Array.from({ length: TICKS }, () => []);
  #tick: number;

  constructor(now: number) {
    this.#tick = Math.floor(now / TICK_MS);
  }

  /**
   * `item` comes back from `due` a tick after `at` at the latest. Up to eight seconds ahead; later is cut to that. To be
   * called after `due` of the same moment: counted from before a pause, it would be over at once.
   */
  set(item: number, at: number): void {
    const ahead = Math.ceil(at / TICK_MS) - this.#tick;
    this.#spokes[(this.#tick + Math.min(TICKS - 1, Math.max(1, ahead))) % TICKS]!.push(item);
  }

  /** Calls `meet` for what was set to come by `now`. What was over earlier is told, too: the caller knows. */
  due(now: number, meet: (item: number) => void): void {
    const until = Math.floor(now / TICK_MS);
    const last = Math.min(until, this.#tick + TICKS);
    while (this.#tick < last) {
      this.#tick += 1;
      const spoke = this.#spokes[this.#tick % TICKS]!;
      if (spoke.length === 0) continue;
      this.#spokes[this.#tick % TICKS] = [];
      for (const item of spoke) meet(item);
    }
    this.#tick = until;
  }
}
