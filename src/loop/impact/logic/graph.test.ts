import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { alternatives, dependants, type Edge, graphOf } from './graph.ts';

const edge = (client: string, server: string, more: Partial<Edge> = {}): Edge => ({
  clientHostId: client,
  clientName: client,
  clientUnit: `${client}.service`,
  serverHostId: server,
  serverName: server,
  serverUnit: `${server}.service`,
  address: '127.74.14.10',
  port: 8443,
  connections: 1,
  ...more,
});
const service = (host: string) => ({ hostId: host, unit: `${host}.service` });

test('dependants are found through others, nearest first, with their connections', () => {
  const edges = [edge('web', 'db', { connections: 4 }), edge('lb', 'web'), edge('lb', 'db', { connections: 2 })];
  assert.deepEqual(
    dependants(graphOf(edges), service('db')).map((d) => [d.hostId, d.distance, d.connections]),
    [
      ['web', 1, 4],
      ['lb', 1, 2],
    ],
  );
});

test('only who uses the restarted service is interrupted, not who uses its neighbour on the same host', () => {
  const edges = [
    edge('web', 'db', { serverUnit: 'postgres.service' }),
    edge('admin', 'db', { serverUnit: 'ssh.service', port: 22 }),
    edge('browser', 'web', { serverUnit: 'other.service' }),
  ];
  const found = dependants(graphOf(edges), { hostId: 'db', unit: 'postgres.service' });
  assert.deepEqual(
    found.map((d) => d.hostId),
    ['web'],
  );
});

test('an unknown unit may be any: rather warn one too many', () => {
  const edges = [edge('web', 'db', { serverUnit: null }), edge('lb', 'web', { serverUnit: null })];
  assert.deepEqual(
    dependants(graphOf(edges), { hostId: 'db', unit: 'postgres.service' }).map((d) => d.hostId),
    ['web', 'lb'],
  );
});

test('a circle of services ends where it began', () => {
  const edges = [edge('a', 'b'), edge('b', 'c'), edge('c', 'a')];
  assert.deepEqual(
    dependants(graphOf(edges), service('a')).map((d) => [d.hostId, d.distance]),
    [
      ['c', 1],
      ['b', 2],
    ],
  );
});

test('property: distances are the shortest paths, by another algorithm', () => {
  const host = fc.integer({ min: 0, max: 7 });
  fc.assert(
    fc.property(fc.array(fc.tuple(host, host), { maxLength: 30 }), (pairs) => {
      const edges = pairs.filter(([a, b]) => a !== b).map(([a, b]) => edge(`h${a}`, `h${b}`));
      const far = Array.from({ length: 8 }, (_, i) => Array.from({ length: 8 }, (_, j) => (i === j ? 0 : Infinity)));
      for (const e of edges) far[Number(e.clientHostId[1])]![Number(e.serverHostId[1])] = 1;
      for (let k = 0; k < 8; k++)
        for (let i = 0; i < 8; i++)
          for (let j = 0; j < 8; j++) far[i]![j] = Math.min(far[i]![j]!, far[i]![k]! + far[k]![j]!);
      const expected = far.flatMap((row, i) => (i !== 0 && row[0]! < Infinity ? [[`h${i}`, row[0]]] : []));
      const found = dependants(graphOf(edges), service('h0')).map((d) => [d.hostId, d.distance]);
      assert.deepEqual(found.toSorted(), expected.toSorted());
    }),
  );
});

test('alternatives: where the same clients also go on the same port', () => {
  const edges = [
    edge('web', 'db1', { port: 5432 }),
    edge('web', 'db2', { port: 5432 }),
    edge('web', 'cache', { port: 6379 }),
  ];
  assert.deepEqual(alternatives(graphOf(edges), service('db1')), [{ hostId: 'db2', hostName: 'db2' }]);
});
