import { createSocket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import { OURS } from './connector.ts';

/** What came of one datagram: the answers, or nothing; `refused`: the machine said that nobody listens there. */
export interface Exchanged {
  answers: Buffer[];
  refused: boolean;
}

export interface Exchange {
  /** ms until no answer is taken for silence */
  timeoutMs: number;
  /** after the first answer, ms for others that belong to it */
  moreMs: number;
  /** of all answers together */
  maxBytes: number;
  signal?: AbortSignal | undefined;
}

/**
 * Sends one datagram and hears what that address and port say to it, and nobody else: the kernel drops the rest, because
 * the socket is connected. Only a guard calls this.
 */
export async function exchange(address: string, port: number, bytes: Buffer, how: Exchange): Promise<Exchanged> {
  how.signal?.throwIfAborted();
  const { promise, resolve, reject } = Promise.withResolvers<Exchanged>();
  const socket = createSocket(isIPv6(address) ? 'udp6' : 'udp4');
  const answers: Buffer[] = [];
  let total = 0;
  let over = false;
  const close = (): boolean => {
    if (over) return false;
    over = true;
    clearTimeout(timer);
    how.signal?.removeEventListener('abort', abort);
    socket.close();
    return true;
  };
  const end = (refused: boolean): void => {
    if (close()) resolve({ answers, refused });
  };
  const abort = (): void => {
    if (close()) reject(how.signal?.reason as Error);
  };
  const fail = (error: NodeJS.ErrnoException): void => {
    // That our own machine ran out of something is not the target's silence.
    if (!OURS.has(error.code ?? '')) end(error.code === 'ECONNREFUSED');
    else if (close()) reject(error);
  };
  let timer = setTimeout(end, how.timeoutMs, false);
  how.signal?.addEventListener('abort', abort, { once: true });
  socket.on('message', (message) => {
    total += message.length;
    if (total > how.maxBytes) return end(false);
    answers.push(message);
    clearTimeout(timer);
    timer = setTimeout(end, how.moreMs, false);
  });
  socket.on('error', fail);
  // The typings leave out that a failed connect is told here, and not as an event.
  socket.connect(port, address, ((error?: Error) => {
    if (error) return fail(error);
    if (!over) socket.send(bytes, (failed) => failed && fail(failed));
  }) as () => void);
  return promise;
}
