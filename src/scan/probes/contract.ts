import type { Socket } from 'node:net';
import type { ProbeResult, TlsKnown } from '../../model/probe.ts';
import { Conversation } from '../scanner/conversation.ts';
import type { Guard } from '../scanner/guard.ts';

/** What a server answered to one opening. `ended`: it hung up afterwards, so there is no more of it. */
export interface Answer {
  /** the opening */
  to: Buffer;
  bytes: Buffer;
  ended: boolean;
}

/** What came from a port until a probe knew it. */
export interface Heard {
  /** unasked, when we connected */
  greeting: Buffer;
  /** it hung up before we said anything */
  hungUp: boolean;
  /** by the protocol whose opening it answers, in the order of asking */
  answers: Map<string, Answer>;
}

/** One look at one open port. `greeting`: the bytes by which it was known: said unasked, or in answer to an opening. */
export interface ProbeTarget {
  address: string;
  port: number;
  greeting: Buffer;
  /** all that was heard before; a probe need not ask for it again */
  heard: Heard;
  /** connections are within TLS */
  secure: boolean;
  /** what the last look saw there: what it holds and nothing speaks against need not be asked again */
  known: TlsKnown | null;
  /** by which the server is known: each is asked for its certificate */
  names: readonly string[];
  /** TLS is asked for by this name; without it, by none */
  serverName?: string;
  now(): Date;
  /** SSH servers are asked for their ways to log in, by a request that shows nothing */
  asksWays: boolean;
  /** a new connection to the same port, through the guard, within what is left of the deadline */
  connect(): Promise<Socket>;
  /** ms left until the probe as a whole must be done; time spent waiting for the scope's rate does not count */
  left(): number;
  signal: AbortSignal | undefined;
}

/** How to make a server speak that waits for the client. */
export interface Asking {
  /** The first bytes of a client, at most a few hundred: they ask for nothing that needs rights and change nothing. */
  opening(target: Pick<ProbeTarget, 'address' | 'port'>): Buffer;
  /** bytes that an answer has at least; with fewer one goes on waiting. By default 5: a record header. */
  fewest?: number;
  /** Is this what such a server answers to that opening? What `recognises` knows need not be said again. */
  knows(answer: Buffer): boolean;
}

/** A protocol we can identify and read. A probe only reads: it shows no credentials and never changes anything. What lets it in
 * without any (decision 0056) is left at once. */
export interface Probe {
  protocol: ProbeResult['protocol'];
  /** Unmistakable bytes: said unasked, or in answer to whatever opening. */
  recognises(greeting: Buffer): boolean;
  /** Throws when it could not look properly; the result before it is kept then. */
  probe(target: ProbeTarget): Promise<ProbeResult>;
  /** where it usually is: its opening is tried there first */
  ports?: readonly number[];
  /** for servers that wait for the client */
  asks?: Asking;
  /** said to its greeting before we hang up, for servers that block whoever hangs up without; `last`: to its answer */
  farewell?: { says: Buffer; last(answer: Buffer): Buffer | null };
  /** an API over HTTP: asked before and instead of `http` where an answer is its */
  over?: 'http';
}

export const PROBE_DEADLINE_MS = 15_000;
/** One connection of a probe. A certificate chain is a few KiB; anything near this is an attack on us. */
export const CONVERSATION_MAX_BYTES = 256 * 1024;

export const newHeard = (): Heard => ({ greeting: Buffer.alloc(0), hungUp: false, answers: new Map() });

export function newTarget(
  guard: Guard,
  at: {
    address: string;
    port: number;
    connectMs: number;
    deadlineMs?: number;
    signal?: AbortSignal | undefined;
    known?: TlsKnown | null;
    names?: readonly string[] | undefined;
    now?: () => Date;
    asksWays?: boolean;
  },
): ProbeTarget {
  let end = performance.now() + (at.deadlineMs ?? PROBE_DEADLINE_MS);
  const left = (): number => Math.max(1, Math.ceil(end - performance.now()));
  return {
    address: at.address,
    port: at.port,
    greeting: Buffer.alloc(0),
    heard: newHeard(),
    secure: false,
    known: at.known ?? null,
    names: at.names ?? [],
    now: at.now ?? (() => new Date()),
    asksWays: at.asksWays ?? guard.asksWays,
    connect: () => {
      const waited = (ms: number): void => void (end += ms);
      return guard.connect(at.address, at.port, {
        timeoutMs: Math.min(at.connectMs, left()),
        signal: at.signal,
        waited,
      });
    },
    left,
    signal: at.signal,
  };
}

/** Opens a bounded conversation, hands it to `fn`, and always closes it. */
export async function converse<T>(
  target: ProbeTarget,
  deadlineMs: number,
  fn: (conversation: Conversation) => Promise<T>,
): Promise<T> {
  const socket = await target.connect();
  const conversation = new Conversation(socket, {
    deadlineMs: Math.min(deadlineMs, target.left()),
    maxBytes: CONVERSATION_MAX_BYTES,
  });
  try {
    return await fn(conversation);
  } finally {
    conversation.close();
  }
}
