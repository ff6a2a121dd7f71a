import { observeAnswer, observeEnd, type Shown, type Tempo } from '../logic/tempo.ts';
import type { Verdict } from './connector.ts';

export interface Tried {
  address: string;
  tries: number;
  /** how long the first try was waited for, ms */
  firstMs: number;
}

/** Tells a tempo what came of the pairs of a sweep: answers at once, and ends in the order of the pairs. */
export class Outcomes {
  readonly #tempo: Tempo;
  /** of pairs whose turn has not come; null: it says nothing about the network */
  readonly #waiting = new Map<number, { address: string; isSilent: boolean } | null>();
  readonly #shown = new Map<string, Shown>();
  #next: number;

  constructor(tempo: Tempo, from: number) {
    this.#tempo = tempo;
    this.#next = from;
  }

  /** The last word about a pair. */
  note(id: number, verdict: Verdict, ms: number, { address, tries, firstMs }: Tried): void {
    const isSilent = verdict === 'silent';
    const isAnswer = verdict === 'open' || verdict === 'refused';
    if (isAnswer) observeAnswer(this.#tempo, tries > 1 && ms < firstMs);
    this.#waiting.set(id, isAnswer || isSilent ? { address, isSilent } : null);
    for (let turn = this.#waiting.get(this.#next); turn !== undefined; turn = this.#waiting.get(this.#next)) {
      this.#waiting.delete(this.#next);
      this.#next += 1;
      if (turn) this.#end(turn.address, turn.isSilent);
    }
  }

  #end(address: string, isSilent: boolean): void {
    const shown = this.#shown.get(address) ?? { answered: 0, silent: 0 };
    observeEnd(this.#tempo, isSilent, shown);
    shown[isSilent ? 'silent' : 'answered'] += 1;
    this.#shown.set(address, shown);
  }
}
