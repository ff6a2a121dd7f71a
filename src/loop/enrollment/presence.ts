import { AppError } from '../../model/errors/index.ts';
import { systemActor } from '../../model/actor.ts';
import type { CheckInReply, CheckInRequest } from '../../model/agent.ts';
import type { z } from 'zod';
import type { Platform, Tx } from '../../platform/context.ts';
import type { AgentIdentity } from '../../platform/http/route.ts';
import type { Discovery } from '../discovery/index.ts';
import type { AgentRecord } from './face.ts';
import { refuseDoubled, watchBoots } from './doubles.ts';
import { whyLost } from './silence.ts';
import { deleteAccess } from './store-access.ts';
import { leavingOf } from './store-leaving.ts';
import { followUpdate } from './update-progress.ts';
import { agentByHost, agentById, recordPresence, setAgentState, silentAgents } from './store.ts';

/** How often agents come by themselves; tasks reach them sooner through the long poll. */
const POLL_SECONDS = 60;
const FACTS_SECONDS = 300;
/** An agent that has not been heard of for this long is lost: its host re-enters the loop. */
export const LOST_AFTER_MS = 15 * 60_000;
/** Where another machine was found in its place, two polls that it missed say that it is gone. */
const REPLACED_AFTER_MS = 2 * POLL_SECONDS * 1000;
/** When a whole network is away, not every host of it is looked at. */
const MOST_LOOKS = 25;

export interface PresenceOptions {
  pollSeconds?: number;
  /** see `LATE_MS` */
  lateMs?: number;
}

export async function checkIn(
  platform: Platform,
  discovery: Discovery,
  agent: AgentIdentity & { ip?: string },
  body: CheckInRequest,
  { pollSeconds = POLL_SECONDS, lateMs }: PresenceOptions = {},
): Promise<z.infer<typeof CheckInReply>> {
  const actor = { kind: 'agent' as const, id: agent.agentId, name: agent.agentId };
  const { both, update } = await platform.observe(actor, async (tx) => {
    const before = await agentById(tx.db, agent.agentId);
    const found = await watchBoots(tx, agent, body.bootId, lateMs);
    if (before && found.length > 0) {
      await refuseDoubled(discovery, tx, before, found);
      return { both: found, update: undefined };
    }
    await recordPresence(tx.db, {
      agent_id: agent.agentId,
      last_check_in: tx.now,
      version: body.version,
      program: body.program ?? null,
      boot_id: body.bootId,
      started_at: body.startedAt,
    });
    if (before?.state === 'lost') await comeBack(discovery, tx, before);
    if (before?.version !== body.version) await tx.publish('agents', { agentId: agent.agentId, hostId: agent.hostId });
    return { both: [], update: await followUpdate(tx, agent.agentId, body) };
  });
  if (both.length > 0) throw new AppError('AGENT_REVOKED', { id: agent.agentId });
  const patrol = await discovery.patrolFor(agent, body.subnets ?? []).catch((error: unknown) => {
    // That it is there counts, whatever else goes wrong.
    platform.log.error({ error, agentId: agent.agentId }, 'an agent could not be told where to look around');
    return null;
  });
  return {
    hostId: agent.hostId,
    pollSeconds,
    factsSeconds: FACTS_SECONDS,
    patrol,
    ...(update ? { update } : {}),
  };
}

async function comeBack(discovery: Discovery, tx: Tx, agent: AgentRecord): Promise<void> {
  if (!(await setAgentState(tx.db, agent.id, ['lost'], 'active'))) return;
  // It may have been looked after over SSH meanwhile; two that look would contradict each other.
  await deleteAccess(tx.db, agent.hostId);
  await discovery.setManagement(tx, agent.hostId, 'managed', 'its agent reports again');
  await tx.record({
    type: 'enrollment.agent.back',
    subject: { kind: 'agent', id: agent.id },
    related: [{ kind: 'host', id: agent.hostId }],
    detail: { lastCheckIn: agent.lastCheckIn },
  });
}

/** Timer: agents that fell silent are said so, with the reason as far as it can be seen from here. */
export async function markLostAgents(platform: Platform, discovery: Discovery): Promise<void> {
  const before = (ms: number): Date => new Date(platform.now().getTime() - ms);
  const silent = new Set((await silentAgents(platform.db, before(LOST_AFTER_MS))).map((agent) => agent.id));
  let looks = MOST_LOOKS;
  for (const agent of await silentAgents(platform.db, before(REPLACED_AFTER_MS))) {
    const replacedBy = (await discovery.host(agent.hostId))?.supersededBy ?? null;
    const leaving = await leavingOf(platform.db, agent.id);
    // A machine that goes down comes up again; an agent that was stopped while its machine goes on is looked into soon.
    const wasStopped = leaving?.stopped?.machine === false;
    if (replacedBy !== null) await lose(platform, discovery, agent, { replacedBy });
    else if (silent.has(agent.id) || wasStopped) {
      const why = await whyLost(discovery, agent, leaving?.stopped ?? null, looks-- > 0);
      await lose(platform, discovery, agent, { why });
    }
  }
}

/**
 * A machine enrolled. Agents of those whose place it took run no more, if they were not heard of since it stands there.
 * They are lost, not revoked: should one of them report after all, both machines are there.
 */
export async function loseReplaced(platform: Platform, discovery: Discovery, hostId: string): Promise<void> {
  const host = await discovery.host(hostId);
  for (const old of host ? await discovery.hosts({ supersededBy: hostId }) : []) {
    const agent = await agentByHost(platform.db, old.id);
    if (agent?.state === 'active' && (agent.lastCheckIn ?? '') < host!.firstSeen)
      await lose(platform, discovery, agent, { replacedBy: hostId });
  }
}

async function lose(
  platform: Platform,
  discovery: Discovery,
  agent: AgentRecord,
  cause: { replacedBy: string } | { why: string },
): Promise<void> {
  const heard = `its agent was last heard of at ${agent.lastCheckIn ?? 'its enrollment'}`;
  const problem = 'why' in cause ? cause.why : `another machine took its place; ${heard}`;
  await platform.observe(systemActor('enrollment.lost-agents'), async (tx) => {
    if (!(await setAgentState(tx.db, agent.id, ['active'], 'lost', problem))) return;
    await tx.record({
      type: 'enrollment.agent.lost',
      subject: { kind: 'agent', id: agent.id },
      related: [{ kind: 'host', id: agent.hostId }],
      detail: { lastCheckIn: agent.lastCheckIn, ...cause },
    });
    // Which machine took its place is what the record's note says already.
    await discovery.setManagement(tx, agent.hostId, 'lost', 'why' in cause ? problem : undefined);
    await tx.publish('agents', { agentId: agent.id, hostId: agent.hostId });
  });
}
