import { observeEnd, type Shown, type Tempo } from '../logic/tempo.ts';

/** What each address of a sweep has shown so far, and a tempo that is told of it in the order of the pairs. */
export class Outcomes {
  readonly #tempo: Tempo;
  readonly #shown = new Map<string, Shown>();

  constructor(tempo: Tempo) {
    this.#tempo = tempo;
  }

  /** The last word about one of its ports. */
  end(address: string, isSilent: boolean): void {
    const shown = this.#shown.get(address) ?? this.#begin(address);
    observeEnd(this.#tempo, isSilent, shown);
    shown[isSilent ? 'silent' : 'answered'] += 1;
  }

  #begin(address: string): Shown {
    const shown = { answered: 0, silent: 0 };
    this.#shown.set(address, shown);
    return shown;
  }
}
