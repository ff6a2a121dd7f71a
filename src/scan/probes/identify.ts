import type { ProbeResult } from '../../model/probe.ts';
import { isAppError } from '../../model/errors/index.ts';
import { type Conversation, ConversationEnded } from '../scanner/conversation.ts';
import { type Probe, type ProbeTarget, converse } from './contract.ts';
import { PROBES } from './registry.ts';
import { clientHello } from './tls/wire.ts';

/** Servers that speak first do so within a round trip; the rest wait for us. */
const GREETING_MS = 250;
const ANSWER_MS = 2500;

/** Finds out by itself what listens (whatever the port number suggests) and reads it. */
export async function identifyAndProbe(target: ProbeTarget): Promise<ProbeResult> {
  const greeting = await listen(target);
  return chooseProbe(greeting).probe({ ...target, greeting });
}

export function chooseProbe(greeting: Buffer): Probe {
  return PROBES.find((probe) => probe.recognises(greeting))!;
}

/** What the server says unasked, else what it answers to a TLS ClientHello, else nothing. */
async function listen(target: ProbeTarget): Promise<Buffer> {
  return converse(target, GREETING_MS + ANSWER_MS, async (conversation) => {
    const unasked = await conversation.arrives(GREETING_MS);
    if (!unasked) conversation.write(clientHello('TLSv1.2', { heartbeat: false }));
    return collect(conversation);
  });
}

async function collect(conversation: Conversation): Promise<Buffer> {
  let bytes = Buffer.alloc(0);
  try {
    // A record header, or a line: enough to tell; the probe itself reads again from the start.
    while (bytes.length < 5) bytes = Buffer.concat([bytes, await conversation.readSome()]);
  } catch (error) {
    if (!(error instanceof ConversationEnded) && !isAppError(error)) throw error;
  }
  return bytes;
}
