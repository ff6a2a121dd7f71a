import { merge, type Observed, type StoredEdge } from './connections.ts';

type Key = Pick<StoredEdge, 'clientHostId' | 'clientUnit' | 'serverHostId' | 'address' | 'port'>;
const keyOf = (edge: Key): string =>
  [edge.clientHostId, edge.clientUnit ?? '', edge.serverHostId, edge.address, edge.port].join('\n');

/** The graph as it would be with these hosts' reports in it. Nothing is written: looking must not change what is looked at. */
export function overlay(
  stored: readonly StoredEdge[],
  reports: readonly { hostId: string; edges: readonly Observed[] }[],
): StoredEdge[] {
  const edges = new Map(stored.map((edge) => [keyOf(edge), edge]));
  const byHost = new Map<string, Set<string>>();
  const note = (key: string, { clientHostId, serverHostId }: Observed): void => {
    for (const hostId of [clientHostId, serverHostId]) {
      const keys = byHost.get(hostId) ?? new Set();
      byHost.set(hostId, keys.add(key));
    }
  };
  for (const [key, edge] of edges) note(key, edge);
  for (const report of reports) {
    const about = [...(byHost.get(report.hostId) ?? [])].flatMap((key) => edges.get(key) ?? []);
    const { upserts, silent, replaced } = merge(report.hostId, report.edges, about);
    const [quiet, dropped] = [new Set(silent), new Set(replaced)];
    for (const edge of about) {
      if (dropped.has(edge.id)) edges.delete(keyOf(edge));
      else if (quiet.has(edge.id)) edges.set(keyOf(edge), { ...edge, connections: 0 });
    }
    for (const edge of upserts) {
      const key = keyOf(edge);
      // What is not stored yet is told apart by its key.
      edges.set(key, { ...edge, id: edges.get(key)?.id ?? key });
      note(key, edge);
    }
  }
  return [...edges.values()];
}
