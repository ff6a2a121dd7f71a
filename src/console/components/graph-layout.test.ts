import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Dependency } from '../../model/impact.ts';
import { blastRadius, layoutGraph } from './graph-layout.ts';

const at = '2026-01-01T00:00:00.000Z';
function dependency(client: string, server: string, port = 5432): Dependency {
  const id = `${client}-${server}-${port}`;
  return {
    id,
    clientHostId: client,
    clientName: client,
    clientUnit: null,
    serverHostId: server,
    serverName: server,
    serverUnit: null,
    address: '192.0.2.1',
    port,
    connections: 1,
    firstSeen: at,
    lastSeen: at,
  };
}

test('clients stand left of what they depend on, and two ports between two hosts are one edge', () => {
  const graph = layoutGraph([
    dependency('proxy', 'web', 8443),
    dependency('web', 'db'),
    dependency('proxy', 'db'),
    dependency('web', 'db', 6379),
  ]);
  const column = Object.fromEntries(graph.nodes.map((node) => [node.id, node.column]));
  assert.deepEqual(column, { proxy: 0, web: 1, db: 2 });
  assert.deepEqual(
    graph.edges.map((edge) => edge.label),
    [':8443', ':5432 :6379', ':5432'],
  );
});

test('what goes past a column goes below its boxes, and what goes to one service goes together', () => {
  const graph = layoutGraph([
    dependency('proxy', 'web', 8443),
    dependency('web', 'db'),
    dependency('proxy', 'db'),
    dependency('reports', 'web'),
    dependency('reports', 'db'),
  ]);
  const between = graph.nodes.filter((node) => node.column === 1).map((node) => node.row);
  const lanes = graph.edges.filter((edge) => edge.via.length > 0);
  assert.deepEqual(lanes.map((edge) => edge.from).sort(), ['proxy', 'reports']);
  assert.deepEqual(lanes[0]!.via, lanes[1]!.via);
  for (const { via } of lanes) for (const lane of via) assert.ok(lane.row > Math.max(...between));
});

test('a cycle of dependencies still gets a picture', () => {
  const graph = layoutGraph([dependency('a', 'b'), dependency('b', 'a'), dependency('c', 'c')]);
  assert.equal(graph.nodes.length, 3);
  assert.ok(graph.columns <= 2);
});

test('the blast radius of a database is everyone who needs it, transitively, but not what it needs itself', () => {
  const { edges } = layoutGraph([
    dependency('proxy', 'web'),
    dependency('web', 'db'),
    dependency('db', 'storage'),
    dependency('other', 'storage'),
  ]);
  assert.deepEqual([...blastRadius('db', edges)].sort(), ['proxy', 'web']);
});
