import type { Actor } from '../../model/actor.ts';
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
  spendLink,
  type PersonRow,
} from './store.ts';

export const SESSION_HOURS = 12;

export async function signIn(
  platform: Platform,
  name: string,
  password: string,
  ip: string,
): Promise<{ session: string; actor: Actor }> {
  const person = await personByName(platform.db, name);
  const right = await checkPassword(password, person?.password ?? null);
  if (!person || !right || person.disabled_at) throw new AppError('SIGN_IN_REFUSED');
  return openSession(platform, person, ip, 'password');
}

export async function redeemLink(
  platform: Platform,
  code: string,
  ip: string,
): Promise<{ session: string; actor: Actor }> {
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
): Promise<{ session: string; actor: Actor }> {
  const session = newSecret('');
  const actor = actorOf(person, ip);
  await platform.act(
    actor,
    { type: 'auth.session.opened', subject: { kind: 'user', id: person.id, name: person.name }, detail: { how } },
    async (tx) => {
      await deleteExpiredSessions(tx.db, tx.now);
      await insertSession(tx.db, {
        hash: hashSecret(session),
        person_id: person.id,
        created_at: tx.now,
        expires_at: new Date(tx.now.getTime() + SESSION_HOURS * 3_600_000),
      });
    },
  );
  return { session, actor };
}

export async function signOut(platform: Platform, session: string): Promise<void> {
  await deleteSession(platform.db, hashSecret(session));
}
