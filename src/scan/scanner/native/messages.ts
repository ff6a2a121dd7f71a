import type { Verdict } from '../connector.ts';

/** What the thread is told and tells: flat numbers, many at a time, for a message an item would cost more than the try. */
export type ToThread =
  | { kind: 'knocks'; rate: number; words: Uint32Array<ArrayBuffer> }
  /** tokens that nobody waits for any more */
  | { kind: 'drop'; tokens: Uint32Array<ArrayBuffer> }
  | { kind: 'close' };

export type FromThread =
  | { kind: 'ready'; width: number }
  | { kind: 'unable'; why: string }
  | { kind: 'answers'; words: Uint32Array<ArrayBuffer> };

/** One knock: token, ms, port, family (4 or 6), then the address, IPv4 in the first word. */
export const KNOCK_WORDS = 8;
/** One answer: token, verdict, microseconds. */
export const ANSWER_WORDS = 3;

export const VERDICTS: readonly Verdict[] = ['open', 'refused', 'silent', 'unreachable', 'ours', 'denied'];
export const OPEN = 0;
export const REFUSED = 1;
export const SILENT = 2;
export const UNREACHABLE = 3;
export const OURS_ALONE = 4;

/** Answers as they come together in one turn. */
export class Answers {
  #words = new Uint32Array(1024 * ANSWER_WORDS);
  #count = 0;

  add(token: number, verdict: number, ms: number): void {
    if (this.#count === this.#words.length) {
      const longer = new Uint32Array(this.#words.length * 2);
      longer.set(this.#words);
      this.#words = longer;
    }
    this.#words[this.#count] = token;
    this.#words[this.#count + 1] = verdict;
    this.#words[this.#count + 2] = Math.min(0xffffffff, Math.max(0, ms * 1000));
    this.#count += ANSWER_WORDS;
  }

  get count(): number {
    return this.#count / ANSWER_WORDS;
  }

  take(): Uint32Array<ArrayBuffer> | null {
    if (this.#count === 0) return null;
    const words = this.#words.slice(0, this.#count);
    this.#count = 0;
    return words;
  }
}
