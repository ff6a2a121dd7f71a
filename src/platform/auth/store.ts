import { sql, type Transaction } from 'kysely';
import type { Role } from '../../model/actor.ts';
import type { DbOrTx, NoTables } from '../context.ts';

type AuthTables = {
  'auth.person': {
    id: string;
    name: string;
    role: Role;
    password: string | null;
    disabled_at: Date | null;
    created_at: Date;
  };
  'auth.session': {
    hash: string;
    person_id: string;
    signed_in_at: Date;
    created_at: Date;
    expires_at: Date;
    renewed: boolean;
  };
  'auth.link': { hash: string; person_id: string; expires_at: Date; used_at: Date | null };
  'auth.token': {
    id: string;
    name: string;
    hash: string;
    person_id: string;
    role: Role;
    created_at: Date;
    expires_at: Date | null;
    revoked_at: Date | null;
    /** the token it was made with */
    parent_id: string | null;
    /** the command line's on the server's own machine */
    local: boolean;
  };
  'auth.token_use': { token_id: string; last_used_at: Date };
  'auth.approver_key': {
    key_id: string;
    person_id: string;
    name: string;
    public_key: string;
    created_at: Date;
    revoked_at: Date | null;
  };
};
export type PersonRow = AuthTables['auth.person'];
export type TokenRow = AuthTables['auth.token'];
export type KeyRow = AuthTables['auth.approver_key'];
const q = (db: DbOrTx) => db.withTables<AuthTables>();

/** A unique name or key was taken meanwhile. */
export const isTaken = (error: unknown): boolean => (error as { code?: string }).code === '23505';

export const people = (db: DbOrTx): Promise<PersonRow[]> =>
  q(db).selectFrom('auth.person').selectAll().orderBy('name').execute();
export const personByName = (db: DbOrTx, name: string): Promise<PersonRow | undefined> =>
  q(db).selectFrom('auth.person').selectAll().where('name', '=', name).executeTakeFirst();
export const personById = (db: DbOrTx, id: string): Promise<PersonRow | undefined> =>
  q(db).selectFrom('auth.person').selectAll().where('id', '=', id).executeTakeFirst();

/** The administrators who can sign in, locked: nobody else counts them until this transaction ends. */
export async function lockAdmins(tx: Transaction<NoTables>): Promise<{ id: string }[]> {
  return q(tx)
    .selectFrom('auth.person')
    .select('id')
    .where('role', '=', 'admin')
    .where('disabled_at', 'is', null)
    .orderBy('id')
    .forUpdate()
    .execute();
}
export async function insertPerson(tx: Transaction<NoTables>, row: PersonRow): Promise<void> {
  await q(tx).insertInto('auth.person').values(row).execute();
}
export async function updatePerson(
  tx: Transaction<NoTables>,
  id: string,
  set: Partial<Pick<PersonRow, 'role' | 'password' | 'disabled_at'>>,
): Promise<void> {
  await q(tx).updateTable('auth.person').set(set).where('id', '=', id).execute();
}

export async function insertSession(db: DbOrTx, row: AuthTables['auth.session']): Promise<void> {
  await q(db).insertInto('auth.session').values(row).execute();
}
/** Ends a session and what it was renewed from or to; says whose it was. */
export async function deleteSession(db: DbOrTx, hash: string): Promise<string | undefined> {
  const row = await q(db)
    .deleteFrom('auth.session')
    .where(({ eb, refTuple, selectFrom }) =>
      eb(
        refTuple('person_id', 'signed_in_at'),
        'in',
        selectFrom('auth.session')
          .select(['person_id', 'signed_in_at'])
          .where('hash', '=', hash)
          .$asTuple('person_id', 'signed_in_at'),
      ),
    )
    .returning('person_id')
    .executeTakeFirst();
  return row?.person_id;
}
/** Lets an old session end soon, once; says what its successor is to continue. One statement: it has one successor. */
export async function retireSession(
  db: DbOrTx,
  hash: string,
  when: { startedBefore: Date; endsAt: Date },
): Promise<{ person_id: string; signed_in_at: Date } | undefined> {
  return q(db)
    .updateTable('auth.session')
    .set({ renewed: true, expires_at: when.endsAt })
    .where('hash', '=', hash)
    .where('renewed', '=', false)
    .where('created_at', '<', when.startedBefore)
    .where('expires_at', '>', when.endsAt)
    .returning(['person_id', 'signed_in_at'])
    .executeTakeFirst();
}
export async function deleteSessionsOf(db: DbOrTx, personId: string): Promise<void> {
  await q(db).deleteFrom('auth.session').where('person_id', '=', personId).execute();
}
export async function deleteExpiredSessions(db: DbOrTx, now: Date): Promise<void> {
  await q(db).deleteFrom('auth.session').where('expires_at', '<', now).execute();
}

