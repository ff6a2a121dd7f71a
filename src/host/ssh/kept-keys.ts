import { createSecretKey } from 'node:crypto';
import type { Client } from 'ssh2';

/** Of ciphers in Galois mode, and of what authenticates the packets of others; the rest makes a key once by itself. */
const KEYS = ['_encKey', '_decipherKey', '_macKey'] as const;
type Side = Partial<Record<(typeof KEYS)[number], unknown>>;
interface Inner {
  _protocol?: { _cipher?: Side; _decipher?: Side };
}

/**
 * ssh2 hands over the bytes of its keys with each packet, and Node makes a key of them each time, which is more work than a
 * small packet is: here it is made once. After new keys were agreed on, things are as they were. Returns how many were found.
 */
export function keepKeys(client: Client): number {
  const { _cipher, _decipher } = (client as unknown as Inner)._protocol ?? {};
  let found = 0;
  for (const side of [_cipher, _decipher])
    for (const name of KEYS) {
      const key = side?.[name];
      if (!side || !(key instanceof Uint8Array)) continue;
      side[name] = createSecretKey(key);
      found += 1;
    }
  return found;
}
