import { systemActor } from '../../model/actor.ts';
import type { CheckInRequest, UpdateOffer } from '../../model/agent.ts';
import type { Platform, Tx } from '../../platform/context.ts';
import { mayHaveNow, nextOf } from './logic/update-waves.ts';
import {
  endPart,
  expired,
  isUnderWay,
  lockUpdate,
  offeredTo,
  offerTo,
  overdue,
  partCounts,
  setAway,
  setHanded,
  setUpdate,
  takeBackOffers,
  updateApprovals,
  updateHosts,
  type UpdateRow,
} from './store-update.ts';

/** How long a release is good for; agents refuse it afterwards. */
export const GOOD_FOR_MS = 7 * 24 * 3_600_000;
/**
 * From when an agent was last told of the offer to the first report of the new program; what it takes back by itself it
 * tells after five minutes. As long as it asks with the old one, it is at work and takes the update when that is done.
 */
const PATIENCE_MS = 15 * 60_000;
/** Nobody is at work for so long: it asks, and cannot take it. */
const LONG_MS = 24 * 3_600_000;

/** An agent reports: is it done with what it was offered, did it fail, or is there something to offer? */
export async function followUpdate(tx: Tx, agentId: string, body: CheckInRequest): Promise<UpdateOffer | undefined> {
  const [update, ...older] = await offeredTo(tx.db, agentId);
  for (const { id } of older) await supersede(tx, id, agentId);
  if (!update) return undefined;
  if (body.program === update.program) {
    await finishPart(tx, update.id, agentId, null);
    return undefined;
  }
  if (body.notUpdated?.updateId === update.id) {
    await finishPart(tx, update.id, agentId, body.notUpdated.why);
    return undefined;
  }
  return (await isOffered(tx, update, agentId)) ? offerOf(tx, update, agentId) : undefined;
}

async function supersede(tx: Tx, id: string, agentId: string): Promise<void> {
  const update = await lockUpdate(tx.db, id);
  const set = { state: 'superseded' as const, why: 'another update came', finished_at: tx.now };
  if ((await endPart(tx.db, id, agentId, set)) && update?.state === 'running') await advance(tx, id);
}

type Offered = UpdateRow & { part: string };

/** One that was away and comes back is offered what it missed, also when the others have long had it. */
async function isOffered(tx: Tx, { id, part, state, created_at: at }: Offered, agentId: string): Promise<boolean> {
  const isGood = (one: string | undefined): boolean => one === 'running' || one === 'done';
  if (!isGood(state) || tx.now.getTime() - at.getTime() > GOOD_FOR_MS) return false;
  const update = await lockUpdate(tx.db, id);
  if (!isGood(update?.state)) return false;
  if (part === 'offered') return true;
  if (!mayHaveNow(await partCounts(tx.db, id))) return false;
  await offerTo(tx.db, id, [agentId], tx.now);
  await tx.publish('agents', { updateId: id });
  return true;
}

async function offerOf(tx: Tx, update: Offered, agentId: string): Promise<UpdateOffer> {
  await setHanded(tx.db, update.id, agentId, tx.now);
  const approvals = (await updateApprovals(tx.db, update.id)).map((one) => one.approval);
  return { release: update.release, digest: update.digest, approvals };
}

/** `why`: it failed. */
async function finishPart(tx: Tx, id: string, agentId: string, why: string | null, handedAt?: Date): Promise<void> {
  const update = await lockUpdate(tx.db, id);
  const set = { state: why === null ? ('done' as const) : ('failed' as const), why, finished_at: tx.now };
  if (!(await endPart(tx.db, id, agentId, set, handedAt))) return;
  if (update && ['running', 'done'].includes(update.state)) await advance(tx, id);
  await tx.publish('agents', { updateId: id });
}

