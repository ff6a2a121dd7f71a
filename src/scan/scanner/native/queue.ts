import { newBucket, takeThere, type Bucket } from '../../logic/pace.ts';
import { KNOCK_WORDS } from './messages.ts';

interface Told {
  words: Uint32Array;
  at: number;
}

/**
 * Knocks that wait for their turn in the thread. The guard has paid for each; the second bucket here sees to it that a
 * thread that stood still for a while does not make up for it in one burst.
 */
export class Queue {
  readonly #told: Told[] = [];
  readonly #dropped = new Set<number>();
  #bucket: Bucket | null = null;
  #waiting = 0;

  add(words: Uint32Array, rate: number, now: number): void {
    if (this.#bucket?.rate !== rate) this.#bucket = newBucket(rate, now);
    this.#told.push({ words, at: 0 });
    this.#waiting += words.length / KNOCK_WORDS;
  }

  get waiting(): number {
    return this.#waiting;
  }

  /** Those of `tokens` that have not been handed out yet never are. */
  drop(tokens: Iterable<number>): void {
    if (this.#waiting === 0) return;
    for (const token of tokens) this.#dropped.add(token);
  }

  /** Hands out up to `most` now. */
  take(most: number, now: number, each: (words: Uint32Array, at: number) => void): void {
    let left = this.#bucket ? takeThere(this.#bucket, Math.min(most, this.#waiting), now) : 0;
    while (left > 0) {
      const first = this.#told[0]!;
      const token = first.words[first.at]!;
      if (!this.#dropped.delete(token)) each(first.words, first.at);
      first.at += KNOCK_WORDS;
      if (first.at === first.words.length) this.#told.shift();
      this.#waiting -= 1;
      left -= 1;
    }
    if (this.#waiting === 0) this.#dropped.clear();
  }
}
