import type { Socket } from 'node:net';
import { isAppError } from '../../../model/errors/index.ts';
import type { ServiceProbe } from '../../../model/probe.ts';
import { Conversation, ConversationEnded } from '../../scanner/conversation.ts';
import type { ProbeTarget } from '../contract.ts';
import { stopped } from '../service-result.ts';
import { tlsProbe } from '../tls/index.ts';
import type { Dialogue } from './dialogues.ts';

/** A server may wait a moment before it greets. */
const DIALOGUE_MS = 3000;
const MOST_BYTES = 64 * 1024;

/** The TLS behind an upgrade, or in words why it could not be looked at. */
export type Behind = { tls: NonNullable<ServiceProbe['tls']> } | { why: string };

/**
 * The same look at TLS as on a port of its own (versions, chain, Heartbleed), each of its connections opened by the
 * dialogue first.
 */
export async function lookBehind(
  target: ProbeTarget,
  protocol: ServiceProbe['protocol'],
  dialogue: Dialogue,
): Promise<Behind> {
  const connect = async (): Promise<Socket> => {
    const conversation = new Conversation(await target.connect(), {
      deadlineMs: Math.min(DIALOGUE_MS, target.left()),
      maxBytes: MOST_BYTES,
    });
    try {
      if (await dialogue(conversation)) return conversation.release().resume();
      throw stopped(target, protocol, 'TLS was offered, then not begun');
    } catch (error) {
      conversation.close();
      if (error instanceof ConversationEnded) throw stopped(target, protocol, error.message);
      throw error;
    }
  };
  try {
    const probe = await tlsProbe.probe({ ...target, connect });
    if (probe.protocol !== 'tls') return { why: 'no TLS was seen' };
    const { inside: _inside, clientCertificate: _certificate, ...tls } = probe;
    return { tls };
  } catch (error) {
    if (!isAppError(error)) throw error;
    return { why: typeof error.params['why'] === 'string' ? error.params['why'] : error.message };
  }
}

/** A result with what was seen behind the upgrade. `offered`: the server says that it has one. */
export async function withTls(
  result: ServiceProbe,
  target: ProbeTarget,
  upgrade: { offered: boolean; dialogue: Dialogue },
): Promise<ServiceProbe> {
  if (target.secure) return result;
  if (!upgrade.offered) return { ...result, details: { ...result.details, starttls: 'not offered' } };
  const behind = await lookBehind(target, result.protocol, upgrade.dialogue);
  if ('tls' in behind) return { ...result, tls: behind.tls };
  return { ...result, details: { ...result.details, starttls: `offered, not seen: ${behind.why}`.slice(0, 400) } };
}
