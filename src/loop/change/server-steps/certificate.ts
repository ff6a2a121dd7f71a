import { createHash, X509Certificate } from 'node:crypto';

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** What is worth writing down of the first certificate of a chain. */
export function describeLeaf(chain: string): {
  spki: string;
  serial: string;
  fingerprint: string;
  issuer: string;
  notAfter: string;
} {
  const leaf = new X509Certificate(chain);
  return {
    spki: sha256(leaf.publicKey.export({ type: 'spki', format: 'der' })),
    serial: leaf.serialNumber,
    fingerprint: sha256(leaf.raw),
    issuer: (leaf.issuer ?? '').split('\n').join(', '),
    notAfter: leaf.validToDate.toISOString(),
  };
}
