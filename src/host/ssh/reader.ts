import { randomBytes } from 'node:crypto';
import type { Client, ClientChannel } from 'ssh2';
import { AppError } from '../../model/errors/index.ts';
import { READ_LIMIT, type Host, type Stat } from '../host.ts';
import { cut } from '../text.ts';
import { openCommand, type Become } from './become.ts';
import { Patience } from './patience.ts';
import { READER_PROGRAMS, type ReaderProgram } from './reader-programs.ts';
import { isKernels } from './regular.ts';
import { statOf } from './stat-fields.ts';

/** Looking at files, without changing any. */
export type Reader = Pick<Host, 'read' | 'list' | 'stat' | 'readlink'>;

interface Way {
  client: Client;
  /** as people call it */
  host: string;
  become: Become | null;
  patienceMs: number;
  /** put before every path */
  root: string;
  onEnd: () => void;
}

const ENTRIES_LIMIT = 1_000_000;
/** Words of a login before ours. */
const MOST_BEFORE = 65_536;
/** What answers may hold that nobody has taken yet: a host could send without end. */
const BUFFER_LIMIT = 96 * 1024 * 1024;

/**
 * A process on the other side that reads files for us: a question is one line there and one answer back, and a thousand of
 * them need not wait for each other. null where the host has nothing that such a process could be written in.
 */
export async function openReader(way: Way, programs = READER_PROGRAMS): Promise<Reader | null> {
  for (const program of programs) {
    const asking = await start(way, program);
    // Whoever says nothing, or something else, is not asked again in another language.
    if (asking !== 'none') return asking && readerOf(asking);
  }
  return null;
}

type Ask = (op: 'r' | 'k' | 'l' | 's' | 'y', path: string, limit?: number) => Promise<Answer>;
interface Answer {
  status: string;
  data: Buffer;
}

/** `none`: there is no such interpreter; null: what there is does not do what it should. */
async function start(way: Way, { argv, text }: ReaderProgram): Promise<Ask | 'none' | null> {
  const word = `${randomBytes(12).toString('hex')}\n`;
  const { channel, ended } = await openCommand(way.client, way.host, [...argv, text, word, way.root], way.become);
  channel.stderr.resume();
  const talk = new Talk(channel, way, word);
  const said = await Promise.race([talk.greeting, ended.then((): 'none' => 'none')]);
  return said === true ? (op, path, limit = 0) => talk.ask(op, path, limit) : said === 'none' ? 'none' : null;
}

class Talk {
  readonly greeting: Promise<boolean>;
  readonly #channel: ClientChannel;
  readonly #way: Way;
  readonly #patience: Patience;
  #waiting: { resolve(answer: Answer): void; reject(error: Error): void }[] = [];
  #unsent: Buffer[] = [];
  #chunks: Buffer[] = [];
  #size = 0;
  /** bytes that have to be there before it makes sense to look again */
  #needed = 1;
  #closed = false;
  #isGreeted = false;

