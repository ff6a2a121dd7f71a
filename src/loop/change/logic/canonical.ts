import canonicalize from 'canonicalize';
import { createHash } from 'node:crypto';

/** RFC 8785 text: the only form in which anything is hashed or signed. */
export function canonical(value: unknown): string {
  const text = canonicalize(value);
  if (text === undefined) throw new TypeError('there is no canonical JSON of undefined');
  return text;
}

export function sha256(text: string | Uint8Array): string {
  return createHash('sha256').update(text).digest('hex');
}
