import { setTimeout as sleep } from 'node:timers/promises';
import type { Assignment } from '../../model/agent.ts';
import { isAppError } from '../../model/errors/index.ts';
import { isServerStep } from '../../model/kit.ts';
import type { ApproverKey, Plan, StepOutcome, Task } from '../../model/plan.ts';
import { canonicalHash } from '../canonical.ts';
import type { Login } from '../access/permits.ts';
import type { Host } from '../host.ts';
import { stepFor, type AnyHostStep, type Earlier, type Seen, type StepContext } from '../steps/index.ts';
import type { Journal, StepMemory, Told } from './journal.ts';
import type { Log } from './log.ts';
import { checkRelies } from './relies.ts';
import type { Kept } from './kept.ts';
import { verifyAssignment } from './verify.ts';

export interface Executor {
  /** to look */
  host: Host;
  /** to change it, as a part of `scope`, which names one step of one task; without, the same */
  acting?(scope: string): Host;
  journal: Journal;
  kept: Pick<Kept, 'keep' | 'drop'>;
  /** who carries out: an agent, or the access over which the server does */
  agentId: string;
  /** by the host's own key; null: the host has none, what is told is only observed */
  sign(plan: string, outcome: StepOutcome): string | null;
  approvers: readonly ApproverKey[];
  log: Log;
  /** how Lastember logs in to this host over SSH, if anybody told */
  login: Login | null;
  /** tries that login afresh, where somebody can */
  logIn?(): Promise<void>;
  now(): Date;
  /** told after every step, so that others can follow; must not throw */
  progress(): Promise<void>;
  /** asked before every step: the agent is to end */
  stopping(): boolean;
  /** asked when a step went wrong: is the way to the host gone? Then it has not failed; it goes on when there is one again. */
  lost?(): Promise<boolean>;
}

interface Leg {
  assignment: Assignment;
  plan: Plan;
  task: Task;
}

/** Refusals that time or an operator may lift: the same assignment is judged anew. */
const PASSING = new Set(['REFUSED_TOO_EARLY', 'REFUSED_TRAIL_INCONSISTENT', 'REFUSED_TRAIL_ALTERED']);

/**
 * Carries out what was approved, or says why not. What was finished before is told again, never done again: then it
 * answers false.
 */
export async function carryOut(executor: Executor, assignment: Assignment): Promise<boolean> {
  const { journal, kept } = executor;
  const told = journal.refused(canonicalHash(assignment));
  const ended = journal.ended(assignment) ?? (told && !PASSING.has(told.code) ? [told] : null);
  if (ended !== null) {
    journal.resend(ended);
    await kept.drop(assignment.id);
    return false;
  }
  const leg = await accept(executor, assignment);
  if (leg !== null && !(await runLeg(executor, leg))) return true;
  if (leg !== null) {
    await journal.write({ t: 'end', ...names(leg) });
    await settleIfComplete(executor, leg);
  }
  await kept.drop(assignment.id);
  return true;
}

const names = ({ assignment }: Leg): { assignment: string; digest: string; taskId: string } => ({
  assignment: assignment.id,
  digest: assignment.digest,
  taskId: assignment.taskId,
});

/** Checks everything that can be checked; from then on the assignment is finished even if the server goes away. */
async function accept(executor: Executor, assignment: Assignment): Promise<Leg | null> {
  const { journal } = executor;
  try {
    const { plan, task } = verifyAssignment(assignment, {
      agentId: executor.agentId,
      approvers: executor.approvers,
      now: executor.now(),
      continuing: journal.started(assignment),
      history: (digest, taskId) => journal.task(digest, taskId),
    });
    if (!journal.task(assignment.digest, task.id).begun) await checkRelies(executor.host, task);
    await executor.kept.keep(assignment);
    const leg = { assignment, plan, task };
    if (!journal.started(assignment))
      await journal.write({ t: 'start', ...names(leg), mode: assignment.mode, notAfter: plan.notAfter });
    return leg;
  } catch (error) {
    if (!isAppError(error)) throw error;
    if (await executor.lost?.()) throw error;
    await refuse(executor, assignment, error.code, error.message);
    return null;
  }
}

