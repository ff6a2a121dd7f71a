import { createHash, createPrivateKey, createPublicKey, X509Certificate, type KeyObject } from 'node:crypto';
import { isIP } from 'node:net';

const BLOCK = /-----BEGIN ([A-Z0-9 ]+)-----[\s\S]+?-----END \1-----/g;

/** PEM blocks of a text, by label. */
export function pemBlocks(text: string): { label: string; pem: string }[] {
  return [...text.matchAll(BLOCK)].map((match) => ({ label: match[1]!, pem: `${match[0]}\n` }));
}

/** Hex SHA-256 of the DER SubjectPublicKeyInfo: the identity of a key, the same for private and public half. */
export function spkiOf(key: KeyObject): string {
  const half = key.type === 'private' ? createPublicKey(key) : key;
  return createHash('sha256')
    .update(half.export({ format: 'der', type: 'spki' }))
    .digest('hex');
}

export function readCertificates(text: string): X509Certificate[] {
  return pemBlocks(text)
    .filter((block) => block.label === 'CERTIFICATE' || block.label === 'X509 CERTIFICATE')
    .map((block) => new X509Certificate(block.pem));
}

/** The private key in a text, or null: none there, encrypted, or of a kind this OpenSSL does not read. */
export function readPrivateKey(text: string): KeyObject | null {
  for (const block of pemBlocks(text)) {
    if (!block.label.endsWith('PRIVATE KEY') || block.label.startsWith('ENCRYPTED')) continue;
    try {
      return createPrivateKey(block.pem);
    } catch {
      // an old-style encrypted key, or OpenSSH's own format
    }
  }
  return null;
}

/** One way to write a name: lower case, IPv6 addresses in their short form. */
export function plainName(name: string): string {
  return isIP(name) === 6 ? new URL(`http://[${name}]/`).hostname.slice(1, -1) : name.toLowerCase();
}

/** Names a certificate is valid for, as written in it: DNS names and IP addresses, lower case, sorted. */
export function namesOf(certificate: X509Certificate): string[] {
  const text = certificate.subjectAltName ?? '';
  const names = [...text.matchAll(/(?:DNS|IP Address):("?)([^",]+)\1/g)].map((match) => plainName(match[2]!));
  return [...new Set(names)].sort();
}
