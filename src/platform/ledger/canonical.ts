import { createHash, hash } from 'node:crypto';
import canonicalize from 'canonicalize';
import { quickCanonical } from '../../model/quick-canonical.ts';

/** RFC 8785 JSON as UTF-8: the same value gives the same bytes anywhere. */
export function canonicalBytes(value: unknown): Buffer {
  const text = quickCanonical(value) ?? canonicalize(value);
  if (text === undefined) throw new TypeError('only JSON values have canonical bytes');
  return Buffer.from(text, 'utf8');
}

export function sha256(bytes: Uint8Array | string): Buffer {
  return createHash('sha256').update(bytes).digest();
}

export function sha256Hex(bytes: Uint8Array | string): string {
  return hash('sha256', bytes, 'hex');
}

/** RFC 6962 §2.1: the prefix keeps leaves and inner nodes apart. */
export function leafHash(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(Uint8Array.of(0)).update(bytes).digest();
}
