import { once } from 'node:events';
import { MessageChannel, type MessagePort, receiveMessageOnPort, Worker } from 'node:worker_threads';
import { ipv4Value, parseAddress } from '../../logic/address.ts';
import type { ScanPath } from '../../../model/estate.ts';
import { type Answer, type Connector, DROP, type Knock, SEND, type Sending } from '../connector.ts';
import { ANSWER_WORDS, type FromThread, KNOCK_WORDS, type ToThread, VERDICTS } from './messages.ts';

interface Forgotten {
  id: number;
  how: Sending;
}

/** A token is a place and how often the place was used, so that an answer that comes late is nobody's. */
const PLACES = 2 ** 19;
const USES = 2 ** 32 / PLACES;

/** The server's side of a connector in a thread. */
class Link implements Connector {
  readonly path: ScanPath;
  readonly why: string;
  readonly width: number;
  readonly #worker: Worker;
  readonly #port: MessagePort;
  /** By place: who waits (null: nobody), where, the caller's number for it, and what the thread calls it. */
  readonly #hows: (Sending | null)[] = [];
  readonly #where: string[] = [];
  readonly #ids = new Float64Array(PLACES);
  readonly #tokens = new Uint32Array(PLACES);
  readonly #free: number[] = [];
  readonly #uses = new Uint16Array(PLACES);
  #signal: AbortSignal | null = null;
  #isOver = false;

  constructor(thread: { worker: Worker; port: MessagePort }, about: { path: ScanPath; why: string; width: number }) {
    this.path = about.path;
    this.why = about.why;
    this.width = about.width;
    this.#worker = thread.worker;
    this.#port = thread.port;
    this.#port.on('message', (message: FromThread) => {
      if (message.kind === 'answers') this.#hear(message.words);
    });
    // A thread that dies takes no answer with it: whoever waits tries again, or gives up in words.
    this.#worker.once('exit', () => this.#spoil());
    this.#worker.on('error', () => this.#spoil());
    this.#port.unref();
    this.#worker.unref();
  }

  [SEND](knocks: readonly Knock[], how: Sending, rate: number): void {
    this.#watch(how.signal);
    const words = new Uint32Array(knocks.length * KNOCK_WORDS);
    let at = 0;
    for (const knock of knocks) {
      const token = this.#keep(knock, how);
      words[at] = token;
      words[at + 1] = knock.timeoutMs;
      words[at + 2] = knock.port;
      writeAddress(words, at + 3, knock.address);
      at += KNOCK_WORDS;
    }
    if (this.#isOver) setImmediate(() => this.#spoil());
    else this.#say({ kind: 'knocks', rate, words });
  }

  [DROP](allows: (address: string) => boolean): void {
    const denied = this.#forget((place) => !allows(this.#where[place]!));
    for (const { id, how } of denied) how.answered([{ id, verdict: 'denied', ms: 0 }]);
  }

  async close(): Promise<void> {
    if (this.#isOver) return;
    const ended = once(this.#worker, 'exit');
    this.#say({ kind: 'close' });
    this.#worker.ref();
    await ended;
  }

  #keep(knock: Knock, how: Sending): number {
    const place = this.#free.pop() ?? this.#hows.length;
    if (place >= PLACES) throw new RangeError(`more than ${PLACES} knocks at once`);
    this.#uses[place]! += 1;
    const token = (this.#uses[place]! % USES) * PLACES + place;
    this.#hows[place] = how;
    this.#where[place] = knock.address;
    this.#ids[place] = knock.id;
    this.#tokens[place] = token;
    return token;
  }

  #give(place: number): void {
    this.#hows[place] = null;
    this.#free.push(place);
  }

  #say(message: ToThread): void {
    // Their memory goes along: nobody here looks at it any more.
    this.#port.postMessage(message, message.kind === 'knocks' ? [message.words.buffer] : []);
  }

  #hear(words: Uint32Array): void {
    const heard = new Map<Sending, Answer[]>();
    for (let at = 0; at < words.length; at += ANSWER_WORDS) {
      const place = words[at]! % PLACES;
      const how = this.#hows[place];
      // Dropped while the answer was on its way.
      if (!how || this.#tokens[place] !== words[at]) continue;
      this.#give(place);
      const answer = { id: this.#ids[place]!, verdict: VERDICTS[words[at + 1]!]!, ms: words[at + 2]! / 1000 };
      const together = heard.get(how);
      if (together) together.push(answer);
      else heard.set(how, [answer]);
    }
    for (const [how, answers] of heard) how.answered(answers);
  }

  /** Nobody waits for answers after an abort. */
  #watch(signal: AbortSignal): void {
    if (this.#signal === signal) return;
    this.#signal = signal;
    const isOurs = (place: number): boolean => this.#hows[place]!.signal === signal;
    signal.addEventListener('abort', () => void this.#forget(isOurs), { once: true });
  }

  #forget(isForgotten: (place: number) => boolean): Forgotten[] {
    const found = this.#waiting().filter((place) => isForgotten(place));
    const forgotten = found.map((place) => ({ id: this.#ids[place]!, how: this.#hows[place]! }));
    for (const place of found) this.#give(place);
    if (found.length > 0) this.#say({ kind: 'drop', tokens: Uint32Array.from(found, (place) => this.#tokens[place]!) });
    return forgotten;
  }

  #waiting(): number[] {
    return [...this.#hows.keys()].filter((place) => this.#hows[place] !== null);
  }

  #spoil(): void {
    this.#isOver = true;
    const all = this.#waiting().map((place) => ({ place, id: this.#ids[place]!, how: this.#hows[place]! }));
    for (const { place } of all) this.#give(place);
    for (const { id, how } of all) if (!how.signal.aborted) how.answered([{ id, verdict: 'ours', ms: 0 }]);
  }
}

/** Family, and the address after it. */
function writeAddress(words: Uint32Array, at: number, address: string): void {
  if (address.includes(':')) {
    const { family, value } = parseAddress(address)!;
    words[at] = family;
    const shifts = family === 4 ? [0n] : [96n, 64n, 32n, 0n];
    for (const [word, shift] of shifts.entries()) words[at + 1 + word] = Number((value >> shift) & 0xffffffffn);
    return;
  }
  words[at] = 4;
  words[at + 1] = ipv4Value(address);
}

/** Starts the thread and waits until it can work; throws why it cannot, in words. */
export async function startLink(path: 'epoll' | 'syn', why: string): Promise<Connector> {
  const { port1, port2 } = new MessageChannel();
  const worker = new Worker(new URL('./thread.ts', import.meta.url), {
    workerData: { port: port2, path },
    transferList: [port2],
  });
  // The end of a thread may be heard before its last words.
  const died = once(worker, 'exit').then(
    (): FromThread => receiveMessageOnPort(port1)?.message ?? { kind: 'unable', why: 'its thread ended' },
  );
  const told = once(port1, 'message').then(([message]) => message as FromThread);
  const first = await Promise.race([told, died]).catch((error: unknown) => {
    throw new Error(`its thread did not start (${error instanceof Error ? error.message : String(error)})`);
  });
  if (first.kind === 'ready') return new Link({ worker, port: port1 }, { path, why, width: first.width });
  throw new Error(first.kind === 'unable' ? first.why : 'its thread spoke out of turn');
}
