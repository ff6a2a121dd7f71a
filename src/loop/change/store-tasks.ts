import { sql, type Generated, type JSONColumnType, type Selectable, type Transaction } from 'kysely';
import type { TaskState } from '../../model/change.ts';
import type { Plan, StepOutcome } from '../../model/plan.ts';
import type { DbOrTx, NoTables } from '../../platform/context.ts';
import { anyOf, chunks } from '../../platform/db/many.ts';

export type TaskTables = {
  'change.task': {
    id: string;
    digest: string;
    change_id: string;
    wave: number;
    place: number;
    host_id: string;
    agent_id: string;
    over: 'ssh' | null;
    note: string | null;
    settle_after: Date | null;
    state: TaskState;
    error: string | null;
    handed: Generated<number>;
    stuck: Generated<boolean>;
    moved_at: Date;
  };
  'change.outcome': {
    task_id: string;
    index: number;
    phase: 'apply' | 'undo';
    digest: string;
    outcome: JSONColumnType<StepOutcome>;
    agent_id: string | null;
    signature: string | null;
    stored_at: Date;
  };
  'change.attempt': {
    task_id: string;
    index: number;
    began_at: Date;
    attempts: number;
    leased_until: Date;
    note: string | null;
  };
  'change.chain': { task_id: string; index: number; chain: string };
};
const q = (db: DbOrTx) => db.withTables<TaskTables>();

export interface TaskRow {
  id: string;
  digest: string;
  changeId: string;
  wave: number;
  hostId: string;
  agentId: string;
  /** carried out by the server, since the host has no agent */
  over: 'ssh' | null;
  /** why that did not go on, last */
  note: string | null;
  state: TaskState;
  error: string | null;
  handed: number;
  stuck: boolean;
  movedAt: Date;
}

function toTask(row: Selectable<TaskTables['change.task']>): TaskRow {
  return {
    id: row.id,
    digest: row.digest,
    changeId: row.change_id,
    wave: row.wave,
    hostId: row.host_id,
    agentId: row.agent_id,
    over: row.over,
    note: row.note,
    state: row.state,
    error: row.error,
    handed: row.handed,
    stuck: row.stuck,
    movedAt: row.moved_at,
  };
}

/** Until then it may still be undone on the host, and a minute for clocks that differ. */
const SETTLE_MS = 24 * 3_600_000 + 60_000;

export async function insertTasks(tx: Transaction<NoTables>, digest: string, plan: Plan, at: Date): Promise<void> {
  const values = plan.waves.flatMap((wave, number) =>
    wave.tasks.map((task, place) => ({
      id: task.id,
      digest,
      change_id: plan.changeId,
      wave: number,
      place,
      host_id: task.hostId,
      agent_id: task.agentId,
      over: task.over ?? null,
      note: null,
      settle_after: task.over ? new Date(Date.parse(plan.notAfter) + SETTLE_MS) : null,
      state: 'waiting' as const,
      error: null,
      moved_at: at,
    })),
  );
  for (const some of chunks(values)) await q(tx).insertInto('change.task').values(some).execute();
}

export const tasksOfPlan = (db: DbOrTx, digest: string): Promise<TaskRow[]> => tasksOfPlans(db, [digest]);

export async function tasksOfPlans(db: DbOrTx, digests: readonly string[]): Promise<TaskRow[]> {
  if (digests.length === 0) return [];
  const rows = await q(db)
    .selectFrom('change.task')
    .selectAll()
    .where('digest', '=', anyOf(digests))
    .orderBy('digest')
    .orderBy('wave')
    .orderBy('place')
    .execute();
  return rows.map(toTask);
}

