import type { ChangeState, TaskState } from '../../../model/change.ts';
import { isServerStep } from '../../../model/kit.ts';
import type { Plan, StepOutcome, Task } from '../../../model/plan.ts';
import { healthIndex, nextStep, stays, toUndo, undoProblem } from './legs.ts';

/** An agent that has not reported anything on its leg for this long is taken for gone. */
export const STALL_MS = 15 * 60_000;

export interface TaskView {
  task: Task;
  wave: number;
  state: TaskState;
  error: string | null;
  /** end of the last leg that its agent was handed */
  handed: number;
  /** its undo failed or was refused */
  stuck: boolean;
  /** over SSH: why it did not go on, last */
  note?: string | null;
  movedAt: number;
  outcomes: readonly StepOutcome[];
  /** server steps that were begun, whether or not they ended */
  attempted: ReadonlySet<number>;
}

export interface RolloutView {
  state: ChangeState;
  /** set: the rollout is being taken back, and why */
  stopping: string | null;
  plan: Pick<Plan, 'abortAfterFailures' | 'waves' | 'notAfter'>;
  /** waves that have ended, from the first on */
  wavesDone: number;
  tasks: readonly TaskView[];
  now: number;
}

export interface TaskMove {
  taskId: string;
  to: TaskState;
  error?: string;
  stuck?: boolean;
}
export type Decision =
  /** tasks change state; nothing else can be decided before that is written down */
  | { kind: 'move'; moves: TaskMove[] }
  | { kind: 'start-wave'; wave: number; taskIds: string[] }
  | { kind: 'finish-wave'; wave: number; ok: boolean }
  | { kind: 'stop'; why: string }
  | { kind: 'end'; state: 'failed' | 'rolled-back'; why: string }
  | { kind: 'verify' }
  /** the server's own steps that can be done now */
  | { kind: 'work'; steps: { taskId: string; index: number }[] }
  /** it is the agents' turn, or nobody's */
  | { kind: 'wait' };

/** What comes next in a rollout. Pure; called again after each decision was carried out, until it says wait. */
export function decide(view: RolloutView): Decision {
  if (view.state !== 'running') return { kind: 'wait' };
  const moves = view.tasks.flatMap((task) => [...moveOf(task, view.now), ...cutOff(task, view.tasks)].slice(0, 1));
  if (moves.length > 0) return { kind: 'move', moves };
  if (view.stopping !== null) return unwind(view, view.stopping);
  const failed = view.tasks.filter((task) => task.state === 'failed');
  const wave = view.wavesDone;
  if (wave >= view.plan.waves.length) return { kind: 'verify' };
  // A canary that fails says all there is to know, however many failures the rest may have.
  const most = view.plan.waves[wave]!.canary ? 0 : view.plan.abortAfterFailures;
  if (failed.filter((task) => task.wave === wave).length > most) {
    return { kind: 'stop', why: failed.map(sayFailed).join('; ') };
  }
  return inWave(view, wave);
}

const sayFailed = ({ task, error }: TaskView): string => `${task.hostName}: ${error ?? 'failed'}`;

function inWave(view: RolloutView, wave: number): Decision {
  const own = view.tasks.filter((task) => task.wave === wave);
  const waiting = own.filter((task) => task.state === 'waiting');
  if (waiting.length > 0) {
    if (view.now > Date.parse(view.plan.notAfter)) {
      return {
        kind: 'stop',
        why: `the plan could only run until ${view.plan.notAfter}, and ${waiting.length} hosts had not begun`,
      };
    }
    return { kind: 'start-wave', wave, taskIds: waiting.map((task) => task.task.id) };
  }
  if (own.every((task) => task.state !== 'running' && task.state !== 'rolling-back')) {
    return { kind: 'finish-wave', wave, ok: own.every((task) => task.state === 'done') };
  }
  return work(own, view.tasks);
}

function work(tasks: readonly TaskView[], all: readonly TaskView[]): Decision {
  const steps = tasks.flatMap((view) => {
    const { task, state, outcomes } = view;
    const index = nextStep(task, outcomes);
    const step = task.steps[index];
    const servers = step ? isServerStep(step) : index === healthIndex(task);
    const free = step?.kind !== 'revoke-certificate' || stillServing(view, all).length === 0;
    return state === 'running' && servers && free ? [{ taskId: task.id, index }] : [];
  });
  return steps.length > 0 ? { kind: 'work', steps } : { kind: 'wait' };
}

/**
 * Other tasks whose listeners hold the key that this one is about to revoke, and were not seen to serve a new one. Tasks of
 * one wave run side by side, so being the last of the plan does not mean being the last in time.
 */
function stillServing(view: TaskView, all: readonly TaskView[]): TaskView[] {
  const keys = new Set(oldKeys(view.task).map(({ oldSpki }) => oldSpki));
  const verified = ({ outcomes }: TaskView, at: number): boolean =>
    outcomes.some((o) => o.index === at && o.phase === 'apply' && o.ok);
  return all.filter(
    (other) =>
      other.task.id !== view.task.id &&
      other.wave <= view.wave &&
      oldKeys(other.task).some(({ index, oldSpki }) => keys.has(oldSpki) && !verified(other, index)),
  );
}

