import type { Socket } from 'node:net';
import type { ProbeResult } from '../../model/probe.ts';
import { Conversation } from '../scanner/conversation.ts';
import type { Guard } from '../scanner/guard.ts';

/** One look at one open port. `greeting`: what came when we connected, or in answer to a ClientHello. */
export interface ProbeTarget {
  address: string;
  port: number;
  greeting: Buffer;
  /** a new connection to the same port, through the guard, within what is left of the deadline */
  connect(): Promise<Socket>;
  /** ms left until the probe as a whole must be done; time spent waiting for the scope's rate does not count */
  left(): number;
  signal: AbortSignal | undefined;
}

/** A protocol we can identify and read. A probe only reads: it never logs in and never changes anything. */
export interface Probe {
  protocol: ProbeResult['protocol'];
  recognises(greeting: Buffer): boolean;
  /** Throws when it could not look properly; the result before it is kept then. */
  probe(target: ProbeTarget): Promise<ProbeResult>;
}

export const PROBE_DEADLINE_MS = 15_000;
/** One connection of a probe. A certificate chain is a few KiB; anything near this is an attack on us. */
export const CONVERSATION_MAX_BYTES = 256 * 1024;

export function newTarget(
  guard: Guard,
  at: { address: string; port: number; connectMs: number; deadlineMs?: number; signal?: AbortSignal | undefined },
): ProbeTarget {
  let end = performance.now() + (at.deadlineMs ?? PROBE_DEADLINE_MS);
  const left = (): number => Math.max(1, Math.ceil(end - performance.now()));
  return {
    address: at.address,
    port: at.port,
    greeting: Buffer.alloc(0),
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
