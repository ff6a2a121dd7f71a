import { createECDH, randomBytes } from 'node:crypto';
import type { SshHostKey, SshProbe } from '../../model/probe.ts';
import type { Conversation } from '../scanner/conversation.ts';
import {
  KEXINIT,
  describeKey,
  OUR_VERSION,
  parseKexInit,
  readBanner,
  readPacket,
  sshPacket,
  sshString,
} from './ssh-wire.ts';

/** Messages of RFC 4253 §12, 5656 §4 and 4419 §5. */
const DISCONNECT = 1;
const UNIMPLEMENTED = 3;
const INIT = 30;
const REPLY = 31;
const GEX_REQUEST = 34;
const GEX_INIT = 32;
const GEX_REPLY = 33;
const MOST_PACKETS = 8;

interface Exchange {
  first: Buffer;
  /** with group exchange the server names the group first */
  hasGroup: boolean;
}

const CURVES: Record<string, string> = {
  'ecdh-sha2-nistp256': 'prime256v1',
  'ecdh-sha2-nistp384': 'secp384r1',
  'ecdh-sha2-nistp521': 'secp521r1',
};
/** Bits of the group's prime. */
const GROUPS: Record<string, number> = {
  'diffie-hellman-group14-sha256': 2048,
  'diffie-hellman-group14-sha1': 2048,
  'diffie-hellman-group16-sha512': 4096,
  'diffie-hellman-group18-sha512': 8192,
  'diffie-hellman-group1-sha1': 1024,
};

/**
 * Runs the key exchange until the server shows its key, and hangs up there. We never need the shared secret, so for
 * Diffie-Hellman any number below the prime does, and for X25519 any 32 bytes. The signature over the exchange is not
 * checked: what a server shows is what it says about itself.
 */
export async function readHostKey(conversation: Conversation, kinds: readonly string[]): Promise<SshHostKey | null> {
  if ((await readBanner(conversation)) === null) return null;
  conversation.write(Buffer.from(OUR_VERSION));
  const offered = parseKexInit(await readPacket(conversation));
  const method = offered?.kex.find((name) => exchangeOf(name) !== null);
  if (!offered || method === undefined) return null;
  const { first, hasGroup } = exchangeOf(method)!;
  conversation.write(sshPacket(ourKexInit(method, kinds, offered)));
  conversation.write(sshPacket(first));
  return hasGroup ? afterGroup(conversation) : keyIn(await message(conversation, REPLY));
}

async function afterGroup(conversation: Conversation): Promise<SshHostKey | null> {
  const group = await message(conversation, REPLY);
  const prime = group && stringAt(group, 1);
  if (!prime) return null;
  conversation.write(sshPacket(Buffer.concat([Buffer.from([GEX_INIT]), numberBelow(prime.length * 8 - 8)])));
  return keyIn(await message(conversation, GEX_REPLY));
}

function exchangeOf(method: string): Exchange | null {
  const init = (key: Buffer): Exchange => ({
    first: Buffer.concat([Buffer.from([INIT]), key]),
    hasGroup: false,
  });
  if (/^curve25519-sha256(@libssh\.org)?$/.test(method)) return init(sshString(randomBytes(32)));
  if (CURVES[method]) return init(sshString(createECDH(CURVES[method]).generateKeys()));
  if (GROUPS[method]) return init(numberBelow(GROUPS[method]));
  if (!/^diffie-hellman-group-exchange-sha(1|256)$/.test(method)) return null;
  const sizes = Buffer.alloc(13);
  sizes[0] = GEX_REQUEST;
  [1024, 2048, 8192].forEach((bits, index) => sizes.writeUInt32BE(bits, 1 + index * 4));
  return { first: sizes, hasGroup: true };
}

/** An mpint that is positive and below any prime of so many bits. */
function numberBelow(bits: number): Buffer {
  const bytes = randomBytes(Math.max(8, Math.floor(bits / 8) - 1));
  bytes[0] = (bytes[0]! & 0x3f) | 0x40;
  return sshString(bytes);
}

/** What the server offered, so that we always agree; of methods and kinds of key only the one that we want. */
function ourKexInit(method: string, kinds: readonly string[], offered: SshProbe['algorithms']): Buffer {
  const [cipher, mac] = [offered.cipher.join(','), offered.mac.join(',')];
  const lists = [method, kinds.join(','), cipher, cipher, mac, mac, 'none', 'none', '', ''];
  return Buffer.concat([Buffer.from([KEXINIT]), randomBytes(16), ...lists.map(sshString), Buffer.alloc(5)]);
}

/** The next packet with this number, past those that say nothing. */
async function message(conversation: Conversation, wanted: number): Promise<Buffer | null> {
  for (let packets = 0; packets < MOST_PACKETS; packets++) {
    const packet = await readPacket(conversation);
    if (packet[0] === wanted) return packet;
    if (packet.length === 0 || packet[0] === DISCONNECT || packet[0] === UNIMPLEMENTED) return null;
  }
  return null;
}

function stringAt(packet: Buffer, at: number): Buffer | null {
  if (packet.length < at + 4) return null;
  const length = packet.readUInt32BE(at);
  return at + 4 + length > packet.length ? null : packet.subarray(at + 4, at + 4 + length);
}

function keyIn(reply: Buffer | null): SshHostKey | null {
  const key = reply && stringAt(reply, 1);
  return key ? describeKey(key) : null;
}
