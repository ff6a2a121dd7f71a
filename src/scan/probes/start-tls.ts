import type { Socket } from 'node:net';
import { AppError, isAppError } from '../../model/errors/index.ts';
import type { ServiceProbe } from '../../model/probe.ts';
import { Conversation, ConversationEnded } from '../scanner/conversation.ts';
import { CONVERSATION_MAX_BYTES, type ProbeTarget } from './contract.ts';
import { tlsProbe } from './tls/index.ts';

const AGREE_MS = 3000;

/**
 * TLS as offered in the middle of a plain conversation (STARTTLS). `agree` speaks until the server is ready for a
 * ClientHello; false: it offers none. Null too when TLS could not be looked at: that takes nothing from the rest.
 */
export async function lookByStartTls(
  target: ProbeTarget,
  agree: (conversation: Conversation) => Promise<boolean>,
): Promise<NonNullable<ServiceProbe['tls']> | null> {
  try {
    const first = await upgraded(target, agree);
    if (!first) return null;
    first.destroy();
    const result = await tlsProbe.probe(behindStartTls(target, agree));
    return result.protocol === 'tls' ? result : null;
  } catch (error) {
    if (error instanceof ConversationEnded || isAppError(error)) return null;
    throw error;
  }
}

/** The target whose connections have agreed on TLS already, and wait for a ClientHello. */
export function behindStartTls(
  target: ProbeTarget,
  agree: (conversation: Conversation) => Promise<boolean>,
): ProbeTarget {
  const connect = async (): Promise<Socket> => (await upgraded(target, agree)) ?? refuse(target);
  return { ...target, connect };
}

/** A connection on which the next bytes are TLS; null: the server did not agree to that. */
async function upgraded(
  target: ProbeTarget,
  agree: (conversation: Conversation) => Promise<boolean>,
): Promise<Socket | null> {
  const socket = await target.connect();
  const deadlineMs = Math.min(AGREE_MS, target.left());
  const conversation = new Conversation(socket, { deadlineMs, maxBytes: CONVERSATION_MAX_BYTES });
  try {
    if (await agree(conversation)) return conversation.release();
  } catch (error) {
    conversation.close();
    throw error;
  }
  conversation.close();
  return null;
}

function refuse({ address, port }: ProbeTarget): never {
  throw new AppError('PROBE_STOPPED', { address, port, protocol: 'tls', why: 'TLS was offered once, and then not' });
}
