import 'reflect-metadata';
import * as x509 from '@peculiar/x509';
import { createHash, createPrivateKey } from 'node:crypto';

/**
 * The authority for agents and their listener: ECDSA P-256 (every TLS library speaks it), agents' own keys Ed25519.
 * Profiles follow RFC 5280; validity and serials are passed in, so that the same inputs give the same certificate body.
 */
const ECDSA = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const DAY = 86_400_000;
/** Certificates are valid from a little before now, for hosts whose clock lags. */
const BACKDATE = 5 * 60_000;

export interface Issued {
  certificate: string;
  /** hex SHA-256 of the DER: how the listener recognises a client */
  fingerprint: string;
}
export interface Authority {
  certificate: string;
  /** PKCS#8 PEM */
  key: string;
}

async function exportKey(key: CryptoKey): Promise<string> {
  const der = await crypto.subtle.exportKey('pkcs8', key);
  return createPrivateKey({ key: Buffer.from(der), format: 'der', type: 'pkcs8' })
    .export({ format: 'pem', type: 'pkcs8' })
    .toString();
}

async function importKey(pem: string): Promise<CryptoKey> {
  const der = createPrivateKey(pem).export({ format: 'der', type: 'pkcs8' });
  return crypto.subtle.importKey('pkcs8', der, ECDSA, false, ['sign']);
}

export async function createAuthority(now: Date, serial: string): Promise<Authority> {
  const keys = await crypto.subtle.generateKey(ECDSA, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serial,
    name: 'CN=Lastember agent authority',
    notBefore: new Date(now.getTime() - BACKDATE),
    notAfter: new Date(now.getTime() + 3650 * DAY),
    keys,
    signingAlgorithm: ECDSA,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { certificate: certificate.toString('pem'), key: await exportKey(keys.privateKey) };
}

async function sign(
  authority: Authority,
  subject: {
    name: string;
    publicKey: x509.PublicKeyType;
    serial: string;
    now: Date;
    days: number;
    usage: string;
    names?: x509.JsonGeneralNames;
  },
): Promise<Issued> {
  const issuer = new x509.X509Certificate(authority.certificate);
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: subject.serial,
    subject: subject.name,
    issuer: issuer.subject,
    notBefore: new Date(subject.now.getTime() - BACKDATE),
    notAfter: new Date(subject.now.getTime() + subject.days * DAY),
    publicKey: subject.publicKey,
    signingKey: await importKey(authority.key),
    signingAlgorithm: ECDSA,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([subject.usage]),
      ...(subject.names ? [new x509.SubjectAlternativeNameExtension(subject.names)] : []),
      await x509.AuthorityKeyIdentifierExtension.create(await issuer.publicKey.export()),
    ],
  });
  return {
    certificate: certificate.toString('pem'),
    fingerprint: createHash('sha256').update(Buffer.from(certificate.rawData)).digest('hex'),
  };
}

/** What an agent's request asks for, or null when it is no well-formed, self-signed Ed25519 PKCS#10 request. */
export async function readRequest(
  csr: string,
): Promise<{ publicKey: string; request: x509.Pkcs10CertificateRequest } | null> {
  try {
    const request = new x509.Pkcs10CertificateRequest(csr);
    if (request.publicKey.algorithm.name !== 'Ed25519' || !(await request.verify())) return null;
    // The raw key is the last 32 bytes of an Ed25519 SubjectPublicKeyInfo (RFC 8410 §4).
    return { publicKey: Buffer.from(request.publicKey.rawData).subarray(-32).toString('base64'), request };
  } catch {
    return null;
  }
}

/** A client certificate for an agent. Nothing of the request but its public key is taken over. */
export function issueAgent(
  authority: Authority,
  request: x509.Pkcs10CertificateRequest,
  agent: { id: string; serial: string; now: Date; days: number },
): Promise<Issued> {
  return sign(authority, {
    name: `CN=${agent.id}`,
    publicKey: request.publicKey,
    serial: agent.serial,
    now: agent.now,
    days: agent.days,
    usage: x509.ExtendedKeyUsage.clientAuth,
  });
}

/** Key and certificate of the agents' listener, made new at every start and kept in memory only. */
export async function issueListener(
  authority: Authority,
  listener: { hosts: string[]; serial: string; now: Date },
): Promise<{ key: string; cert: string }> {
  const keys = await crypto.subtle.generateKey(ECDSA, true, ['sign', 'verify']);
  const names = listener.hosts.map((host) => ({
    type: /^[\d.]+$|:/.test(host) ? ('ip' as const) : ('dns' as const),
    value: host,
  }));
  const issued = await sign(authority, {
    name: 'CN=Lastember agent listener',
    publicKey: keys.publicKey,
    serial: listener.serial,
    now: listener.now,
    days: 825,
    usage: x509.ExtendedKeyUsage.serverAuth,
    names,
  });
  return { key: await exportKey(keys.privateKey), cert: issued.certificate };
}
