import { hostname } from 'node:os';
import { openWork, workDir, type Work } from '../../host/ssh/work/index.ts';
import { canonicalHash } from '../../host/canonical.ts';
import { carryOut, refuse, settle, type Executor } from '../../host/tasks/execute.ts';
import type { Told } from '../../host/tasks/journal.ts';
import type { Log } from '../../host/tasks/log.ts';
import { GRACE_MS } from '../../host/tasks/verify.ts';
import { witness } from '../../host/tasks/witness.ts';
import type { Assignment } from '../../model/agent.ts';
import { AppError, isAppError } from '../../model/errors/index.ts';
import { isServerStep } from '../../model/kit.ts';
import type { Platform } from '../../platform/context.ts';
import type { SshWork } from '../enrollment/index.ts';
import { assignmentsOf, OVER_SSH, takeRefusal, taskIn } from './agents.ts';
import type { Deps } from './deps.ts';
import { storeOutcome } from './outcomes.ts';
import { planOf } from './plans.ts';
import { lockChange } from './store.ts';
import { noteTask, openTasksOfAgent, putSettle, taskById, touchTask } from './store-tasks.ts';

interface Session extends Executor {
  deps: Deps;
  at: SshWork;
  work: Work;
  /** what the database has of the journal, by number */
  told: Set<number>;
}

/** All that is this host's turn, over one connection: what an agent does between two polls. */
export async function carryOutOn(deps: Deps, at: SshWork): Promise<{ halfWay: boolean }> {
  const { platform } = deps;
  at.onRenewed(() => void stillThere(deps, at).catch(() => undefined));
  const work = await openWork(at.remote, {
    access: at.access.id,
    name: `worker ${process.pid} on ${hostname()}`,
    now: () => platform.now(),
    signal: platform.stopping,
    guard: at.guard,
  });
  try {
    const session = sessionOf(deps, at, work);
    await clearNotes(session);
    await finishOpen(session);
    while (!session.stopping() && (await round(session))) await deliver(session);
    await deliver(session);
    if (!session.stopping()) await settleOld(session);
    await acknowledge(session);
    return { halfWay: (await work.kept.open()).length > 0 };
  } finally {
    await work.close();
  }
}

function sessionOf(deps: Deps, at: SshWork, work: Work): Session {
  const { platform } = deps;
  const session: Session = {
    deps,
    at,
    work,
    told: new Set(),
    host: work.host,
    acting: work.acting,
    journal: work.journal,
    kept: work.kept,
    agentId: at.access.id,
    // The host has no key. Ours would only say what the trail says anyway: that the server wrote it down.
    sign: () => null,
    approvers: at.access.approverKeys,
    login: at.login,
    logIn: at.logIn,
    log: logTo(platform, at.host.id),
    now: () => platform.now(),
    progress: () => deliver(session).catch(() => {}),
    stopping: () => platform.stopping.aborted,
    lost: work.lost,
  };
  return session;
}

function logTo({ log }: Platform, hostId: string): Log {
  return {
    info: (message, fields) => log.info({ hostId, ...fields }, message),
    warn: (message, fields) => log.warn({ hostId, ...fields }, message),
    error: (message, fields) => log.error({ hostId, ...fields }, message),
  };
}

/** What was cut off is brought to its end before anything new: it was approved and begun. An alarm stops even that. */
async function finishOpen(session: Session): Promise<void> {
  await deliver(session);
  if ((await session.work.kept.alarm()) !== null) return;
  for (const assignment of await session.work.kept.open()) {
    if (session.stopping()) return;
    session.log.info('Resuming a task that was cut off', { assignment: assignment.id, task: assignment.taskId });
    await carryOut(session, assignment);
    await deliver(session);
  }
}

/** True: something was done, so there may be more. */
async function round(session: Session): Promise<boolean> {
  let news = false;
  for (const assignment of await assignmentsOf(session.deps, identityOf(session))) {
    if (session.stopping()) return false;
    news = (await take(session, assignment)) || news;
  }
  return news;
}

const identityOf = ({ at }: Session): { agentId: string; hostId: string } => ({
  agentId: at.access.id,
  hostId: at.host.id,
});

