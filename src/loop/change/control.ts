import type { Actor } from '../../model/actor.ts';
import type { Change, ChangeState } from '../../model/change.ts';
import { AppError, isAppError } from '../../model/errors/index.ts';
import type { Plan } from '../../model/plan.ts';
import type { Tx } from '../../platform/context.ts';
import { changeSubject, hostsOf, type Deps } from './deps.ts';
import { drift } from './drift.ts';
import { approvers } from '../../platform/approval.ts';
import { toUndo, undoProblem } from './logic/legs.ts';
import { heldBy, mustFind, release } from './planning.ts';
import { taskViews, wake, wakeFor } from './rollout.ts';
import { approvalsOf, lockChange, updateChange, type ChangeRow } from './store.ts';
import { forgetFailedUndo, moveTask } from './store-tasks.ts';
import { prolonged } from './verification.ts';
import { planOf } from './plans.ts';
import { viewChange } from './view.ts';

type Step = (tx: Tx, change: ChangeRow, plan: Plan, held: string[]) => Promise<void>;

/** One transaction on the locked change, if it is in one of these states. */
async function withChange(
  deps: Deps,
  actor: Actor,
  id: string,
  verb: string,
  states: readonly ChangeState[],
  step: Step,
): Promise<Change> {
  const held = await heldBy(deps, await mustFind(deps, id));
  await deps.platform.observe(actor, async (tx) => {
    const change = (await lockChange(tx.db, id))!;
    if (!states.includes(change.state) || change.planDigest === null) {
      throw new AppError('CHANGE_STATE', { state: change.state, needs: states.join(' or '), verb });
    }
    await step(tx, change, await planOf(tx.db, change.planDigest), held);
    await tx.publish('changes', { changeId: id });
    await tx.enqueue('change.advance', { changeId: id }, { singletonKey: id });
  });
  return viewChange(deps, id);
}

export function scheduleChange(deps: Deps, actor: Actor, id: string, at: string): Promise<Change> {
  return withChange(deps, actor, id, 'scheduled', ['awaiting-approval', 'scheduled'], async (tx, change, plan) => {
    const start = new Date(at);
    if (start < new Date(plan.notBefore) || start > new Date(plan.notAfter)) throw outside(plan, at);
    await updateChange(tx.db, id, { startAt: start }, tx.now);
    const seconds = Math.max(0, Math.ceil((start.getTime() - tx.now.getTime()) / 1000));
    await tx.enqueue(
      'change.advance',
      { changeId: id },
      { startAfterSeconds: seconds, singletonKey: `${id} at ${at}` },
    );
    await tx.record({
      type: 'change.rollout.scheduled',
      subject: changeSubject(change),
      related: hostsOf(plan),
      detail: { at: start.toISOString() },
    });
  });
}

const outside = (plan: Plan, at: string): AppError =>
  new AppError('CHANGE_WINDOW', { from: plan.notBefore, to: plan.notAfter, at });

/** Starts now. Everything that was approved is looked at once more. */
export async function runChange(deps: Deps, actor: Actor, id: string): Promise<Change> {
  const change = await mustFind(deps, id);
  if (change.state === 'awaiting-approval') throw await notApproved(deps, change);
  try {
    const ready = change.state === 'scheduled' ? await readiness(deps, change) : NOT_READY;
    return await withChange(deps, actor, id, 'run', ['scheduled'], (tx, locked, plan) =>
      start(tx, locked, plan, ready),
    );
  } catch (error) {
    if (isAppError(error, 'CHANGE_STALE')) await refuse(deps, actor, id, error);
    throw error;
  }
}

/** A plan that does not fit any more can never run: the change ends here, unless it is planned again. */
export async function refuse(deps: Deps, actor: Actor, id: string, error: AppError): Promise<void> {
  const held = await heldBy(deps, await mustFind(deps, id));
  await deps.platform.observe(actor, async (tx) => {
    const change = await lockChange(tx.db, id);
    if (change?.state !== 'scheduled') return;
    await updateChange(tx.db, id, { state: 'failed', why: error.message, startAt: null }, tx.now);
    await release(deps, tx, held);
    const plan = await planOf(tx.db, change.planDigest!);
    const detail = { digest: change.planDigest, code: error.code, why: error.message };
    await tx.record({ type: 'change.plan.refused', subject: changeSubject(change), related: hostsOf(plan), detail });
    await tx.publish('changes', { changeId: id });
  });
}

async function notApproved(deps: Deps, change: ChangeRow): Promise<AppError> {
  const plan = await planOf(deps.platform.db, change.planDigest!);
  const have = await validApprovals(deps, change.planDigest!, plan);
  return new AppError('CHANGE_NOT_APPROVED', { id: change.id, have, needs: plan.approvalsRequired });
}

async function validApprovals(deps: Deps, digest: string, plan: Plan): Promise<number> {
  const given = await approvalsOf(deps.platform.db, digest);
  const keys = await deps.platform.approverKeys();
  return approvers(
    given.map((one) => one.approval),
    { plan, digest, keys },
  ).length;
}

/** Whether a plan may start, as found out before the transaction that starts it. */
export interface Readiness {
  digest: string | null;
  approvals: number;
  drift: string | null;
}
const NOT_READY: Readiness = { digest: null, approvals: 0, drift: null };

export async function readiness(deps: Deps, change: ChangeRow): Promise<Readiness> {
  const plan = await planOf(deps.platform.db, change.planDigest!);
  const approvals = await validApprovals(deps, change.planDigest!, plan);
  return { digest: change.planDigest, approvals, drift: await drift(deps, plan) };
}

