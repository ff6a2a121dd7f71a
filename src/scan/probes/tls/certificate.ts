import { X509Certificate, createHash } from 'node:crypto';
import type { CertificateInfo } from '../../../model/probe.ts';

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/**
 * A chain as served, leaf first; what does not parse as X.509 ends it. Where it can be revoked is read when it is stored:
 * the library for it would more than double the agent.
 */
export function describeChain(chain: readonly Buffer[]): CertificateInfo[] {
  const described: CertificateInfo[] = [];
  for (const der of chain.slice(0, 10)) {
    const info = describeCertificate(der);
    if (!info) break;
    described.push(info);
  }
  return described;
}

export function describeCertificate(der: Buffer): CertificateInfo | null {
  try {
    return describe(der);
  } catch {
    // A certificate nobody can parse identifies nothing; the versions and the proof still count.
    return null;
  }
}

function describe(der: Buffer): CertificateInfo {
  const certificate = new X509Certificate(der);
  const key = certificate.publicKey;
  const bits = key.asymmetricKeyDetails?.modulusLength;
  return {
    fingerprint: sha256(der),
    spki: sha256(key.export({ type: 'spki', format: 'der' })),
    serial: certificate.serialNumber,
    subject: oneLine(certificate.subject),
    issuer: oneLine(certificate.issuer),
    names: namesOf(certificate),
    notBefore: new Date(certificate.validFrom).toISOString(),
    notAfter: new Date(certificate.validTo).toISOString(),
    keyType: key.asymmetricKeyDetails?.namedCurve ?? key.asymmetricKeyType ?? 'unknown',
    ...(bits === undefined ? {} : { keyBits: bits }),
    ...signatureOf(certificate),
    crlUrls: [],
    ocspUrls: [],
    pem: certificate.toString(),
  };
}

function signatureOf(certificate: X509Certificate): { signature?: string } {
  return certificate.signatureAlgorithm ? { signature: certificate.signatureAlgorithm } : {};
}

/** Missing in certificates with an empty name. */
const oneLine = (name: string | undefined): string => (name ?? '').split('\n').join(', ');

function namesOf(certificate: X509Certificate): string[] {
  const alternative = (certificate.subjectAltName ?? '').split(', ').flatMap((part) => {
    const match = /^(?:DNS|IP Address):(.+)$/.exec(part);
    return match ? [match[1]!] : [];
  });
  if (alternative.length > 0) return alternative;
  const common = /(?:^|\n)CN=(.+)/.exec(certificate.subject ?? '');
  return common ? [common[1]!] : [];
}
