import type { Socket } from 'node:net';
import { normalAddress } from '../logic/address.ts';
import { type Answer, type Connector, DROP, type Knock, SEND, type Sending, type Verdict, OURS } from './connector.ts';

/** As many sockets at once as no machine minds. */
const WIDTH = 200;

export type ConnectOne = (
  address: string,
  port: number,
  how: { timeoutMs: number; signal: AbortSignal },
) => Promise<Socket>;

/** Tries ports with Node's own sockets, which every platform has. What ends them is the guard's `recheck`. */
export function portableConnector(connectOne: ConnectOne, allows: (address: string) => boolean): Connector {
  const tryOne = async (knock: Knock, how: Sending): Promise<void> => {
    const began = performance.now();
    let verdict: Verdict;
    try {
      const socket = await connectOne(knock.address, knock.port, { timeoutMs: knock.timeoutMs, signal: how.signal });
      verdict = isItself(socket) ? 'refused' : 'open';
      socket.destroy();
    } catch (error) {
      if (how.signal.aborted) return;
      verdict = allows(knock.address) ? verdictOf(error) : 'denied';
    }
    const answer: Answer = { id: knock.id, verdict, ms: performance.now() - began };
    how.answered([answer]);
  };
  return {
    path: 'portable',
    why: 'no faster path was asked for',
    width: WIDTH,
    [SEND]: (knocks, how) => {
      for (const knock of knocks) void tryOne(knock, how);
    },
    [DROP]: () => undefined,
    close: async () => undefined,
  };
}

/** A connection to one's own machine may by chance get the very port it asks for, and so meet itself. */
function isItself(socket: Socket): boolean {
  return socket.localPort === socket.remotePort && sameAddress(socket.localAddress, socket.remoteAddress);
}

const sameAddress = (a = '', b = ''): boolean => normalAddress(a) === normalAddress(b);

function verdictOf(error: unknown): Verdict {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (code === 'ECONNREFUSED') return 'refused';
  if (code === 'ETIMEDOUT') return 'silent';
  // What has no code is no word of the target either.
  return code === '' || OURS.has(code) ? 'ours' : 'unreachable';
}
