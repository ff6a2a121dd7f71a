import { AppError } from '../../model/errors/index.ts';
import { type Access, SERVICE_BOUNDS, type ServiceProbe, type ServiceProtocol } from '../../model/probe.ts';
import { oneLine } from '../../model/text.ts';
import { ConversationEnded } from '../scanner/conversation.ts';
import { converse, type Probe, type ProbeTarget } from './contract.ts';
import type { Conversation } from '../scanner/conversation.ts';

export interface Said {
  product?: string | undefined;
  version?: string | undefined;
  access: Access;
  what: string;
  /** what is empty or not there is left out */
  details?: Record<string, string | number | boolean | null | undefined>;
}

/** A result in the model's bounds, whatever the server said: one line each, cut, without control characters. */
export function serviceResult(protocol: ServiceProtocol, said: Said): ServiceProbe {
  const product = oneLine(said.product ?? '', SERVICE_BOUNDS.product);
  const version = oneLine(said.version ?? '', SERVICE_BOUNDS.version);
  const details = Object.entries(said.details ?? {})
    .map(([key, value]) => [key, oneLine(String(value ?? ''), SERVICE_BOUNDS.detail)] as const)
    .filter(([, value]) => value !== '')
    .slice(0, SERVICE_BOUNDS.details);
  return {
    protocol,
    ...(product ? { product } : {}),
    ...(version ? { version } : {}),
    access: said.access,
    what: oneLine(said.what, SERVICE_BOUNDS.what),
    details: Object.fromEntries(details),
  };
}

/** A conversation of a probe: that the server ended it, or took too long, stops the probe in words. */
export async function talk<T>(
  target: ProbeTarget,
  protocol: ServiceProtocol,
  deadlineMs: number,
  fn: (conversation: Conversation) => Promise<T>,
): Promise<T> {
  try {
    return await converse(target, deadlineMs, fn);
  } catch (error) {
    if (error instanceof ConversationEnded) throw stopped(target, protocol, error.message);
    throw error;
  }
}

/** What was taken for this protocol is another one's: whoever looks goes on. */
export class NotItsProtocol extends AppError {
  constructor({ address, port }: ProbeTarget, protocol: Probe['protocol'], why: string) {
    super('PROBE_STOPPED', { address, port, protocol, why });
  }
}

export function stopped({ address, port }: ProbeTarget, protocol: Probe['protocol'], why: string): AppError {
  return new AppError('PROBE_STOPPED', { address, port, protocol, why });
}

/** Reads until `isWhole` says so, the other side hangs up, or `most` bytes are there. A deadline or flood throws. */
export async function readUntil(
  conversation: Conversation,
  isWhole: (bytes: Buffer) => boolean,
  most = 64 * 1024,
): Promise<Buffer> {
  let bytes = Buffer.alloc(0);
  while (!isWhole(bytes) && bytes.length < most) {
    try {
      bytes = Buffer.concat([bytes, await conversation.readSome()]);
    } catch (error) {
      if (error instanceof ConversationEnded && error.ended === 'closed' && bytes.length > 0) return bytes;
      throw error;
    }
  }
  return bytes;
}
