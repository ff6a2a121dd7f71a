import { createHash, createPublicKey, sign, type KeyObject } from 'node:crypto';

/** C2SP signed-note with Ed25519 (algorithm byte 1) and C2SP tlog-checkpoint. */
const ALGORITHM = Buffer.from([0x01]);

/** Raw 32 bytes of an Ed25519 public key. */
export function rawPublicKey(key: KeyObject): Buffer {
  const publicKey = key.type === 'private' ? createPublicKey(key) : key;
  return Buffer.from(publicKey.export({ format: 'jwk' }).x!, 'base64url');
}

/** Key names hold no spaces and no plus; an origin from configuration is made to fit. */
export function keyName(origin: string): string {
  return origin.replace(/[\s+]+/gu, '-') || 'lastember';
}

function keyHash(name: string, publicKey: Buffer): Buffer {
  return createHash('sha256').update(`${name}\n`).update(ALGORITHM).update(publicKey).digest().subarray(0, 4);
}

/** `name+hash+base64(algorithm ‖ key)`: what verifiers pin. */
export function verifierKey(name: string, publicKey: Buffer): string {
  const encoded = Buffer.concat([ALGORITHM, publicKey]).toString('base64');
  return `${name}+${keyHash(name, publicKey).toString('hex')}+${encoded}`;
}

/** `text` ends with a newline; the signature covers it including that newline. */
export function signNote(text: string, name: string, privateKey: KeyObject): string {
  const signature = sign(null, Buffer.from(text), privateKey);
  const line = Buffer.concat([keyHash(name, rawPublicKey(privateKey)), signature]).toString('base64');
  return `${text}\n\u2014 ${name} ${line}\n`;
}

export function checkpointText(origin: string, size: number, root: Buffer): string {
  return `${origin}\n${size}\n${root.toString('base64')}\n`;
}
