import { systemActor, type Actor } from '../../model/actor.ts';
import type { Assignment, OutcomesRequest, TasksReply } from '../../model/agent.ts';
import { AppError } from '../../model/errors/index.ts';
import { isServerStep } from '../../model/kit.ts';
import type { SignedOutcome, Task } from '../../model/plan.ts';
import type { Platform, Tx } from '../../platform/context.ts';
import type { AgentIdentity } from '../../platform/http/route.ts';
import { changeSubject, hostSubject, type Deps } from './deps.ts';
import { verifyEd25519 } from '../../platform/approval.ts';
import { canonical } from './logic/canonical.ts';
import { assignmentId, chainIndexFor, currentLeg } from './logic/legs.ts';
import { storeOutcome } from './outcomes.ts';
import { approvalsOf, changeById, lockChange, planByDigest } from './store.ts';
import { chainAt, handTask, moveTask, openTasksOfAgent, outcomesOf, taskById, type TaskRow } from './store-tasks.ts';
import { planOf } from './plans.ts';

export const OVER_SSH = systemActor('change.over-ssh');

/** Long poll: answers as soon as there is something for this agent, or nothing when the time is over. */
export async function tasksFor(
  deps: Deps,
  agent: AgentIdentity,
  waitSeconds: number,
  signal: AbortSignal,
): Promise<TasksReply> {
  const { platform, audit } = deps;
  const until = Date.now() + waitSeconds * 1000;
  for (;;) {
    // Listens before it looks: what comes in between is not missed.
    const woken = wakeUp(platform, agent.hostId, signal);
    try {
      const assignments = await assignmentsOf(deps, agent);
      const refreshFacts = await audit.takeFactsRequest(agent.hostId);
      const left = until - Date.now();
      if (assignments.length > 0 || refreshFacts || left <= 0 || signal.aborted) return { assignments, refreshFacts };
      await woken.or(left);
    } finally {
      woken.stop();
    }
  }
}

interface WakeUp {
  or(ms: number): Promise<void>;
  stop(): void;
}

function wakeUp(platform: Platform, hostId: string, signal: AbortSignal): WakeUp {
  const { promise, resolve } = Promise.withResolvers<void>();
  const unsubscribe = platform.events.subscribe('tasks', (event) => {
    if (event.payload['hostId'] === hostId) resolve();
  });
  const aborted = (): void => resolve();
  signal.addEventListener('abort', aborted);
  let timer: NodeJS.Timeout | undefined;
  return {
    or: (ms) => {
      // A notification may be lost with its connection: look again now and then.
      timer = setTimeout(resolve, Math.min(ms, 5000));
      return promise;
    },
    stop: () => {
      clearTimeout(timer);
      unsubscribe();
      signal.removeEventListener('abort', aborted);
    },
  };
}

/** What is this agent's turn, or this access's: whoever asks is at work from then on. */
export async function assignmentsOf(deps: Deps, agent: AgentIdentity): Promise<Assignment[]> {
  const found: Assignment[] = [];
  for (const row of await openTasksOfAgent(deps.platform.db, agent.agentId)) {
    const assignment = await assignmentOf(deps, row);
    if (assignment) found.push(assignment);
  }
  return found;
}

async function assignmentOf(deps: Deps, row: TaskRow): Promise<Assignment | null> {
  const { db } = deps.platform;
  const change = await changeById(db, row.changeId);
  if (change?.state !== 'running' || change.planDigest !== row.digest) return null;
  const task = await taskIn(deps, row);
  const outcomes = (await outcomesOf(db, [row.id])).map((one) => one.outcome);
  const leg = currentLeg(task, row.state, outcomes);
  if (!leg) return null;
  if (leg.mode === 'apply' && !(await mayGoOn(deps, row, leg.to, change.stopping !== null))) return null;
  const at = chainIndexFor(task, leg);
  const chain = at === null ? null : await chainAt(db, row.id, at);
  return {
    id: assignmentId(row.id, leg),
    taskId: row.id,
    ...leg,
    plan: (await planByDigest(db, row.digest))!.text,
    digest: row.digest,
    approvals: (await approvalsOf(db, row.digest)).map((one) => one.approval),
    inputs: chain === null ? {} : { certificateChain: chain },
  };
}

/** While the rollout is taken back nothing goes forward, whatever the task's state still says. */
async function mayGoOn(deps: Deps, row: TaskRow, to: number, stopping: boolean): Promise<boolean> {
  if (!stopping) return row.handed === to || hand(deps, row, to);
  // It asks, so it is not at work on what it was handed: the undoing need not wait for that.
  if (row.handed > 0) await handBack(deps, row);
  return false;
}

const agentActor = (row: TaskRow): Actor =>
  row.over === 'ssh' ? OVER_SSH : { kind: 'agent', id: row.agentId, name: row.agentId };

/**
 * From now on the agent may be at work up to there, whether or not we hear of it soon. False when the change was paused,
 * cancelled or stopped since we looked: who holds its lock decides, so nothing is begun behind a person's back.
 */
function hand(deps: Deps, row: TaskRow, to: number): Promise<boolean> {
  return deps.platform.observe(agentActor(row), async (tx) => {
    const change = await lockChange(tx.db, row.changeId);
    const now = await taskById(tx.db, row.id);
    const goesOn = change?.state === 'running' && change.stopping === null && change.planDigest === row.digest;
    if (!goesOn || now?.state !== row.state) return false;
    await handTask(tx.db, row.id, to);
    return true;
  });
}

