import { createHash } from 'node:crypto';
import { verifyEd25519 } from './signature.ts';

/** A C2SP tlog-checkpoint. `signed` tells whether our pinned key signed it; unsigned it proves nothing. */
export interface Seen {
  origin: string;
  size: number;
  /** hex */
  root: string;
  signed: boolean;
}

const ED25519 = 0x01;

interface Pinned {
  name: string;
  hash: Buffer;
  raw: Buffer;
}

/** C2SP signed-note verifier key: `name+hash+base64(type ‖ key)`. */
export function parseKeyLine(line: string): Pinned | null {
  const [, name, hash, encoded] = /^([^\s+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/=]+)$/.exec(line.trim()) ?? [];
  if (name === undefined || hash === undefined || encoded === undefined) return null;
  const key = Buffer.from(encoded, 'base64');
  if (key.length !== 33 || key[0] !== ED25519) return null;
  const expected = createHash('sha256').update(`${name}\n`).update(key).digest().subarray(0, 4);
  return expected.toString('hex') === hash ? { name, hash: expected, raw: key.subarray(1) } : null;
}

/** Null when the text is no checkpoint at all. */
export function readCheckpoint(text: string, keyLine: string): Seen | null {
  const cut = text.lastIndexOf('\n\n');
  if (cut < 0) return null;
  const body = text.slice(0, cut + 1);
  const [origin = '', size = '', root = ''] = body.split('\n');
  const bytes = Buffer.from(root, 'base64');
  if (origin === '' || !/^(?:0|[1-9]\d{0,15})$/.test(size) || bytes.length !== 32) return null;
  const key = parseKeyLine(keyLine);
  const signed =
    key !== null &&
    signaturesBy(text.slice(cut + 2), key).some((made) => verifyEd25519(key.raw, Buffer.from(body), made));
  return { origin, size: Number(size), root: bytes.toString('hex'), signed };
}

function signaturesBy(lines: string, key: Pinned): Buffer[] {
  return lines.split('\n').flatMap((line) => {
    const [, name, encoded] = /^\u2014 (\S+) (\S+)$/u.exec(line) ?? [];
    if (name !== key.name || encoded === undefined) return [];
    const bytes = Buffer.from(encoded, 'base64');
    return bytes.subarray(0, 4).equals(key.hash) ? [bytes.subarray(4)] : [];
  });
}
