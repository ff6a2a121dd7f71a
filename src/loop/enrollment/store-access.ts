import { randomUUID } from 'node:crypto';
import { sql, type ExpressionBuilder, type JSONColumnType, type Transaction } from 'kysely';
import type { Access } from '../../model/enrollment.ts';
import type { ApproverKey } from '../../model/plan.ts';
import { plainText } from '../../model/text.ts';
import type { DbOrTx, NoTables } from '../../platform/context.ts';
import { anyOf } from '../../platform/db/many.ts';

/** Own tables: hosts that are looked after over SSH, and how the last looks went. */
type AccessTables = {
  'enrollment.access': {
    host_id: string;
    id: string;
    credential_id: string;
    since: Date;
    created_by: string;
    /** pinned when it was granted, as is the verifier key of the trail's checkpoints */
    approver_keys: JSONColumnType<ApproverKey[]>;
    checkpoint_key: string | null;
  };
  'enrollment.access_look': {
    host_id: string;
    last_ok: Date | null;
    failures: number;
    last_error: string | null;
    next_at: Date;
    /** somebody is at it until then */
    claimed_until: Date | null;
    claimed_by: string | null;
    /** a leg of a change may be under way until then, whether or not somebody is at it */
    changing_until: Date | null;
    /** somebody wants a look before the next one is due */
    asked_at: Date | null;
  };
  'enrollment.credential': { id: string; name: string };
};
const q = (db: DbOrTx) => db.withTables<AccessTables>();

export interface AccessRow extends Access {
  credentialId: string;
  approverKeys: ApproverKey[];
  checkpointKey: string | null;
  changingUntil: Date | null;
}
/** How a host without an agent is looked after; what plans name as the one who carries out is its `id`. */
export type SshAccess = Pick<
  AccessRow,
  'id' | 'hostId' | 'approverKeys' | 'approverKeyIds' | 'checkpointKey' | 'changingUntil'
>;
/** What whoever may be at the host holds. */
export interface Claimed extends AccessRow {
  claim: string;
}

const rows = (db: DbOrTx) =>
  q(db)
    .selectFrom('enrollment.access as a')
    .innerJoin('enrollment.access_look as l', 'l.host_id', 'a.host_id')
    .innerJoin('enrollment.credential as c', 'c.id', 'a.credential_id')
    .select(['a.host_id', 'a.id', 'a.credential_id', 'c.name', 'a.since', 'a.created_by'])
    .select(['a.approver_keys', 'a.checkpoint_key'])
    .select(['l.last_ok', 'l.failures', 'l.last_error', 'l.next_at', 'l.changing_until']);

type Row = Awaited<ReturnType<ReturnType<typeof rows>['executeTakeFirstOrThrow']>>;

