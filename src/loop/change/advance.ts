import { systemActor } from '../../model/actor.ts';
import { isAppError } from '../../model/errors/index.ts';
import type { Plan } from '../../model/plan.ts';
import type { Tx } from '../../platform/context.ts';
import { enqueueCampaigns } from './campaigns.ts';
import { readiness, refuse, start } from './control.ts';
import { changeSubject, hostSubject, hostsOf, type Deps } from './deps.ts';
import { decide, type Decision, type TaskMove } from './logic/rollout.ts';
import { heldBy, release } from './planning.ts';
import { taskViews, wake } from './rollout.ts';
import { wakeOverSsh } from './over-ssh.ts';
import { workOn, type Claimed } from './server-steps/index.ts';
import { allChanges, changeById, lockChange, updateChange, type ChangeRow } from './store.ts';
import { beginAttempt, moveTask } from './store-tasks.ts';
import { beginVerification, verify } from './verification.ts';
import { planOf } from './plans.ts';

const ACTOR = systemActor('change.advance');
/** A worker that dies in a server step is replaced after this. Longer than any single try takes. */
const LEASE_MS = 30_000;
/** Looks again by itself, when nothing else wakes it. */
const AGAIN_SECONDS = 5;

type Next =
  | { kind: 'work'; steps: Claimed[] }
  /** all waves are through: verification begins */
  | { kind: 'through' }
  | { kind: 'verify' }
  | { kind: 'nothing' };

/** Moves one change on as far as it can go now. May run any number of times, and twice at once. */
export async function advance(deps: Deps, changeId: string): Promise<void> {
  await startIfDue(deps, changeId);
  for (;;) {
    const held = await heldBy(deps, await changeById(deps.platform.db, changeId));
    const next = await deps.platform.observe(ACTOR, (tx) => settle(deps, tx, changeId, held));
    if (next.kind === 'nothing') return;
    if (next.kind === 'through') await beginVerification(deps, changeId);
    if (next.kind === 'through' || next.kind === 'verify') return verify(deps, changeId);
    const finished = await Promise.all(next.steps.map((step) => workOn(deps, step)));
    if (!finished.includes('finished')) return again(deps, changeId);
  }
}

async function again(deps: Deps, changeId: string): Promise<void> {
  const options = { startAfterSeconds: 1, singletonKey: `${changeId} again` };
  await deps.platform.queue.enqueue('change.advance', { changeId }, options);
}

async function startIfDue(deps: Deps, changeId: string): Promise<void> {
  const due = (change: ChangeRow | null): boolean =>
    change?.state === 'scheduled' && change.startAt !== null && change.startAt <= deps.platform.now();
  const found = await changeById(deps.platform.db, changeId);
  if (!found || !due(found)) return;
  try {
    const ready = await readiness(deps, found);
    await deps.platform.observe(ACTOR, async (tx) => {
      const change = await lockChange(tx.db, changeId);
      if (change && due(change)) await start(tx, change, await planOf(tx.db, change.planDigest!), ready);
    });
  } catch (error) {
    if (isAppError(error, 'CHANGE_NOT_APPROVED')) return backToApproval(deps, changeId);
    if (!isAppError(error, 'CHANGE_STALE') && !isAppError(error, 'CHANGE_WINDOW')) throw error;
    await refuse(deps, ACTOR, changeId, error);
  }
}

/** An approver's key was revoked after the approval: somebody else has to sign. */
async function backToApproval(deps: Deps, changeId: string): Promise<void> {
  await deps.platform.observe(ACTOR, async (tx) => {
    const change = await lockChange(tx.db, changeId);
    if (change?.state !== 'scheduled') return;
    const why = 'an approval does not count any more: its key was revoked';
    await updateChange(tx.db, changeId, { state: 'awaiting-approval', startAt: null, why }, tx.now);
    await tx.record({
      type: 'change.plan.refused',
      subject: changeSubject(change),
      detail: { digest: change.planDigest, code: 'CHANGE_NOT_APPROVED', why },
    });
  });
}

/** In one transaction on the locked change: all that can be decided without touching the world. */
async function settle(deps: Deps, tx: Tx, changeId: string, held: string[]): Promise<Next> {
  const change = await lockChange(tx.db, changeId);
  if (change?.state === 'verifying') return { kind: 'verify' };
  if (change?.state !== 'running') return { kind: 'nothing' };
  const plan = await planOf(tx.db, change.planDigest!);
  for (;;) {
    const tasks = await taskViews(tx.db, change.planDigest!, plan);
    const { state, stopping, wavesDone } = change;
    const decision = decide({ state, stopping, wavesDone, plan, tasks, now: tx.now.getTime() });
    if (decision.kind === 'work') return claim(tx, change, plan, decision.steps);
    if (decision.kind === 'wait') {
      await tx.enqueue(
        'change.advance',
        { changeId },
        { startAfterSeconds: AGAIN_SECONDS * 12, singletonKey: `${changeId} later` },
      );
      return { kind: 'nothing' };
    }
    if (decision.kind === 'verify') return { kind: 'through' };
    if (decision.kind === 'end') {
      await end(deps, tx, change, plan, { ...decision, held });
      return { kind: 'nothing' };
    }
    await carryOut(tx, change, plan, decision);
  }
}

