import type { Transaction } from 'kysely';
import type { Access } from '../../model/enrollment.ts';
import type { DbOrTx, NoTables } from '../../platform/context.ts';
import { anyOf } from '../../platform/db/many.ts';

/** Own tables: hosts that are looked after over SSH, and how the last looks went. */
type AccessTables = {
  'enrollment.access': { host_id: string; credential_id: string; since: Date; created_by: string };
  'enrollment.access_look': {
    host_id: string;
    last_ok: Date | null;
    failures: number;
    last_error: string | null;
    next_at: Date;
  };
  'enrollment.credential': { id: string; name: string };
};
const q = (db: DbOrTx) => db.withTables<AccessTables>();

export interface AccessRow extends Access {
  credentialId: string;
}

const rows = (db: DbOrTx) =>
  q(db)
    .selectFrom('enrollment.access as a')
    .innerJoin('enrollment.access_look as l', 'l.host_id', 'a.host_id')
    .innerJoin('enrollment.credential as c', 'c.id', 'a.credential_id')
    .select(['a.host_id', 'a.credential_id', 'c.name', 'a.since', 'a.created_by'])
    .select(['l.last_ok', 'l.failures', 'l.last_error', 'l.next_at']);

type Row = Awaited<ReturnType<ReturnType<typeof rows>['executeTakeFirstOrThrow']>>;

const toAccess = (row: Row): AccessRow => ({
  hostId: row.host_id,
  credentialId: row.credential_id,
  credential: row.name,
  since: row.since.toISOString(),
  createdBy: row.created_by,
  lastLook: row.last_ok?.toISOString() ?? null,
  failures: row.failures,
  lastError: row.last_error,
  nextLook: row.next_at.toISOString(),
});

export async function accessOf(db: DbOrTx, hostId: string): Promise<AccessRow | null> {
  const row = await rows(db).where('a.host_id', '=', hostId).executeTakeFirst();
  return row ? toAccess(row) : null;
}

export async function allAccess(db: DbOrTx): Promise<AccessRow[]> {
  return (await rows(db).orderBy('a.host_id').execute()).map(toAccess);
}

/** Which of these are looked after over SSH? */
export async function agentlessAmong(db: DbOrTx, hostIds: readonly string[]): Promise<Set<string>> {
  const found = await q(db)
    .selectFrom('enrollment.access')
    .select('host_id')
    .where('host_id', '=', anyOf(hostIds))
    .execute();
  return new Set(found.map((row) => row.host_id));
}

/** Those whose next look is due, the most overdue first. */
export async function dueAccess(db: DbOrTx, now: Date, limit: number): Promise<string[]> {
  const due = await q(db)
    .selectFrom('enrollment.access_look')
    .select('host_id')
    .where('next_at', '<=', now)
    .orderBy('next_at')
    .limit(limit)
    .execute();
  return due.map((row) => row.host_id);
}

export async function putAccess(
  tx: Transaction<NoTables>,
  access: { hostId: string; credentialId: string; at: Date; by: string },
): Promise<void> {
  const values = { credential_id: access.credentialId, since: access.at, created_by: access.by };
  await q(tx)
    .insertInto('enrollment.access')
    .values({ host_id: access.hostId, ...values })
    .onConflict((c) => c.column('host_id').doUpdateSet(values))
    .execute();
  const look = { last_ok: null, failures: 0, last_error: null, next_at: access.at };
  await q(tx)
    .insertInto('enrollment.access_look')
    .values({ host_id: access.hostId, ...look })
    .onConflict((c) => c.column('host_id').doUpdateSet(look))
    .execute();
}

/** False when there was none. */
export async function deleteAccess(tx: Transaction<NoTables>, hostId: string): Promise<boolean> {
  const gone = await q(tx).deleteFrom('enrollment.access').where('host_id', '=', hostId).executeTakeFirst();
  return gone.numDeletedRows > 0n;
}

export async function noteLook(
  db: DbOrTx,
  hostId: string,
  look: { lastOk?: Date; failures: number; lastError: string | null; nextAt: Date },
): Promise<void> {
  await q(db)
    .updateTable('enrollment.access_look')
    .set({
      ...(look.lastOk ? { last_ok: look.lastOk } : {}),
      failures: look.failures,
      last_error: look.lastError,
      next_at: look.nextAt,
    })
    .where('host_id', '=', hostId)
    .execute();
}

export async function credentialInUse(db: DbOrTx, credentialId: string): Promise<number> {
  const row = await q(db)
    .selectFrom('enrollment.access')
    .select((e) => e.fn.countAll<number>().as('n'))
    .where('credential_id', '=', credentialId)
    .executeTakeFirstOrThrow();
  return row.n;
}
