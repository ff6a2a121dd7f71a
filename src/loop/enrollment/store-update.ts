import type { JSONColumnType, Transaction } from 'kysely';
import type { AgentUpdate, AgentUpdateSummary } from '../../model/enrollment.ts';
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
  /** when its agent was last told of the offer */
  handed_at: Date | null;
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
    .where('u.state', 'in', ['running', 'done'])
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
  return q(db)
    .selectFrom('enrollment.agent_update_host')
    .selectAll()
    .where('update_id', '=', id)
    .orderBy('wave')
    .orderBy('host_name')
    .execute();
}

/** What this agent is offered, was when it was stopped, or missed when it was away; what is still good and newest first. */
export async function offeredTo(
  db: DbOrTx,
  agentId: string,
): Promise<(UpdateRow & { part: UpdateHostRow['state'] })[]> {
  return q(db)
    .selectFrom('enrollment.agent_update_host as h')
    .innerJoin('enrollment.agent_update as u', 'u.id', 'h.update_id')
    .selectAll('u')
    .select('h.state as part')
    .where('h.agent_id', '=', agentId)
    .where((w) =>
      w.or([w('h.state', '=', 'offered'), w.and([w('h.state', '=', 'away'), w('u.state', 'in', ['running', 'done'])])]),
    )
    .orderBy((w) => w.case().when('u.state', 'in', ['running', 'done']).then(0).else(1).end())
    .orderBy('u.created_at', 'desc')
    .execute();
}

export async function offerTo(tx: Tx, id: string, agentIds: readonly string[], at: Date): Promise<void> {
  await q(tx)
    .updateTable('enrollment.agent_update_host')
    .set({ state: 'offered', offered_at: at, handed_at: null })
    .where('update_id', '=', id)
    .where('agent_id', '=', anyOf(agentIds))
    .where('state', 'in', ['waiting', 'away'])
    .execute();
}

export async function setHanded(tx: Tx, id: string, agentId: string, at: Date): Promise<void> {
  await q(tx)
    .updateTable('enrollment.agent_update_host')
    .set({ handed_at: at })
    .where('update_id', '=', id)
    .where('agent_id', '=', agentId)
    .where('state', '=', 'offered')
    .execute();
}

/** Of those who were not told in the meantime. */
export async function setAway(tx: Tx, id: string, agentIds: readonly string[], why: string): Promise<void> {
  await q(tx)
    .updateTable('enrollment.agent_update_host')
    .set({ state: 'away', why })
    .where('update_id', '=', id)
    .where('agent_id', '=', anyOf(agentIds))
    .where('state', '=', 'offered')
    .where('handed_at', 'is', null)
    .execute();
}

/** What nobody was told of is not offered any more, also to those who were away. */
export async function takeBackOffers(tx: Tx, id: string): Promise<void> {
  await q(tx)
    .updateTable('enrollment.agent_update_host')
    .set({ state: 'waiting', offered_at: null, why: null })
    .where('update_id', '=', id)
    .where((w) => w.or([w('state', '=', 'away'), w.and([w('state', '=', 'offered'), w('handed_at', 'is', null)])]))
    .execute();
}

/** Is anybody at it? Then nothing comes next. */
export async function isUnderWay(tx: Tx, id: string): Promise<boolean> {
  const counts = await partCounts(tx, id);
  return counts.offered > 0 && counts.failed === 0;
}

export async function partCounts(db: DbOrTx, id: string): Promise<AgentUpdateSummary['counts']> {
  return countsOf(await countParts(db, [id]), id);
}

/** False when it was in no such state any more, or asked since `handedAt`. */
export async function endPart(
  tx: Tx,
  id: string,
  agentId: string,
  set: Pick<UpdateHostRow, 'state' | 'why' | 'finished_at'>,
  handedAt?: Date,
): Promise<boolean> {
  const done = await q(tx)
    .updateTable('enrollment.agent_update_host')
    .set(set)
    .where('update_id', '=', id)
    .where('agent_id', '=', agentId)
    .where('state', 'in', ['offered', 'away'])
    .$if(handedAt !== undefined, (some) => some.where('handed_at', '=', handedAt!))
    .executeTakeFirst();
  return done.numUpdatedRows > 0n;
}

