import { randomBytes } from 'node:crypto';
import { Cookies, readReply, SYN_BYTES, type Way, writeSyn } from '../../logic/syn.ts';
import { Flights } from './flights.ts';
import { AF_INET, type Block, ERRNO, type Libc, SOCKADDR_BYTES } from './libc.ts';
import { type Answers, OPEN, OURS_ALONE, REFUSED, SILENT, UNREACHABLE } from './messages.ts';
import { holdPort, Messages, rawSocket, Ways } from './raw.ts';
import type { Trier } from './trier.ts';
import { Wheel } from './wheel.ts';

const EPOLLIN = 1;
/** Packets a call. */
const TOGETHER = 256;
/** Longest IP header, TCP header and a bit. */
const RECEIVED_BYTES = 128;
const IDLE = -1;

const OUT_OF: ReadonlySet<number> = new Set([ERRNO.EAGAIN, ERRNO.ENOMEM, ERRNO.ENOBUFS]);

/**
 * One packet a port, without a socket each: a SYN out, and what answers it. The kernel, which knows of no connection,
 * resets what a server opens half. What is not IPv4 goes through `others`.
 */
export class SynTrier implements Trier {
  readonly width: number;
  readonly #libc: Libc;
  readonly #answers: Answers;
  readonly #others: Trier;
  readonly #cookies = new Cookies(randomBytes(16));
  readonly #ways: Ways;
  readonly #port: number;
  readonly #held: number;
  readonly #raw: number;
  readonly #epoll: number;
  readonly #event: Block;
  readonly #out: Messages;
  readonly #in: Messages;
  readonly #sending: number[] = [];
  readonly #tokens: Float64Array;
  readonly #turns: Uint32Array;
  readonly #began: Float64Array;
  readonly #waits: Uint32Array;
  readonly #targets: Uint32Array;
  readonly #ports: Uint16Array;
  readonly #free: number[] = [];
  readonly #flights: Flights;
  readonly #wheel = new Wheel(performance.now());
  #made = 0;

