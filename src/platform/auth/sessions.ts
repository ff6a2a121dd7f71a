import { systemActor, type Actor } from '../../model/actor.ts';
import { AppError } from '../../model/errors/index.ts';
import type { Platform } from '../context.ts';
import { actorOf } from './identify.ts';
import { checkPassword, hashSecret, newSecret } from './secrets.ts';
import {
  deleteExpiredSessions,
  deleteSession,
  insertSession,
  personById,
  personByName,
  retireSession,
  spendLink,
  type PersonRow,
} from './store.ts';

/** However often it is renewed, a session ends this long after signing in. */
export const SESSION_HOURS = 12;
const HOUR_MS = 3_600_000;
/** Requests that are under way with the old secret still pass. */
const OVERLAP_MS = 60_000;

export interface OpenSession {
  session: string;
  expiresAt: Date;
}

export async function signIn(
  platform: Platform,
  name: string,
  password: string,
  ip: string,
): Promise<OpenSession & { actor: Actor }> {
  const person = await personByName(platform.db, name);
  const right = await checkPassword(password, person?.password ?? null);
  if (!person || !right || person.disabled_at) {
    // Not the name as it was typed: now and then that is a password.
    platform.log.warn({ person: person?.name ?? null, ip }, 'a sign-in was refused');
    throw new AppError('SIGN_IN_REFUSED');
  }
  return openSession(platform, person, ip, 'password');
}

export async function redeemLink(
  platform: Platform,
  code: string,
  ip: string,
): Promise<OpenSession & { actor: Actor }> {
  const personId = await spendLink(platform.db, hashSecret(code), platform.now());
  const person = personId ? await personById(platform.db, personId) : undefined;
  if (!person || person.disabled_at) throw new AppError('LINK_REFUSED');
  return openSession(platform, person, ip, 'link');
}

async function openSession(
  platform: Platform,
  person: PersonRow,
  ip: string,
  how: string,
): Promise<OpenSession & { actor: Actor }> {
  const session = newSecret('');
  const actor = actorOf(person, ip);
  let expiresAt = new Date(0);
  await platform.act(
    actor,
    { type: 'auth.session.opened', subject: { kind: 'user', id: person.id, name: person.name }, detail: { how } },
    async (tx) => {
      await deleteExpiredSessions(tx.db, tx.now);
      expiresAt = endOf(tx.now);
      await insertSession(tx.db, {
        hash: hashSecret(session),
        person_id: person.id,
        signed_in_at: tx.now,
        created_at: tx.now,
        expires_at: expiresAt,
        renewed: false,
      });
    },
  );
  return { session, expiresAt, actor };
}

const endOf = (signedIn: Date): Date => new Date(signedIn.getTime() + SESSION_HOURS * HOUR_MS);

/** A session that is older than an hour goes on under a new secret, so that a copied one is not good for long. */
export async function renew(platform: Platform, session: string): Promise<OpenSession | null> {
  const now = platform.now();
  return platform.observe(systemActor('sessions'), async (tx) => {
    const when = {
      startedBefore: new Date(now.getTime() - HOUR_MS),
      endsAt: new Date(now.getTime() + OVERLAP_MS),
    };
    const retired = await retireSession(tx.db, hashSecret(session), when);
    if (!retired) return null;
    const next = newSecret('');
    const expiresAt = endOf(retired.signed_in_at);
    const row = { ...retired, hash: hashSecret(next), created_at: now, expires_at: expiresAt, renewed: false };
    await insertSession(tx.db, row);
    return { session: next, expiresAt };
  });
}

export async function signOut(platform: Platform, actor: Actor, session: string | undefined): Promise<void> {
  if (!session) return;
  const entry = { type: 'auth.session.closed', subject: { kind: 'user' as const, id: actor.id, name: actor.name } };
  await platform.act(actor, entry, async (tx) => {
    await deleteSession(tx.db, hashSecret(session));
  });
}
