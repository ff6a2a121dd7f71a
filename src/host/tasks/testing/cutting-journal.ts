import { FileJournal } from '../file-journal.ts';
import type { JournalRecord } from '../journal.ts';

/** The power is cut at the n-th record, before or after it is written. For tests only. */
export class CuttingJournal extends FileJournal {
  #left: number;
  readonly #when: string;

  constructor(path: string, at: number, when: string) {
    super(path);
    this.#left = at;
    this.#when = when;
  }

  override async write(record: JournalRecord): Promise<number> {
    this.#left -= 1;
    if (this.#left === 0 && this.#when === 'before') process.kill(process.pid, 'SIGKILL');
    const number = await super.write(record);
    if (this.#left === 0 && this.#when === 'after') process.kill(process.pid, 'SIGKILL');
    return number;
  }
}
