import { createCipheriv, createDecipheriv, createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Conversation } from '../scanner/conversation.ts';
import type { Exchanged } from './ssh-exchange.ts';

/** Just enough of RFC 4253 §6, 4344 and 5647 to say and hear a few packets in secret. */
const LONGEST_PACKET = 35_000;
const BLOCK = 16;
const TAG = 16;
const ETM = '-etm@openssh.com';

const MACS: Readonly<Record<string, { digest: string; bytes: number }>> = {
  'hmac-sha2-256': { digest: 'sha256', bytes: 32 },
  'hmac-sha2-512': { digest: 'sha512', bytes: 64 },
  'hmac-sha1': { digest: 'sha1', bytes: 20 },
};
type Mac = { digest: string; bytes: number; etm: boolean };
const CIPHERS: Readonly<Record<string, { name: string; bytes: number }>> = {
  'aes128-ctr': { name: 'aes-128-ctr', bytes: 16 },
  'aes192-ctr': { name: 'aes-192-ctr', bytes: 24 },
  'aes256-ctr': { name: 'aes-256-ctr', bytes: 32 },
  'aes128-gcm@openssh.com': { name: 'aes-128-gcm', bytes: 16 },
  'aes256-gcm@openssh.com': { name: 'aes-256-gcm', bytes: 32 },
};

export interface Protection {
  cipher: string;
  mac: string;
}

const plainName = (mac: string): string => (mac.endsWith(ETM) ? mac.slice(0, -ETM.length) : mac);
const isGcm = ({ cipher }: Protection): boolean => cipher.includes('gcm');
const macOf = ({ mac }: Protection): Mac => ({ ...MACS[plainName(mac)]!, etm: mac.endsWith(ETM) });

/** Of what the server offers; null: nothing that we can do, as with ChaCha20 alone. */
export function protectionFor(offered: { cipher: readonly string[]; mac: readonly string[] }): Protection | null {
  const cipher = Object.keys(CIPHERS).find((name) => offered.cipher.includes(name));
  const mac = offered.mac.find((name) => plainName(name) in MACS);
  if (!cipher || (mac === undefined && !cipher.includes('gcm'))) return null;
  return { cipher, mac: mac ?? offered.mac[0] ?? 'none' };
}

export interface Keys {
  iv: Buffer;
  key: Buffer;
  mac: Buffer;
}

/** RFC 4253 §7.2. `letters`: of IV, key and MAC in this direction. */
export function keysFor({ digest, secret, hash }: Exchanged, protection: Protection, letters: string): Keys {
  const derive = (letter: string, bytes: number): Buffer => {
    let key = createHash(digest).update(secret).update(hash).update(letter).update(hash).digest();
    while (key.length < bytes)
      key = Buffer.concat([key, createHash(digest).update(secret).update(hash).update(key).digest()]);
    return key.subarray(0, bytes);
  };
  const gcm = isGcm(protection);
  return {
    iv: derive(letters[0]!, gcm ? 12 : BLOCK),
    key: derive(letters[1]!, CIPHERS[protection.cipher]!.bytes),
    mac: gcm ? Buffer.alloc(0) : derive(letters[2]!, macOf(protection).bytes),
  };
}

/** `number`: of packets that were sent before. */
export function sealing(protection: Protection, keys: Keys, number: number): (payload: Buffer) => Buffer {
  const { name } = CIPHERS[protection.cipher]!;
  if (isGcm(protection)) {
    const iv = counting(keys.iv);
    return (payload) => {
      const { length, body } = padded(payload, 0);
      const cipher = createCipheriv(name as 'aes-128-gcm', keys.key, iv()).setAAD(length);
      return Buffer.concat([length, cipher.update(body), cipher.final(), cipher.getAuthTag()]);
    };
  }
  const mac = macOf(protection);
  const cipher = createCipheriv(name, keys.key, keys.iv);
  return (payload) => {
    const { length, body } = padded(payload, mac.etm ? 0 : 4);
    const plain = Buffer.concat([length, body]);
    const sealed = mac.etm ? Buffer.concat([length, cipher.update(body)]) : cipher.update(plain);
    return Buffer.concat([sealed, digestOf(mac, keys, number++, mac.etm ? sealed : plain)]);
  };
}

/** Null: what came is no packet of this line. */
export function opening(
  protection: Protection,
  keys: Keys,
  number: number,
): (conversation: Conversation) => Promise<Buffer | null> {
  const { name } = CIPHERS[protection.cipher]!;
  if (isGcm(protection)) {
    const iv = counting(keys.iv);
    return async (conversation) => {
      const length = await conversation.read(4);
      if (!isLength(length.readUInt32BE(0))) return null;
      const sealed = await conversation.read(length.readUInt32BE(0));
      const decipher = createDecipheriv(name as 'aes-128-gcm', keys.key, iv()).setAAD(length);
      decipher.setAuthTag(await conversation.read(TAG));
      const plain = decipher.update(sealed);
      return tries(() => decipher.final()) ? payloadOf(plain) : null;
    };
  }
  const mac = macOf(protection);
  const decipher = createDecipheriv(name, keys.key, keys.iv);
  return async (conversation) => {
    // Where the length is secret, too, a block has to be opened for it.
    const first = await conversation.read(mac.etm ? 4 : BLOCK);
    const begun = mac.etm ? first : decipher.update(first);
    const length = begun.readUInt32BE(0);
    if (!isLength(length)) return null;
    const rest = await conversation.read(length + 4 - first.length);
    const told = await conversation.read(mac.bytes);
    const plain = Buffer.concat([begun, decipher.update(rest)]);
    const covered = mac.etm ? Buffer.concat([first, rest]) : plain;
    return timingSafeEqual(digestOf(mac, keys, number++, covered), told) ? payloadOf(plain.subarray(4)) : null;
  };
}

const isLength = (length: number): boolean => length >= BLOCK - 4 && length <= LONGEST_PACKET;

function padded(payload: Buffer, counted: number): { length: Buffer; body: Buffer } {
  const padding = 4 + ((BLOCK - ((payload.length + 5 + counted) % BLOCK)) % BLOCK);
  const body = Buffer.concat([Buffer.from([padding]), payload, randomBytes(padding)]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(body.length);
  return { length, body };
}

const payloadOf = (body: Buffer): Buffer | null =>
  body.length > 1 + body[0]! ? body.subarray(1, body.length - body[0]!) : null;

function digestOf(mac: Mac, keys: Keys, number: number, bytes: Buffer): Buffer {
  const sequence = Buffer.alloc(4);
  sequence.writeUInt32BE(number);
  return createHmac(mac.digest, keys.mac).update(sequence).update(bytes).digest();
}

/** RFC 5647 §7.1: the last eight bytes count. */
function counting(first: Buffer): () => Buffer {
  const iv = Buffer.from(first);
  let at = iv.readBigUInt64BE(4);
  return () => {
    const now = Buffer.from(iv);
    now.writeBigUInt64BE(BigInt.asUintN(64, at++), 4);
    return now;
  };
}

function tries(fn: () => unknown): boolean {
  try {
    fn();
    return true;
  } catch {
    return false;
  }
}