/** Who was offered the program, or last told of it, before `before`, or offered it before `long`. `handed`: it was told. */
export async function overdue(
  db: DbOrTx,
  { before, long }: { before: Date; long: Date },
): Promise<{ update_id: string; agent_id: string; handed_at: Date | null; isLong: boolean }[]> {
  const rows = await q(db)
    .selectFrom('enrollment.agent_update_host')
    .select(['update_id', 'agent_id', 'handed_at', 'offered_at'])
    .where('state', '=', 'offered')
    .where((w) => w.or([w(w.fn.coalesce('handed_at', 'offered_at'), '<', before), w('offered_at', '<', long)]))
    .execute();
  return rows.map((row) => ({ ...row, isLong: (row.offered_at ?? long) < long }));
}

/** Updates that were made before `before` and are not over, or would still be given to whoever was away. */
export async function expired(db: DbOrTx, before: Date): Promise<string[]> {
  const rows = await q(db)
    .selectFrom('enrollment.agent_update as u')
    .select('u.id')
    .where('u.created_at', '<', before)
    .where((w) =>
      w.or([
        w('u.state', 'in', ['awaiting-approval', 'running']),
        w.exists(
          w
            .selectFrom('enrollment.agent_update_host as h')
            .select('h.agent_id')
            .whereRef('h.update_id', '=', 'u.id')
            .where('h.state', '=', 'away'),
        ),
      ]),
    )
    .execute();
  return rows.map((row) => row.id);
}

/** Agents that an update which runs has not come to, or is at. */
export async function busyAgents(db: DbOrTx): Promise<Set<string>> {
  const rows = await q(db)
    .selectFrom('enrollment.agent_update_host as h')
    .innerJoin('enrollment.agent_update as u', 'u.id', 'h.update_id')
    .select('h.agent_id')
    .where('u.state', '=', 'running')
    .where('h.state', 'in', ['waiting', 'offered'])
    .execute();
  return new Set(rows.map((row) => row.agent_id));
}

/** Newest first; without their hosts. */
export async function listUpdates(db: DbOrTx): Promise<AgentUpdateSummary[]> {
  return summaries(
    db,
    await q(db).selectFrom('enrollment.agent_update').selectAll().orderBy('created_at', 'desc').limit(200).execute(),
  );
}

export async function findUpdate(db: DbOrTx, id: string): Promise<AgentUpdate | null> {
  const rows = await q(db).selectFrom('enrollment.agent_update').selectAll().where('id', '=', id).execute();
  const [found] = await summaries(db, rows);
  if (!found) return null;
  const hosts = (await updateHosts(db, id)).map((host) => ({
    hostId: host.host_id,
    hostName: host.host_name,
    agentId: host.agent_id,
    wave: host.wave,
    state: host.state,
    why: host.why,
  }));
  return { ...found, release: rows[0]!.release, hosts };
}

async function summaries(db: DbOrTx, rows: readonly UpdateRow[]): Promise<AgentUpdateSummary[]> {
  const all = rows.map((row) => row.id);
  const counted = await countParts(db, all);
  const approvals = await q(db)
    .selectFrom('enrollment.agent_update_approval')
    .select(['update_id', 'person', 'person_name', 'approval', 'approved_at'])
    .where('update_id', '=', anyOf(all))
    .execute();
  return rows.map((row) => ({
    id: row.id,
    state: row.state,
    version: row.version,
    program: row.program,
    digest: row.digest,
    author: row.author,
    authorName: row.author_name,
    approvalsRequired: row.approvals_required,
    approvals: approvals
      .filter((one) => one.update_id === row.id)
      .map((one) => ({
        person: one.person,
        name: one.person_name,
        keyId: one.approval.statement.keyId,
        at: one.approved_at.toISOString(),
      })),
    why: row.why,
    createdAt: row.created_at.toISOString(),
    finishedAt: row.finished_at?.toISOString() ?? null,
    counts: countsOf(counted, row.id),
  }));
}

type Counted = { update_id: string; state: UpdateHostRow['state']; count: string };

async function countParts(db: DbOrTx, ids: readonly string[]): Promise<Counted[]> {
  return q(db)
    .selectFrom('enrollment.agent_update_host')
    .select((s) => ['update_id', 'state', s.fn.countAll<string>().as('count')])
    .where('update_id', '=', anyOf(ids))
    .groupBy(['update_id', 'state'])
    .execute();
}

function countsOf(counted: readonly Counted[], id: string): AgentUpdateSummary['counts'] {
  const own = counted.filter((one) => one.update_id === id).map((one) => [one.state, Number(one.count)] as const);
  return { waiting: 0, offered: 0, away: 0, done: 0, failed: 0, superseded: 0, ...Object.fromEntries(own) };
}
