import { randomBytes, scryptSync, timingSafeEqual } from 'node:crypto';

const COST = { N: 4096, r: 8, p: 1 };

/** What the demo hosts keep in /etc/shadow instead of crypt(3) hashes. */
export function hashPassword(password: string): string {
  const salt = randomBytes(12);
  return `$scrypt$${salt.toString('base64url')}$${scryptSync(password, salt, 32, COST).toString('base64url')}`;
}

export function checkPassword(password: string, hash: string): boolean {
  const [, kind, salt, digest] = hash.split('$');
  if (kind !== 'scrypt' || !salt || !digest) return false;
  const wanted = Buffer.from(digest, 'base64url');
  const found = scryptSync(password, Buffer.from(salt, 'base64url'), 32, COST);
  return wanted.length === found.length && timingSafeEqual(wanted, found);
}
