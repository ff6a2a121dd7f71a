import canonicalize from 'canonicalize';
import { hash } from 'node:crypto';
import { quickCanonical } from '../model/quick-canonical.ts';

/** RFC 8785 bytes: the only form in which anything is hashed or signed. */
export function canonicalText(value: unknown): string {
  const text = quickCanonical(value) ?? canonicalize(value);
  if (text === undefined) throw new TypeError('there is no canonical JSON of undefined');
  return text;
}

export function sha256(bytes: string | Uint8Array): string {
  return hash('sha256', bytes, 'hex');
}

export const canonicalHash = (value: unknown): string => sha256(canonicalText(value));
