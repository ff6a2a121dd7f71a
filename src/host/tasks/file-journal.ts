import {
  closeSync,
  existsSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { compacted, Journal, lineOf, wholeLength, type JournalRecord } from './journal.ts';

/** The journal of an agent: a file on its own disk. */
export class FileJournal extends Journal {
  readonly #file: number;

  constructor(path: string) {
    super();
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    const bytes = existsSync(path) ? readFileSync(path) : Buffer.alloc(0);
    const whole = wholeLength(bytes);
    this.#file = openSync(path, 'a', 0o600);
    if (whole < bytes.length) ftruncateSync(this.#file, whole);
    syncDirectory(dirname(path));
    this.load(bytes.subarray(0, whole).toString('utf8'));
  }

  override async write(record: JournalRecord): Promise<number> {
    const before = fstatSync(this.#file).size;
    try {
      const bytes = Buffer.from(lineOf(record));
      for (let at = 0; at < bytes.length;) at += writeSync(this.#file, bytes, at);
      fsyncSync(this.#file);
    } catch (error) {
      // A full disk: half a line must not stand before the next one.
      ftruncateSync(this.#file, before);
      throw error;
    }
    return this.take(record);
  }

  close(): void {
    closeSync(this.#file);
  }
}

function syncDirectory(path: string): void {
  const directory = openSync(path, 'r');
  fsyncSync(directory);
  closeSync(directory);
}

/** Makes room; see `compacted`. */
export function compactJournal(path: string, before: string): void {
  const text = existsSync(path) ? compacted(readFileSync(path, 'utf8'), before) : null;
  if (text === null) return;
  const file = openSync(`${path}.new`, 'w', 0o600);
  writeSync(file, text);
  fsyncSync(file);
  closeSync(file);
  renameSync(`${path}.new`, path);
}
