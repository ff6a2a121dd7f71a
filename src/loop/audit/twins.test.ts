import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Affected } from '../../model/finding.ts';
import { sql } from 'kysely';
import { debianHost, debianPackage, list, show, takeFeed, worlds } from './testing/vulnerabilities.ts';

const newWorld = worlds();

test('3.1, 3.6: what two databases name is listed once, and found by either name', async () => {
  const w = await newWorld();
  const record = (id: string, other: string): object => ({
    id,
    modified: '2026-11-01T00:00:00Z',
    aliases: [other, 'CVE-2026-1'],
    affected: [
      {
        package: { ecosystem: 'Debian:12', name: 'x' },
        ranges: [{ type: 'ECOSYSTEM', events: [{ introduced: '0' }, { fixed: '2' }] }],
      },
    ],
  });
  const [one, other] = ['GHSA-aaaa-bbbb-cccc', 'PYSEC-2026-1'] as const;
  await takeFeed(w, { name: 'osv', kind: 'osv', settings: { ecosystem: 'Debian' } }, [
    record(one, other),
    record(other, one),
  ]);
  const host = await debianHost(w, 1, [debianPackage('x', '1')]);
  await w.settle();
  const { items } = await list(w);
  assert.deepEqual(
    items.map(({ advisory, hosts }) => [advisory, hosts]),
    [[one, 1]],
  );
  for (const q of [one, other, 'CVE-2026-1', other.toLowerCase()]) {
    const found = await w.call<Affected>('getAffected', { query: { q } });
    assert.deepEqual(
      found.hosts.map(({ hostId, what }) => [hostId, what]),
      [[host, 'x 1']],
      q,
    );
    assert.deepEqual(
      (await show(w, q)).hosts.map(({ hostId }) => hostId),
      [host],
      q,
    );
  }
  // What one of them takes back stands by the other's word.
  await takeFeed(w, { name: 'osv', kind: 'osv' }, [record(other, one)]);
  await w.settle();
  assert.deepEqual(
    (await list(w)).items.map(({ advisory }) => advisory),
    [other],
  );
});

test('3.1: twins that call the package otherwise keep their severity and their other names', async () => {
  const w = await newWorld();
  const record = (id: string, other: string, name: string, fixed: string): object => ({
    id,
    modified: '2026-11-01T00:00:00Z',
    aliases: [other, 'CVE-2026-1'],
    severity: [{ type: 'CVSS_V3', score: 'CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H' }],
    affected: [
      {
        package: { ecosystem: 'PyPI', name },
        ranges: [{ type: 'ECOSYSTEM', events: [{ introduced: '0' }, { fixed }] }],
      },
    ],
  });
  const [ghsa, pysec] = ['GHSA-aaaa-bbbb-cccc', 'PYSEC-2026-1'] as const;
  await takeFeed(w, { name: 'osv', kind: 'osv', settings: { ecosystem: 'PyPI' } }, [
    record(ghsa, pysec, 'Django', '1.0'),
    record(pysec, ghsa, 'django', '2'),
  ]);
  const django = { ecosystem: 'PyPI', name: 'Django', version: '1.5', path: '/x', usedBy: [], container: false };
  await debianHost(w, 1, [], { inventories: { components: [django], unread: [] } });
  await w.settle();
  assert.deepEqual(
    (await list(w)).items.map(({ advisory, severity, aliases }) => [advisory, severity, aliases]),
    [[ghsa, 'critical', ['CVE-2026-1', pysec]]],
  );
});

