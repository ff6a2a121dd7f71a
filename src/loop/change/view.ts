import type { Change } from '../../model/change.ts';
import type { DbOrTx } from '../../platform/context.ts';
import { AppError } from '../../model/errors/index.ts';
import { Plan } from '../../model/plan.ts';
import type { Deps } from './deps.ts';
import { nextStep } from './logic/legs.ts';
import { approvalsOf, changeById, planByDigest, type ChangeRow } from './store.ts';
import { outcomesOf, tasksOfPlan } from './store-tasks.ts';

/** The plan as approved; its bytes are checked by the database. */
export async function planOf(db: DbOrTx, digest: string): Promise<Plan> {
  const stored = await planByDigest(db, digest);
  if (!stored) throw new AppError('NOT_FOUND', { what: 'plan', id: digest, list: 'change list' });
  return Plan.parse(JSON.parse(stored.text));
}

export async function viewChange(deps: Deps, id: string): Promise<Change> {
  const row = await changeById(deps.platform.db, id);
  if (!row) throw new AppError('NOT_FOUND', { what: 'change', id, list: 'change list' });
  return toChange(deps, row);
}

export async function toChange(deps: Deps, row: ChangeRow): Promise<Change> {
  const plan = row.planDigest === null ? null : await planOf(deps.platform.db, row.planDigest);
  const approvals = row.planDigest === null ? [] : await approvalsOf(deps.platform.db, row.planDigest);
  return {
    id: row.id,
    title: row.title,
    reason: row.reason,
    kit: row.kit,
    state: row.state,
    author: row.author,
    authorName: row.authorName,
    findings: row.findings,
    planDigest: row.planDigest,
    approvals: approvals.map((one) => one.approval),
    approvers: approvals.map(({ name, approval }) => ({ keyId: approval.statement.keyId, name })),
    approvalsRequired: plan?.approvalsRequired ?? 1,
    predicted: plan?.impact ?? null,
    observed: row.observed,
    waves: plan ? await waves(deps, row, plan) : [],
    why: row.why,
    left: row.left,
    startAt: row.startAt?.toISOString() ?? null,
    createdAt: row.createdAt.toISOString(),
    updatedAt: row.updatedAt.toISOString(),
  };
}

async function waves(deps: Deps, row: ChangeRow, plan: Plan): Promise<Change['waves']> {
  const tasks = await tasksOfPlan(deps.platform.db, row.planDigest!);
  const ids = tasks.map((task) => task.id);
  const outcomes = Map.groupBy(await outcomesOf(deps.platform.db, ids), (one) => one.outcome.taskId);
  const rows = new Map(tasks.map((task) => [task.id, task]));
  return plan.waves.map((wave, number) => {
    const own = wave.tasks.map((task): Change['waves'][number]['tasks'][number] => {
      const stored = rows.get(task.id);
      const done = outcomes.get(task.id) ?? [];
      const step = nextStep(
        task,
        done.map((one) => one.outcome),
      );
      return {
        id: task.id,
        hostId: task.hostId,
        hostName: task.hostName,
        wave: number,
        state: stored?.state ?? 'waiting',
        step: Math.min(step, task.steps.length),
        steps: task.steps.length,
        error: stored?.error ?? null,
        outcomes: done.map((one) => ({ ...one.outcome, hostSigned: one.signature !== null })),
      };
    });
    return { name: wave.name, canary: wave.canary, state: waveState(own, number, row), tasks: own };
  });
}

type TaskStatus = Change['waves'][number]['tasks'][number];

function waveState(tasks: TaskStatus[], number: number, row: ChangeRow): Change['waves'][number]['state'] {
  if (tasks.every((task) => task.state === 'done')) return 'done';
  const ended = row.state === 'failed' || row.state === 'rolled-back' || row.state === 'cancelled';
  if (tasks.every((task) => task.state === 'waiting' || task.state === 'skipped')) return ended ? 'stopped' : 'waiting';
  if (tasks.some((task) => task.state === 'failed')) return 'failed';
  if (row.stopping !== null || ended) return 'stopped';
  return number < row.wavesDone ? 'done' : 'running';
}
