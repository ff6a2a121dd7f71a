import { randomBytes } from 'node:crypto';
import type { Client, ClientChannel } from 'ssh2';
import { AppError } from '../../model/errors/index.ts';
import { openCommand, type Become } from './become.ts';
import { Patience } from './patience.ts';
import type { ReaderProgram } from './reader-programs.ts';

export interface Way {
  client: Client;
  /** as people call it */
  host: string;
  become: Become | null;
  patienceMs: number;
  /** put before every path */
  root: string;
  onEnd: () => void;
}

/** Words of a login before ours. */
const MOST_BEFORE = 65_536;
/** Of the length of an answer. */
const MOST_DIGITS = 10;
const [NEWLINE, BLANK, ZERO] = [10, 32, 48];
/** What answers may hold that nobody has taken yet: a host could send without end. */
const BUFFER_LIMIT = 96 * 1024 * 1024;

export type Op = 'r' | 'k' | 'l' | 's' | 'y';
export type Ask = (op: Op | 'g' | 'x', text: string, limit?: number, onPart?: OnPart) => Promise<Answer>;
/** Where it is in what has come: to make each a buffer of its own is dear. */
export type OnPart = (bytes: Buffer, start: number, end: number) => void;
export interface Answer {
  status: string;
  data: Buffer;
}
interface Waiting {
  resolve(answer: Answer): void;
  reject(error: Error): void;
  /** hears of answers that come before the last one */
  onPart: OnPart | undefined;
}

interface Head {
  status: string;
  length: number;
  /** where what it says begins */
  end: number;
}

/** `STATUS LENGTH\n`, byte by byte: a look has a thousand of them. */
function headIn(bytes: Buffer, at: number): Head | 'unfinished' | 'wrong' {
  if (at + 2 >= bytes.length) return 'unfinished';
  const status = String.fromCharCode(bytes[at]!);
  if (!'DNLEAW'.includes(status) || bytes[at + 1] !== BLANK) return 'wrong';
  let length = 0;
  for (let digits = 0; digits <= MOST_DIGITS; digits += 1) {
    const byte = bytes[at + 2 + digits];
    if (byte === undefined) return 'unfinished';
    if (byte === NEWLINE && digits > 0) return { status, length, end: at + 3 + digits };
    if (byte < ZERO || byte > ZERO + 9) return 'wrong';
    length = length * 10 + byte - ZERO;
  }
  return 'wrong';
}

/** `none`: there is no such interpreter; null: what there is does not do what it should. */
export async function startTalk(way: Way, { argv, text }: ReaderProgram): Promise<Ask | 'none' | null> {
  const halves = [randomBytes(6).toString('hex'), `${randomBytes(6).toString('hex')}\n`] as const;
  const word = halves.join('');
  const { channel, ended } = await openCommand(way.client, way.host, [...argv, text, way.root], way.become);
  channel.stderr.resume();
  const talk = new Talk(channel, way, word);
  // In two requests: whoever merely repeats what is said to it does not say the two halves side by side.
  channel.write(halves.map((half) => `w 0 ${half.length}\n${half}`).join(''));
  const said = await Promise.race([talk.greeting, ended.then((): 'none' => 'none')]);
  return said === true
    ? (op, text, limit = 0, onPart) => talk.ask(op, text, limit, onPart)
    : said === 'none'
      ? 'none'
      : null;
}

class Talk {
  readonly greeting: Promise<boolean>;
  readonly #channel: ClientChannel;
  readonly #way: Way;
  readonly #patience: Patience;
  #waiting: Waiting[] = [];
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

  ask(op: string, text: string, limit: number, onPart?: OnPart): Promise<Answer> {
    return new Promise((resolve, reject) => {
      if (this.#closed) return reject(this.#lost());
      const { host, patienceMs } = this.#way;
      const heard = this.#patience.owe(() =>
        reject(new AppError('HOST_NO_ANSWER', { host, seconds: patienceMs / 1000 })),
      );
      this.#waiting.push({
        onPart,
        resolve: (answer) => {
          heard();
          resolve(answer);
        },
        reject: (error) => {
          heard();
          reject(error);
        },
      });
      const bytes = Buffer.from(text);
      // What is asked in one go travels in one go.
      if (this.#unsent.length === 0) setImmediate(() => this.#send());
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

  #part(bytes: Buffer, start: number, end: number): void {
    try {
      this.#waiting[0]?.onPart?.(bytes, start, end);
    } catch {
      this.#giveUp();
    }
  }

  #take(status: string, bytes: Buffer, start: number, end: number): void {
    if (status === 'A') this.#part(bytes, start, end);
    else if (status !== 'W') this.#waiting.shift()?.resolve({ status, data: bytes.subarray(start, end) });
  }

  /** Hands on all answers that are there whole; returns what is left. */
  #answer(bytes: Buffer): Buffer {
    let at = 0;
    for (;;) {
      const head = headIn(bytes, at);
      this.#needed = 1;
      if (head === 'unfinished') return bytes.subarray(at);
      if (head === 'wrong') {
        // It is not what we started; nothing that it says counts.
        this.#giveUp();
        return Buffer.alloc(0);
      }
      const next = head.end + head.length;
      if (next > bytes.length) {
        this.#needed = next - at;
        return bytes.subarray(at);
      }
      this.#take(head.status, bytes, head.end, next);
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