/** As an agent: the trail is looked at before every task, against what was seen of it on this host. */
async function take(session: Session, assignment: Assignment): Promise<boolean> {
  const { history } = session.deps;
  const alarm = await witness({
    ask: (size) => history.checkpoint(size),
    tell: (raised) => history.alarm(identityOf(session), raised),
    kept: session.work.kept,
    checkpointKey: session.at.access.checkpointKey!,
    log: session.log,
    now: session.now,
  });
  if (alarm === null) return carryOut(session, assignment);
  const { code, message } = new AppError('REFUSED_TRAIL_ALTERED', { why: alarm.why, dir: workDir(session.agentId) });
  const told = session.journal.refused(canonicalHash(assignment));
  if (told?.code === code) {
    session.told.delete(told.n);
    session.journal.resend([told]);
  } else await refuse(session, assignment, code, message);
  return told?.code !== code;
}

/** What the journal holds and the database may not have: stored once, however often it is told. */
async function deliver(session: Session): Promise<void> {
  for (const record of session.journal.pending()) {
    if (session.told.has(record.n)) continue;
    try {
      if (record.t === 'done') await takeObserved(session, record.signed);
      else await takeRefusal(session.deps, identityOf(session), { ...record, assignmentId: record.assignment });
    } catch (error) {
      // Of a task that the database does not know (any more): it stays in the journal, and holds up nobody.
      if (!isAppError(error, 'OUTCOME_REFUSED')) throw error;
      session.log.error('An outcome on the host is of no task', { record: record.n, why: error.message });
    }
    session.told.add(record.n);
  }
}

async function acknowledge({ journal, told }: Session): Promise<void> {
  const records = journal.pending().flatMap(({ n }) => (told.has(n) ? [n] : []));
  if (records.length > 0) await journal.write({ t: 'acked', records });
}

/** Observed by the server, signed by nobody: the entry says so, and by which access. */
async function takeObserved({ deps, at }: Session, { agentId, plan: digest, outcome }: Told): Promise<void> {
  const row = await taskById(deps.platform.db, outcome.taskId);
  const refused = (why: string): AppError => new AppError('OUTCOME_REFUSED', { why });
  if (!row || row.over !== 'ssh' || row.agentId !== at.access.id || agentId !== row.agentId || digest !== row.digest)
    throw refused('it is about no task of this access');
  const task = await taskIn(deps, row);
  const step = task.steps[outcome.index];
  if (!step || isServerStep(step) || step.kind !== outcome.kind)
    throw refused(`step ${outcome.index} is not ${outcome.kind} of the host`);
  const plan = await planOf(deps.platform.db, row.digest);
  await deps.platform.observe(OVER_SSH, async (tx) => {
    const change = (await lockChange(tx.db, row.changeId))!;
    await storeOutcome(tx, {
      change: { ...change, planDigest: row.digest },
      task,
      wave: plan.waves[row.wave]!.name,
      outcome,
      signed: null,
      overSsh: at.access.id,
    });
  });
}

/** Tasks that nobody can undo any more, also by an access that has ended: what only that would have needed is removed. */
async function settleOld(session: Session): Promise<void> {
  const limit = session.now().getTime() - GRACE_MS;
  for (const journal of [session.journal, ...(await session.work.earlier())])
    for (const task of journal.tasks())
      if (!task.settled && Date.parse(task.notAfter) < limit)
        await settle({ host: session.host, journal }, task.digest, task.taskId);
  const { platform } = session.deps;
  await platform.observe(OVER_SSH, (tx) => putSettle(tx.db, session.at.host.id, tx.now, null));
}

/** A worker that is connected and waits for a long command is not silent. */
async function stillThere({ platform }: Deps, { access }: SshWork): Promise<void> {
  const rows = await openTasksOfAgent(platform.db, access.id);
  await platform.observe(OVER_SSH, async (tx) => {
    for (const row of rows) if (row.handed > 0 || row.state === 'rolling-back') await touchTask(tx.db, row.id, tx.now);
  });
}

async function clearNotes({ deps: { platform }, at }: Session): Promise<void> {
  const noted = (await openTasksOfAgent(platform.db, at.access.id)).filter((row) => row.note !== null);
  if (noted.length === 0) return;
  await platform.observe(OVER_SSH, (tx) =>
    noteTask(
      tx.db,
      noted.map((row) => row.id),
      null,
    ),
  );
}
