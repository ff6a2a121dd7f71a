import { AppError } from '../../model/errors/index.ts';
import type { SshAccess } from '../enrollment/index.ts';
import { workDir } from '../../host/ssh/work/index.ts';
import { OVER_SSH } from './agents.ts';
import { changeSubject, hostSubject, type Deps } from './deps.ts';
import { awaySeconds } from './logic/away.ts';
import { currentLeg } from './logic/legs.ts';
import { carryOutOn } from './over-ssh-work.ts';
import { planOf } from './plans.ts';
import { changeById, lockChange } from './store.ts';
import {
  hostsOverSsh,
  moveTask,
  noteTask,
  openTasksOfAgent,
  orphansOverSsh,
  outcomesOf,
  putSettle,
  toSettle,
  type TaskRow,
} from './store-tasks.ts';

/** Somebody looks at the host, or another worker is at it. */
const BUSY_SECONDS = 2;
const SETTLE_AGAIN_MS = 6 * 3_600_000;

/**
 * Job: carries out what is this host's turn, over SSH, exactly as its agent would. Runs any number of times: what is done
 * is known on the host, what was cut off is brought to its end.
 */
export async function workOverSsh(deps: Deps, hostId: string): Promise<void> {
  const { enrollment } = deps;
  const access = await enrollment.sshAccess(hostId);
  for (const row of await orphansOverSsh(deps.platform.db, hostId, access?.id ?? null)) await endOrphan(deps, row);
  if (!access) return leaveUnsettled(deps, hostId);
  if (!(await hasWork(deps, access))) return;
  try {
    if (!(await enrollment.overSsh(hostId, (at) => carryOutOn(deps, at)))) await later(deps, hostId, BUSY_SECONDS);
  } catch (error) {
    if (!(error instanceof AppError)) deps.platform.log.error({ err: error, hostId }, 'a change over SSH broke');
    await noteTrouble(deps, access, (error as Error).message);
    await later(deps, hostId, deps.platform.stopping.aborted ? BUSY_SECONDS : await untilNextTry(deps, access));
  }
}

async function later({ platform }: Deps, hostId: string, startAfterSeconds: number): Promise<void> {
  await platform.queue.enqueue('change.over-ssh', { hostId }, { startAfterSeconds, singletonKey: hostId });
}

async function untilNextTry({ platform }: Deps, access: SshAccess): Promise<number> {
  const hasTask = (await openTasksOfAgent(platform.db, access.id)).length > 0;
  return awaySeconds({ hasTask, changingUntil: access.changingUntil, now: platform.now() });
}

/** Nobody comes to the host over SSH any more: what lies there is written down for people, once. */
async function leaveUnsettled({ platform }: Deps, hostId: string): Promise<void> {
  if (!(await toSettle(platform.db, hostId, platform.now()))) return;
  await platform.observe(OVER_SSH, async (tx) => {
    const left = await putSettle(tx.db, hostId, tx.now, null);
    if (left.length === 0) return;
    const directories = [...new Set(left.map(({ agentId }) => workDir(agentId)))];
    await tx.record({
      type: 'change.leftovers.kept',
      subject: { kind: 'host', id: hostId },
      related: [...new Set(left.map(({ changeId }) => changeId))].map((id) => ({ kind: 'change' as const, id })),
      reason:
        'its access over SSH has ended before old copies (private keys, too) could be removed: remove them by hand',
      detail: { directories, tasks: left.map(({ id }) => id) },
    });
  });
}

async function hasWork(deps: Deps, access: SshAccess): Promise<boolean> {
  const { db, now } = { db: deps.platform.db, now: deps.platform.now() };
  if (access.checkpointKey === null) return false;
  if (access.changingUntil !== null || (await toSettle(db, access.hostId, now))) return true;
  for (const row of await openTasksOfAgent(db, access.id)) if (await isItsTurn(deps, row)) return true;
  return false;
}

async function isItsTurn({ platform: { db } }: Deps, row: TaskRow): Promise<boolean> {
  const change = await changeById(db, row.changeId);
  if (change?.state !== 'running' || change.planDigest !== row.digest) return false;
  const plan = await planOf(db, row.digest);
  const task = plan.waves[row.wave]!.tasks.find((one) => one.id === row.id)!;
  const outcomes = (await outcomesOf(db, [row.id])).map((one) => one.outcome);
  return currentLeg(task, row.state, outcomes) !== null;
}

/** For people to read while it is tried again, and as the reason when that goes on for too long. */
async function noteTrouble({ platform }: Deps, access: SshAccess, why: string): Promise<void> {
  const open = await openTasksOfAgent(platform.db, access.id);
  await platform.observe(OVER_SSH, async (tx) => {
    await noteTask(
      tx.db,
      open.map((row) => row.id),
      why,
    );
    await putSettle(tx.db, access.hostId, tx.now, new Date(tx.now.getTime() + SETTLE_AGAIN_MS));
    for (const { changeId } of open) await tx.publish('changes', { changeId });
  });
}

/** It has an agent now, was adopted anew, or is not looked after any more: what approvers signed names somebody else. */
async function endOrphan({ platform }: Deps, row: TaskRow): Promise<void> {
  const plan = await planOf(platform.db, row.digest);
  const task = plan.waves[row.wave]!.tasks.find((one) => one.id === row.id)!;
  const why = 'the access over SSH that the plan names has ended: plan again';
  await platform.observe(OVER_SSH, async (tx) => {
    const change = (await lockChange(tx.db, row.changeId))!;
    await moveTask(tx.db, row.id, 'failed', tx.now, { error: why, stuck: true });
    await tx.record({
      type: 'change.task.refused',
      subject: changeSubject(change),
      related: [hostSubject(task)],
      reason: why,
      detail: { host: task.hostName, code: 'REFUSED_OTHER_HOST', why, digest: row.digest, overSsh: row.agentId },
    });
    await tx.enqueue('change.advance', { changeId: row.changeId }, { singletonKey: row.changeId });
    await tx.publish('changes', { changeId: row.changeId });
  });
}

/** By timer: no wake-up is needed for anything to go on. */
export async function wakeOverSsh({ platform }: Deps): Promise<void> {
  for (const hostId of await hostsOverSsh(platform.db, platform.now()))
    await platform.queue.enqueue('change.over-ssh', { hostId }, { singletonKey: hostId });
}