const oldKeys = ({ steps }: Task): { index: number; oldSpki: string }[] =>
  steps.flatMap((step, index) => (step.kind === 'verify-served' ? [{ index, oldSpki: step.oldSpki }] : []));

const GIVEN_UP: ReadonlySet<TaskState> = new Set(['failed', 'rolling-back', 'rolled-back', 'skipped']);

/** Revoking would cut off a host that will not get its new certificate any more: this task ends here instead. */
function cutOff(view: TaskView, all: readonly TaskView[]): TaskMove[] {
  const { task, state, outcomes } = view;
  if (state !== 'running' || task.steps[nextStep(task, outcomes)]?.kind !== 'revoke-certificate') return [];
  const [other] = stillServing(view, all).filter((one) => GIVEN_UP.has(one.state));
  if (!other) return [];
  const error = `revoke-certificate: not revoked, because ${other.task.hostName} did not get its new certificate and may serve it`;
  return [{ taskId: task.id, to: 'failed', error }];
}

/** What a task's outcomes say about its state. */
function moveOf(view: TaskView, now: number): TaskMove[] {
  const { task, state, outcomes } = view;
  const taskId = task.id;
  if (state === 'running') {
    const bad = outcomes.find((o) => o.phase === 'apply' && !o.ok);
    if (bad) return [{ taskId, to: 'failed', error: `${stepName(task, bad.index)}: ${bad.error ?? 'failed'}` }];
    if (nextStep(task, outcomes) > task.steps.length) return [{ taskId, to: 'done' }];
    return stalled(view, now) ? [{ taskId, to: 'failed', error: silence(view, sayOverdue(view)) }] : [];
  }
  if (state !== 'rolling-back') return [];
  const bad = outcomes.find((o) => o.phase === 'undo' && !o.ok);
  const to = 'failed' as const;
  if (bad) {
    return [{ taskId, to, stuck: true, error: `undoing ${stepName(task, bad.index)}: ${bad.error ?? 'failed'}` }];
  }
  if (toUndo(task, outcomes).length === 0) return [{ taskId, to: 'rolled-back' }];
  if (!stalled(view, now)) return [];
  return [{ taskId, to, stuck: true, error: silence(view, 'its agent has not reported while it was to undo') }];
}

/** Where there is no agent, the server knows why nothing came of it. */
const silence = ({ task, note }: TaskView, agents: string): string =>
  task.over === 'ssh'
    ? `nothing could be done over SSH for a quarter of an hour: ${note ?? 'no worker came to it'}`
    : agents;

/** Server steps have deadlines of their own. */
function stalled({ task, state, outcomes, movedAt }: TaskView, now: number): boolean {
  const step = task.steps[nextStep(task, outcomes)];
  const hosts = state === 'rolling-back' || (step !== undefined && !isServerStep(step));
  return hosts && now - movedAt > patience(step);
}

/** A host that reboots says nothing until it is back; how long that may take is for the plan to say. */
const patience = (step: Task['steps'][number] | undefined): number =>
  step?.kind === 'reboot' ? Math.max(step.returnSeconds * 1000, 60_000) : STALL_MS;

function sayOverdue({ task, outcomes }: TaskView): string {
  const step = task.steps[nextStep(task, outcomes)];
  if (step?.kind !== 'reboot') return 'its agent has not reported for a quarter of an hour';
  return `it was to reboot and has not reported that it is back within ${step.returnSeconds} s; look at its console`;
}

export function stepName(task: Pick<Task, 'steps'>, index: number): string {
  return task.steps[index]?.kind ?? 'health check';
}

/** Taking back: tasks that had not begun are skipped, those that had are undone where that is possible. */
function unwind(view: RolloutView, why: string): Decision {
  const moves = view.tasks.flatMap((one) => unwindMove(one));
  if (moves.length > 0) return { kind: 'move', moves };
  if (view.tasks.some((task) => task.state === 'rolling-back' || task.state === 'running')) return { kind: 'wait' };
  const clean = view.tasks.every((task) => task.state === 'rolled-back' || task.state === 'skipped');
  return { kind: 'end', state: clean ? 'rolled-back' : 'failed', why };
}

function unwindMove(view: TaskView): TaskMove[] {
  const { task, state, outcomes, attempted, error } = view;
  const taskId = task.id;
  if (state === 'waiting') return [{ taskId, to: 'skipped' }];
  if ((state !== 'running' && state !== 'failed') || view.stuck || isAtWork(view)) return [];
  const problem = undoProblem(task, attempted);
  const changed = toUndo(task, outcomes).length > 0;
  if (problem === null && changed) return [{ taskId, to: 'rolling-back' }];
  if (state === 'failed') return [];
  if (!changed && stays(task, outcomes) === 0) return [{ taskId, to: 'skipped' }];
  return [{ taskId, to: 'failed', error: error ?? sayBegun(view, problem) }];
}

const sayBegun = ({ task, outcomes }: TaskView, problem: string | null): string =>
  `stopped after ${nextStep(task, outcomes)} steps and not undone: ${problem ?? 'they close the hole'}`;

/** The agent has its leg and goes through with it; what it does is undone when it has ended. */
function isAtWork({ task, state, outcomes, handed }: TaskView): boolean {
  const broken = outcomes.some((o) => o.phase === 'apply' && !o.ok);
  return state === 'running' && !broken && nextStep(task, outcomes) < handed;
}
