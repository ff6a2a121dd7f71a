import { sql } from 'kysely';
import type { Verdict } from '../../../model/finding.ts';
import type { Agentless } from '../collect.ts';
import type { World } from './world.ts';

export interface StoredAgent {
  doubled: boolean;
  problem: string | null;
}

/** What enrollment says of these agents; nobody is looked at over SSH. */
export const agents = (known: ReadonlyMap<string, StoredAgent>): Agentless => ({
  agent: async (id) => {
    const agent = known.get(id);
    if (!agent) return null;
    const rest = { version: '1', program: null, publicKey: '', lastCheckIn: null, approverKeyIds: [] };
    return { id, hostId: 'host', state: agent.doubled ? 'revoked' : 'active', ...rest, ...agent };
  },
  askLooks: async () => new Set(),
  dueForLook: async () => [],
  lookOver: async () => false,
});

/** KIT/CHECK → what it says of the host now. */
export async function explain(w: World, hostId: string): Promise<{ verdicts: Map<string, Verdict> }> {
  const { rows } = await sql<{ kit: string; marks: Record<string, Verdict> }>`
    select v.kit, s.marks from audit.verdict v join audit.verdict_set s on s.digest = v.digest
    where v.host_id = ${hostId}`.execute(w.platform.db);
  const all = rows.flatMap(({ kit, marks }) =>
    Object.entries(marks).map(([check, verdict]) => [`${kit}/${check}`, verdict] as const),
  );
  return { verdicts: new Map(all) };
}
