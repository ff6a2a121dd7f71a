import type { ConnectionFact } from '../../model/facts.ts';
import { by, type FactSection } from './look.ts';
import { tcp, type OwnedRow } from './running.ts';

/**
 * Established conversations, counted. The port that a client's system picks says nothing and changes each time, so it
 * is 0: the peer's on the way in, ours on the way out.
 */
export const connections: FactSection<'connections'> = {
  name: 'connections',
  version: 1,
  async collect(look) {
    const rows = await tcp(look);
    const listening = Map.groupBy(
      rows.filter((row) => row.state === 'listen'),
      (row) => row.localPort,
    );
    const facts = new Map<string, ConnectionFact>();
    for (const row of rows) {
      if (row.state !== 'established') continue;
      const listeners = listening.get(row.localPort);
      const fact = listeners ? toFact(accepted(row, listeners), 'in') : toFact(row, 'out');
      const key = Object.values({ ...fact, count: 0 }).join(' ');
      facts.set(key, { ...fact, count: (facts.get(key)?.count ?? 0) + 1 });
    }
    return [...facts.values()].sort(
      by(
        (fact) => fact.direction,
        (fact) => fact.localAddress,
        (fact) => fact.localPort,
        (fact) => fact.peerAddress,
        (fact) => fact.peerPort,
        (fact) => fact.pid ?? 0,
      ),
    );
  },
};

/** Until somebody accepts it, a conversation is no process's file: it waits in the queue of whoever listens. */
function accepted(row: OwnedRow, listeners: readonly OwnedRow[]): OwnedRow {
  if (row.pid !== null) return row;
  const listener = listeners.find((each) => each.localAddress === row.localAddress) ?? listeners[0]!;
  return { ...row, pid: listener.pid, process: listener.process, unit: listener.unit };
}

function toFact(row: OwnedRow, direction: 'in' | 'out'): ConnectionFact {
  return {
    direction,
    localAddress: row.localAddress,
    localPort: direction === 'in' ? row.localPort : 0,
    peerAddress: row.peerAddress,
    peerPort: direction === 'out' ? row.peerPort : 0,
    count: 1,
    pid: row.pid,
    process: row.process,
    unit: row.unit,
  };
}
