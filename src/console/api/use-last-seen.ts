import type { Host } from '../../model/estate.ts';
import { seenAt } from '../../model/seen.ts';
import { useAgents } from './hooks.ts';

/** When a host was last seen; a report of its agent counts, what only lists tell does not. Null: never. */
export function useLastSeen(): (host: Host) => string | null {
  const agents = useAgents().data ?? [];
  return ({ id, ...host }) =>
    agents
      .filter((agent) => agent.hostId === id)
      .reduce(
        (last, { lastCheckIn }) => (lastCheckIn && (!last || lastCheckIn > last) ? lastCheckIn : last),
        seenAt(host),
      );
}