/** Until the transaction ends nobody else stores a plan of this kit: who sees no other plan then has none beside him. */
export async function lockPlanning(tx: Transaction<NoTables>, kit: string): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtextextended(${`change plan ${kit}`}, 0))`.execute(tx);
}

/** host → the other change of the kit that covers it and is not over. */
export async function hostsUnderWay(
  db: DbOrTx,
  { kit, id }: { kit: string; id: string },
): Promise<Map<string, string>> {
  const { rows } = await sql<{ host: string; change: string }>`
    select t.host_id as host, c.id as change from change.change c join change.task t on t.digest = c.plan_digest
    where c.kit = ${kit} and c.id <> ${id}
      and c.state in ('awaiting-approval', 'scheduled', 'running', 'paused', 'verifying')`.execute(db);
  return new Map(rows.map((row) => [row.host, row.change]));
}

export async function taskById(db: DbOrTx, id: string): Promise<TaskRow | null> {
  const row = await q(db).selectFrom('change.task').selectAll().where('id', '=', id).executeTakeFirst();
  return row ? toTask(row) : null;
}

/** Tasks in which it may be this agent's turn. */
export async function openTasksOfAgent(db: DbOrTx, agentId: string): Promise<TaskRow[]> {
  const rows = await q(db)
    .selectFrom('change.task')
    .selectAll()
    .where('agent_id', '=', agentId)
    .where('state', 'in', ['running', 'rolling-back'])
    .orderBy('id')
    .execute();
  return rows.map(toTask);
}

/** Hosts without an agent where something may be to do: a leg, or to remove what an undo would have needed. */
export async function hostsOverSsh(db: DbOrTx, now: Date): Promise<string[]> {
  const rows = await q(db)
    .selectFrom('change.task')
    .select('host_id')
    .distinct()
    .where('over', '=', 'ssh')
    .where((e) => e.or([e('state', 'in', ['running', 'rolling-back']), e('settle_after', '<=', now)]))
    .orderBy('host_id')
    .execute();
  return rows.map((row) => row.host_id);
}

/** Tasks of the host that are under way by another access than it has: nobody will carry them out. */
export async function orphansOverSsh(db: DbOrTx, hostId: string, accessId: string | null): Promise<TaskRow[]> {
  const rows = await q(db)
    .selectFrom('change.task')
    .selectAll()
    .where('over', '=', 'ssh')
    .where('host_id', '=', hostId)
    .where('state', 'in', ['running', 'rolling-back'])
    .where(sql<boolean>`agent_id is distinct from ${accessId}`)
    .execute();
  return rows.map(toTask);
}

export async function noteTask(tx: Transaction<NoTables>, ids: readonly string[], note: string | null): Promise<void> {
  await q(tx).updateTable('change.task').set({ note }).where('id', '=', anyOf(ids)).execute();
}

/** Is something left on the host that only an undo would have needed? */
export async function toSettle(db: DbOrTx, hostId: string, now: Date): Promise<boolean> {
  const row = await q(db)
    .selectFrom('change.task')
    .select('id')
    .where('host_id', '=', hostId)
    .where('settle_after', '<=', now)
    .executeTakeFirst();
  return row !== undefined;
}

/** `again`: when to come back; null: nothing is left there, or nobody comes any more. Returns what was due. */
export async function putSettle(
  tx: Transaction<NoTables>,
  hostId: string,
  now: Date,
  again: Date | null,
): Promise<TaskRow[]> {
  const rows = await q(tx)
    .updateTable('change.task')
    .set({ settle_after: again })
    .where('host_id', '=', hostId)
    .where('settle_after', '<=', now)
    .returningAll()
    .execute();
  return rows.map(toTask);
}

export async function moveTask(
  tx: Transaction<NoTables>,
  id: string,
  state: TaskState,
  at: Date,
  more: { error?: string | undefined; stuck?: boolean | undefined } = {},
): Promise<void> {
  const { error, stuck } = more;
  await q(tx)
    .updateTable('change.task')
    .set({
      state,
      moved_at: at,
      ...(error === undefined ? {} : { error }),
      ...(stuck === undefined ? {} : { stuck }),
    })
    .where('id', '=', id)
    .execute();
}

/** Its agent has been given the steps up to `to`. */
export async function handTask(tx: Transaction<NoTables>, id: string, to: number): Promise<void> {
  await q(tx).updateTable('change.task').set({ handed: to }).where('id', '=', id).execute();
}

export async function touchTask(tx: Transaction<NoTables>, id: string, at: Date): Promise<void> {
  await q(tx).updateTable('change.task').set({ moved_at: at }).where('id', '=', id).execute();
}

export interface StoredOutcome {
  outcome: StepOutcome;
  agentId: string | null;
  signature: string | null;
}

export async function outcomesOf(db: DbOrTx, taskIds: readonly string[]): Promise<StoredOutcome[]> {
  if (taskIds.length === 0) return [];
  const rows = await q(db)
    .selectFrom('change.outcome')
    .selectAll()
    .where('task_id', '=', anyOf(taskIds))
    .orderBy('stored_at')
    .orderBy('task_id')
    .orderBy('phase')
    .orderBy('index')
    .execute();
  return rows.map((row) => ({ outcome: row.outcome, agentId: row.agent_id, signature: row.signature }));
}

/** False when it was stored before. */
export async function insertOutcome(
  tx: Transaction<NoTables>,
  digest: string,
  stored: StoredOutcome,
  at: Date,
): Promise<boolean> {
  const { outcome } = stored;
  const done = await q(tx)
    .insertInto('change.outcome')
    .values({
      task_id: outcome.taskId,
      index: outcome.index,
      phase: outcome.phase,
      digest,
      outcome: JSON.stringify(outcome),
      agent_id: stored.agentId,
      signature: stored.signature,
      stored_at: at,
    })
    .onConflict((c) => c.columns(['task_id', 'index', 'phase']).doNothing())
    .executeTakeFirst();
  return (done.numInsertedOrUpdatedRows ?? 0n) > 0n;
}

export interface Attempt {
  taskId: string;
  index: number;
  beganAt: Date;
  attempts: number;
}

export async function attemptsOf(db: DbOrTx, taskIds: readonly string[]): Promise<Attempt[]> {
  if (taskIds.length === 0) return [];
  const rows = await q(db).selectFrom('change.attempt').selectAll().where('task_id', '=', anyOf(taskIds)).execute();
  return rows.map((row) => ({
    taskId: row.task_id,
    index: row.index,
    beganAt: row.began_at,
    attempts: row.attempts,
  }));
}

/** Takes the step on, unless somebody else is at it. The row says afterwards that the call may have gone out. */
export async function beginAttempt(
  tx: Transaction<NoTables>,
  at: { taskId: string; index: number },
  now: Date,
  leaseMs: number,
): Promise<Attempt | null> {
  const leased = new Date(now.getTime() + leaseMs);
  const row = await q(tx)
    .insertInto('change.attempt')
    .values({ task_id: at.taskId, index: at.index, began_at: now, attempts: 1, leased_until: leased, note: null })
    .onConflict((c) =>
      c
        .columns(['task_id', 'index'])
        .doUpdateSet({ attempts: sql`attempt.attempts + 1`, leased_until: leased })
        .where('change.attempt.leased_until', '<=', now),
    )
    .returningAll()
    .executeTakeFirst();
  return row ? { ...at, beganAt: row.began_at, attempts: row.attempts } : null;
}

/** Not done yet: the next one may go on at once. `note` is what it waits for. */
export async function releaseAttempt(
  tx: Transaction<NoTables>,
  at: Pick<Attempt, 'taskId' | 'index' | 'attempts'>,
  now: Date,
  note: string,
): Promise<void> {
  await q(tx)
    .updateTable('change.attempt')
    .set({ leased_until: now, note })
    .where('task_id', '=', at.taskId)
    .where('index', '=', at.index)
    // Whoever took it over since then keeps it.
    .where('attempts', '=', at.attempts)
    .execute();
}

/** Undo steps that failed may be tried again; what came of them stays on the trail. */
export async function forgetFailedUndo(tx: Transaction<NoTables>, taskIds: readonly string[]): Promise<void> {
  await q(tx)
    .deleteFrom('change.outcome')
    .where('task_id', '=', anyOf(taskIds))
    .where('phase', '=', 'undo')
    .where(sql<boolean>`outcome ->> 'ok' = 'false'`)
    .execute();
}

export async function putChain(tx: Transaction<NoTables>, row: TaskTables['change.chain']): Promise<void> {
  await q(tx)
    .insertInto('change.chain')
    .values(row)
    .onConflict((c) => c.columns(['task_id', 'index']).doNothing())
    .execute();
}

export async function chainAt(db: DbOrTx, taskId: string, index: number): Promise<string | null> {
  const row = await q(db)
    .selectFrom('change.chain')
    .select('chain')
    .where('task_id', '=', taskId)
    .where('index', '=', index)
    .executeTakeFirst();
  return row?.chain ?? null;
}