async function claim(tx: Tx, change: ChangeRow, plan: Plan, steps: { taskId: string; index: number }[]): Promise<Next> {
  const claimed: Claimed[] = [];
  for (const at of steps) {
    const attempt = await beginAttempt(tx.db, at, tx.now, LEASE_MS);
    if (attempt) claimed.push({ change, plan, ...attempt });
  }
  if (claimed.length > 0) return { kind: 'work', steps: claimed };
  // Somebody else is at it; if that somebody died, the lease ends and we go on.
  const options = { startAfterSeconds: AGAIN_SECONDS, singletonKey: `${change.id} again` };
  await tx.enqueue('change.advance', { changeId: change.id }, options);
  return { kind: 'nothing' };
}

type Deed = Extract<Decision, { kind: 'move' | 'start-wave' | 'finish-wave' | 'stop' }>;

/** Writes a decision down; `change` is brought up to date with it. */
async function carryOut(tx: Tx, change: ChangeRow, plan: Plan, decision: Deed): Promise<void> {
  switch (decision.kind) {
    case 'move':
      return moveTasks(tx, change, plan, decision.moves);
    case 'start-wave':
      return startWave(tx, change, plan, decision);
    case 'finish-wave': {
      const wave = plan.waves[decision.wave]!;
      change.wavesDone = decision.wave + 1;
      await updateChange(tx.db, change.id, { wavesDone: change.wavesDone }, tx.now);
      return recordWave(tx, change, plan, decision.wave, 'finished', { ok: decision.ok, hosts: names(wave) });
    }
    case 'stop': {
      change.stopping = decision.why;
      await updateChange(tx.db, change.id, { stopping: decision.why, why: decision.why }, tx.now);
      return recordWave(tx, change, plan, change.wavesDone, 'stopped', { ok: false, why: decision.why });
    }
  }
}

async function moveTasks(tx: Tx, change: ChangeRow, plan: Plan, moves: TaskMove[]): Promise<void> {
  for (const move of moves) await moveTask(tx.db, move.taskId, move.to, tx.now, move);
  const tasks = plan.waves.flatMap((wave) => wave.tasks);
  await wake(
    tx,
    change.id,
    tasks.filter((task) => moves.some((m) => m.taskId === task.id)),
  );
}

async function startWave(
  tx: Tx,
  change: ChangeRow,
  plan: Plan,
  { wave, taskIds }: { wave: number; taskIds: string[] },
): Promise<void> {
  for (const id of taskIds) await moveTask(tx.db, id, 'running', tx.now);
  await wake(tx, change.id, plan.waves[wave]!.tasks);
  await recordWave(tx, change, plan, wave, 'started', { hosts: names(plan.waves[wave]!) });
}

const names = (wave: Plan['waves'][number]): string[] => wave.tasks.map((task) => task.hostName);

async function recordWave(
  tx: Tx,
  change: ChangeRow,
  plan: Plan,
  number: number,
  verb: 'started' | 'finished' | 'stopped',
  detail: { ok?: boolean; hosts?: string[]; why?: string },
): Promise<void> {
  const wave = plan.waves[number];
  await tx.record({
    type: `change.wave.${verb}`,
    subject: changeSubject(change),
    related: (wave?.tasks ?? []).map(hostSubject),
    detail: { wave: wave?.name ?? 'none', number, ...detail },
  });
}

async function end(
  deps: Deps,
  tx: Tx,
  change: ChangeRow,
  plan: Plan,
  { state, why, held }: { state: 'failed' | 'rolled-back'; why: string; held: string[] },
): Promise<void> {
  await updateChange(tx.db, change.id, { state, why, stopping: null }, tx.now);
  await release(deps, tx, held);
  for (const task of plan.waves.flatMap((wave) => wave.tasks)) await deps.audit.requestFacts(tx, task.hostId);
  await tx.record({
    type: 'change.change.closed',
    subject: changeSubject(change),
    related: hostsOf(plan),
    reason: why,
    detail: { outcome: state, why },
  });
  await tx.publish('changes', { changeId: change.id });
  await tx.enqueue('trail.document', { kind: 'change', id: change.id }, { singletonKey: change.id });
  await tx.enqueue('change.campaign', { kit: change.kit }, { singletonKey: change.kit });
}

/** By timer: whatever is under way is looked at again, whether or not its wake-up was lost. */
export async function tick(deps: Deps): Promise<void> {
  await wakeOverSsh(deps);
  for (const change of await allChanges(deps.platform.db, ['scheduled', 'running', 'verifying'])) {
    await deps.platform.queue.enqueue('change.advance', { changeId: change.id }, { singletonKey: change.id });
  }
  await enqueueCampaigns(deps);
}