test('3.1, 3.10: where a twin comes or is withdrawn, the time of what it names runs on', async () => {
  const w = await newWorld();
  const [ghsa, pysec] = ['GHSA-aaaa-bbbb-cccc', 'PYSEC-2026-1'] as const;
  const record = (id: string, other: string): object => ({
    id,
    aliases: [other, 'CVE-2026-1'],
    affected: [
      {
        package: { ecosystem: 'Debian:12', name: 'x' },
        ranges: [{ type: 'ECOSYSTEM', events: [{ introduced: '0' }, { fixed: '2' }] }],
      },
    ],
  });
  const say = async (...records: object[]): Promise<void> => {
    await takeFeed(w, { name: 'osv', kind: 'osv', settings: { ecosystem: 'Debian' } }, records);
    await w.settle();
  };
  const known = async () =>
    (await sql`select advisory, since, until from audit.match order by id`.execute(w.platform.db)).rows;
  await say(record(pysec, ghsa));
  await debianHost(w, 1, [debianPackage('x', '1')]);
  const since = w.clock.now;
  for (const [advisory, records] of [
    [ghsa, [record(pysec, ghsa), record(ghsa, pysec)]],
    [pysec, [record(pysec, ghsa)]],
  ] as const) {
    w.later(60);
    await say(...records);
    assert.deepEqual(await known(), [{ advisory, since, until: null }]);
    assert.deepEqual(
      (await list(w)).items.map((one) => one.advisory),
      [advisory],
    );
  }
  assert.deepEqual(
    (await show(w, pysec)).hosts.map(({ state, openedAt }) => [state, openedAt]),
    [['open', since.toISOString()]],
  );
});

test('3.1: an advisory of a distribution is listed under the CVEs that it mends, and still found by its own name', async () => {
  const w = await newWorld();
  const record = (id: string, upstream: string[], packages = ['x']): object => ({
    id,
    modified: '2026-11-01T00:00:00Z',
    upstream,
    affected: packages.map((name) => ({
      package: { ecosystem: 'Debian:12', name },
      ranges: [{ type: 'ECOSYSTEM', events: [{ introduced: '0' }, { fixed: '2' }] }],
    })),
  });
  const [one, two, dsa] = ['CVE-2026-1', 'CVE-2026-2', 'DSA-9-1'] as const;
  const osv = { name: 'osv', kind: 'osv', settings: { ecosystem: 'Debian' } };
  // Of y only the advisory tells.
  const both = [record(`DEBIAN-${one}`, [one]), record(`DEBIAN-${two}`, [two]), record(dsa, [one, two], ['x', 'y'])];
  await takeFeed(w, osv, both);
  const [host, other] = [
    await debianHost(w, 1, [debianPackage('x', '1')]),
    await debianHost(w, 2, [debianPackage('y', '1')]),
  ];
  await w.settle();
  const listed = async (query: object = {}): Promise<string[]> =>
    (await list(w, query)).items.map(({ advisory, hosts }) => `${advisory} ${hosts}`).toSorted();
  const found = async (q: string): Promise<string[]> =>
    (await w.call<Affected>('getAffected', { query: { q } })).hosts
      .map(({ hostId, what }) => `${hostId} ${what}`)
      .toSorted();
  assert.deepEqual(await listed(), [`${one} 1`, `${two} 1`, `${dsa} 1`]);
  assert.deepEqual(await listed({ host }), [`${one} 1`, `${two} 1`]);
  assert.deepEqual(await listed({ host: other }), [`${dsa} 1`]);
  assert.deepEqual(await listed({ text: dsa.toLowerCase() }), [`${one} 1`, `${two} 1`, `${dsa} 1`]);
  assert.deepEqual(await found(dsa), [`${host} x 1`, `${other} y 1`].toSorted());
  const shown = await show(w, dsa);
  assert.deepEqual(shown.items.map(({ advisory }) => advisory).toSorted(), [one, two, dsa]);
  assert.deepEqual(
    shown.hosts.map(({ hostId, state, packages }) => [hostId, state, packages.length]),
    [host, other].toSorted().map((id) => [id, 'open', 1]),
  );
  // Whoever asks for a CVE gets the host that has it, and the one of which only the advisory that names it tells.
  assert.deepEqual(
    (await show(w, one)).hosts.map(({ hostId }) => hostId),
    [host, other].toSorted(),
  );

  // Where a number is told of by the advisory alone, it counts for itself.
  await takeFeed(w, osv, both.slice(1));
  await w.settle();
  assert.deepEqual(await listed(), [`${two} 1`, `${dsa} 2`]);
});
