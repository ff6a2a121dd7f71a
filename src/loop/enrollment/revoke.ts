import { AppError } from '../../model/errors/index.ts';
import type { Tx } from '../../platform/context.ts';
import type { Discovery } from '../discovery/index.ts';
import { agentById, setAgentState } from './store.ts';

/** From the next request on the listener refuses this agent; its host is unmanaged again. */
export async function revokeAgent(discovery: Discovery, tx: Tx, agentId: string, reason: string): Promise<void> {
  const agent = await agentById(tx.db, agentId);
  if (!agent) throw new AppError('NOT_FOUND', { what: 'agent', id: agentId, list: 'agents' });
  if (agent.state === 'revoked') return;
  await setAgentState(tx.db, agentId, ['active', 'lost'], 'revoked');
  await discovery.setManagement(tx, agent.hostId, 'unmanaged', `agent revoked: ${reason}`);
  await tx.record({
    type: 'enrollment.agent.revoked',
    subject: { kind: 'agent', id: agentId },
    related: [{ kind: 'host', id: agent.hostId }],
    reason,
    detail: { reason },
  });
  await tx.publish('agents', { agentId, hostId: agent.hostId });
}