const toAccess = (row: Row): AccessRow => ({
  hostId: row.host_id,
  id: row.id,
  approverKeyIds: row.approver_keys.map(({ keyId }) => keyId),
  approverKeys: row.approver_keys,
  checkpointKey: row.checkpoint_key,
  changingUntil: row.changing_until,
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

/** A look is wanted soon. Returns which of these are looked after over SSH at all. */
export async function askLooks(tx: Transaction<NoTables>, hostIds: readonly string[], at: Date): Promise<Set<string>> {
  const asked = await q(tx)
    .updateTable('enrollment.access_look')
    .set({ asked_at: at })
    .where('host_id', 'in', (e) =>
      // In one order, so that two who ask for the same hosts do not wait for each other in a circle.
      e
        .selectFrom('enrollment.access_look')
        .select('host_id')
        .where('host_id', '=', anyOf(hostIds))
        .orderBy('host_id')
        .forUpdate(),
    )
    .returning('host_id')
    .execute();
  return new Set(asked.map((row) => row.host_id));
}

type Look = ExpressionBuilder<AccessTables, 'enrollment.access_look'>;

/** Nobody is at it, or nobody who is alive. */
const isFree = (now: Date) => (e: Look) => e.or([e('claimed_until', 'is', null), e('claimed_until', '<=', now)]);

const isDue = (now: Date) => (e: Look) =>
  e.and([
    e.or([e('next_at', '<=', now), e('asked_at', 'is not', null)]),
    isFree(now)(e),
    e.or([e('changing_until', 'is', null), e('changing_until', '<=', now)]),
  ]);

/** Those whose next look is due, the most overdue first. */
export async function dueAccess(db: DbOrTx, now: Date, limit: number): Promise<string[]> {
  const due = await q(db)
    .selectFrom('enrollment.access_look')
    .select('host_id')
    .where(isDue(now))
    .orderBy('next_at')
    .limit(limit)
    .execute();
  return due.map((row) => row.host_id);
}

/** From now on nobody else looks at the host, until the look is noted or the time is over. Null: no look is due. */
export async function claimLook(db: DbOrTx, hostId: string, now: Date, until: Date): Promise<Claimed | null> {
  const claim = randomUUID();
  const claimed = await q(db)
    .updateTable('enrollment.access_look')
    .set({ claimed_until: until, claimed_by: claim, asked_at: null })
    .where('host_id', '=', hostId)
    .where(isDue(now))
    .returning('host_id')
    .executeTakeFirst();
  return claimed ? held(db, hostId, claim) : null;
}

async function held(db: DbOrTx, hostId: string, claim: string): Promise<Claimed | null> {
  const access = await accessOf(db, hostId);
  return access && { ...access, claim };
}

/** From now on nobody else looks at the host or changes it. Null: somebody is at it. */
export async function claimWork(db: DbOrTx, hostId: string, now: Date, until: Date): Promise<Claimed | null> {
  const claim = randomUUID();
  const claimed = await q(db)
    .updateTable('enrollment.access_look')
    .set({ claimed_until: until, claimed_by: claim })
    .where('host_id', '=', hostId)
    .where(isFree(now))
    .returning('host_id')
    .executeTakeFirst();
  return claimed ? held(db, hostId, claim) : null;
}

/** False: the host belongs to somebody else by now, or to nobody. */
export async function renewWork(
  db: DbOrTx,
  { hostId, claim }: Claimed,
  until: { claimed: Date; changing: Date },
): Promise<boolean> {
  const renewed = await q(db)
    .updateTable('enrollment.access_look')
    .set({ claimed_until: until.claimed, changing_until: until.changing })
    .where('host_id', '=', hostId)
    .where('claimed_by', '=', claim)
    .returning('host_id')
    .executeTakeFirst();
  return renewed !== undefined;
}

/** `ended`: no leg is left half-way there. Returns whether a look was asked for meanwhile. */
export async function releaseWork(db: DbOrTx, { hostId, claim }: Claimed, ended: boolean): Promise<boolean> {
  const row = await q(db)
    .updateTable('enrollment.access_look')
    .set({ claimed_until: null, claimed_by: null, ...(ended ? { changing_until: null } : {}) })
    .where('host_id', '=', hostId)
    .where('claimed_by', '=', claim)
    .returning('asked_at')
    .executeTakeFirst();
  return row !== undefined && row.asked_at !== null;
}

/** Is the host still looked after over SSH, by this very access? It stays so until the transaction ends. */
export async function holdAccess(tx: Transaction<NoTables>, access: AccessRow): Promise<boolean> {
  const row = await q(tx)
    .selectFrom('enrollment.access')
    .select('since')
    .where('host_id', '=', access.hostId)
    .forUpdate()
    .executeTakeFirst();
  return row?.since.toISOString() === access.since;
}

export async function putAccess(
  tx: Transaction<NoTables>,
  access: {
    hostId: string;
    id: string;
    credentialId: string;
    at: Date;
    by: string;
    approverKeys: readonly ApproverKey[];
    checkpointKey: string;
  },
): Promise<void> {
  const values = {
    id: access.id,
    credential_id: access.credentialId,
    since: access.at,
    created_by: access.by,
    approver_keys: JSON.stringify(access.approverKeys),
    checkpoint_key: access.checkpointKey,
  };
  await q(tx)
    .insertInto('enrollment.access')
    .values({ host_id: access.hostId, ...values })
    .onConflict((c) => c.column('host_id').doUpdateSet(values))
    .execute();
  const look = {
    last_ok: null,
    failures: 0,
    last_error: null,
    next_at: access.at,
    claimed_until: null,
    claimed_by: null,
    changing_until: null,
    asked_at: null,
  };
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

/** Who was away for too long lets go of nothing: somebody else holds it by now. */
const unlessTaken = (claim: string) =>
  sql<Date | null>`case when claimed_by is distinct from ${claim} then claimed_until end`;

/** Whoever held the look lets go of it. Returns whether another was asked for meanwhile. */
export async function noteGoodLook(
  tx: Transaction<NoTables>,
  { hostId, claim }: Claimed,
  at: Date,
  next: Date,
): Promise<boolean> {
  const { asked_at } = await q(tx)
    .updateTable('enrollment.access_look')
    .set({ last_ok: at, failures: 0, last_error: null, next_at: next, claimed_until: unlessTaken(claim) })
    .where('host_id', '=', hostId)
    .returning('asked_at')
    .executeTakeFirstOrThrow();
  return asked_at !== null;
}

/** Returns how many looks have failed in a row. */
export async function noteFailedLook(
  tx: Transaction<NoTables>,
  { hostId, claim }: Claimed,
  why: string,
  nextAfter: (failures: number) => Date,
): Promise<{ failures: number; asked: boolean }> {
  const { failures } = await q(tx)
    .updateTable('enrollment.access_look')
    .set((e) => ({ failures: e('failures', '+', 1), last_error: plainText(why) }))
    .where('host_id', '=', hostId)
    .returning('failures')
    .executeTakeFirstOrThrow();
  const { asked_at } = await q(tx)
    .updateTable('enrollment.access_look')
    .set({ next_at: nextAfter(failures), claimed_until: unlessTaken(claim) })
    .where('host_id', '=', hostId)
    .returning('asked_at')
    .executeTakeFirstOrThrow();
  return { failures, asked: asked_at !== null };
}

export async function credentialInUse(db: DbOrTx, credentialId: string): Promise<number> {
  const row = await q(db)
    .selectFrom('enrollment.access')
    .select((e) => e.fn.countAll<number>().as('n'))
    .where('credential_id', '=', credentialId)
    .executeTakeFirstOrThrow();
  return row.n;
}
