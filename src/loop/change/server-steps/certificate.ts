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

/** Is this chain as good as a new one: for this key and exactly these names, of one of these issuers, and not at its end? */
export function isFresh(
  chain: string,
  wanted: { spki: string; names: readonly string[]; issuers: readonly { pem: string }[]; now: Date },
): boolean {
  const leaf = new X509Certificate(chain);
  const names = (leaf.subjectAltName ?? '').split(', ').map((name) => name.replace(/^(?:DNS|IP Address):/, ''));
  const [from, until] = [leaf.validFromDate.getTime(), leaf.validToDate.getTime()];
  return (
    describeLeaf(chain).spki === wanted.spki &&
    names.toSorted().join() === wanted.names.toSorted().join() &&
    wanted.issuers.some(({ pem }) => leaf.verify(new X509Certificate(pem).publicKey)) &&
    wanted.now.getTime() < from + (until - from) / 2
  );
}
