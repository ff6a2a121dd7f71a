import type { Plan, Task } from '../../model/plan.ts';
import type { Tx } from '../../platform/context.ts';
import type { TaskView } from './logic/rollout.ts';
import { attemptsOf, outcomesOf, tasksOfPlan } from './store-tasks.ts';
import type { DbOrTx } from '../../platform/context.ts';

/** The plan's tasks with all that is known of their course. */
export async function taskViews(db: DbOrTx, digest: string, plan: Plan): Promise<TaskView[]> {
  const rows = await tasksOfPlan(db, digest);
  const ids = rows.map((row) => row.id);
  const outcomes = Map.groupBy(await outcomesOf(db, ids), (one) => one.outcome.taskId);
  const attempts = Map.groupBy(await attemptsOf(db, ids), (one) => one.taskId);
  const tasks = new Map(plan.waves.flatMap((wave) => wave.tasks).map((task) => [task.id, task]));
  return rows.map((row) => ({
    task: tasks.get(row.id)!,
    wave: row.wave,
    state: row.state,
    error: row.error,
    handed: row.handed,
    stuck: row.stuck,
    note: row.note,
    movedAt: row.movedAt.getTime(),
    outcomes: (outcomes.get(row.id) ?? []).map((one) => one.outcome),
    attempted: new Set((attempts.get(row.id) ?? []).map((one) => one.index)),
  }));
}

/** Wakes whoever carries out these tasks: agents' long polls, and the job for hosts without one. Tells watchers, too. */
export async function wake(tx: Tx, changeId: string, tasks: readonly Carried[]): Promise<void> {
  for (const task of new Map(tasks.map((one) => [one.hostId, one])).values()) await wakeFor(tx, task);
  await tx.publish('changes', { changeId });
}

export type Carried = Pick<Task, 'hostId' | 'over'>;

export async function wakeFor(tx: Tx, { hostId, over }: Carried): Promise<void> {
  if (over === 'ssh') await tx.enqueue('change.over-ssh', { hostId }, { singletonKey: hostId });
  else await tx.publish('tasks', { hostId });
}
