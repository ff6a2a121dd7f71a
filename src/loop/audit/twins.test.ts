import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Affected } from '../../model/finding.ts';
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
