import type { Change } from '../../model/change.ts';
import { AppError } from '../../model/errors/index.ts';
import type { Plan } from '../../model/plan.ts';
import type { Deps } from './deps.ts';
import { nextStep } from './logic/legs.ts';
import { plansOf } from './plans.ts';
import { approvalsOfPlans, changeById, type ChangeRow, type GivenApproval } from './store.ts';
import { outcomesOf, tasksOfPlans, type StoredOutcome, type TaskRow } from './store-tasks.ts';

export async function viewChange(deps: Deps, id: string): Promise<Change> {
  const row = await changeById(deps.platform.db, id);
  if (!row) throw new AppError('NOT_FOUND', { what: 'change', id, list: 'change list' });
  return toChange(deps, row);
}

export async function toChange(deps: Deps, row: ChangeRow): Promise<Change> {
  return (await toChanges(deps, [row]))[0]!;
}

/** Plans, approvals, tasks and outcomes of all of them at once. */
export async function toChanges({ platform: { db } }: Deps, rows: readonly ChangeRow[]): Promise<Change[]> {
  const digests = rows.flatMap((row) => row.planDigest ?? []);
  const plans = await plansOf(db, digests);
  const approvals = Map.groupBy(await approvalsOfPlans(db, digests), (one) => one.digest);
  const tasks = await tasksOfPlans(db, digests);
  const ids = tasks.map((task) => task.id);
  const course: Course = {
    tasks: new Map(tasks.map((task) => [task.id, task])),
    outcomes: Map.groupBy(await outcomesOf(db, ids), (one) => one.outcome.taskId),
  };
  return rows.map((row) =>
    changeOf(row, plans.get(row.planDigest ?? '') ?? null, approvals.get(row.planDigest ?? '') ?? [], course),
  );
}

interface Course {
  tasks: ReadonlyMap<string, TaskRow>;
  outcomes: ReadonlyMap<string, StoredOutcome[]>;
}

function changeOf(row: ChangeRow, plan: Plan | null, approvals: readonly GivenApproval[], course: Course): Change {
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
    waves: plan ? waves(row, plan, course) : [],
    why: row.why,
    left: row.left,
    startAt: row.startAt?.toISOString() ?? null,
    createdAt: row.createdAt.toISOString(),
    updatedAt: row.updatedAt.toISOString(),
  };
}

function waves(row: ChangeRow, plan: Plan, { tasks, outcomes }: Course): Change['waves'] {
  return plan.waves.map((wave, number) => {
    const own = wave.tasks.map((task): Change['waves'][number]['tasks'][number] => {
      const stored = tasks.get(task.id);
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
        ...(task.over ? { over: task.over, note: stored?.note ?? null } : {}),
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
