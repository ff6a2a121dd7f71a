import { createHash, type X509Certificate } from 'node:crypto';
import { namesOf, plainName, readCertificates, spkiOf } from './read.ts';

const CLOCK_SKEW_MS = 5 * 60_000;

export interface ChainWish {
  /** the key that the certificate has to hold */
  spki: string;
  names: readonly string[];
  /** whose signature counts */
  issuerSpki: string;
  now: Date;
}

/** Why this chain is not the one that was approved, or the leaf when it is. `extra`: where else the issuer may be found. */
export function checkChain(text: string, extra: string, wish: ChainWish): { leaf: X509Certificate } | { why: string } {
  const certificates = parse(text);
  const leaf = certificates[0];
  if (!leaf) return { why: 'the answer of the authority holds no certificate' };
  if (spkiOf(leaf.publicKey) !== wish.spki) return { why: 'it is not for the key that was made on this host' };
  const names = namesOf(leaf);
  const wanted = [...new Set(wish.names.map(plainName))].sort();
  if (names.join(' ') !== wanted.join(' '))
    return { why: `it is for ${names.join(', ') || 'no name'}, the plan says ${wanted.join(', ')}` };
  const issuers = [...certificates.slice(1), ...parse(extra)];
  const issuer = issuers.find((candidate) => spkiOf(candidate.publicKey) === wish.issuerSpki);
  if (!issuer) return { why: 'the chain does not hold the issuer that the plan names' };
  if (!leaf.verify(issuer.publicKey)) return { why: 'the issuer that the plan names did not sign it' };
  return validity(leaf, wish.now) ?? { leaf };
}

function validity(leaf: X509Certificate, now: Date): { why: string } | null {
  if (leaf.validFromDate.getTime() > now.getTime() + CLOCK_SKEW_MS)
    return { why: `it is valid from ${leaf.validFromDate.toISOString()} only; is the clock of the host right?` };
  if (leaf.validToDate.getTime() <= now.getTime()) return { why: 'it has expired already' };
  return null;
}

function parse(text: string): X509Certificate[] {
  try {
    return readCertificates(text);
  } catch {
    return [];
  }
}

/** The certificates of a text and nothing else of it. */
export function chainPem(text: string): string {
  return readCertificates(text)
    .map((certificate) => certificate.toString())
    .join('');
}

export const fingerprintOf = (certificate: X509Certificate): string =>
  createHash('sha256').update(certificate.raw).digest('hex');
