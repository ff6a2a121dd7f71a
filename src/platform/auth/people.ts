import type { Actor, Role } from '../../model/actor.ts';
import type { Person } from '../../model/auth.ts';
import { AppError } from '../../model/errors/index.ts';
import type { Platform, Tx } from '../context.ts';
import { checkPassword, hashPassword, hashSecret, newSecret } from './secrets.ts';
import {
  deleteSessionsOf,
  insertLink,
  insertPerson,
  isTaken,
  lockAdmins,
  personById,
  personByName,
  updatePerson,
  type PersonRow,
} from './store.ts';

const LINK_MINUTES = 60;

export const toPerson = (row: PersonRow): Person => ({
  id: row.id,
  name: row.name,
  role: row.role,
  disabled: row.disabled_at !== null,
  createdAt: row.created_at.toISOString(),
});

export async function addPerson(
  platform: Platform,
  actor: Actor,
  input: { name: string; role: Role; password?: string | undefined },
): Promise<Person> {
  const id = platform.newId('user');
  const password = input.password ? await hashPassword(input.password) : null;
  const entry = {
    type: 'auth.user.added',
    subject: { kind: 'user' as const, id, name: input.name },
    detail: { name: input.name, role: input.role },
  };
  return platform
    .act(actor, entry, async (tx) => {
      const { name, role } = input;
      const row: PersonRow = { id, name, role, password, disabled_at: null, created_at: tx.now };
      await insertPerson(tx.db, row);
      return toPerson(row);
    })
    .catch((cause: unknown) => {
      throw isTaken(cause) ? new AppError('PERSON_EXISTS', { name: input.name }, { cause }) : cause;
    });
}

export async function requirePerson(platform: Platform, name: string): Promise<PersonRow> {
  const person = await personByName(platform.db, name);
  if (!person) throw new AppError('NOT_FOUND', { what: 'person', id: name, list: 'user list' });
  return person;
}

export async function changePerson(
  platform: Platform,
  actor: Actor,
  name: string,
  set: { role?: Role | undefined; password?: string | undefined; disabled?: boolean | undefined },
): Promise<Person> {
  const person = await requirePerson(platform, name);
  const entry = {
    type: 'auth.user.changed',
    subject: { kind: 'user' as const, id: person.id, name },
    detail: { role: set.role ?? null, disabled: set.disabled ?? null, password: set.password ? 'changed' : 'same' },
  };
  const password = set.password ? await hashPassword(set.password) : undefined;
  await platform.act(actor, entry, async (tx) => {
    if ((set.role && set.role !== 'admin') || set.disabled) await keepAnAdmin(tx, person);
    await updatePerson(tx.db, person.id, {
      ...(set.role === undefined ? {} : { role: set.role }),
      ...(password ? { password } : {}),
      ...(set.disabled === undefined ? {} : { disabled_at: set.disabled ? tx.now : null }),
    });
    // Whoever was signed in with the old password, role or at all, signs in again.
    await deleteSessionsOf(tx.db, person.id);
  });
  return toPerson(await requirePerson(platform, name));
}

/** Two administrators who demote each other at the same moment must not both succeed; hence the lock. */
async function keepAnAdmin(tx: Tx, person: PersonRow): Promise<void> {
  const admins = await lockAdmins(tx.db);
  if (admins.length === 1 && admins[0]!.id === person.id) throw new AppError('LAST_ADMIN', { name: person.name });
}

/** One's own password: knowing the old one, if there is one. Ends one's sessions, also the one that asked. */
export async function changeOwnPassword(
  platform: Platform,
  actor: Actor,
  given: { current?: string | undefined; password: string },
): Promise<void> {
  // A token may be in a script; whoever found it must not get to lock its owner out.
  if (actor.kind !== 'user') throw new AppError('PASSWORD_BY_TOKEN');
  const person = (await personById(platform.db, actor.id))!;
  if (person.password !== null && !(await checkPassword(given.current ?? '', person.password)))
    throw new AppError('PASSWORD_WRONG');
  await changePerson(platform, actor, person.name, { password: given.password });
}

/** A code that signs this person in once, within the hour. The code is returned and never stored. */
export async function makeLink(
  platform: Platform,
  actor: Actor,
  person: { id: string; name: string },
): Promise<{ code: string; expiresAt: string }> {
  const code = newSecret('lnk_');
  const expires = new Date(platform.now().getTime() + LINK_MINUTES * 60_000);
  await platform.act(
    actor,
    {
      type: 'auth.link.made',
      subject: { kind: 'user', id: person.id, name: person.name },
      detail: { expiresAt: expires.toISOString() },
    },
    (tx) => insertLink(tx.db, { hash: hashSecret(code), person_id: person.id, expires_at: expires }),
  );
  return { code, expiresAt: expires.toISOString() };
}
