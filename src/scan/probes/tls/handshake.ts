import type { TlsVersion } from '../../../model/probe.ts';
import { type Agreement, agreementOf } from '../../logic/tls-ciphers.ts';
import { type Conversation, ConversationEnded } from '../../scanner/conversation.ts';
import {
  HANDSHAKE,
  type HelloOptions,
  RECORD,
  type ServerHello,
  clientHello,
  parseCertificates,
  parseServerHello,
  versionOf,
} from './wire.ts';

/** RFC 8446 allows 2^14 + 256; anything longer is no TLS record. */
const LONGEST_RECORD = 16_384 + 2048;
const LONGEST_MESSAGE = 128 * 1024;
/** A first flight fits into a handful of records; one in a hundred pieces is there to keep us busy. */
export const MOST_RECORDS = 128;
const WARNING = 1;
const CLOSE_NOTIFY = 0;

/** What one hello brought to light. `alert`: the server said no. `garbage`: it does not speak TLS. */
export type Flight =
  | { kind: 'hello'; hello: ServerHello; certificates: Buffer[]; agreement: Agreement | null; complete: boolean }
  | { kind: 'alert'; description: number }
  | { kind: 'garbage' }
  | { kind: 'silence'; why: 'closed' | 'deadline' | 'flood' };

export interface TlsRecord {
  type: number;
  version: number;
  body: Buffer;
}

/** One record, or null when the bytes cannot be TLS. */
export async function readRecord(conversation: Conversation): Promise<TlsRecord | null> {
  const header = await conversation.read(5);
  const type = header[0]!;
  const length = header.readUInt16BE(3);
  if (type < 20 || type > 24 || !versionOf(header.readUInt16BE(1)) || length > LONGEST_RECORD) return null;
  return { type, version: header.readUInt16BE(1), body: await conversation.read(length) };
}

/** Sends a hello for `version` and reads the server's first flight as far as it goes unencrypted. */
export async function hello(conversation: Conversation, version: TlsVersion, options: HelloOptions): Promise<Flight> {
  conversation.write(clientHello(version, options));
  const flight: Started = { hello: null, certificates: [], agreement: null, complete: false };
  try {
    const instead = await readFlight(conversation, flight);
    return finished(flight) ?? instead ?? { kind: 'garbage' };
  } catch (error) {
    if (!(error instanceof ConversationEnded)) throw error;
    return finished(flight) ?? { kind: 'silence', why: error.ended };
  }
}

/** Fills `flight`; returns what came instead of a ServerHello, if so. */
async function readFlight(conversation: Conversation, flight: Started): Promise<Flight | null> {
  let buffered = Buffer.alloc(0);
  for (let records = 0; records < MOST_RECORDS && !flight.complete; records++) {
    const record = await readRecord(conversation);
    // A warning (RFC 5246 §7.2) is no answer yet; level 2 is.
    if (record && isWarning(record)) continue;
    if (record?.type === RECORD.alert) return { kind: 'alert', description: record.body[1] ?? 0 };
    if (record?.type !== RECORD.handshake) return null;
    buffered = takeMessages(Buffer.concat([buffered, record.body]), flight);
    if (buffered.length > LONGEST_MESSAGE) return null;
  }
  return null;
}

const isWarning = (record: TlsRecord): boolean =>
  record.type === RECORD.alert && record.body[0] === WARNING && record.body[1] !== CLOSE_NOTIFY;

interface Started {
  hello: ServerHello | null;
  certificates: Buffer[];
  agreement: Agreement | null;
  complete: boolean;
}

function finished(flight: Started): Flight | null {
  if (!flight.hello) return null;
  return { kind: 'hello', ...flight, hello: flight.hello };
}

/** Takes whole handshake messages off the front; returns what is left over. */
function takeMessages(bytes: Buffer, flight: Started): Buffer<ArrayBuffer> {
  let rest = bytes;
  while (rest.length >= 4 && rest.length >= 4 + rest.readUIntBE(1, 3)) {
    const end = 4 + rest.readUIntBE(1, 3);
    takeMessage(rest[0]!, rest.subarray(4, end), flight);
    rest = rest.subarray(end);
  }
  return Buffer.from(rest);
}

function takeMessage(type: number, body: Buffer, flight: Started): void {
  if (type === HANDSHAKE.serverHello) {
    flight.hello = parseServerHello(body);
    // In TLS 1.3 everything after this is encrypted.
    flight.complete = flight.hello === null || flight.hello.version === 'TLSv1.3';
  } else if (type === HANDSHAKE.certificate) flight.certificates = parseCertificates(body) ?? [];
  else if (type === HANDSHAKE.serverKeyExchange) flight.agreement = agreementOf(flight.hello?.cipher ?? 0, body);
  else if (type === HANDSHAKE.serverHelloDone) flight.complete = true;
}
