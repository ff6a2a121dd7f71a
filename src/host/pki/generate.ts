import { generateKeyPair, type KeyObject } from 'node:crypto';
import { promisify } from 'node:util';

const generate = promisify(generateKeyPair);
const CURVES = new Set(['prime256v1', 'secp384r1', 'secp521r1']);
const RSA_BITS = 2048;

/**
 * A new private key that whatever loads the old one can load as well: same kind, same size class, never weaker than RSA
 * 2048 or P-256. Returned as PEM in the kind's traditional form, which OpenSSL 1.0 reads, too.
 */
export async function generateLike(old: KeyObject): Promise<{ key: KeyObject; pem: string }> {
  const { asymmetricKeyType: kind, asymmetricKeyDetails: details } = old;
  if (kind === 'ec') {
    const curve = details?.namedCurve ?? '';
    const { privateKey } = await generate('ec', { namedCurve: CURVES.has(curve) ? curve : 'prime256v1' });
    return { key: privateKey, pem: privateKey.export({ format: 'pem', type: 'sec1' }).toString() };
  }
  if (kind === 'ed25519') {
    const { privateKey } = await generate('ed25519', {});
    return { key: privateKey, pem: privateKey.export({ format: 'pem', type: 'pkcs8' }).toString() };
  }
  const { privateKey } = await generate('rsa', { modulusLength: Math.max(RSA_BITS, details?.modulusLength ?? 0) });
  return { key: privateKey, pem: privateKey.export({ format: 'pem', type: 'pkcs1' }).toString() };
}
