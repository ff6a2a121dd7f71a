import { createHash, randomBytes, scrypt, timingSafeEqual } from 'node:crypto';

/** RFC 7914 parameters: 2^15 · 8 · 1 takes about 60 ms and 32 MiB per try. */
const COST = { N: 32_768, r: 8, p: 1, maxmem: 64 * 1024 * 1024 };
const KEY_BYTES = 32;

function derive(password: string, salt: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    scrypt(password.normalize('NFKC'), salt, KEY_BYTES, COST, (error, key) => (error ? reject(error) : resolve(key)));
  });
}

export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(16);
  return `scrypt$${COST.N}$${COST.r}$${COST.p}$${salt.toString('base64')}$${(await derive(password, salt)).toString('base64')}`;
}

/** Takes as long for a person who does not exist, so that names cannot be found out by timing. */
export async function checkPassword(password: string, stored: string | null): Promise<boolean> {
  const parts = stored?.split('$') ?? [];
  const salt = parts[4] ? Buffer.from(parts[4], 'base64') : Buffer.alloc(16);
  const expected = parts[5] ? Buffer.from(parts[5], 'base64') : Buffer.alloc(KEY_BYTES);
  const actual = await derive(password, salt);
  return timingSafeEqual(actual, expected) && stored !== null;
}

/** Sessions, tokens and links are random enough that a plain hash is all that storing them needs. */
export function newSecret(prefix: string): string {
  return `${prefix}${randomBytes(32).toString('base64url')}`;
}

export function hashSecret(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}

/** Raw 32-byte Ed25519 public key, base64 → key id; null when it is no such key. */
export function approverKeyId(publicKey: string): string | null {
  const raw = Buffer.from(publicKey, 'base64');
  if (raw.length !== 32 || raw.toString('base64') !== publicKey) return null;
  return createHash('sha256').update(raw).digest('hex').slice(0, 16);
}
