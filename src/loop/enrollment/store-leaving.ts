import { sql, type Transaction } from 'kysely';
import type { DbOrTx, NoTables } from '../../platform/context.ts';
import { anyOf } from '../../platform/db/many.ts';
import type { AgentTables } from './store.ts';

export interface BootRow {
  agent_id: string;
  boot_id: string;
  address: string;
  first_seen: Date;
  last_seen: Date;
  returns: number;
}
const q = (db: DbOrTx) => db.withTables<AgentTables & { 'enrollment.boot': BootRow }>();

export interface Leaving {
  order: { by: string; at: Date } | null;
  stopped: { at: Date; why: string; machine: boolean } | null;
}

/** What an agent said of its end, and who ordered it; null: no such agent. */
export async function leavingOf(db: DbOrTx, agentId: string): Promise<Leaving | null> {
  const row = await q(db)
    .selectFrom('enrollment.agent as a')
    .leftJoin('enrollment.presence as p', 'p.agent_id', 'a.id')
    .select(['a.leave_ordered_by', 'a.leave_ordered_at', 'p.stopped_at', 'p.stopped_why', 'p.stopping_machine'])
    .where('a.id', '=', agentId)
    .executeTakeFirst();
  if (!row) return null;
  const { leave_ordered_by: by, leave_ordered_at: orderedAt, stopped_at: at, stopped_why: why } = row;
  return {
    order: by !== null && orderedAt ? { by, at: orderedAt } : null,
    stopped: at ? { at, why: why ?? '', machine: row.stopping_machine ?? false } : null,
  };
}

export async function noteStopping(
  db: DbOrTx,
  agentId: string,
  said: { at: Date; why: string; machine: boolean },
): Promise<void> {
  await q(db)
    .updateTable('enrollment.presence')
    .set({ stopped_at: said.at, stopped_why: said.why, stopping_machine: said.machine })
    .where('agent_id', '=', agentId)
    .execute();
}

export async function orderLeaving(tx: Transaction<NoTables>, agentId: string, by: string, at: Date): Promise<void> {
  await q(tx)
    .updateTable('enrollment.agent')
    .set({ leave_ordered_at: at, leave_ordered_by: by })
    .where('id', '=', agentId)
    .execute();
}

/** The order was not carried out: whoever goes now goes without one. */
export async function withdrawOrder(tx: Transaction<NoTables>, agentId: string): Promise<void> {
  await q(tx)
    .updateTable('enrollment.agent')
    .set({ leave_ordered_at: null, leave_ordered_by: null })
    .where('id', '=', agentId)
    .execute();
}

/** More than any machine needs in a month; an agent says by itself which boot it is of. */
const MOST_BOOTS = 20;

export async function boots(db: DbOrTx, agentId: string): Promise<BootRow[]> {
  return q(db)
    .selectFrom('enrollment.boot')
    .selectAll()
    .where('agent_id', '=', agentId)
    .orderBy('last_seen', 'desc')
    .limit(MOST_BOOTS)
    .execute();
}

/** Boots that ended long ago are forgotten on the way, as are all but the newest few. */
export async function noteBoot(
  db: DbOrTx,
  boot: Omit<BootRow, 'first_seen' | 'last_seen' | 'returns'>,
  at: Date,
  came: 'back' | 'on',
): Promise<void> {
  await q(db)
    .insertInto('enrollment.boot')
    .values({ ...boot, first_seen: at, last_seen: at, returns: 0 })
    .onConflict((c) =>
      c.columns(['agent_id', 'boot_id']).doUpdateSet({
        address: boot.address,
        last_seen: at,
        ...(came === 'back' ? { returns: sql<number>`boot.returns + 1` } : {}),
      }),
    )
    .execute();
  await q(db)
    .deleteFrom('enrollment.boot')
    .where('agent_id', '=', boot.agent_id)
    .where((e) =>
      e.or([
        e('last_seen', '<', new Date(at.getTime() - 30 * 86_400_000)),
        e(
          'boot_id',
          'in',
          e
            .selectFrom('enrollment.boot')
            .select('boot_id')
            .where('agent_id', '=', boot.agent_id)
            .orderBy('last_seen', 'desc')
            .orderBy('boot_id')
            .offset(MOST_BOOTS),
        ),
      ]),
    )
    .execute();
}

export async function markDoubled(tx: Transaction<NoTables>, agentId: string, at: Date): Promise<void> {
  await q(tx).updateTable('enrollment.agent').set({ doubled_at: at }).where('id', '=', agentId).execute();
}

/** The agent that two machines were, by the key that both of them have. */
export async function doubledBy(db: DbOrTx, publicKey: string): Promise<string | null> {
  const row = await q(db)
    .selectFrom('enrollment.agent')
    .select('id')
    .where('public_key', '=', publicKey)
    .where('doubled_at', 'is not', null)
    .executeTakeFirst();
  return row?.id ?? null;
}

/** Those of these hosts whose agent was heard of since then, from another boot than this one. */
export async function reportingElsewhere(
  db: DbOrTx,
  hostIds: readonly string[],
  bootId: string | null,
  since: Date,
): Promise<Set<string>> {
  if (hostIds.length === 0) return new Set();
  const rows = await q(db)
    .selectFrom('enrollment.agent as a')
    .leftJoin('enrollment.presence as p', 'p.agent_id', 'a.id')
    .select('a.host_id')
    .where('a.host_id', '=', anyOf(hostIds))
    .where('a.state', '=', 'active')
    .where((w) => w.fn.coalesce('p.last_check_in', 'a.enrolled_at'), '>', since)
    .where('p.stopped_at', 'is', null)
    .where(sql<boolean>`p.boot_id is distinct from ${bootId}`)
    .execute();
  return new Set(rows.map((row) => row.host_id));
}