export async function refuse(
  executor: Pick<Executor, 'journal' | 'log'>,
  assignment: Assignment,
  code: string,
  why: string,
): Promise<void> {
  executor.log.warn('Task refused', { assignment: assignment.id, task: assignment.taskId, code, why });
  const { id, taskId } = assignment;
  await executor.journal.write({
    t: 'refused',
    assignment: id,
    taskId,
    fingerprint: canonicalHash(assignment),
    code,
    why,
  });
}

/** True: the leg came to its end, well or not. False: the agent is to stop; the rest is done when it runs again. */
async function runLeg(executor: Executor, leg: Leg): Promise<boolean> {
  const { mode, from, to } = leg.assignment;
  const order = mode === 'apply' ? range(from, to) : undoOrder(leg.task, from, to);
  for (const index of order) {
    if (executor.stopping()) return false;
    const end = mode === 'apply' ? await applyOne(executor, leg, index) : await undoOne(executor, leg, index);
    if (end === 'cut off') return false;
    await executor.progress();
    if (end === 'failed') return true;
  }
  return true;
}

const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, offset) => from + offset);

/** Backwards; restarts last, so that services pick up the files that were put back. */
function undoOrder(task: Task, from: number, to: number): number[] {
  const indexes = range(from, to).reverse();
  const restarts = (index: number): boolean => task.steps[index]?.kind === 'service';
  return [...indexes.filter((index) => !restarts(index)), ...indexes.filter(restarts).reverse()];
}

function contextOf(executor: Executor, leg: Leg, index: number, resumed: Seen | null): StepContext {
  const { login, now, stopping } = executor;
  return {
    inputs: leg.assignment.inputs,
    task: leg.task,
    resumed,
    earlier: earlierOf(executor, leg, index),
    login,
    ...(executor.logIn ? { logIn: executor.logIn } : {}),
    stopping,
    now,
  };
}

/** What the steps before this one saw, from the journal: also when they were done by an agent that is gone. */
function earlierOf({ journal }: Executor, leg: Leg, index: number): Earlier[] {
  const { steps } = journal.task(leg.assignment.digest, leg.task.id);
  return leg.task.steps.slice(0, index).flatMap((step, at) => {
    const before = steps.get(at)?.before;
    return before && !isServerStep(step) ? [{ step: step as AnyHostStep, before }] : [];
  });
}

const actingOn = (executor: Executor, { assignment, task }: Leg, index: number): Host =>
  executor.acting?.(`${assignment.digest} ${task.id} ${index} ${assignment.mode}`) ?? executor.host;

type End = 'done' | 'failed' | 'cut off';

async function applyOne(executor: Executor, leg: Leg, index: number): Promise<End> {
  const { journal, host } = executor;
  const memory = journal.task(leg.assignment.digest, leg.task.id).steps.get(index);
  if (memory?.done && memory.last) {
    journal.resend([memory.last]);
    return 'done';
  }
  const step = leg.task.steps[index] as AnyHostStep;
  const resumed = memory?.before ?? null;
  const context = contextOf(executor, leg, index, resumed);
  return record(executor, leg, index, 'apply', async () => {
    const found = await stepFor(step).inspect(host, step, context);
    const before = clean(resumed ?? found.before);
    if (found.already) return { changed: resumed !== null, before, after: found.already };
    await journal.write({ t: 'intent', ...names(leg), index, phase: 'apply', before });
    return {
      changed: true,
      before,
      after: await stepFor(step).apply(actingOn(executor, leg, index), step, before, context),
    };
  });
}

async function undoOne(executor: Executor, leg: Leg, index: number): Promise<End> {
  const { journal } = executor;
  const memory = journal.task(leg.assignment.digest, leg.task.id).steps.get(index);
  const step = leg.task.steps[index] as AnyHostStep;
  return record(executor, leg, index, 'undo', async () => {
    const before = undoable(memory);
    if (before === null) return { changed: false, before: {}, after: {} };
    await journal.write({ t: 'intent', ...names(leg), index, phase: 'undo', before });
    const acting = actingOn(executor, leg, index);
    const after = await stepFor(step).undo(acting, step, before, contextOf(executor, leg, index, null));
    return { changed: true, before: clean(memory?.last?.signed.outcome.after ?? {}), after };
  });
}

