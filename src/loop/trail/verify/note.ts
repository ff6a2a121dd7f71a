import { createHash, createPublicKey, verify } from 'node:crypto';

/** Parts of a C2SP verifier key line. */
export interface VerifierKey {
  name: string;
  hash: string;
  publicKey: Buffer;
}

/** A C2SP tlog-checkpoint with its signature lines; nothing of it is believed until `signedBy` says so. */
export interface ParsedCheckpoint {
  origin: string;
  size: number;
  root: Buffer;
  body: string;
  signatures: { name: string; hash: string; signature: Buffer }[];
}

export function parseVerifierKey(line: string): VerifierKey | null {
  const match = /^([^\s+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]+=*)$/u.exec(line.trim());
  if (!match) return null;
  const [, name, hash, encoded] = match as unknown as [string, string, string, string];
  const key = Buffer.from(encoded, 'base64');
  if (key.length !== 33 || key[0] !== 0x01) return null;
  const expected = createHash('sha256').update(`${name}\n`).update(key).digest('hex').slice(0, 8);
  return expected === hash ? { name, hash, publicKey: key.subarray(1) } : null;
}

export function parseCheckpoint(text: string): ParsedCheckpoint | null {
  const cut = text.lastIndexOf('\n\n');
  if (cut < 0 || !text.endsWith('\n')) return null;
  const body = text.slice(0, cut + 1);
  const [origin, size, root] = body.split('\n');
  if (!origin || !/^(0|[1-9]\d{0,15})$/.test(size ?? '') || !root) return null;
  const rootBytes = Buffer.from(root, 'base64');
  if (rootBytes.length !== 32 || rootBytes.toString('base64') !== root) return null;
  const signatures = text
    .slice(cut + 2, -1)
    .split('\n')
    .map(parseSignature);
  if (signatures.includes(null)) return null;
  return {
    origin,
    size: Number(size),
    root: rootBytes,
    body,
    signatures: signatures as ParsedCheckpoint['signatures'],
  };
}

function parseSignature(line: string): ParsedCheckpoint['signatures'][number] | null {
  const match = /^\u2014 ([^\s+]+) ([A-Za-z0-9+/]+=*)$/u.exec(line);
  if (!match) return null;
  const bytes = Buffer.from(match[2]!, 'base64');
  if (bytes.length < 5) return null;
  return { name: match[1]!, hash: bytes.subarray(0, 4).toString('hex'), signature: bytes.subarray(4) };
}

/** As the note format demands: the first line of our key decides, lines of unknown keys are passed over. */
export function signedBy(checkpoint: ParsedCheckpoint, key: VerifierKey): boolean {
  const ours = checkpoint.signatures.find((line) => line.name === key.name && line.hash === key.hash);
  return ours !== undefined && verifyEd25519(key.publicKey, Buffer.from(checkpoint.body), ours.signature);
}

export function verifyEd25519(rawKey: Buffer, data: Buffer, signature: Buffer): boolean {
  if (rawKey.length !== 32 || signature.length !== 64) return false;
  try {
    const jwk = { kty: 'OKP', crv: 'Ed25519', x: rawKey.toString('base64url') };
    return verify(null, data, createPublicKey({ key: jwk, format: 'jwk' }), signature);
  } catch {
    return false;
  }
}
