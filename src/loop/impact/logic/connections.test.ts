import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { ConnectionFact } from '../../../model/facts.ts';
import { isForeign, merge, observe, type Observed, type StoredEdge } from './connections.ts';

const fact = (more: Partial<ConnectionFact>): ConnectionFact => ({
  direction: 'out',
  localAddress: '127.74.14.11',
  localPort: 40000,
  peerAddress: '127.74.14.10',
  peerPort: 5432,
  count: 1,
  pid: 1,
  process: 'node',
  unit: 'web.service',
  ...more,
});
const hosts = new Map([
  ['127.74.14.10', 'db'],
  ['127.74.14.11', 'web'],
]);
const stored = (edges: Observed[]): StoredEdge[] => edges.map((edge, i) => ({ ...edge, id: `dependency_${i}` }));

test('peers become edges in the right direction; peers of nobody come back to be followed', () => {
  const { edges, unknown } = observe(
    'web',
    [
      fact({ count: 3 }),
      fact({ peerAddress: '::ffff:127.74.14.10', count: 2 }),
      fact({ direction: 'in', localPort: 8443, peerAddress: '127.74.15.20', peerPort: 51000 }),
      fact({ peerAddress: '127.0.0.1' }),
      fact({ peerAddress: '127.74.14.11' }),
    ],
    hosts,
  );
  assert.deepEqual(edges, [
    {
      clientHostId: 'web',
      clientUnit: 'web.service',
      serverHostId: 'db',
      serverUnit: null,
      address: '127.74.14.10',
      port: 5432,
      connections: 5,
    },
  ]);
  assert.deepEqual(unknown, ['127.74.15.20']);
});

test('whom the agent looks at or reports to, nothing on its host depends on', () => {
  const own = [
    fact({ unit: 'lastember-agent.service', peerAddress: '127.74.14.10' }),
    fact({ unit: null, process: 'lastember-agent', peerAddress: '127.74.15.21', peerPort: 22 }),
  ];
  assert.deepEqual(observe('web', own, hosts), { edges: [], unknown: [] });
});

test('loopback, link-local, multicast and unspecified addresses lead to nobody', () => {
  for (const address of [
    '127.0.0.1',
    '0.0.0.0',
    '169.254.3.4',
    '224.0.0.251',
    '239.1.1.1',
    '::1',
    '::',
    'fe80::1',
    'ff02::1',
  ]) {
    assert.equal(isForeign(address), false, address);
  }
  for (const address of ['127.74.14.10', '10.0.0.1', '223.1.1.1', '240.0.0.1', '2001:db8::1', 'fd00::1']) {
    assert.equal(isForeign(address), true, address);
  }
});

const clientView = observe('web', [fact({ count: 3 })], hosts).edges;
const serverView = observe(
  'db',
  [
    fact({
      direction: 'in',
      localAddress: '127.74.14.10',
      localPort: 5432,
      peerAddress: '127.74.14.11',
      peerPort: 40000,
      count: 4,
      unit: 'postgres.service',
    }),
  ],
  hosts,
).edges;

test('client and server each add what the other cannot see, whoever reports first', () => {
  const clientFirst = merge('db', serverView, stored(clientView));
  assert.deepEqual(clientFirst.replaced, []);
  assert.partialDeepStrictEqual(clientFirst.upserts, [
    { clientUnit: 'web.service', serverUnit: 'postgres.service', connections: 4 },
  ]);
  const serverFirst = merge('web', clientView, stored(serverView));
  assert.deepEqual(serverFirst.replaced, ['dependency_0']);
  assert.partialDeepStrictEqual(serverFirst.upserts, [
    { clientUnit: 'web.service', serverUnit: 'postgres.service', connections: 3 },
  ]);
});

test('what is not seen any more has no connections, but stays known', () => {
  assert.deepEqual(merge('web', [], stored(clientView)), { upserts: [], silent: ['dependency_0'], replaced: [] });
});

test('property: the same report again changes nothing', () => {
  const anyFact = fc
    .record({
      direction: fc.constantFrom('in' as const, 'out' as const),
      peerAddress: fc.constantFrom('127.74.14.10', '127.74.14.12', '127.74.14.13'),
      count: fc.integer({ min: 1, max: 9 }),
      unit: fc.constantFrom('a.service', 'b.service', null),
    })
    .map((more) => fact({ ...more, ...(more.direction === 'in' ? { localPort: 8443 } : {}) }));
  const known = new Map([...hosts, ['127.74.14.12', 'x'], ['127.74.14.13', 'y']] as [string, string][]);
  fc.assert(
    fc.property(fc.array(anyFact, { maxLength: 8 }), (facts) => {
      const { edges } = observe('web', facts, known);
      const key = (e: Observed): string =>
        JSON.stringify([e.clientHostId, e.clientUnit, e.serverHostId, e.address, e.port]);
      const apply = (before: StoredEdge[]): StoredEdge[] => {
        const merged = merge('web', edges, before);
        const rows = new Map(before.filter((row) => !merged.replaced.includes(row.id)).map((row) => [key(row), row]));
        for (const edge of merged.upserts) {
          const old = rows.get(key(edge));
          rows.set(key(edge), { ...edge, id: old?.id ?? key(edge) });
        }
        return [...rows.values()].map((row) => (merged.silent.includes(row.id) ? { ...row, connections: 0 } : row));
      };
      const once = apply([]);
      assert.deepEqual(new Set(apply(once).map(key)), new Set(once.map(key)));
      assert.ok(apply(once).every((row) => row.connections > 0));
    }),
  );
});