/** What to go back to: of a step that was begun, also when it failed half-way. A step that changed nothing has nothing. */
function undoable(memory: StepMemory | undefined): Seen | null {
  if (!memory?.before) return null;
  const outcome = memory.last?.signed.outcome;
  return outcome?.ok && !outcome.changed ? null : memory.before;
}

const SHUTDOWN_MS = 2000;

interface Result {
  changed: boolean;
  before: Seen;
  after: Seen;
}

/** A machine that goes down ends its programs before us: what they were at has not failed, it goes on after the start. */
async function perhapsGoingDown({ stopping }: Executor, cause: unknown): Promise<void> {
  if (!isAppError(cause, 'HOST_COMMAND')) return;
  // Who was told to end (128 and the number of the signal) was not told by us, and a busy machine takes its time.
  const patience = /ended with 1(?:37|43)\b/.test(cause.message) ? 5 * SHUTDOWN_MS : SHUTDOWN_MS;
  for (let waited = 0; waited < patience && !stopping(); waited += 100) await sleep(100);
}

/** Runs the work, signs what came of it, and has it on disk before anything else happens. */
async function record(
  executor: Executor,
  leg: Leg,
  index: number,
  phase: 'apply' | 'undo',
  work: () => Promise<Result>,
): Promise<End> {
  const startedAt = executor.now().toISOString();
  let result: Result = { changed: false, before: {}, after: {} };
  let error: string | null = null;
  try {
    result = await work();
  } catch (cause) {
    await perhapsGoingDown(executor, cause);
    if (executor.stopping() || (await executor.lost?.())) return 'cut off';
    error = (cause as Error).message;
    result.before = leg.assignment.mode === 'apply' ? beforeOf(executor, leg, index) : {};
  }
  const outcome: StepOutcome = {
    taskId: leg.task.id,
    index,
    kind: leg.task.steps[index]!.kind,
    phase,
    ok: error === null,
    startedAt,
    finishedAt: executor.now().toISOString(),
    error,
    changed: result.changed,
    before: clean(result.before),
    after: clean(result.after),
  };
  const { kind, ok } = outcome;
  await executor.journal.write({ t: 'done', ...names(leg), index, phase, signed: toldOf(executor, leg, outcome) });
  executor.log.info('Step finished', { task: leg.task.id, index, kind, phase, ok, error });
  return ok ? 'done' : 'failed';
}

const beforeOf = (executor: Executor, leg: Leg, index: number): Seen =>
  executor.journal.task(leg.assignment.digest, leg.task.id).steps.get(index)?.before ?? {};

function toldOf(executor: Executor, leg: Leg, outcome: StepOutcome): Told {
  const plan = leg.assignment.digest;
  return { agentId: executor.agentId, plan, outcome, signature: executor.sign(plan, outcome) };
}

/** What JSON keeps: the same in memory, in the journal and on the wire. */
function clean(seen: Seen): Seen {
  return JSON.parse(JSON.stringify(seen)) as Seen;
}

async function settleIfComplete(executor: Executor, leg: Leg): Promise<void> {
  const { digest, mode } = leg.assignment;
  const { done } = executor.journal.task(digest, leg.task.id);
  const last = leg.task.steps.at(-1);
  if (mode !== 'apply' || !last || isServerStep(last) || !done.has(leg.task.steps.length - 1)) return;
  await settle(executor, digest, leg.task.id);
}

/** Removes what only an undo would need (the old private key above all). */
export async function settle(
  executor: Pick<Executor, 'host' | 'journal'>,
  digest: string,
  taskId: string,
): Promise<void> {
  const task = executor.journal.task(digest, taskId);
  for (const memory of task.steps.values()) {
    const kind = memory.last?.signed.outcome.kind;
    if (kind === undefined || !memory.done || !memory.before) continue;
    const step = stepFor({ kind } as AnyHostStep);
    await step.settle?.(executor.host, memory.before);
  }
  await executor.journal.write({ t: 'settled', digest, taskId });
}
