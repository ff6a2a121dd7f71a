import {
  AF_INET,
  AF_INET6,
  AF_UNSPEC,
  type Block,
  EPOLL_IN_USE,
  ERRNO,
  type Libc,
  SOCK_FLAGS,
  SOCK_STREAM,
  SOCKADDR_BYTES,
} from './libc.ts';
import { type Answers, OPEN, OURS_ALONE, REFUSED, SILENT, UNREACHABLE } from './messages.ts';
import { sockaddrLength, writeSockaddr } from './sockaddr.ts';
import type { Trier } from './trier.ts';
import { Wheel } from './wheel.ts';

const EVENTS = 1024;
const IDLE = -1;

const OUT_OF: ReadonlySet<number> = new Set([
  ERRNO.EAGAIN,
  ERRNO.ENOMEM,
  ERRNO.ENFILE,
  ERRNO.EMFILE,
  ERRNO.EADDRNOTAVAIL,
  ERRNO.ENOBUFS,
]);

/** What `connect` says to a socket that is connected, or was and was reset before we looked. */
const CONNECTED: ReadonlySet<number> = new Set([0, ERRNO.EISCONN, ERRNO.ECONNRESET, ERRNO.EPIPE]);

/**
 * Non-blocking `connect`, many at once. Sockets are used again: `connect` on one that was refused fetches the error and
 * makes it free, and `connect` to AF_UNSPEC ends one that waits or is open, so that a port that refuses costs two calls
 * and neither `socket`, `epoll_ctl` nor `close`.
 */
export class EpollTrier implements Trier {
  readonly width: number;
  readonly #libc: Libc;
  readonly #answers: Answers;
  readonly #epoll: number;
  readonly #addresses: Block;
  readonly #event: Block;
  readonly #events: Block;
  readonly #nowhere: Block;
  readonly #mine: Block;
  readonly #fds: Int32Array;
  readonly #families: Uint8Array;
  readonly #tokens: Float64Array;
  readonly #turns: Uint32Array;
  readonly #began: Float64Array;
  readonly #free: number[] = [];
  readonly #wheel = new Wheel(performance.now());
  #made = 0;
  #waiting = 0;

  constructor(libc: Libc, answers: Answers, width: number) {
    this.#libc = libc;
    this.#answers = answers;
    this.width = width;
    this.#epoll = libc.epollCreate();
    if (this.#epoll < 0) throw new Error(`epoll_create1: errno ${libc.errno()}`);
    this.#addresses = libc.block(width * SOCKADDR_BYTES);
    this.#event = libc.block(16);
    this.#events = libc.block(EVENTS * 16);
    this.#nowhere = libc.block(SOCKADDR_BYTES);
    this.#nowhere.view.setUint16(0, AF_UNSPEC, true);
    this.#mine = libc.block(SOCKADDR_BYTES * 2);
    this.#fds = new Int32Array(width).fill(IDLE);
    this.#families = new Uint8Array(width);
    this.#tokens = new Float64Array(width).fill(IDLE);
    this.#turns = new Uint32Array(width);
    this.#began = new Float64Array(width);
  }

  get waiting(): number {
    return this.#waiting;
  }

  get room(): number {
    return this.#free.length + (this.width - this.#made);
  }

  begin(words: Uint32Array, at: number): void {
    const token = words[at]!;
    const family = words[at + 3] === 4 ? AF_INET : AF_INET6;
    const slot = this.#free.pop() ?? this.#made++;
    if (!this.#ready(slot, family)) {
      this.#free.push(slot);
      return this.#answers.add(token, OURS_ALONE, 0);
    }
    const now = performance.now();
    writeSockaddr(this.#addresses.view, slot * SOCKADDR_BYTES, words, at);
    this.#tokens[slot] = token;
    this.#began[slot] = now;
    this.#turns[slot]! += 1;
    this.#waiting += 1;
    const errno = this.#connect(slot);
    if (errno === 0) this.#arrived(slot, now);
    else if (errno !== ERRNO.EINPROGRESS) this.#ended(slot, errno, now);
    else {
      this.#meet(now);
      this.#wheel.set(this.#mark(slot), now + words[at + 1]!);
    }
  }

  /** Waits up to `ms` for something to happen, and answers what did. */
  wait(ms: number): void {
    const { view, at } = this.#events;
    const { epollEventBytes, epollDataAt } = this.#libc;
    const count = this.#libc.epollWait(this.#epoll, at, EVENTS, ms);
    const now = performance.now();
    for (let index = 0; index < count; index++) {
      const slot = view.getUint32(index * epollEventBytes + epollDataAt, true);
      // An echo of what is over.
      if (this.#tokens[slot] === IDLE) continue;
      const errno = this.#connect(slot);
      if (CONNECTED.has(errno)) this.#arrived(slot, now);
      else if (errno !== ERRNO.EINPROGRESS && errno !== ERRNO.EALREADY) this.#ended(slot, errno, now);
    }
    this.#meet(now);
  }

  #meet(now: number): void {
    this.#wheel.due(now, (mark) => this.#late(mark, now));
  }

  drop(tokens: Iterable<number>): void {
    const dropped = new Set(tokens);
    for (let slot = 0; slot < this.#made; slot++) {
      if (!dropped.has(this.#tokens[slot]!)) continue;
      this.#hangUp(slot);
      this.#release(slot);
    }
  }

  close(): void {
    for (const fd of this.#fds) if (fd !== IDLE) this.#libc.close(fd);
    this.#libc.close(this.#epoll);
  }

  /** One number for a slot and its present use, so that an old deadline meets no new try. */
  #mark(slot: number): number {
    return this.#turns[slot]! * this.width + slot;
  }

  #late(mark: number, now: number): void {
    const slot = mark % this.width;
    if (this.#tokens[slot] === IDLE || this.#mark(slot) !== mark) return;
    this.#hangUp(slot);
    this.#answer(slot, SILENT, now);
  }

  #arrived(slot: number, now: number): void {
    const verdict = this.#isItself(slot) ? REFUSED : OPEN;
    this.#hangUp(slot);
    this.#answer(slot, verdict, now);
  }

  #ended(slot: number, errno: number, now: number): void {
    if (errno === ERRNO.ECONNREFUSED) return this.#answer(slot, REFUSED, now);
    // It may be in any state now: a new one takes its place.
    this.#drain(slot);
    if (errno === ERRNO.ETIMEDOUT) return this.#answer(slot, SILENT, now);
    this.#answer(slot, OUT_OF.has(errno) ? OURS_ALONE : UNREACHABLE, now);
  }

  #answer(slot: number, verdict: number, now: number): void {
    this.#answers.add(this.#tokens[slot]!, verdict, now - this.#began[slot]!);
    this.#release(slot);
  }

  #release(slot: number): void {
    this.#waiting -= 1;
    this.#tokens[slot] = IDLE;
    this.#free.push(slot);
  }

