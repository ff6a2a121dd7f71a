import { systemActor } from '../../model/actor.ts';
import type { CheckInRequest, UpdateOffer } from '../../model/agent.ts';
import type { Platform, Tx } from '../../platform/context.ts';
import { nextOf } from './logic/update-waves.ts';
import {
  endPart,
  lockUpdate,
  offeredTo,
  offerWave,
  overdue,
  setUpdate,
  updateApprovals,
  updateHosts,
} from './store-update.ts';

/** From the offer to the first report of the new program; what an agent takes back by itself it tells after five. */
const PATIENCE_MS = 15 * 60_000;

/** An agent reports: is it done with what it was offered, did it fail, or is there something to offer? */
export async function followUpdate(tx: Tx, agentId: string, body: CheckInRequest): Promise<UpdateOffer | undefined> {
  const [update, ...older] = await offeredTo(tx.db, agentId);
  for (const { id } of older)
    await endPart(tx.db, id, agentId, { state: 'failed', why: 'another update came', finished_at: tx.now });
  if (!update) return undefined;
  if (body.program === update.program) {
    await finishPart(tx, update.id, agentId, null);
    return undefined;
  }
  if (body.notUpdated?.updateId === update.id) {
    await finishPart(tx, update.id, agentId, body.notUpdated.why);
    return undefined;
  }
  if (update.state !== 'running') return undefined;
  const approvals = (await updateApprovals(tx.db, update.id)).map((one) => one.approval);
  return { release: update.release, digest: update.digest, approvals };
}

/** `why`: it failed. */
async function finishPart(tx: Tx, id: string, agentId: string, why: string | null): Promise<void> {
  const update = await lockUpdate(tx.db, id);
  const set = { state: why === null ? ('done' as const) : ('failed' as const), why, finished_at: tx.now };
  if (!(await endPart(tx.db, id, agentId, set))) return;
  if (update?.state === 'running') await advance(tx, id);
  await tx.publish('agents', { updateId: id });
}

/** Begins the next wave, or says that it is over; the update's row is held by the caller. */
export async function advance(tx: Tx, id: string): Promise<void> {
  const hosts = await updateHosts(tx.db, id);
  const next = nextOf(hosts);
  const subject = { kind: 'deployment' as const, id };
  if (next.kind === 'wait') return;
  if (next.kind === 'offer') {
    await offerWave(tx.db, id, next.wave, tx.now);
    const names = hosts.filter((host) => host.wave === next.wave).map((host) => host.host_name);
    return void (await tx.record({
      type: 'enrollment.update.wave',
      subject,
      detail: { wave: next.wave, hosts: names },
    }));
  }
  const failed = hosts.filter((host) => host.state === 'failed');
  const why = failed.map((host) => `${host.host_name}: ${host.why ?? ''}`).join('; ') || null;
  await setUpdate(tx.db, id, { state: next.kind === 'done' ? 'done' : 'stopped', why, finished_at: tx.now });
  const done = hosts.filter((host) => host.state === 'done').map((host) => host.host_name);
  const type = next.kind === 'done' ? 'enrollment.update.finished' : 'enrollment.update.stopped';
  await tx.record({ type, subject, detail: { done, why } });
}

/** Timer: who did not report with it in time stops the rest. */
export async function stopOverdue(platform: Platform): Promise<void> {
  const before = new Date(platform.now().getTime() - PATIENCE_MS);
  for (const { update_id: id, agent_id: agentId } of await overdue(platform.db, before))
    await platform.observe(systemActor('enrollment.updates'), (tx) =>
      finishPart(tx, id, agentId, `it did not report with the new program within ${PATIENCE_MS / 60_000} minutes`),
    );
}
