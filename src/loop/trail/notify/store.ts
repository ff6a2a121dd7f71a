import { type JSONColumnType, sql } from 'kysely';
import type { Notice, NoticeTopic, Notifier } from '../../../model/notice.ts';
import type { DbOrTx } from '../../../platform/context.ts';

type Tables = {
  'trail.notifier': {
    id: string;
    name: string;
    kind: Notifier['kind'];
    settings: JSONColumnType<Record<string, unknown>>;
    secret_id: string | null;
    topics: JSONColumnType<NoticeTopic[]>;
    gather: number;
    created_at: Date;
    created_by: string;
  };
  'trail.notifier_state': {
    notifier_id: string;
    cursor: number;
    pending: JSONColumnType<Notice> | null;
    attempts: number;
    next_try_at: Date | null;
    sent: number;
    last_sent_at: Date | null;
    last_error: string | null;
  };
};
const q = (db: DbOrTx) => db.withTables<Tables>();

const selectNotifiers = (db: DbOrTx) =>
  q(db)
    .selectFrom('trail.notifier as n')
    .innerJoin('trail.notifier_state as s', 's.notifier_id', 'n.id')
    .selectAll('n')
    .select(['s.cursor', 's.pending', 's.attempts', 's.next_try_at', 's.sent', 's.last_sent_at', 's.last_error'])
    .orderBy('n.name');
export type NotifierRow = Awaited<ReturnType<ReturnType<typeof selectNotifiers>['execute']>>[number];

export const notifierRows = (db: DbOrTx): Promise<NotifierRow[]> => selectNotifiers(db).execute();

/** By id or by name. */
export async function notifierRow(db: DbOrTx, ref: string): Promise<NotifierRow | undefined> {
  return selectNotifiers(db)
    .where((e) => e.or([e('n.id', '=', ref), e('n.name', '=', ref)]))
    .executeTakeFirst();
}

export interface NewNotifier {
  id: string;
  name: string;
  kind: Notifier['kind'];
  settings: Record<string, unknown>;
  secret_id: string | null;
  topics: NoticeTopic[];
  gather: number;
  created_at: Date;
  created_by: string;
}

/** False when the name is taken. It is told of what comes from now on. */
export async function insertNotifier(db: DbOrTx, row: NewNotifier): Promise<boolean> {
  const done = await q(db)
    .insertInto('trail.notifier')
    .values({ ...row, settings: JSON.stringify(row.settings), topics: JSON.stringify(row.topics) })
    .onConflict((c) => c.column('name').doNothing())
    .executeTakeFirst();
  if ((done.numInsertedOrUpdatedRows ?? 0n) === 0n) return false;
  await sql`insert into trail.notifier_state (notifier_id, cursor)
    values (${row.id}, ${sql.raw(SIZE)})`.execute(db);
  return true;
}

export async function deleteNotifier(db: DbOrTx, id: string): Promise<void> {
  await q(db).deleteFrom('trail.notifier').where('id', '=', id).execute();
}

const SIZE = '(select coalesce(max(index) + 1, 0) from trail.leaf)';

/** Entries in the tree. */
export async function treeSize(db: DbOrTx): Promise<number> {
  const { rows } = await sql<{ size: number }>`select ${sql.raw(SIZE)} as size`.execute(db);
  return rows[0]!.size;
}

/** A message was made of everything before `cursor`, or nothing there was news. Nothing where somebody was faster. */
export async function moveOn(db: DbOrTx, row: NotifierRow, cursor: number, pending: Notice | null): Promise<void> {
  await q(db)
    .updateTable('trail.notifier_state')
    .set({ cursor, pending: pending && JSON.stringify(pending), attempts: 0, next_try_at: null })
    .where('notifier_id', '=', row.id)
    .where('cursor', '=', row.cursor)
    .where('pending', 'is', null)
    .execute();
}

/** The message that is to be sent now; null when there is none, or somebody else is sending it until `until`. */
export async function claimPending(db: DbOrTx, id: string, now: Date, until: Date): Promise<Notice | null> {
  const row = await q(db)
    .updateTable('trail.notifier_state')
    .set((e) => ({ next_try_at: until, attempts: e('attempts', '+', 1) }))
    .where('notifier_id', '=', id)
    .where('pending', 'is not', null)
    .where((e) => e.or([e('next_try_at', 'is', null), e('next_try_at', '<=', now)]))
    .returning('pending')
    .executeTakeFirst();
  return row?.pending ?? null;
}

/** False when it was marked already. */
export async function markSent(db: DbOrTx, id: string, noticeId: string, at: Date): Promise<boolean> {
  const done = await q(db)
    .updateTable('trail.notifier_state')
    .set((e) => ({
      pending: null,
      attempts: 0,
      next_try_at: null,
      last_error: null,
      last_sent_at: at,
      sent: e('sent', '+', 1),
    }))
    .where('notifier_id', '=', id)
    .where(sql<boolean>`pending ->> 'id' = ${noticeId}`)
    .executeTakeFirst();
  return done.numUpdatedRows > 0n;
}

export async function markFailed(db: DbOrTx, id: string, error: string, nextTryAt: Date): Promise<void> {
  await q(db)
    .updateTable('trail.notifier_state')
    .set({ last_error: error, next_try_at: nextTryAt })
    .where('notifier_id', '=', id)
    .where('pending', 'is not', null)
    .execute();
}
