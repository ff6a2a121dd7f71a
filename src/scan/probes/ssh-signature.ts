import { createPublicKey, type KeyObject, verify } from 'node:crypto';
import { numberIn, stringAt } from '../logic/ssh-numbers.ts';

const CURVES: Readonly<Record<string, { crv: string; bytes: number; digest: string }>> = {
  nistp256: { crv: 'P-256', bytes: 32, digest: 'sha256' },
  nistp384: { crv: 'P-384', bytes: 48, digest: 'sha384' },
  nistp521: { crv: 'P-521', bytes: 66, digest: 'sha512' },
};
const RSA_DIGESTS: ReadonlyMap<string, string> = new Map([
  ['rsa-sha2-512', 'sha512'],
  ['rsa-sha2-256', 'sha256'],
  ['ssh-rsa', 'sha1'],
]);

/** Did the holder of this key sign that? A kind of key that we never ask for proves nothing. */
export function isSignedBy(hostKey: Buffer, signature: Buffer, signed: Buffer): boolean {
  try {
    const kind = part(hostKey, 0).toString('latin1');
    const algorithm = part(signature, 0).toString('latin1');
    const blob = part(signature, 1);
    if (kind === 'ssh-rsa') return byRsa(hostKey, blob, signed, RSA_DIGESTS.get(algorithm));
    if (algorithm !== kind) return false;
    if (kind === 'ssh-ed25519') return verify(null, signed, ed25519Key(hostKey), blob);
    return kind.startsWith('ecdsa-sha2-') && byEcdsa(hostKey, blob, signed);
  } catch {
    // A key or signature that does not parse is none.
    return false;
  }
}

const part = (bytes: Buffer, index: number): Buffer => {
  let at = 0;
  for (let i = 0; i < index; i++) at += 4 + (stringAt(bytes, at)?.length ?? 0);
  const found = stringAt(bytes, at);
  if (!found) throw new Error('a part of the key is missing');
  return found;
};
const url = (bytes: Buffer): string => bytes.toString('base64url');

const ed25519Key = (key: Buffer): KeyObject =>
  createPublicKey({ format: 'jwk', key: { kty: 'OKP', crv: 'Ed25519', x: url(part(key, 1)) } });

function byRsa(key: Buffer, blob: Buffer, signed: Buffer, digest: string | undefined): boolean {
  if (digest === undefined) return false;
  const trimmed = (bytes: Buffer): Buffer => bytes.subarray(bytes[0] === 0 ? 1 : 0);
  const jwk = { kty: 'RSA', e: url(trimmed(part(key, 1))), n: url(trimmed(part(key, 2))) };
  return verify(digest, signed, createPublicKey({ format: 'jwk', key: jwk }), blob);
}

function byEcdsa(key: Buffer, blob: Buffer, signed: Buffer): boolean {
  const curve = CURVES[part(key, 1).toString('latin1')];
  const point = part(key, 2);
  if (!curve || point.length !== 1 + 2 * curve.bytes || point[0] !== 4) return false;
  const [x, y] = [point.subarray(1, 1 + curve.bytes), point.subarray(1 + curve.bytes)];
  const jwk = { kty: 'EC', crv: curve.crv, x: url(x), y: url(y) };
  const fixed = (number: Buffer): Buffer =>
    Buffer.from(
      numberIn(number)
        .toString(16)
        .padStart(curve.bytes * 2, '0'),
      'hex',
    );
  const flat = Buffer.concat([fixed(part(blob, 0)), fixed(part(blob, 1))]);
  const publicKey = createPublicKey({ format: 'jwk', key: jwk });
  return verify(curve.digest, signed, { key: publicKey, dsaEncoding: 'ieee-p1363' }, flat);
}
