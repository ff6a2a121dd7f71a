import { createPrivateKey, createPublicKey, sign, verify, type KeyObject } from 'node:crypto';
import { AppError } from '../../../model/errors/index.ts';
import type { CompiledKit } from '../logic/kit/compile.ts';

/** What is signed: never bare bytes that could be something else, and all that says which kit it is. */
const message = ({ kit, digest }: Pick<CompiledKit, 'kit' | 'digest'>): Buffer =>
  Buffer.from(`lastember-kit-v1\n${kit.kit}\n${kit.version}\n${digest}\n`);

/** The text of kit.sig, by an Ed25519 key in PEM. */
export function signKit(kit: CompiledKit, pem: string): { signature: string; publicKey: string } {
  const key = privateKey(pem);
  const spki = createPublicKey(key).export({ type: 'spki', format: 'der' });
  return { signature: sign(null, message(kit), key).toString('base64'), publicKey: spki.toString('base64') };
}

function privateKey(pem: string): KeyObject {
  try {
    const key = createPrivateKey(pem);
    if (key.asymmetricKeyType === 'ed25519') return key;
  } catch {
    // told below
  }
  throw new AppError('KIT_KEY', { why: 'it is no Ed25519 private key in PEM' });
}

/** The one of these public keys (base64 of SPKI) that signed the kit; null: none did. */
export function signerOf(
  kit: Pick<CompiledKit, 'kit' | 'digest'>,
  signature: string | null,
  keys: readonly string[],
): string | null {
  if (signature === null || !/^[A-Za-z0-9+/]{86}==$/.test(signature)) return null;
  const bytes = Buffer.from(signature, 'base64');
  return keys.find((key) => verify(null, message(kit), publicKey(key), bytes)) ?? null;
}

export function publicKey(base64: string): KeyObject {
  try {
    const key = createPublicKey({ key: Buffer.from(base64, 'base64'), type: 'spki', format: 'der' });
    if (key.asymmetricKeyType === 'ed25519') return key;
  } catch {
    // told below
  }
  throw new AppError('KIT_KEY', { why: `${base64.slice(0, 20)}… is no Ed25519 public key (base64 of its SPKI)` });
}
