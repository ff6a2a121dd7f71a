import type { JSONColumnType, Transaction } from 'kysely';
import type { AgentUpdate } from '../../model/enrollment.ts';
import type { Approval } from '../../model/plan.ts';
import type { DbOrTx, NoTables } from '../../platform/context.ts';
import { anyOf, chunks } from '../../platform/db/many.ts';

export interface UpdateRow {
  id: string;
  state: AgentUpdate['state'];
  author: string;
  author_name: string;
  version: string;
  program: string;
  release: string;
  digest: string;
  approvals_required: number;
  why: string | null;
  created_at: Date;
  finished_at: Date | null;
}
export interface UpdateHostRow {
  update_id: string;
  agent_id: string;
  host_id: string;
  host_name: string;
  wave: number;
  state: AgentUpdate['hosts'][number]['state'];
  why: string | null;
  offered_at: Date | null;
  finished_at: Date | null;
}

/** Own tables: programs for agents, and how they reach them. */
type UpdateTables = {
  'enrollment.program': { digest: string; version: string; size: number; packed: Buffer; stored_at: Date };
  'enrollment.agent_update': UpdateRow;
  'enrollment.agent_update_approval': {
    update_id: string;
    person: string;
    person_name: string;
    approval: JSONColumnType<Approval>;
    approved_at: Date;
  };
  'enrollment.agent_update_host': UpdateHostRow;
};
const q = (db: DbOrTx) => db.withTables<UpdateTables>();
type Tx = Transaction<NoTables>;

export async function storeProgram(tx: Tx, row: UpdateTables['enrollment.program']): Promise<void> {
  await q(tx)
    .insertInto('enrollment.program')
    .values(row)
    .onConflict((c) => c.column('digest').doNothing())
    .execute();
}

/** The program, packed, that this agent is offered; nobody else gets it from us. */
export async function programFor(db: DbOrTx, agentId: string, digest: string): Promise<Buffer | null> {
  const row = await q(db)
    .selectFrom('enrollment.program as p')
    .innerJoin('enrollment.agent_update as u', 'u.program', 'p.digest')
    .innerJoin('enrollment.agent_update_host as h', 'h.update_id', 'u.id')
    .select('p.packed')
    .where('p.digest', '=', digest)
    .where('h.agent_id', '=', agentId)
    .where('h.state', '=', 'offered')
    .where('u.state', '=', 'running')
    .limit(1)
    .executeTakeFirst();
  return row?.packed ?? null;
}

export async function insertUpdate(tx: Tx, row: UpdateRow, hosts: UpdateHostRow[]): Promise<void> {
  await q(tx).insertInto('enrollment.agent_update').values(row).execute();
  for (const some of chunks(hosts)) await q(tx).insertInto('enrollment.agent_update_host').values(some).execute();
}

/** Held until the transaction ends: two check-ins must not both begin the next wave. */
export async function lockUpdate(tx: Tx, id: string): Promise<UpdateRow | undefined> {
  return q(tx).selectFrom('enrollment.agent_update').selectAll().where('id', '=', id).forUpdate().executeTakeFirst();
}

export async function setUpdate(
  tx: Tx,
  id: string,
  set: Partial<Pick<UpdateRow, 'state' | 'why' | 'finished_at'>>,
): Promise<void> {
  await q(tx).updateTable('enrollment.agent_update').set(set).where('id', '=', id).execute();
}

export async function insertUpdateApproval(
  tx: Tx,
  id: string,
  by: { id: string; name: string },
  approval: Approval,
  at: Date,
): Promise<void> {
  await q(tx)
    .insertInto('enrollment.agent_update_approval')
    .values({ update_id: id, person: by.id, person_name: by.name, approval: JSON.stringify(approval), approved_at: at })
    .execute();
}

export async function updateApprovals(db: DbOrTx, id: string): Promise<{ person: string; approval: Approval }[]> {
  return q(db)
    .selectFrom('enrollment.agent_update_approval')
    .select(['person', 'approval'])
    .where('update_id', '=', id)
    .orderBy('approved_at')
    .execute();
}

