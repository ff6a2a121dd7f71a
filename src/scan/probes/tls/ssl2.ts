import { randomBytes } from 'node:crypto';
import { isAppError } from '../../../model/errors/index.ts';
import type { TlsSeen } from '../../../model/probe.ts';
import { type Conversation, ConversationEnded } from '../../scanner/conversation.ts';
import { converse, type ProbeTarget } from '../contract.ts';
import { RECORD, u16, versionOf } from './wire.ts';

const HELLO_MS = 3000;
const VERSION = 0x0002;
const MESSAGE = { error: 0, clientHello: 1, serverHello: 4 } as const;
/** RC4, RC2, IDEA, DES and 3DES, with the lengths of key that export once demanded: all that it ever had. */
const CIPHERS = [0x010080, 0x020080, 0x030080, 0x040080, 0x050080, 0x060040, 0x0700c0];
const CHALLENGE = 16;
/** Behind the length: type, whether a session is known, kind of certificate, version, and three lengths. */
const SERVER_HELLO_HEAD = 11;

/** A CLIENT-HELLO of SSL 2.0 that offers nothing newer: no record of TLS, but one of its own kind. */
export function ssl2Hello(): Buffer {
  const ciphers = Buffer.concat(CIPHERS.map((code) => Buffer.from([code >> 16, (code >> 8) & 0xff, code & 0xff])));
  const head = [u16(VERSION), u16(ciphers.length), u16(0), u16(CHALLENGE)];
  const body = Buffer.concat([Buffer.from([MESSAGE.clientHello]), ...head, ciphers, randomBytes(CHALLENGE)]);
  return Buffer.concat([u16(0x8000 | body.length), body]);
}

type Ssl2 = NonNullable<TlsSeen['ssl2']>;

/**
 * What came to it. A SERVER-HELLO of this version is the proof, whichever ciphers it names: with none in common the server
 * still reads what its newer connections are attacked with (DROWN). Null: neither yes nor no.
 */
export function readSsl2(head: Buffer): Ssl2 | null {
  const length = head.readUInt16BE(0) & 0x7fff;
  if ((head[0]! & 0x80) !== 0) {
    if (head[2] === MESSAGE.serverHello)
      return length >= SERVER_HELLO_HEAD && head.readUInt16BE(5) === VERSION ? 'spoken' : null;
    return head[2] === MESSAGE.error ? 'refused' : null;
  }
  return head[0] === RECORD.alert && versionOf(head.readUInt16BE(1)) !== null ? 'refused' : null;
}

/** Whether it speaks SSL 2.0. Whoever hangs up means no by that, where it `serves` on. */
export async function askSsl2(target: ProbeTarget, serves: () => Promise<boolean>): Promise<Ssl2> {
  try {
    const said = await converse(target, HELLO_MS, exchange);
    if (said !== 'closed') return said;
    return (await serves()) ? 'refused' : 'unknown';
  } catch (error) {
    if (!isAppError(error)) throw error;
    return 'unknown';
  }
}

/**
 * The certificate that its SERVER-HELLO brings along, or as much as came of it; null where it is none. `ms`: how long one
 * waits for it.
 */
export async function ssl2Certificate(target: ProbeTarget, ms = HELLO_MS): Promise<Buffer | null> {
  try {
    return await converse(target, ms, readCertificate);
  } catch (error) {
    if (!isAppError(error) && !(error instanceof ConversationEnded)) throw error;
    return null;
  }
}

async function readCertificate(conversation: Conversation): Promise<Buffer | null> {
  conversation.write(ssl2Hello());
  const head = await conversation.read(2 + SERVER_HELLO_HEAD);
  if (readSsl2(head) !== 'spoken') return null;
  const rest = (head.readUInt16BE(0) & 0x7fff) - SERVER_HELLO_HEAD;
  try {
    return await conversation.read(Math.min(head.readUInt16BE(7), rest));
  } catch (error) {
    if (!(error instanceof ConversationEnded)) throw error;
    // That it speaks SSL 2.0 is shown, whatever becomes of the certificate.
    return Buffer.alloc(0);
  }
}

async function exchange(conversation: Conversation): Promise<Ssl2 | 'closed'> {
  conversation.write(ssl2Hello());
  try {
    return readSsl2(await conversation.read(7)) ?? 'unknown';
  } catch (error) {
    if (!(error instanceof ConversationEnded)) throw error;
    return error.ended === 'closed' ? 'closed' : 'unknown';
  }
}
