import { createHash, randomBytes } from 'node:crypto';
import type { SshHostKey, SshProbe } from '../../model/probe.ts';
import type { Conversation } from '../scanner/conversation.ts';

const LONGEST_LINE = 255;
/** RFC 4253 §4.2 allows lines before the version; nobody sends many. */
const MOST_LINES = 20;
const LONGEST_PACKET = 35_000;
export const KEXINIT = 20;
export const OUR_VERSION = 'SSH-2.0-Lastember_probe\r\n';

/** For people: printable characters only. */
export const shownBanner = (line: string): string => line.replace(/[^\x20-\x7e]/g, '?');

/** The version line as it came, a character a byte: it is part of what the server signs. Or null. */
export async function readBanner(conversation: Conversation): Promise<string | null> {
  for (let lines = 0; lines < MOST_LINES; lines++) {
    const line = await readLine(conversation);
    if (line === null) return null;
    if (line.startsWith('SSH-')) return line;
  }
  return null;
}

async function readLine(conversation: Conversation): Promise<string | null> {
  let line = '';
  while (line.length <= LONGEST_LINE) {
    const char = (await conversation.read(1)).toString('latin1');
    if (char === '\n') return line.replace(/\r$/, '');
    line += char;
  }
  return null;
}

/** Message number and payload of one packet before encryption. */
export async function readPacket(conversation: Conversation): Promise<Buffer> {
  const length = (await conversation.read(4)).readUInt32BE(0);
  if (length < 2 || length > LONGEST_PACKET) return Buffer.alloc(0);
  const packet = await conversation.read(length);
  return packet.subarray(1, Math.max(1, length - packet[0]!));
}

/** RFC 4253 §7.1: message number, 16-byte cookie, ten name-lists. */
export function parseKexInit(payload: Buffer): SshProbe['algorithms'] | null {
  if (payload[0] !== KEXINIT) return null;
  const lists: string[][] = [];
  let at = 17;
  while (lists.length < 6) {
    if (at + 4 > payload.length) return null;
    const length = payload.readUInt32BE(at);
    if (at + 4 + length > payload.length) return null;
    const text = payload.subarray(at + 4, at + 4 + length).toString('latin1');
    lists.push(text === '' ? [] : text.split(',').map((name) => name.replace(/[^\x21-\x7e]/g, '?')));
    at += 4 + length;
  }
  return { kex: lists[0]!, hostKey: lists[1]!, cipher: lists[3]!, mac: lists[5]! };
}

/** An RFC 4251 string. */
export function sshString(bytes: Uint8Array | string): Buffer {
  const body = Buffer.from(bytes as Uint8Array);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(body.length);
  return Buffer.concat([length, body]);
}

/** RFC 4253 §6, before encryption: padded to eight bytes, with four at least. */
export function sshPacket(payload: Buffer): Buffer {
  const padding = 4 + ((8 - ((payload.length + 9) % 8)) % 8);
  const head = Buffer.alloc(5);
  head.writeUInt32BE(payload.length + padding + 1);
  head[4] = padding;
  return Buffer.concat([head, payload, randomBytes(padding)]);
}

export function describeKey(key: Buffer): SshHostKey | null {
  if (key.length < 8 || key.readUInt32BE(0) > 64) return null;
  const type = key.subarray(4, 4 + key.readUInt32BE(0)).toString('latin1');
  const digest = createHash('sha256').update(key).digest('base64').replace(/=+$/, '');
  return { type, fingerprint: `SHA256:${digest}` };
}

const DISCONNECT = 1;
const UNIMPLEMENTED = 3;
const MOST_PACKETS = 8;

/** Packets before encryption, counted: what is encrypted later is numbered from there on. */
export class PlainLine {
  readonly conversation: Conversation;
  sent = 0;
  received = 0;

  constructor(conversation: Conversation) {
    this.conversation = conversation;
  }

  say(payload: Buffer): void {
    this.sent++;
    this.conversation.write(sshPacket(payload));
  }

  async read(): Promise<Buffer> {
    this.received++;
    return readPacket(this.conversation);
  }

  /** The next packet with this number, past those that say nothing; null: it will not come. */
  async hear(wanted: number): Promise<Buffer | null> {
    for (let packets = 0; packets < MOST_PACKETS; packets++) {
      const packet = await this.read();
      if (packet[0] === wanted) return packet;
      if (packet.length === 0 || packet[0] === DISCONNECT || packet[0] === UNIMPLEMENTED) return null;
    }
    return null;
  }
}
