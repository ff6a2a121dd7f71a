/**
 * A channel answers in order: one question that is never answered (a pipe without a writer, a file server that is gone)
 * silences all others. Whoever owes answers and gives none for so long is given up.
 */
export class Patience {
  readonly #ms: number;
  readonly #onHang: () => void;
  readonly #owed = new Set<() => void>();
  #timer: NodeJS.Timeout | undefined;

  constructor(ms: number, onHang: () => void) {
    this.#ms = ms;
    this.#onHang = onHang;
  }

  /** A question was asked; `giveUp` ends the wait for its answer. Returns what to call when it came. */
  owe(giveUp: () => void): () => void {
    this.#owed.add(giveUp);
    this.#timer ??= this.#start();
    return () => {
      if (this.#owed.delete(giveUp)) this.heard();
    };
  }

  /** Something came, whatever it was: it is alive. */
  heard(): void {
    clearTimeout(this.#timer);
    this.#timer = this.#owed.size === 0 ? undefined : this.#start();
  }

  #start(): NodeJS.Timeout {
    return setTimeout(() => {
      this.#timer = undefined;
      const waiting = [...this.#owed];
      this.#owed.clear();
      for (const giveUp of waiting) giveUp();
      this.#onHang();
      // The connection keeps the process; an answer that will not come any more, since it was closed, must not.
    }, this.#ms).unref();
  }
}
