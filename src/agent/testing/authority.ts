import 'reflect-metadata';
import * as x509 from '@peculiar/x509';
import { createPrivateKey, randomBytes } from 'node:crypto';

const ECDSA = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;

const fromNow = (ms: number): Date => new Date(Date.now() + ms);

/** A certificate authority made with another library than the agent's own ASN.1. For tests only. */
export interface TestAuthority {
  ca: string;
  server: { key: string; cert: string };
  /** `from`, `to`: ms from now, unless it is valid for an hour from a minute ago */
  issue(csr: string, name: string, life?: { from: number; to: number }): Promise<string>;
}

export async function testAuthority(): Promise<TestAuthority> {
  const keys = await crypto.subtle.generateKey(ECDSA, true, ['sign', 'verify']);
  const validity = { notBefore: new Date(Date.now() - 60_000), notAfter: new Date(Date.now() + 3_600_000) };
  const serialNumber = (): string => `01${randomBytes(8).toString('hex')}`;
  const root = await x509.X509CertificateGenerator.createSelfSigned({
    ...validity,
    serialNumber: serialNumber(),
    name: 'CN=Test authority',
    keys,
    signingAlgorithm: ECDSA,
    extensions: [new x509.BasicConstraintsExtension(true, 0, true)],
  });
  const make = async (
    publicKey: x509.PublicKeyType,
    subject: string,
    extensions: x509.Extension[],
    life?: { from: number; to: number },
  ): Promise<string> => {
    const made = await x509.X509CertificateGenerator.create({
      ...(life ? { notBefore: fromNow(life.from), notAfter: fromNow(life.to) } : validity),
      serialNumber: serialNumber(),
      subject,
      issuer: root.subject,
      publicKey,
      signingKey: keys.privateKey,
      signingAlgorithm: ECDSA,
      extensions,
    });
    return made.toString('pem');
  };
  const serverKeys = await crypto.subtle.generateKey(ECDSA, true, ['sign', 'verify']);
  const der = Buffer.from(await crypto.subtle.exportKey('pkcs8', serverKeys.privateKey));
  const pem = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' }).export({ format: 'pem', type: 'pkcs8' });
  const names = new x509.SubjectAlternativeNameExtension([{ type: 'ip', value: '127.0.0.1' }]);
  return {
    ca: root.toString('pem'),
    server: { key: pem.toString(), cert: await make(serverKeys.publicKey, 'CN=server', [names]) },
    issue: async (csr, name, life) => {
      const request = new x509.Pkcs10CertificateRequest(csr);
      if (!(await request.verify())) throw new Error('the request is not signed by its own key');
      const usage = new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.clientAuth]);
      return make(request.publicKey, `CN=${name}`, [usage], life);
    },
  };
}
