import type { Merged, StoredEdge } from './connections.ts';

const keyOf = (edge: Pick<StoredEdge, 'clientHostId' | 'clientUnit' | 'serverHostId' | 'address' | 'port'>): string =>
  [edge.clientHostId, edge.clientUnit ?? '', edge.serverHostId, edge.address, edge.port].join('\n');

/** The graph as it would be with this report in it. Nothing is written: looking must not change what is looked at. */
export function overlay(stored: readonly StoredEdge[], { upserts, silent, replaced }: Merged): StoredEdge[] {
  const quiet = new Set(silent);
  const dropped = new Set(replaced);
  const edges = new Map(
    stored
      .filter((edge) => !dropped.has(edge.id))
      .map((edge) => [keyOf(edge), quiet.has(edge.id) ? { ...edge, connections: 0 } : edge]),
  );
  for (const edge of upserts) edges.set(keyOf(edge), { ...edge, id: edges.get(keyOf(edge))?.id ?? '' });
  return [...edges.values()];
}
