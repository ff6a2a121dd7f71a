import type { Host } from '../../model/estate.ts';
import { useAgents } from './hooks.ts';

/** When a host was last seen by any source; a report of its agent is one, too. */
export function useLastSeen(): (host: Host) => string {
  const agents = useAgents().data ?? [];
  return ({ id, lastSeen }) =>
    agents
      .filter((agent) => agent.hostId === id)
      .reduce((last, { lastCheckIn }) => (lastCheckIn && lastCheckIn > last ? lastCheckIn : last), lastSeen);
}
