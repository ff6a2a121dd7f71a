import type { Discovery } from '../discovery/index.ts';
import type { AgentRecord } from './face.ts';
import type { Leaving } from './store-leaving.ts';

/** Doors of the host that are tried: one that opens is enough. */
const DOORS = 3;

/**
 * Why nothing is heard of this agent, as far as it can be seen from here: what it said itself, and whether its host still
 * answers. `look`: may the host be looked at now?
 */
export async function whyLost(
  discovery: Discovery,
  agent: AgentRecord,
  stopped: Leaving['stopped'],
  look: boolean,
): Promise<string> {
  const door = look ? await openDoor(discovery, agent.hostId) : null;
  const host = door === null ? '' : `, and the host still answers at ${door}`;
  if (stopped?.machine) return `its machine went down at ${stopped.at.toISOString()}${host}`;
  if (stopped)
    return `its agent was stopped on the host, by no order of ours, at ${stopped.at.toISOString()} (${stopped.why})${host}`;
  const heard = `its agent was last heard of at ${agent.lastCheckIn ?? 'its enrollment'}`;
  return door === null ? heard : `${heard}${host}: it was killed, removed or cut off from us`;
}

/** An endpoint of the host that answers now; null: none does, or none may be looked at. */
async function openDoor(discovery: Discovery, hostId: string): Promise<string | null> {
  const endpoints = await discovery.endpoints({ hostId, state: 'open' });
  const doors = endpoints.filter(({ transport }) => transport === 'tcp').slice(0, DOORS);
  for (const { address, port } of doors) {
    const at = Date.now();
    const seen = await discovery.probeNow(address, port, { judge: false }).catch(() => null);
    if (seen && seen.state === 'open' && Date.parse(seen.lastSeen) >= at - 1000) return `${address}:${port}`;
  }
  return null;
}
