import { useMemo, type KeyboardEvent } from 'react';
import '../graph.css';
import { blastRadius, type Graph, type GraphNode } from './graph-layout.ts';

const W = 168;
const H = 46;
const GAP_X = 96;
const GAP_Y = 22;
type Place = Pick<GraphNode, 'column' | 'row'>;
const x = (node: Place): number => 8 + node.column * (W + GAP_X);
const y = (node: Place): number => 8 + node.row * (H + GAP_Y);

/** Curves in the gaps between columns; past a column it runs straight, in a lane of its own below the boxes. */
function pathOf(from: Place, via: readonly Place[], to: Place): string {
  const stops = [
    [x(from) + W, y(from) + H / 2],
    ...via.flatMap((lane) => [
      [x(lane), laneY(lane)],
      [x(lane) + W, laneY(lane)],
    ]),
    [x(to), y(to) + H / 2],
  ];
  return stops
    .map(([px, py], index) => {
      if (index === 0) return `M${px},${py}`;
      const [bx, by] = stops[index - 1]!;
      return index % 2 === 0 ? `L${px},${py}` : `C${bx! + GAP_X / 2},${by} ${px! - GAP_X / 2},${py} ${px},${py}`;
    })
    .join(' ');
}

const laneY = (lane: Place): number => y(lane) + LANE_TOP;
const LANE_TOP = 6;

interface Props {
  graph: Graph;
  picked: string | null;
  onPick: (id: string | null) => void;
  sub: (id: string) => string;
}

/** What is connected to on this host, said once, where the edges end. */
function portsOf(graph: Graph, id: string): string {
  const ports = graph.edges.filter((edge) => edge.to === id).flatMap((edge) => edge.label.split(' '));
  return [...new Set(ports)].sort().join(' ');
}

/** Clients left, services right. Picking a host shows who would feel its restart. */
export function GraphView({ graph, picked, onPick, sub }: Props) {
  const hit = useMemo(() => (picked ? blastRadius(picked, graph.edges) : new Set<string>()), [picked, graph]);
  const byId = new Map(graph.nodes.map((node) => [node.id, node]));
  const width = graph.columns * (W + GAP_X) - GAP_X + 16;
  const height = graph.rows * (H + GAP_Y) - GAP_Y + 16;
  const stateOf = (id: string): string => {
    if (!picked) return 'idle';
    if (id === picked) return 'picked';
    return hit.has(id) ? 'hit' : 'calm';
  };
  const onKey = (event: KeyboardEvent, id: string): void => {
    if (event.key !== 'Enter' && event.key !== ' ') return;
    event.preventDefault();
    onPick(id === picked ? null : id);
  };
  return (
    <div className="graph">
      <svg
        viewBox={`0 0 ${width} ${height}`}
        style={{ minWidth: Math.min(width, 900), maxWidth: width }}
        role="group"
        aria-label="Dependencies between hosts"
      >
        {graph.edges.map((edge) => {
          const [from, to] = [byId.get(edge.from)!, byId.get(edge.to)!];
          const on = (edge.to === picked || hit.has(edge.to)) && hit.has(edge.from);
          return (
            <g key={`${edge.from}${edge.to}`}>
              <path className="edge" data-state={on ? 'hit' : 'idle'} d={pathOf(from, edge.via, to)} />
            </g>
          );
        })}
        {graph.nodes.map((node) => (
          <text key={node.id} className="port" x={x(node) - 8} y={y(node) + H / 2 - 7} textAnchor="end">
            {portsOf(graph, node.id)}
          </text>
        ))}
        {graph.nodes.map((node) => (
          <g
            key={node.id}
            className="node"
            data-state={stateOf(node.id)}
            transform={`translate(${x(node)},${y(node)})`}
            role="button"
            tabIndex={0}
            aria-pressed={node.id === picked}
            onClick={() => onPick(node.id === picked ? null : node.id)}
            onKeyDown={(event) => onKey(event, node.id)}
          >
            <rect width={W} height={H} rx={9} />
            <text x={12} y={20} fontWeight={600}>
              {node.name.length > 22 ? `${node.name.slice(0, 21)}…` : node.name}
            </text>
            <text className="sub" x={12} y={36}>
              {sub(node.id)}
            </text>
          </g>
        ))}
      </svg>
    </div>
  );
}