/** Scheduled → running: approvals still hold, the time is right, and the estate is as it was approved. */
export async function start(tx: Tx, change: ChangeRow, plan: Plan, ready: Readiness): Promise<void> {
  const have = ready.digest === change.planDigest ? ready.approvals : 0;
  if (have < plan.approvalsRequired) {
    throw new AppError('CHANGE_NOT_APPROVED', { id: change.id, have, needs: plan.approvalsRequired });
  }
  const now = tx.now.getTime();
  if (now < Date.parse(plan.notBefore) || now > Date.parse(plan.notAfter)) throw outside(plan, tx.now.toISOString());
  if (ready.drift !== null) throw new AppError('CHANGE_STALE', { why: ready.drift });
  await updateChange(tx.db, change.id, { state: 'running', why: null }, tx.now);
  await tx.record({
    type: 'change.rollout.started',
    subject: changeSubject(change),
    related: hostsOf(plan),
    detail: { digest: change.planDigest, waves: plan.waves.map((wave) => wave.name), approvals: have },
  });
}

export function pauseChange(deps: Deps, actor: Actor, id: string): Promise<Change> {
  return withChange(deps, actor, id, 'paused', ['running', 'verifying'], async (tx, change, plan) => {
    const pausedFrom = change.state as 'running' | 'verifying';
    await updateChange(tx.db, id, { state: 'paused', pausedFrom, why: `paused by ${actor.name}` }, tx.now);
    await tx.record(rolloutEntry('paused', change, plan));
  });
}

export function resumeChange(deps: Deps, actor: Actor, id: string): Promise<Change> {
  return withChange(deps, actor, id, 'resumed', ['paused'], async (tx, change, plan) => {
    const state = change.pausedFrom ?? 'running';
    const verification = state === 'verifying' ? prolonged(change.verification, tx.now) : change.verification;
    await updateChange(tx.db, id, { state, pausedFrom: null, why: null, verification }, tx.now);
    // The pause must not count as an agent's silence.
    for (const view of await taskViews(tx.db, change.planDigest!, plan)) {
      if (view.state === 'running' || view.state === 'rolling-back')
        await moveTask(tx.db, view.task.id, view.state, tx.now);
    }
    await wake(
      tx,
      id,
      plan.waves.flatMap((wave) => wave.tasks),
    );
    await tx.record(rolloutEntry('resumed', change, plan));
  });
}

function rolloutEntry(verb: 'paused' | 'resumed' | 'cancelled' | 'rolling-back', change: ChangeRow, plan: Plan) {
  const detail = { digest: change.planDigest, from: change.state };
  return { type: `change.rollout.${verb}`, subject: changeSubject(change), related: hostsOf(plan), detail };
}

const BEFORE: readonly ChangeState[] = ['draft', 'planned', 'awaiting-approval', 'scheduled'];

/** Nothing more is begun; what was done stays, and what a host is at this moment doing is still written down. */
export function cancelChange(deps: Deps, actor: Actor, id: string): Promise<Change> {
  const states = [...BEFORE, 'running' as const, 'paused' as const, 'verifying' as const];
  return withChange(deps, actor, id, 'cancelled', states, async (tx, change, plan, held) => {
    for (const view of await taskViews(tx.db, change.planDigest!, plan)) {
      if (view.state === 'waiting') await moveTask(tx.db, view.task.id, 'skipped', tx.now);
      if (view.state !== 'running' && view.state !== 'rolling-back') continue;
      const error = 'the change was cancelled while it was at work here';
      await moveTask(tx.db, view.task.id, 'failed', tx.now, { error });
      // Over SSH a worker may have died over it: somebody has to bring its leg to its end.
      if (view.task.over === 'ssh') await wakeFor(tx, view.task);
    }
    await updateChange(tx.db, id, { state: 'cancelled', why: `cancelled by ${actor.name}`, startAt: null }, tx.now);
    await release(deps, tx, held);
    await tx.record(rolloutEntry('cancelled', change, plan));
    const why = `cancelled by ${actor.name}`;
    const base = { type: 'change.change.closed', subject: changeSubject(change), related: hostsOf(plan) };
    await tx.record({ ...base, reason: why, detail: { outcome: 'cancelled', why } });
  });
}

/** Undoes what can be undone, the last wave first in effect: hosts undo side by side, each in reverse order. */
export function rollbackChange(deps: Deps, actor: Actor, id: string): Promise<Change> {
  const states: ChangeState[] = ['running', 'paused', 'verifying', 'failed', 'closed', 'cancelled'];
  return withChange(deps, actor, id, 'rolled back', states, async (tx, change, plan) => {
    const views = await taskViews(tx.db, change.planDigest!, plan);
    const changed = views.filter((view) => toUndo(view.task, view.outcomes).length > 0);
    const can = changed.filter((view) => undoProblem(view.task, view.attempted) === null);
    if (can.length === 0) throw new AppError('CHANGE_NO_UNDO', { why: whyNot(changed) });
    await forgetFailedUndo(
      tx.db,
      can.map((view) => view.task.id),
    );
    // Hosts that are at work go through with their leg first; the rollout then takes them back as well.
    for (const view of can.filter((one) => one.state !== 'running')) {
      await moveTask(tx.db, view.task.id, 'rolling-back', tx.now, { stuck: false });
    }
    const stopping = `rolled back by ${actor.name}`;
    await updateChange(tx.db, id, { state: 'running', pausedFrom: null, stopping, why: stopping }, tx.now);
    await wake(
      tx,
      id,
      can.map((view) => view.task),
    );
    await tx.record(rolloutEntry('rolling-back', change, plan));
  });
}

function whyNot(changed: Awaited<ReturnType<typeof taskViews>>): string {
  if (changed.length === 0) return 'nothing has been changed yet, or what has been closes the hole and stays';
  return changed.map((view) => `${view.task.hostName}: ${undoProblem(view.task, view.attempted)}`).join('; ');
}
