import type { Assignment } from '../../../model/agent.ts';
import type { TaskState } from '../../../model/change.ts';
import { isServerStep, type Step, type StepKind } from '../../../model/kit.ts';
import type { StepOutcome, Task } from '../../../model/plan.ts';

/** Index of what the server looks at after the last step: do the task's listeners accept? */
export const healthIndex = (task: Pick<Task, 'steps'>): number => task.steps.length;

/** First step without a good outcome: everything before it is done. `steps.length + 1` when the health check is, too. */
export function nextStep(task: Pick<Task, 'steps'>, outcomes: readonly StepOutcome[]): number {
  const good = new Set(outcomes.filter((o) => o.phase === 'apply' && o.ok).map((o) => o.index));
  let index = 0;
  while (good.has(index)) index += 1;
  return Math.min(index, task.steps.length + 1);
}

export interface Leg {
  mode: 'apply' | 'undo';
  from: number;
  to: number;
}

/** Contiguous host steps that the host's agent can do now; null when it is not its turn. */
export function currentLeg(task: Pick<Task, 'steps'>, state: TaskState, outcomes: readonly StepOutcome[]): Leg | null {
  if (state === 'rolling-back') return undoLeg(task, outcomes);
  const from = nextStep(task, outcomes);
  if (state !== 'running' || isServers(task.steps[from])) return null;
  return { mode: 'apply', from, to: endOfLeg(task.steps, from) };
}

/** Past the end it is the server's turn, too: the health check. */
const isServers = (step: Step | undefined): boolean => step === undefined || isServerStep(step);

function endOfLeg(steps: readonly Step[], from: number): number {
  const next = steps.findIndex((step, index) => index > from && isServerStep(step));
  return next === -1 ? steps.length : next;
}

const KEY_STEPS: ReadonlySet<StepKind> = new Set(['rotate-key', 'reissue-certificate', 'verify-served']);

/**
 * Steps from the first on that stay, whatever fails after them. Before a task touches keys it closes the hole they leaked
 * through; once that is done, taking it back would only open the hole again. A task without keys keeps nothing.
 */
export function stays(task: Pick<Task, 'steps'>, outcomes: readonly StepOutcome[]): number {
  const first = task.steps.findIndex((step) => KEY_STEPS.has(step.kind));
  return first > 0 && nextStep(task, outcomes) >= first ? first : 0;
}

/**
 * Steps that may have changed the host, do not stay and were not undone, highest first. One that failed half-way may have
 * left something, too; the agent's journal knows.
 */
export function toUndo(task: Pick<Task, 'steps'>, outcomes: readonly StepOutcome[]): number[] {
  const floor = stays(task, outcomes);
  const undone = new Set(outcomes.filter((o) => o.phase === 'undo' && o.ok).map((o) => o.index));
  const changed = outcomes.filter((o) => o.phase === 'apply' && !isServers(task.steps[o.index]));
  return changed
    .map((o) => o.index)
    .filter((index) => !undone.has(index) && index >= floor)
    .sort((a, b) => b - a);
}

function undoLeg(task: Pick<Task, 'steps'>, outcomes: readonly StepOutcome[]): Leg | null {
  const [last] = toUndo(task, outcomes);
  if (last === undefined) return null;
  let from = last;
  const floor = stays(task, outcomes);
  while (from > floor && !isServers(task.steps[from - 1])) from -= 1;
  return { mode: 'undo', from, to: last + 1 };
}

export const assignmentId = (taskId: string, leg: Leg): string => `${taskId}.${leg.mode}.${leg.from}-${leg.to}`;

/** The certificate for this leg's install step: of the reissue step that precedes it. */
export function chainIndexFor(task: Pick<Task, 'steps'>, leg: Leg): number | null {
  if (leg.mode === 'undo') return null;
  const installs = task.steps.findIndex(
    (step, i) => i >= leg.from && i < leg.to && step.kind === 'install-certificate',
  );
  if (installs === -1) return null;
  const index = task.steps.findLastIndex((step, i) => i < installs && step.kind === 'reissue-certificate');
  return index === -1 ? null : index;
}

/** The old certificate is revoked, or may be: putting it back would serve a revoked, burnt key. */
export function isBeyondUndo(task: Pick<Task, 'steps'>, attempted: ReadonlySet<number>): boolean {
  return task.steps.some((step, index) => step.kind === 'revoke-certificate' && attempted.has(index));
}

/** Why the task as a whole cannot be undone, or null. */
export function undoProblem(task: Pick<Task, 'steps' | 'rollback'>, attempted: ReadonlySet<number>): string | null {
  if (isBeyondUndo(task, attempted)) return 'the old certificate is revoked: its key must never be served again';
  return task.rollback === 'none' ? 'the approved plan says that it is not undone' : null;
}

export type AssignmentParts = Pick<Assignment, 'id' | 'taskId' | 'mode' | 'from' | 'to'>;
