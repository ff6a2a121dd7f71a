import type { Socket } from 'node:net';

/** Why a conversation ended before we had what we wanted. */
export type Ended = 'closed' | 'deadline' | 'flood';

export class ConversationEnded extends Error {
  readonly ended: Ended;
  constructor(ended: Ended) {
    super(
      { closed: 'the other side closed', deadline: 'time was up', flood: 'the other side sent more than it may' }[
        ended
      ],
    );
    this.name = 'ConversationEnded';
    this.ended = ended;
  }
}

/**
 * Reads from a socket that may be hostile: never longer than until `deadline` (whatever drips in between), never more
 * than `maxBytes` in all.
 */
export class Conversation {
  readonly #socket: Socket;
  readonly #maxBytes: number;
  readonly #timer: NodeJS.Timeout;
  #chunks: Buffer[] = [];
  #buffered = 0;
  #total = 0;
  #ended: Ended | null = null;
  #wake: (() => void) | null = null;
  readonly #onData = (chunk: Buffer): void => this.#take(chunk);
  readonly #onClose = (): void => this.#end('closed');

  /** `deadline`: ms from now. */
  constructor(socket: Socket, options: { deadlineMs: number; maxBytes: number }) {
    this.#socket = socket;
    this.#maxBytes = options.maxBytes;
    this.#timer = setTimeout(() => this.#end('deadline'), Math.max(1, options.deadlineMs));
    socket.on('data', this.#onData);
    for (const event of ['close', 'end', 'error']) socket.on(event, this.#onClose);
    // One that another conversation released was paused.
    socket.resume();
  }

  /** Exactly `count` bytes. */
  async read(count: number): Promise<Buffer> {
    if (count > this.#maxBytes) throw new ConversationEnded('flood');
    while (this.#buffered < count) await this.#more();
    return this.#give(count);
  }

  /** Whatever is there, at least one byte. */
  async readSome(): Promise<Buffer> {
    while (this.#buffered === 0) await this.#more();
    return this.#give(this.#buffered);
  }

  /** Waits until something is there, without taking it: true when it is, false after `ms` or at the end. */
  async arrives(ms: number): Promise<boolean> {
    if (this.#buffered > 0 || this.#ended) return this.#buffered > 0;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    const timer = setTimeout(resolve, ms);
    await promise;
    clearTimeout(timer);
    return this.#buffered > 0;
  }

  /** The other side hung up, and nothing is left to read. */
  get over(): boolean {
    return this.#ended === 'closed' && this.#buffered === 0;
  }

  write(bytes: Uint8Array): void {
    if (!this.#ended) this.#socket.write(bytes);
  }

  /** Gives the socket to somebody else, who goes on with it; what was not read yet is theirs. Ends this conversation. */
  release(): Socket {
    clearTimeout(this.#timer);
    this.#socket.off('data', this.#onData);
    for (const event of ['close', 'end', 'error']) this.#socket.off(event, this.#onClose);
    this.#socket.on('error', () => undefined);
    this.#socket.pause();
    if (this.#buffered > 0) this.#socket.unshift(this.#give(this.#buffered));
    this.#ended = 'closed';
    return this.#socket;
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#ended ??= 'closed';
    this.#chunks = [];
    this.#socket.destroy();
  }

  #take(chunk: Buffer): void {
    if (this.#ended) return;
    this.#total += chunk.length;
    if (this.#total > this.#maxBytes) return this.#end('flood');
    this.#chunks.push(chunk);
    this.#buffered += chunk.length;
    this.#wakeUp();
  }

  #end(ended: Ended): void {
    clearTimeout(this.#timer);
    this.#ended ??= ended;
    // What already arrived may still be read after a close; after a flood or the deadline nothing counts any more.
    if (ended !== 'closed') this.#socket.destroy();
    this.#wakeUp();
  }

  #wakeUp(): void {
    const wake = this.#wake;
    this.#wake = null;
    wake?.();
  }

  async #more(): Promise<void> {
    if (this.#ended) throw new ConversationEnded(this.#ended);
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    await promise;
  }

  #give(count: number): Buffer {
    const all = this.#chunks.length === 1 ? this.#chunks[0]! : Buffer.concat(this.#chunks);
    const rest = all.subarray(count);
    this.#chunks = rest.length > 0 ? [rest] : [];
    this.#buffered = rest.length;
    return all.subarray(0, count);
  }
}
