import type { Actor, Role } from '../../model/actor.ts';
import { AppError } from '../../model/errors/index.ts';
import type { Platform } from '../context.ts';
import { hashSecret } from './secrets.ts';
import { liveToken, personOfSession, touchToken, type PersonRow } from './store.ts';

export const SESSION_COOKIE = 'lastember_session';
export const CSRF_HEADER = 'x-lastember';
/** A token's last use is a hint for people, not worth a write at every request. */
const TOUCH_MS = 60_000;
const touched = new Map<string, number>();

export interface Credentials {
  authorization: string | undefined;
  sessionCookie: string | undefined;
  /** the method changes nothing */
  safe: boolean;
  csrfHeader: string | undefined;
  ip: string;
}

/** Who is calling? null = nobody. A session cookie on a request that changes something needs the console's own header. */
export async function identify(platform: Platform, given: Credentials): Promise<Actor | null> {
  const bearer = /^Bearer (\S+)$/i.exec(given.authorization ?? '')?.[1];
  if (bearer) return byToken(platform, bearer, given.ip);
  if (!given.sessionCookie) return null;
  const person = await personOfSession(platform.db, hashSecret(given.sessionCookie), platform.now());
  if (!person) return null;
  if (!given.safe && !given.csrfHeader) throw new AppError('CSRF');
  return actorOf(person, given.ip);
}

export function actorOf(person: PersonRow, ip: string): Actor {
  return { kind: 'user', id: person.id, name: person.name, role: person.role, ip };
}

async function byToken(platform: Platform, secret: string, ip: string): Promise<Actor | null> {
  const token = await liveToken(platform.db, hashSecret(secret), platform.now());
  if (!token) return null;
  const now = platform.now().getTime();
  if (now - (touched.get(token.id) ?? 0) > TOUCH_MS) {
    touched.set(token.id, now);
    await touchToken(platform.db, token.id, platform.now());
  }
  // The person stands behind the token: "nobody approves their own change" must not be got round with one.
  const name = `${token.person_name} (${token.name})`;
  const role = common(token.role, token.person_role);
  return { kind: 'token', id: token.person_id, name, role, ip, tokenId: token.id };
}

/** A person who was demoted takes their tokens along: what both may do. */
export function common(token: Role, person: Role): Role {
  if (mayHold(token, person)) return token;
  return token === 'admin' ? person : 'viewer';
}

/** Operator and approver are different duties, not ranks of each other. */
export function mayHold(wanted: Role, own: Role): boolean {
  return own === 'admin' || wanted === own || wanted === 'viewer';
}