/** Begins the next wave, or says that it is over; the update's row is held by the caller. */
export async function advance(tx: Tx, id: string): Promise<void> {
  // Most reports change nothing for the others, who may be thousands.
  if (await isUnderWay(tx.db, id)) return;
  const hosts = await updateHosts(tx.db, id);
  const next = nextOf(hosts);
  const subject = { kind: 'deployment' as const, id };
  if (next.kind === 'wait') return;
  if (next.kind === 'offer') {
    await offerTo(
      tx.db,
      id,
      next.parts.map((part) => part.agent_id),
      tx.now,
    );
    const names = next.parts.map((host) => host.host_name);
    return void (await tx.record({
      type: 'enrollment.update.wave',
      subject,
      detail: { wave: next.parts[0]!.wave, hosts: names },
    }));
  }
  const isOver = next.kind === 'done' && (await lockUpdate(tx.db, id))?.state === 'done';
  if (isOver) return;
  const told = (state: string): typeof hosts => hosts.filter((host) => host.state === state);
  const why =
    told('failed')
      .map((host) => `${host.host_name}: ${host.why ?? ''}`)
      .join('; ') || null;
  if (next.kind === 'stop') await takeBackOffers(tx.db, id);
  await setUpdate(tx.db, id, { state: next.kind === 'done' ? 'done' : 'stopped', why, finished_at: tx.now });
  const names = { done: told('done').map((host) => host.host_name), away: told('away').map((host) => host.host_name) };
  const type = next.kind === 'done' ? 'enrollment.update.finished' : 'enrollment.update.stopped';
  await tx.record({ type, subject, detail: { ...names, why } });
}

/**
 * Timer. Who was told and does not report with the new program stops the rest; who has not asked since is away and holds up
 * nobody. What nobody signed in time, or did not get everywhere, is over.
 */
export async function stopOverdue(platform: Platform): Promise<void> {
  const now = platform.now().getTime();
  const actor = systemActor('enrollment.updates');
  const limits = { before: new Date(now - PATIENCE_MS), long: new Date(now - LONG_MS) };
  const late = await overdue(platform.db, limits);
  for (const { update_id: id, agent_id: agentId, handed_at: handedAt, isLong } of late) {
    if (handedAt === null) continue;
    const within = isLong ? `${LONG_MS / 3_600_000} hours` : `${PATIENCE_MS / 60_000} minutes`;
    const why = `it did not report with the new program within ${within}`;
    await platform.observe(actor, (tx) => finishPart(tx, id, agentId, why, handedAt));
  }
  const silent = Map.groupBy(
    late.filter(({ handed_at: handedAt }) => handedAt === null),
    (one) => one.update_id,
  );
  for (const [id, parts] of silent)
    await platform.observe(actor, (tx) =>
      leaveAway(
        tx,
        id,
        parts.map((one) => one.agent_id),
      ),
    );
  for (const id of await expired(platform.db, new Date(now - GOOD_FOR_MS)))
    await platform.observe(actor, (tx) => expire(tx, id));
}

async function leaveAway(tx: Tx, id: string, agentIds: readonly string[]): Promise<void> {
  const update = await lockUpdate(tx.db, id);
  await setAway(tx.db, id, agentIds, 'it has not asked since; it gets the program when it does');
  if (update?.state === 'running') await advance(tx, id);
  await tx.publish('agents', { updateId: id });
}

async function expire(tx: Tx, id: string): Promise<void> {
  const update = await lockUpdate(tx.db, id);
  if (!update) return;
  if (!['awaiting-approval', 'running'].includes(update.state)) return takeBackOffers(tx.db, id);
  const unsigned = update.state === 'awaiting-approval';
  const why = `${unsigned ? 'nobody signed it' : 'not all hosts took it'} within ${GOOD_FOR_MS / 86_400_000} days`;
  await takeBackOffers(tx.db, id);
  await setUpdate(tx.db, id, { state: unsigned ? 'cancelled' : 'stopped', why, finished_at: tx.now });
  await tx.record({ type: 'enrollment.update.stopped', subject: { kind: 'deployment', id }, detail: { why } });
  await tx.publish('agents', { updateId: id });
}
