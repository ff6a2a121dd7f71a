import type { Tx } from '../../platform/context.ts';
import type { AgentIdentity } from '../../platform/http/route.ts';
import type { Discovery } from '../discovery/index.ts';
import type { AgentRecord } from './face.ts';
import { comesBack, doubled } from './logic/doubled.ts';
import { type BootRow, boots, markDoubled, noteBoot } from './store-leaving.ts';
import { setAgentState } from './store.ts';

/** Notes the boot that an agent checks in from; returns the two boots that prove two machines, else nothing. */
export async function watchBoots(
  tx: Tx,
  agent: AgentIdentity & { ip?: string },
  bootId: string | null,
  lateMs?: number,
): Promise<BootRow[]> {
  if (bootId === null) return [];
  const seen = async () =>
    (await boots(tx.db, agent.agentId)).map((row) => ({ ...row, bootId: row.boot_id, lastSeen: row.last_seen }));
  const came = comesBack(await seen(), bootId, tx.now, lateMs) ? 'back' : 'on';
  await noteBoot(tx.db, { agent_id: agent.agentId, boot_id: bootId, address: agent.ip ?? 'unknown' }, tx.now, came);
  return came === 'back' ? doubled(await seen(), tx.now) : [];
}

/** Nobody can say which of the two is the right one: both are refused until they were enrolled anew. */
export async function refuseDoubled(
  discovery: Discovery,
  tx: Tx,
  agent: AgentRecord,
  found: readonly BootRow[],
): Promise<void> {
  const places = found.map((boot) => `${boot.address} (boot ${boot.boot_id})`);
  const problem = `two machines use its identity: ${places.join(' and ')}; enroll both anew: lastember deploy --force, or lastember enroll-token create`;
  if (!(await setAgentState(tx.db, agent.id, ['active', 'lost'], 'revoked', problem))) return;
  await markDoubled(tx.db, agent.id, tx.now);
  await discovery.setManagement(tx, agent.hostId, 'lost', problem);
  await tx.record({
    type: 'enrollment.agent.doubled',
    subject: { kind: 'agent', id: agent.id },
    related: [{ kind: 'host', id: agent.hostId }],
    reason: 'two machines use one identity',
    detail: {
      boots: found.map((boot) => ({
        bootId: boot.boot_id,
        address: boot.address,
        firstSeen: boot.first_seen.toISOString(),
        lastSeen: boot.last_seen.toISOString(),
        returns: boot.returns,
      })),
    },
  });
  await tx.enqueue('audit.host', { hostId: agent.hostId }, { singletonKey: agent.hostId });
  await tx.publish('agents', { agentId: agent.id, hostId: agent.hostId });
}
