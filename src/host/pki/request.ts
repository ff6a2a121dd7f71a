import { createPublicKey, sign, type KeyObject } from 'node:crypto';
import { isIP } from 'node:net';
import { bitString, der, NULL, objectId, octetString, sequence, set, smallInteger, utf8String } from './der.ts';

const COMMON_NAME_LIMIT = 64;

interface Signature {
  digest: string | null;
  algorithm: Buffer;
}

/** What each kind of key signs with; Ed25519 hashes by itself. */
function signatureOf(key: KeyObject): Signature {
  if (key.asymmetricKeyType === 'rsa')
    return { digest: 'sha256', algorithm: sequence(objectId('1.2.840.113549.1.1.11'), NULL) };
  if (key.asymmetricKeyType === 'ec') return { digest: 'sha256', algorithm: sequence(objectId('1.2.840.10045.4.3.2')) };
  if (key.asymmetricKeyType === 'ed25519') return { digest: null, algorithm: sequence(objectId('1.3.101.112')) };
  throw new TypeError(`no certificate request with a key of type ${key.asymmetricKeyType}`);
}

/**
 * PKCS#10 certificate request (RFC 2986), PEM: public key, common name, and the names as subjectAltName. Written by hand
 * because it is the one piece of ASN.1 that the agent makes; the libraries for all of it would be most of the agent.
 */
export function certificateRequest(key: KeyObject, commonName: string, names: readonly string[] = []): string {
  const { digest, algorithm } = signatureOf(key);
  const publicKey = createPublicKey(key).export({ format: 'der', type: 'spki' });
  const body = sequence(
    smallInteger(0),
    subjectOf(commonName),
    publicKey,
    der(0xa0, ...(names.length > 0 ? [extensionRequest(names)] : [])),
  );
  const request = sequence(body, algorithm, bitString(sign(digest, body, key)));
  const base64 = request.toString('base64').replace(/.{64}(?=.)/g, '$&\n');
  return `-----BEGIN CERTIFICATE REQUEST-----\n${base64}\n-----END CERTIFICATE REQUEST-----\n`;
}

function subjectOf(commonName: string): Buffer {
  if (commonName.length > COMMON_NAME_LIMIT) return sequence();
  return sequence(set(sequence(objectId('2.5.4.3'), utf8String(commonName))));
}

function extensionRequest(names: readonly string[]): Buffer {
  const alternative = sequence(objectId('2.5.29.17'), octetString(sequence(...names.map(generalName))));
  return sequence(objectId('1.2.840.113549.1.9.14'), set(sequence(alternative)));
}

/** dNSName [2], iPAddress [7]. */
function generalName(name: string): Buffer {
  const family = isIP(name);
  if (family === 0) return der(0x82, Buffer.from(name, 'latin1'));
  return der(0x87, family === 4 ? Buffer.from(name.split('.').map(Number)) : ipv6Bytes(name));
}

function ipv6Bytes(address: string): Buffer {
  const [head = '', tail] = new URL(`http://[${address}]/`).hostname.slice(1, -1).split('::');
  const groups = (text: string): number[] =>
    text
      .split(':')
      .filter(Boolean)
      .map((group) => Number.parseInt(group, 16));
  const [left, right] = [groups(head), groups(tail ?? '')];
  const all = [...left, ...Array.from({ length: 8 - left.length - right.length }, () => 0), ...right];
  return Buffer.from(all.flatMap((group) => [group >> 8, group & 0xff]));
}