/** The person behind a live session; nobody when it expired or the person is disabled. */
export async function personOfSession(db: DbOrTx, hash: string, now: Date): Promise<PersonRow | undefined> {
  return q(db)
    .selectFrom('auth.session as s')
    .innerJoin('auth.person as p', 'p.id', 's.person_id')
    .selectAll('p')
    .where('s.hash', '=', hash)
    .where('s.expires_at', '>', now)
    .where('p.disabled_at', 'is', null)
    .executeTakeFirst();
}

export async function insertLink(db: DbOrTx, row: Omit<AuthTables['auth.link'], 'used_at'>): Promise<void> {
  await q(db)
    .insertInto('auth.link')
    .values({ ...row, used_at: null })
    .execute();
}
export async function usedLinks(db: DbOrTx): Promise<boolean> {
  const row = await q(db).selectFrom('auth.link').select('hash').where('used_at', 'is not', null).executeTakeFirst();
  return row !== undefined;
}
/** Marks the link used and says whose it is; nothing when it is unknown, used or expired. One statement: it works once. */
export async function spendLink(db: DbOrTx, hash: string, now: Date): Promise<string | undefined> {
  const row = await q(db)
    .updateTable('auth.link')
    .set({ used_at: now })
    .where('hash', '=', hash)
    .where('used_at', 'is', null)
    .where('expires_at', '>', now)
    .returning('person_id')
    .executeTakeFirst();
  return row?.person_id;
}

export async function tokens(db: DbOrTx): Promise<(TokenRow & { person_name: string; last_used_at: Date | null })[]> {
  return q(db)
    .selectFrom('auth.token as t')
    .innerJoin('auth.person as p', 'p.id', 't.person_id')
    .leftJoin('auth.token_use as u', 'u.token_id', 't.id')
    .selectAll('t')
    .select(['p.name as person_name', 'u.last_used_at'])
    .orderBy('t.created_at', 'desc')
    .execute();
}
export async function insertToken(tx: Transaction<NoTables>, row: TokenRow): Promise<void> {
  await q(tx).insertInto('auth.token').values(row).execute();
}
export async function tokenById(db: DbOrTx, id: string): Promise<TokenRow | undefined> {
  return q(db).selectFrom('auth.token').selectAll().where('id', '=', id).executeTakeFirst();
}
/** Ends a token and all that were made with it, or with those; returns the ids of the others. */
export async function revokeToken(tx: Transaction<NoTables>, id: string, at: Date): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`
    with recursive line as (
      select id from auth.token where id = ${id}
      union select t.id from auth.token t join line on t.parent_id = line.id)
    update auth.token set revoked_at = ${at}
    where id in (select id from line) and revoked_at is null returning id`.execute(tx);
  return rows.map((row) => row.id).filter((ended) => ended !== id);
}
/** Every token it descends from is good. Asked anew each time: one may end while another is being made with it. */
const lineIsLive = (now: Date) => sql<boolean>`not exists (
  with recursive up as (
    select a.id, a.parent_id, a.revoked_at, a.expires_at from auth.token a where a.id = t.parent_id
    union select a.id, a.parent_id, a.revoked_at, a.expires_at from auth.token a join up on a.id = up.parent_id)
  select from up where revoked_at is not null or expires_at <= ${now})`;
export async function liveToken(
  db: DbOrTx,
  hash: string,
  now: Date,
): Promise<(TokenRow & { person_role: Role; person_name: string }) | undefined> {
  return q(db)
    .selectFrom('auth.token as t')
    .innerJoin('auth.person as p', 'p.id', 't.person_id')
    .selectAll('t')
    .select(['p.role as person_role', 'p.name as person_name'])
    .where('t.hash', '=', hash)
    .where('t.revoked_at', 'is', null)
    .where('p.disabled_at', 'is', null)
    .where((w) => w.or([w('t.expires_at', 'is', null), w('t.expires_at', '>', now)]))
    .where(lineIsLive(now))
    .executeTakeFirst();
}
export async function touchToken(db: DbOrTx, id: string, at: Date): Promise<void> {
  await q(db)
    .insertInto('auth.token_use')
    .values({ token_id: id, last_used_at: at })
    .onConflict((c) => c.column('token_id').doUpdateSet({ last_used_at: at }))
    .execute();
}

export async function keys(db: DbOrTx): Promise<(KeyRow & { person_name: string })[]> {
  return q(db)
    .selectFrom('auth.approver_key as k')
    .innerJoin('auth.person as p', 'p.id', 'k.person_id')
    .selectAll('k')
    .select('p.name as person_name')
    .orderBy('k.created_at')
    .execute();
}
export async function insertKey(tx: Transaction<NoTables>, row: KeyRow): Promise<void> {
  await q(tx).insertInto('auth.approver_key').values(row).execute();
}
export async function revokeKey(tx: Transaction<NoTables>, keyId: string, at: Date): Promise<boolean> {
  const done = await q(tx)
    .updateTable('auth.approver_key')
    .set({ revoked_at: at })
    .where('key_id', '=', keyId)
    .where('revoked_at', 'is', null)
    .executeTakeFirst();
  return done.numUpdatedRows > 0n;
}