export async function updateHosts(db: DbOrTx, id: string): Promise<UpdateHostRow[]> {
  return q(db).selectFrom('enrollment.agent_update_host').selectAll().where('update_id', '=', id).execute();
}

/** What this agent is offered, or was when it was stopped; the newest first. */
export async function offeredTo(db: DbOrTx, agentId: string): Promise<(UpdateRow & { agent_id: string })[]> {
  return q(db)
    .selectFrom('enrollment.agent_update_host as h')
    .innerJoin('enrollment.agent_update as u', 'u.id', 'h.update_id')
    .selectAll('u')
    .select('h.agent_id')
    .where('h.agent_id', '=', agentId)
    .where('h.state', '=', 'offered')
    .orderBy('u.created_at', 'desc')
    .execute();
}

export async function offerWave(tx: Tx, id: string, wave: number, at: Date): Promise<void> {
  await q(tx)
    .updateTable('enrollment.agent_update_host')
    .set({ state: 'offered', offered_at: at })
    .where('update_id', '=', id)
    .where('wave', '=', wave)
    .where('state', '=', 'waiting')
    .execute();
}

/** False when it was in no such state any more. */
export async function endPart(
  tx: Tx,
  id: string,
  agentId: string,
  set: Pick<UpdateHostRow, 'state' | 'why' | 'finished_at'>,
): Promise<boolean> {
  const done = await q(tx)
    .updateTable('enrollment.agent_update_host')
    .set(set)
    .where('update_id', '=', id)
    .where('agent_id', '=', agentId)
    .where('state', '=', 'offered')
    .executeTakeFirst();
  return done.numUpdatedRows > 0n;
}

/** Offered before `before` in updates that run. */
export async function overdue(db: DbOrTx, before: Date): Promise<{ update_id: string; agent_id: string }[]> {
  return q(db)
    .selectFrom('enrollment.agent_update_host as h')
    .innerJoin('enrollment.agent_update as u', 'u.id', 'h.update_id')
    .select(['h.update_id', 'h.agent_id'])
    .where('u.state', '=', 'running')
    .where('h.state', '=', 'offered')
    .where('h.offered_at', '<', before)
    .execute();
}

/** Hosts of updates that are not over. */
export async function busyAgents(db: DbOrTx): Promise<Set<string>> {
  const rows = await q(db)
    .selectFrom('enrollment.agent_update_host as h')
    .innerJoin('enrollment.agent_update as u', 'u.id', 'h.update_id')
    .select('h.agent_id')
    .where('u.state', 'in', ['awaiting-approval', 'running'])
    .execute();
  return new Set(rows.map((row) => row.agent_id));
}

export async function agentUpdates(db: DbOrTx, ids?: string[]): Promise<AgentUpdate[]> {
  let query = q(db).selectFrom('enrollment.agent_update').selectAll().orderBy('created_at', 'desc').limit(200);
  if (ids) query = query.where('id', 'in', ids);
  const rows = await query.execute();
  const all = rows.map((row) => row.id);
  const hosts = await q(db)
    .selectFrom('enrollment.agent_update_host')
    .selectAll()
    .where('update_id', '=', anyOf(all))
    .orderBy('wave')
    .orderBy('host_name')
    .execute();
  const approvals = await q(db)
    .selectFrom('enrollment.agent_update_approval')
    .select(['update_id', 'person', 'person_name', 'approved_at'])
    .where('update_id', '=', anyOf(all))
    .execute();
  return rows.map((row) => ({
    id: row.id,
    state: row.state,
    version: row.version,
    program: row.program,
    release: row.release,
    digest: row.digest,
    author: row.author,
    authorName: row.author_name,
    approvalsRequired: row.approvals_required,
    approvals: approvals
      .filter((one) => one.update_id === row.id)
      .map((one) => ({ person: one.person, name: one.person_name, at: one.approved_at.toISOString() })),
    why: row.why,
    createdAt: row.created_at.toISOString(),
    finishedAt: row.finished_at?.toISOString() ?? null,
    hosts: hosts
      .filter((host) => host.update_id === row.id)
      .map((host) => ({
        hostId: host.host_id,
        hostName: host.host_name,
        agentId: host.agent_id,
        wave: host.wave,
        state: host.state,
        why: host.why,
      })),
  }));
}
