import type { GoodbyeRequest } from '../../model/agent.ts';
import { AppError } from '../../model/errors/index.ts';
import { plainText } from '../../model/text.ts';
import type { Platform, Tx } from '../../platform/context.ts';
import type { AgentIdentity } from '../../platform/http/route.ts';
import type { Discovery } from '../discovery/index.ts';
import type { AgentRecord } from './face.ts';
import { isGenuine, isOrdered } from './logic/goodbye.ts';
import { leavingOf, noteStopping } from './store-leaving.ts';
import { agentById, setAgentState } from './store.ts';

/**
 * An agent ends. That it stops is noted: if it does not come back, this is the reason that people read. That it is being
 * removed ends it here, too: by our order the host is unmanaged, by nobody's it is lost.
 */
export async function goodbye(
  platform: Platform,
  discovery: Discovery,
  { agentId, ip }: AgentIdentity & { ip: string },
  body: GoodbyeRequest,
): Promise<{ expected: boolean }> {
  const actor = { kind: 'agent' as const, id: agentId, name: agentId, ip };
  return platform.observe(actor, async (tx) => {
    const agent = await agentById(tx.db, agentId);
    if (!agent || !isGenuine(body, agentId, agent.publicKey)) throw new AppError('GOODBYE_REFUSED');
    const { order } = (await leavingOf(tx.db, agentId)) ?? { order: null };
    const ordered = isOrdered(order, tx.now);
    const { statement, signature } = body;
    if (statement.kind === 'uninstalled')
      await leave(discovery, tx, agent, {
        by: ordered ? (order?.by ?? null) : null,
        why: plainText(statement.reason),
        told: { statement, signature },
      });
    else if (!ordered)
      await noteStopping(tx.db, agentId, {
        at: tx.now,
        why: plainText(statement.reason),
        machine: statement.shutdown,
      });
    return { expected: ordered || statement.shutdown };
  });
}

export interface Farewell {
  /** who ordered it; null: nobody of us */
  by: string | null;
  why: string;
  /** its own signed word; null: it could not say any */
  told: GoodbyeRequest | null;
}

/** The agent is gone from its host, and is no agent any more. False when it was none before. */
export async function leave(discovery: Discovery, tx: Tx, agent: AgentRecord, farewell: Farewell): Promise<boolean> {
  const { by, why, told } = farewell;
  const at = tx.now.toISOString();
  const problem =
    by === null
      ? `its agent was uninstalled on the host, by no order of ours, at ${at} (${why})`
      : `uninstalled by ${by} at ${at}`;
  if (!(await setAgentState(tx.db, agent.id, ['active', 'lost'], 'revoked', problem))) return false;
  await discovery.setManagement(tx, agent.hostId, by === null ? 'lost' : 'unmanaged', problem);
  await tx.record({
    type: 'enrollment.agent.uninstalled',
    subject: { kind: 'agent', id: agent.id },
    related: [{ kind: 'host', id: agent.hostId }],
    reason: why,
    detail: { orderedBy: by, goodbye: told },
  });
  await tx.publish('agents', { agentId: agent.id, hostId: agent.hostId });
  return true;
}
