import { createPublicKey, sign, verify, type KeyObject } from 'node:crypto';

/** Ed25519 with raw 32-byte public keys. A key or signature of the wrong size is simply not genuine. */
export function verifyEd25519(rawKey: Uint8Array, bytes: Uint8Array, signature: Uint8Array): boolean {
  if (rawKey.length !== 32 || signature.length !== 64) return false;
  try {
    const jwk = { kty: 'OKP', crv: 'Ed25519', x: Buffer.from(rawKey).toString('base64url') };
    return verify(null, bytes, createPublicKey({ key: jwk, format: 'jwk' }), signature);
  } catch {
    return false;
  }
}

export function signEd25519(key: KeyObject, text: string): string {
  return sign(null, Buffer.from(text), key).toString('base64');
}
