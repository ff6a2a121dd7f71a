import type { z } from 'zod';
import type { AlarmRequest } from '../../model/agent.ts';
import type { SequencedEntry, TrailAlarm } from '../../model/trail.ts';
import type { Platform } from '../../platform/context.ts';
import type { AgentIdentity } from '../../platform/http/route.ts';
import { listEntries } from '../../platform/ledger/index.ts';

const TYPE = 'trail.alarm.raised';

/** An agent says that our history does not continue the one it saw. The same alarm again is not a new entry. */
export async function raiseAlarm(
  platform: Platform,
  agent: AgentIdentity,
  alarm: z.infer<typeof AlarmRequest>,
): Promise<void> {
  const subject = { kind: 'agent' as const, id: agent.agentId };
  const detail = {
    agentId: agent.agentId,
    hostId: agent.hostId,
    seen: alarm.seen,
    offered: alarm.offered,
    why: alarm.why,
  };
  const [last] = await listEntries(platform.db, { subject, types: [TYPE], order: 'newest', limit: 1 });
  if (last && JSON.stringify(sameParts(last.entry.detail)) === JSON.stringify(sameParts(detail))) return;
  const actor = { kind: 'agent' as const, id: agent.agentId, name: agent.agentId };
  await platform.act(
    actor,
    { type: TYPE, subject, related: [{ kind: 'host', id: agent.hostId }], reason: alarm.why, detail },
    async (tx) => {
      platform.log.error({ ...detail }, 'an agent was offered an inconsistent trail');
      await tx.publish('agents', { agentId: agent.agentId, hostId: agent.hostId });
    },
  );
}

type Parts = { seen?: { size: number; root: string }; offered?: { size: number; root: string } };
function sameParts(detail: unknown): (number | string | undefined)[] {
  const { seen, offered } = (detail ?? {}) as Parts;
  return [seen?.size, seen?.root, offered?.size, offered?.root];
}

/** Straight from the ledger, sequenced or not: when the trail was rewritten, the sequencer stands still. */
export async function listAlarms(platform: Platform, limit: number): Promise<TrailAlarm[]> {
  const rows = await listEntries(platform.db, { types: [TYPE], order: 'newest', limit });
  return rows.map((row) => toAlarm({ index: null, leafHash: row.leafHash.toString('hex'), entry: row.entry }));
}

function toAlarm({ index, entry }: SequencedEntry): TrailAlarm {
  const detail = entry.detail as Omit<TrailAlarm, 'index' | 'at'>;
  return {
    index,
    at: entry.at,
    agentId: detail.agentId,
    hostId: detail.hostId,
    seen: detail.seen,
    offered: detail.offered,
    why: detail.why,
  };
}