  constructor(channel: ClientChannel, way: Way, word: string) {
    this.#channel = channel;
    this.#way = way;
    this.#patience = new Patience(way.patienceMs, () => this.#giveUp());
    channel.on('error', () => this.#end());
    channel.on('close', () => this.#end());
    this.greeting = this.#greeted(word);
  }

  ask(op: string, path: string, limit: number): Promise<Answer> {
    return new Promise((resolve, reject) => {
      if (this.#closed) return reject(this.#lost());
      const { host, patienceMs } = this.#way;
      const heard = this.#patience.owe(() =>
        reject(new AppError('HOST_NO_ANSWER', { host, seconds: patienceMs / 1000 })),
      );
      this.#waiting.push({
        resolve: (answer) => {
          heard();
          resolve(answer);
        },
        reject: (error) => {
          heard();
          reject(error);
        },
      });
      const bytes = Buffer.from(path);
      // What is asked in one go travels in one go.
      if (this.#unsent.length === 0) queueMicrotask(() => this.#send());
      this.#unsent.push(Buffer.from(`${op} ${limit} ${bytes.length}\n`), bytes);
      return undefined;
    });
  }

  #send(): void {
    const all = Buffer.concat(this.#unsent);
    this.#unsent = [];
    if (!this.#closed) this.#channel.write(all);
  }

  /** Some logins say something before anything else: what comes before the word is nothing of ours. */
  #greeted(word: string): Promise<boolean> {
    return new Promise((resolve) => {
      const heard = this.#patience.owe(() => resolve(false));
      const onData = (chunk: Buffer): void => {
        this.#patience.heard();
        this.#chunks.push(chunk);
        this.#size += chunk.length;
        if (this.#size > BUFFER_LIMIT) return this.#giveUp();
        if (this.#size < this.#needed) return undefined;
        let rest = this.#chunks.length === 1 ? chunk : Buffer.concat(this.#chunks);
        if (!this.#isGreeted) {
          const at = rest.indexOf(word);
          if (at === -1 && rest.length > MOST_BEFORE) {
            resolve(false);
            return this.#giveUp();
          }
          this.#isGreeted = at !== -1;
          if (at !== -1) {
            heard();
            resolve(true);
          }
          rest = at === -1 ? rest : rest.subarray(at + word.length);
        }
        rest = this.#isGreeted ? this.#answer(rest) : rest;
        this.#chunks = rest.length > 0 ? [rest] : [];
        this.#size = rest.length;
        return undefined;
      };
      this.#channel.on('data', onData).resume();
    });
  }

  /** Whether the other side agrees or not. */
  #giveUp(): void {
    this.#end();
    this.#channel.removeAllListeners('data');
    this.#channel.resume();
    this.#channel.close();
  }

  /** Hands on all answers that are there whole; returns what is left. */
  #answer(bytes: Buffer): Buffer {
    let at = 0;
    for (;;) {
      const end = bytes.indexOf(10, at);
      this.#needed = 1;
      if (end === -1) return bytes.subarray(at);
      const [, status = '', digits = ''] = /^([DNLE]) (\d{1,10})$/.exec(bytes.toString('latin1', at, end)) ?? [];
      if (status === '') {
        // It is not what we started; nothing that it says counts.
        this.#giveUp();
        return Buffer.alloc(0);
      }
      const next = end + 1 + Number(digits);
      if (next > bytes.length) {
        this.#needed = next - at;
        return bytes.subarray(at);
      }
      this.#waiting.shift()?.resolve({ status, data: bytes.subarray(end + 1, next) });
      at = next;
    }
  }

  #lost(): AppError {
    return new AppError('HOST_CONNECTION_LOST', { host: this.#way.host, doing: 'reading files' });
  }

  #end(): void {
    if (this.#closed) return;
    this.#closed = true;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const one of waiting) one.reject(this.#lost());
    // One that never began is no reason to try it again.
    if (this.#isGreeted) this.#way.onEnd();
  }
}

function readerOf(ask: Ask): Reader {
  /** null: it is not there */
  const told = async (
    doing: string,
    path: string,
    answer: Promise<Answer>,
    tooLarge: () => AppError,
  ): Promise<Buffer | null> => {
    const { status, data } = await answer;
    if (status === 'N') return null;
    if (status === 'L') throw tooLarge();
    if (status === 'E') throw new AppError('HOST_FILE', { doing, path, why: cut(data.toString('utf8'), 500) });
    return data;
  };
  const never = (path: string) => (): AppError =>
    new AppError('HOST_FILE', { doing: 'looking at', path, why: 'too much' });
  return {
    read: (path, options) => {
      const limit = options?.maxBytes ?? READ_LIMIT;
      const tooLarge = (): AppError => new AppError('HOST_FILE_TOO_LARGE', { path, limit });
      return told('reading', path, ask(isKernels(path) ? 'k' : 'r', path, limit), tooLarge);
    },
    list: async (path) => {
      const tooMany = (): AppError =>
        new AppError('HOST_FILE', { doing: 'listing', path, why: `more than ${ENTRIES_LIMIT} names` });
      const names = await told('listing', path, ask('l', path, ENTRIES_LIMIT), tooMany);
      return names === null ? null : names.toString('utf8').split('\0').filter(Boolean).sort();
    },
    stat: async (path) => {
      const values = await told('looking at', path, ask('s', path), never(path));
      return values === null ? null : parseStat(values.toString('latin1'), path);
    },
    readlink: async (path) => (await told('looking at', path, ask('y', path), never(path)))?.toString('utf8') ?? null,
  };
}

function parseStat(text: string, path: string): Stat {
  const [bits, uid, gid, size, mtime, device = '', inode] = text.split(' ');
  if (inode === undefined || !/^\d+$/.test(device))
    throw new AppError('HOST_FILE', { doing: 'looking at', path, why: `stat said: ${cut(text, 100)}` });
  return statOf({ mode: Number(bits), uid, gid, size, mtime, device: BigInt(device), inode });
}