  constructor(libc: Libc, answers: Answers, width: number, others: Trier) {
    this.#libc = libc;
    this.#answers = answers;
    this.#others = others;
    this.width = width;
    const { fd, port } = holdPort(libc);
    this.#held = fd;
    this.#port = port;
    try {
      this.#raw = rawSocket(libc, port);
    } catch (error) {
      libc.close(fd);
      others.close();
      throw error;
    }
    this.#ways = new Ways(libc);
    this.#epoll = libc.epollCreate();
    this.#event = libc.block(16);
    this.#event.view.setUint32(0, EPOLLIN, true);
    if (libc.epollAdd(this.#epoll, this.#raw, this.#event.at) !== 0) throw new Error(`epoll: errno ${libc.errno()}`);
    this.#out = new Messages(libc, TOGETHER, SYN_BYTES, true);
    this.#in = new Messages(libc, TOGETHER, RECEIVED_BYTES, false);
    this.#tokens = new Float64Array(width).fill(IDLE);
    this.#turns = new Uint32Array(width);
    this.#began = new Float64Array(width);
    this.#waits = new Uint32Array(width);
    this.#targets = new Uint32Array(width);
    this.#ports = new Uint16Array(width);
    this.#flights = new Flights(width);
  }

  get waiting(): number {
    return this.#flights.count + this.#others.waiting;
  }

  get room(): number {
    return Math.min(this.#free.length + (this.width - this.#made), this.#others.room);
  }

  begin(words: Uint32Array, at: number): void {
    if (words[at + 3] !== 4) return this.#others.begin(words, at);
    const token = words[at]!;
    const way = { from: 0, to: words[at + 4]!, fromPort: this.#port, toPort: words[at + 2]! };
    way.from = this.#ways.from(way.to);
    if (way.from === 0) return this.#answers.add(token, UNREACHABLE, 0);
    // The same each time, so that whoever has a connection half-open since the last try takes this one for its repeat.
    const sequence = this.#cookies.of(way);
    // Answers to two tries of one pair could not be told apart.
    if (this.#find(sequence, way.to, way.toPort) >= 0) return this.#answers.add(token, OURS_ALONE, 0);
    const slot = this.#free.pop() ?? this.#made++;
    this.#tokens[slot] = token;
    this.#waits[slot] = words[at + 1]!;
    this.#targets[slot] = way.to;
    this.#ports[slot] = way.toPort;
    this.#turns[slot]! += 1;
    this.#flights.add(slot, sequence);
    this.#write(way, sequence);
    this.#sending.push(slot);
    if (this.#sending.length === TOGETHER) this.#send();
  }

  #find(sequence: number, address: number, port: number): number {
    return this.#flights.find(sequence, (slot) => this.#targets[slot] === address && this.#ports[slot] === port);
  }

  wait(ms: number): void {
    this.#send();
    const isElsewhere = this.#others.waiting > 0;
    if (isElsewhere) this.#others.wait(0);
    this.#libc.epollWait(this.#epoll, this.#event.at, 1, isElsewhere ? Math.min(1, ms) : ms);
    while (this.#receive() === TOGETHER);
    this.#meet(performance.now());
  }

  #meet(now: number): void {
    this.#wheel.due(now, (mark) => {
      const slot = mark % this.width;
      if (this.#tokens[slot] !== IDLE && this.#mark(slot) === mark) this.#answer(slot, SILENT, now);
    });
  }

  drop(tokens: Iterable<number>): void {
    const dropped = new Set(tokens);
    for (const slot of this.#flights.slots()) if (dropped.has(this.#tokens[slot]!)) this.#release(slot);
    this.#others.drop(tokens);
  }

  close(): void {
    for (const fd of [this.#held, this.#raw, this.#epoll]) this.#libc.close(fd);
    this.#ways.close();
    this.#others.close();
  }

  #write(way: Way, sequence: number): void {
    const index = this.#sending.length;
    const { view } = this.#out.names;
    view.setUint16(index * SOCKADDR_BYTES, AF_INET, true);
    view.setUint32(index * SOCKADDR_BYTES + 4, way.to);
    writeSyn(this.#out.data.view, index * SYN_BYTES, way, sequence);
  }

  #send(): void {
    const all = this.#sending.length;
    if (all === 0) return;
    const now = performance.now();
    this.#meet(now);
    for (const slot of this.#sending) {
      this.#began[slot] = now;
      this.#wheel.set(this.#mark(slot), now + this.#waits[slot]!);
    }
    for (let first = 0; first < all;) {
      const sent = this.#libc.sendmmsg(this.#raw, this.#out.headerAt(first), all - first, 0);
      if (sent <= 0) this.#unsent(this.#sending[first]!, this.#libc.errno());
      first += Math.max(1, sent);
    }
    this.#sending.length = 0;
  }

  #unsent(slot: number, errno: number): void {
    // Answered or dropped in between.
    if (this.#tokens[slot] === IDLE) return;
    this.#answer(slot, OUT_OF.has(errno) ? OURS_ALONE : UNREACHABLE, performance.now());
  }

  /** How many packets there were. */
  #receive(): number {
    const count = this.#libc.recvmmsg(this.#raw, this.#in.headerAt(0), TOGETHER, 0, 0);
    const now = performance.now();
    for (let index = 0; index < count; index++) this.#hear(index, now);
    return count;
  }

  #hear(index: number, now: number): void {
    const reply = readReply(this.#in.data.view, index * RECEIVED_BYTES, this.#in.lengthOf(index));
    if (!reply || reply.toPort !== this.#port) return;
    const slot = this.#find((reply.acknowledged - 1) >>> 0, reply.from, reply.fromPort);
    if (slot < 0) return;
    this.#answer(slot, reply.is === 'open' ? OPEN : REFUSED, now);
  }

  #mark(slot: number): number {
    return this.#turns[slot]! * this.width + slot;
  }

  #answer(slot: number, verdict: number, now: number): void {
    this.#answers.add(this.#tokens[slot]!, verdict, now - this.#began[slot]!);
    this.#release(slot);
  }

  #release(slot: number): void {
    this.#flights.remove(slot);
    this.#tokens[slot] = IDLE;
    this.#free.push(slot);
  }
}
