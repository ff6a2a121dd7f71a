import type { Dependency } from '../../model/impact.ts';

export interface GraphNode {
  id: string;
  name: string;
  column: number;
  row: number;
}
export interface GraphEdge {
  from: string;
  to: string;
  label: string;
  /** lanes, left to right, by which it passes the columns between: below their boxes, never behind them */
  via: { column: number; row: number }[];
}
export interface Graph {
  nodes: GraphNode[];
  edges: GraphEdge[];
  columns: number;
  rows: number;
}

/**
 * Layers hosts from clients (left) to the services they depend on (right): a host stands one column right of the
 * furthest-right host that connects to it. Cycles are cut at the edge that closes them.
 */
export function layoutGraph(dependencies: readonly Dependency[]): Graph {
  const names = new Map<string, string>();
  const edges = new Map<string, GraphEdge>();
  for (const d of dependencies) {
    names.set(d.clientHostId, d.clientName).set(d.serverHostId, d.serverName);
    const key = `${d.clientHostId}→${d.serverHostId}`;
    const label = [edges.get(key)?.label, `:${d.port}`].filter(Boolean).join(' ');
    if (d.clientHostId !== d.serverHostId) edges.set(key, { from: d.clientHostId, to: d.serverHostId, label, via: [] });
  }
  const list = [...edges.values()];
  const column = columnsOf([...names.keys()], list);
  const nextRow = new Map<number, number>();
  const lanes = new Map<string, number>();
  const nodes = [...names]
    .sort((a, b) => a[1].localeCompare(b[1]))
    .map(([id, name]) => {
      const col = column.get(id)!;
      const row = nextRow.get(col) ?? 0;
      nextRow.set(col, row + 1);
      return { id, name, column: col, row };
    });
  const routed = list.map((edge) => ({ ...edge, via: lanesOf(edge, column, nextRow, lanes) }));
  return {
    nodes,
    edges: routed,
    columns: Math.max(0, ...column.values()) + 1,
    rows: Math.max(1, ...[...nextRow.values()].map(Math.ceil)),
  };
}

/** How much of a row a lane takes. */
const LANE = 0.3;

/** One lane a column and service: what goes to the same service goes together. */
function lanesOf(
  { from, to }: GraphEdge,
  column: ReadonlyMap<string, number>,
  nextRow: Map<number, number>,
  lanes: Map<string, number>,
): GraphEdge['via'] {
  const between: GraphEdge['via'] = [];
  for (let at = column.get(from)! + 1; at < column.get(to)!; at += 1) {
    const key = `${at} ${to}`;
    if (!lanes.has(key)) {
      const row = nextRow.get(at) ?? 0;
      lanes.set(key, row);
      nextRow.set(at, row + LANE);
    }
    between.push({ column: at, row: lanes.get(key)! });
  }
  return between;
}

function columnsOf(ids: string[], edges: GraphEdge[]): Map<string, number> {
  const incoming = new Map<string, string[]>();
  for (const edge of edges) incoming.set(edge.to, [...(incoming.get(edge.to) ?? []), edge.from]);
  const column = new Map<string, number>();
  const visit = (id: string, path: ReadonlySet<string>): number => {
    const known = column.get(id);
    if (known !== undefined) return known;
    const callers = (incoming.get(id) ?? []).filter((from) => !path.has(from));
    const depth = Math.max(-1, ...callers.map((from) => visit(from, new Set([...path, id])))) + 1;
    column.set(id, depth);
    return depth;
  };
  for (const id of ids) visit(id, new Set([id]));
  return column;
}

/** Everyone who depends on `id`, directly or through others: who feels it when it restarts. */
export function blastRadius(id: string, edges: readonly GraphEdge[]): Set<string> {
  const hit = new Set<string>();
  const queue = [id];
  for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
    for (const edge of edges) {
      if (edge.to !== next || hit.has(edge.from) || edge.from === id) continue;
      hit.add(edge.from);
      queue.push(edge.from);
    }
  }
  return hit;
}