  #connect(slot: number): number {
    const at = slot * SOCKADDR_BYTES;
    const length = sockaddrLength(this.#families[slot]!);
    return this.#libc.connect(this.#fds[slot]!, this.#addresses.at + at, length) === 0 ? 0 : this.#libc.errno();
  }

  /** Ends an attempt, or a connection with a reset: nothing of it is left waiting on either side. */
  #hangUp(slot: number): void {
    if (this.#libc.connect(this.#fds[slot]!, this.#nowhere.at, 16) !== 0) this.#drain(slot);
  }

  #drain(slot: number): void {
    this.#libc.close(this.#fds[slot]!);
    this.#fds[slot] = IDLE;
  }

  /** The connection's own end is the other end: its port was by chance the one it asked for. */
  #isItself(slot: number): boolean {
    const { at, view } = this.#mine;
    view.setUint32(SOCKADDR_BYTES, SOCKADDR_BYTES, true);
    if (this.#libc.getsockname(this.#fds[slot]!, at, at + SOCKADDR_BYTES) !== 0) return false;
    const from = slot * SOCKADDR_BYTES;
    const other = this.#addresses.view;
    if (view.getUint16(2) !== other.getUint16(from + 2)) return false;
    const [first, last] = this.#families[slot] === AF_INET ? [4, 8] : [8, 24];
    for (let byte = first!; byte < last!; byte++) if (view.getUint8(byte) !== other.getUint8(from + byte)) return false;
    return true;
  }

  #ready(slot: number, family: number): boolean {
    if (this.#fds[slot] !== IDLE && this.#families[slot] !== family) this.#drain(slot);
    if (this.#fds[slot] !== IDLE) return true;
    const fd = this.#libc.socket(family, SOCK_STREAM | SOCK_FLAGS, 0);
    if (fd < 0) return false;
    this.#event.view.setUint32(0, EPOLL_IN_USE, true);
    this.#event.view.setUint32(this.#libc.epollDataAt, slot, true);
    if (this.#libc.epollAdd(this.#epoll, fd, this.#event.at) !== 0) {
      this.#libc.close(fd);
      return false;
    }
    this.#fds[slot] = fd;
    this.#families[slot] = family;
    return true;
  }
}
