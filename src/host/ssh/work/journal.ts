import { AppError } from '../../../model/errors/index.ts';
import { compacted, Journal, lineOf, wholeLength, type JournalRecord } from '../../tasks/journal.ts';
import type { SshHost } from '../index.ts';
import { APPEND, NOT_MINE } from './scripts.ts';

/** The journal of a host without an agent: on that host, as an agent's is, and written with its lock in hand. */
export class FarJournal extends Journal {
  readonly #remote: SshHost;
  readonly #path: string;
  readonly #token: string;

  private constructor(remote: SshHost, path: string, token: string) {
    super();
    this.#remote = remote;
    this.#path = path;
    this.#token = token;
  }

  /** `forget`: tasks of plans that expired before that can never run again. */
  static async open(remote: SshHost, how: { dir: string; token: string; forget: Date }): Promise<FarJournal> {
    const path = `${how.dir}/journal.jsonl`;
    await remote.mkdir(how.dir, 0o700);
    const bytes = (await remote.read(path)) ?? Buffer.alloc(0);
    const whole = Buffer.from(bytes.subarray(0, wholeLength(bytes))).toString('utf8');
    const text = compacted(whole, how.forget.toISOString()) ?? whole;
    // A line that was torn by a power cut was never acted on.
    if (text.length < whole.length || wholeLength(bytes) < bytes.length)
      await remote.write(path, Buffer.from(text), 0o600);
    const journal = new FarJournal(remote, path, how.token);
    journal.load(text);
    return journal;
  }

  override async write(record: JournalRecord): Promise<number> {
    const bytes = Buffer.from(lineOf(record));
    const words = [this.#path, String(bytes.length), this.#token];
    const { code, stderr } = await this.#remote.exec(['/bin/sh', '-c', APPEND, 'sh', ...words], { stdin: bytes });
    if (code === NOT_MINE) throw new AppError('HOST_LOCKED', { host: this.#remote.name, by: 'another worker' });
    if (code !== 0)
      throw new AppError('HOST_FILE', { doing: 'writing', path: this.#path, why: stderr.trim() || `exit ${code}` });
    return this.take(record);
  }
}
