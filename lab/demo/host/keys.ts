import 'reflect-metadata';
import * as x509 from '@peculiar/x509';
import { createPrivateKey, createPublicKey } from 'node:crypto';

const RSA = {
  name: 'RSASSA-PKCS1-v1_5',
  hash: 'SHA-256',
  modulusLength: 2048,
  publicExponent: new Uint8Array([1, 0, 1]),
} as const;

/**
 * A request for a certificate with these names, for a new RSA key or one that is there already. The key is written as
 * PKCS#1, which OpenSSL of 2013 reads too.
 */
export async function keyAndRequest(names: string[], key?: string): Promise<{ key: string; csr: string }> {
  const keys = key ? await importPair(key) : await crypto.subtle.generateKey(RSA, true, ['sign', 'verify']);
  const isAddress = (name: string): boolean => /^[\d.]+$/.test(name);
  const csr = await x509.Pkcs10CertificateRequestGenerator.create({
    name: `CN=${names[0]!}`,
    keys,
    signingAlgorithm: RSA,
    extensions: [
      new x509.SubjectAlternativeNameExtension(
        names.map((value) => ({ type: isAddress(value) ? ('ip' as const) : ('dns' as const), value })),
      ),
    ],
  });
  const der = Buffer.from(await crypto.subtle.exportKey('pkcs8', keys.privateKey));
  const pem = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' }).export({ format: 'pem', type: 'pkcs1' });
  return { key: pem.toString(), csr: csr.toString('pem') };
}

async function importPair(pem: string): Promise<CryptoKeyPair> {
  const secret = createPrivateKey(pem).export({ format: 'der', type: 'pkcs8' });
  const open = createPublicKey(pem).export({ format: 'der', type: 'spki' });
  return {
    privateKey: await crypto.subtle.importKey('pkcs8', secret, RSA, true, ['sign']),
    publicKey: await crypto.subtle.importKey('spki', open, RSA, true, ['verify']),
  };
}
