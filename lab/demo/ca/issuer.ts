import 'reflect-metadata';
import * as x509 from '@peculiar/x509';
import { createPublicKey, randomBytes } from 'node:crypto';

/** RSA and SHA-256 throughout: what a server of 2013 with OpenSSL 1.0.1 can serve. */
const RSA = {
  name: 'RSASSA-PKCS1-v1_5',
  hash: 'SHA-256',
  modulusLength: 2048,
  publicExponent: new Uint8Array([1, 0, 1]),
} as const;
const DAY = 86_400_000;
const BACKDATE = 5 * 60_000;

export interface Issuer {
  certificate: x509.X509Certificate;
  keys: CryptoKeyPair;
}
export interface Revocation {
  /** lower-case hex */
  serial: string;
  at: Date;
  reason: x509.X509CrlReason;
}

export async function createIssuer(commonName: string): Promise<Issuer> {
  const keys = (await crypto.subtle.generateKey(RSA, true, ['sign', 'verify'])) as CryptoKeyPair;
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: newSerial(),
    name: `CN=${commonName}, O=Demo estate`,
    notBefore: new Date(Date.now() - BACKDATE),
    notAfter: new Date(Date.now() + 3650 * DAY),
    keys,
    signingAlgorithm: RSA,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { certificate, keys };
}

/** Positive, 127 bits: never mistaken for a negative number, never used twice. */
export function newSerial(): string {
  const bytes = randomBytes(16);
  bytes[0] = (bytes[0]! & 0x7f) | 0x40;
  return bytes.toString('hex');
}

/** What a request asks for, after its signature was checked. */
export interface Request {
  csr: x509.Pkcs10CertificateRequest;
  names: string[];
}

export async function readRequest(pem: string): Promise<Request> {
  const csr = new x509.Pkcs10CertificateRequest(pem);
  if (!(await csr.verify())) throw new Error('the request is not signed by the key it names');
  const key = createPublicKey({ key: Buffer.from(csr.publicKey.rawData), format: 'der', type: 'spki' });
  const weak = key.asymmetricKeyType === 'rsa' && (key.asymmetricKeyDetails?.modulusLength ?? 0) < 2048;
  if (weak || !['rsa', 'ec'].includes(key.asymmetricKeyType ?? ''))
    throw new Error('the key must be RSA of at least 2048 bits, or EC');
  const alternative = csr.extensions.find((each) => each instanceof x509.SubjectAlternativeNameExtension);
  const names = alternative?.names.items
    .filter(({ type }) => type === 'dns' || type === 'ip')
    .map(({ value }) => value);
  if (!names?.length) throw new Error('the request names no DNS name or address');
  return { csr, names };
}

export async function issue(
  issuer: Issuer,
  request: Request,
  crlUrl: string,
  days = 90,
): Promise<x509.X509Certificate> {
  const isAddress = (name: string): boolean => /^[\d.]+$|:/.test(name);
  return x509.X509CertificateGenerator.create({
    serialNumber: newSerial(),
    subject: `CN=${request.names[0]!}`,
    issuer: issuer.certificate.subject,
    notBefore: new Date(Date.now() - BACKDATE),
    notAfter: new Date(Date.now() + days * DAY),
    publicKey: request.csr.publicKey,
    signingKey: issuer.keys.privateKey,
    signingAlgorithm: RSA,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature | x509.KeyUsageFlags.keyEncipherment, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth, x509.ExtendedKeyUsage.clientAuth]),
      new x509.SubjectAlternativeNameExtension(
        request.names.map((value) => ({ type: isAddress(value) ? ('ip' as const) : ('dns' as const), value })),
      ),
      new x509.CRLDistributionPointsExtension([crlUrl]),
      await x509.SubjectKeyIdentifierExtension.create(request.csr.publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(issuer.keys.publicKey),
    ],
  });
}

export async function revocationList(issuer: Issuer, revoked: Revocation[]): Promise<Buffer> {
  const crl = await x509.X509CrlGenerator.create({
    issuer: issuer.certificate.subject,
    thisUpdate: new Date(Date.now() - BACKDATE),
    nextUpdate: new Date(Date.now() + DAY),
    entries: revoked.map(({ serial, at, reason }) => ({ serialNumber: serial, revocationDate: at, reason })),
    signingAlgorithm: RSA,
    signingKey: issuer.keys.privateKey,
    extensions: [await x509.AuthorityKeyIdentifierExtension.create(issuer.keys.publicKey)],
  });
  return Buffer.from(crl.rawData);
}