/** It asks for work, so it is not at work on what it was handed. */
async function handBack(deps: Deps, row: TaskRow): Promise<void> {
  await deps.platform.observe(agentActor(row), async (tx) => {
    await handTask(tx.db, row.id, 0);
    await tx.enqueue('change.advance', { changeId: row.changeId }, { singletonKey: row.changeId });
  });
}

export async function taskIn(deps: Deps, row: TaskRow): Promise<Task> {
  const plan = await planOf(deps.platform.db, row.digest);
  return plan.waves[row.wave]!.tasks.find((task) => task.id === row.id)!;
}

/** What an agent reports: each outcome by its own signature or not at all; the same one again is no news. */
export async function takeOutcomes(deps: Deps, agent: AgentIdentity, report: OutcomesRequest): Promise<void> {
  const record = await deps.enrollment.agent(agent.agentId);
  if (!record) throw new AppError('OUTCOME_REFUSED', { why: `agent ${agent.agentId} is not enrolled` });
  for (const signed of report.outcomes) await takeOutcome(deps, agent, record.publicKey, signed);
  for (const refused of report.refused) await takeRefusal(deps, agent, refused);
}

async function takeOutcome(deps: Deps, agent: AgentIdentity, publicKey: string, signed: SignedOutcome): Promise<void> {
  const { outcome } = signed;
  const row = await taskById(deps.platform.db, outcome.taskId);
  const why = row ? problemOf(signed, agent, publicKey, row, await taskIn(deps, row)) : 'there is no such task';
  if (why !== null || !row) return refuse(deps, agent, signed, why ?? '');
  const task = await taskIn(deps, row);
  const plan = await planOf(deps.platform.db, row.digest);
  const actor = { kind: 'agent' as const, id: agent.agentId, name: task.hostName };
  await deps.platform.observe(actor, async (tx) => {
    const change = (await lockChange(tx.db, row.changeId))!;
    await storeOutcome(tx, { change, task, wave: plan.waves[row.wave]!.name, outcome, signed });
  });
}

function problemOf(
  signed: SignedOutcome,
  agent: AgentIdentity,
  publicKey: string,
  row: TaskRow,
  task: Task,
): string | null {
  const { outcome, plan, signature } = signed;
  if (signed.agentId !== agent.agentId || row.agentId !== agent.agentId) return 'it is about the task of another agent';
  if (plan !== row.digest) return 'it is about another plan than its task';
  const step = task.steps[outcome.index];
  if (!step || isServerStep(step) || step.kind !== outcome.kind)
    return `step ${outcome.index} is not ${outcome.kind} of the host`;
  const genuine = verifyEd25519(Buffer.from(publicKey, 'base64'), canonical({ plan, outcome }), signature);
  return genuine ? null : 'its signature is not of the key that this agent enrolled with';
}

/** A forged report is written down, and its sender told. */
async function refuse(deps: Deps, agent: AgentIdentity, signed: SignedOutcome, why: string): Promise<never> {
  await deps.platform.observe({ kind: 'agent', id: agent.agentId, name: agent.agentId }, async (tx) => {
    await tx.record({
      type: 'change.outcome.refused',
      subject: { kind: 'agent', id: agent.agentId },
      related: [{ kind: 'host', id: agent.hostId }],
      reason: why,
      detail: { why, taskId: signed.outcome.taskId, index: signed.outcome.index, plan: signed.plan },
    });
  });
  throw new AppError('OUTCOME_REFUSED', { why });
}

/** The agent, or the server in its place, would not start. The reason ends the task; the difference is for people. */
export async function takeRefusal(
  deps: Deps,
  agent: AgentIdentity,
  refused: OutcomesRequest['refused'][number],
): Promise<void> {
  const row = await taskById(deps.platform.db, refused.taskId);
  if (!row || row.agentId !== agent.agentId)
    throw new AppError('OUTCOME_REFUSED', { why: 'it refuses the task of another agent' });
  const task = await taskIn(deps, row);
  const actor = row.over === 'ssh' ? OVER_SSH : { kind: 'agent' as const, id: agent.agentId, name: task.hostName };
  await deps.platform.observe(actor, (tx) => storeRefusal(deps, tx, row, task, refused));
}

async function storeRefusal(
  deps: Deps,
  tx: Tx,
  row: TaskRow,
  task: Task,
  refused: OutcomesRequest['refused'][number],
): Promise<void> {
  const change = (await lockChange(tx.db, row.changeId))!;
  const now = (await taskById(tx.db, row.id))!;
  const outcomes = (await outcomesOf(tx.db, [row.id])).map((one) => one.outcome);
  const leg = currentLeg(task, now.state, outcomes);
  // About a leg that is over, or a second time: nothing left to refuse.
  if (!leg || assignmentId(row.id, leg) !== refused.assignmentId) return;
  const error = `${refused.why} (${refused.code})`;
  await moveTask(tx.db, row.id, 'failed', tx.now, { error, stuck: leg.mode === 'undo' });
  // Probably the host is not as we think; the next plan should start from how it is.
  await deps.audit.requestFacts(tx, row.hostId);
  await tx.record({
    type: 'change.task.refused',
    subject: changeSubject(change),
    related: [hostSubject(task)],
    reason: refused.why,
    detail: { host: task.hostName, code: refused.code, why: refused.why, mode: leg.mode, digest: row.digest },
  });
  await tx.enqueue('change.advance', { changeId: change.id }, { singletonKey: change.id });
  await tx.publish('changes', { changeId: change.id });
}
