import assert from 'node:assert/strict';
import { test } from 'node:test';
import { matchPackage } from '../logic/advisories/match.ts';
import { versionOrder } from '../versions/registry.ts';
import { osv } from './osv.ts';
import { own } from './testing.ts';

interface Names {
  id: string;
  aliases?: string[];
  upstream?: string[];
  related?: string[];
}

function told(fixes: (Names & { fixed: string })[], version = '1.5', ecosystem = 'PyPI'): string[] {
  const records = fixes.map(({ fixed, ...names }) => ({
    ...names,
    affected: [
      { package: { ecosystem, name: 'x' }, ranges: [{ type: 'ECOSYSTEM', events: [{ introduced: '0' }, { fixed }] }] },
    ],
  }));
  const statements = osv.parse(Buffer.from(JSON.stringify(records)), {}).statements;
  const [name, release] = ecosystem.split(':');
  const one = { ecosystem: name!, release: release ?? null, name: 'x', version, source: 'x', sourceVersion: version };
  return [statements, statements.toReversed()]
    .map((all) => matchPackage(own(all), one, versionOrder).map(({ id, verdict, fix }) => `${id} ${verdict} ${fix}`))
    .reduce((a, b) => {
      assert.deepEqual(a.toSorted(), b.toSorted(), 'in any order');
      return a.toSorted();
    });
}

test('3.1: one vulnerability under the names of two databases is one alarm, which says the worse of both', () => {
  const ghsa = { id: 'GHSA-aaaa-bbbb-cccc', aliases: ['CVE-2026-1', 'PYSEC-2026-1'] };
  const pysec = { id: 'PYSEC-2026-1', aliases: ['CVE-2026-1', 'GHSA-aaaa-bbbb-cccc'] };
  assert.deepEqual(
    told([
      { ...ghsa, fixed: '2.0' },
      { ...pysec, fixed: '2.0' },
    ]),
    ['GHSA-aaaa-bbbb-cccc affected 2.0'],
  );
  assert.deepEqual(
    told([
      { ...ghsa, fixed: '1.0' },
      { ...pysec, fixed: '2.0' },
    ]),
    ['GHSA-aaaa-bbbb-cccc affected 2.0'],
  );
  // Whoever went to the earlier fix would still burn.
  assert.deepEqual(
    told([
      { ...ghsa, fixed: '1.10' },
      { ...pysec, fixed: '1.9' },
    ]),
    ['GHSA-aaaa-bbbb-cccc affected 1.10'],
  );
  assert.deepEqual(
    told([
      { ...ghsa, fixed: '1.9' },
      { ...pysec, fixed: '1.10' },
    ]),
    ['GHSA-aaaa-bbbb-cccc affected 1.10'],
  );
  assert.deepEqual(
    told([
      { ...ghsa, fixed: '1.0' },
      { ...pysec, fixed: '1.2' },
    ]),
    ['GHSA-aaaa-bbbb-cccc fixed null'],
  );
  // A distribution's CVE, and its advisory on that one alone.
  const usn = [
    { id: 'UBUNTU-CVE-2026-1', upstream: ['CVE-2026-1'], related: ['USN-1-1'], fixed: '2' },
    { id: 'USN-1-1', upstream: ['CVE-2026-1', 'UBUNTU-CVE-2026-1'], fixed: '2' },
  ];
  assert.deepEqual(told(usn, '1', 'Ubuntu:22.04'), ['CVE-2026-1 affected 2']);
});

test('3.1: an erratum of several CVEs is none of them, and a name that only one of two gives makes them no twins', () => {
  const several = [
    { id: 'GHSA-1111-1111-1111', aliases: ['CVE-2026-1', 'SA-1'], fixed: '2.0' },
    { id: 'GHSA-2222-2222-2222', aliases: ['CVE-2026-2', 'SA-1'], fixed: '2.0' },
    { id: 'SA-1', aliases: ['CVE-2026-1', 'CVE-2026-2', 'GHSA-1111-1111-1111', 'GHSA-2222-2222-2222'], fixed: '2.0' },
  ];
  assert.equal(told(several).length, 3);
  const oneSided = [
    { id: 'GHSA-1111-1111-1111', aliases: ['PYSEC-2026-1'], fixed: '2.0' },
    { id: 'PYSEC-2026-1', aliases: ['CVE-2026-9'], fixed: '2.0' },
  ];
  assert.equal(told(oneSided).length, 2);
});

test('3.1: names that go by way of a third record are one alarm in any order, and two CVEs never are', () => {
  const [a, b, z] = ['GHSA-1111-1111-1111', 'GHSA-2222-2222-2222', 'PYSEC-2026-1'] as const;
  const chain = (middle: string, ends: [string, string], cves: [string, string]) => [
    { id: middle, aliases: ends, fixed: '1.0' },
    ...ends.map((id, at) => ({ id, aliases: [middle, cves[at]!], fixed: '2.0' })),
  ];
  const one: [string, string] = ['CVE-2026-1', 'CVE-2026-1'];
  assert.deepEqual(told(chain(z, [a, b], one)), [`${a} affected 2.0`]);
  assert.deepEqual(told(chain(b, [a, z], one)), [`${a} affected 2.0`]);
  assert.deepEqual(told(chain(b, [a, z], ['CVE-2026-1', 'CVE-2026-2'])), [`${a} affected 2.0`, `${z} affected 2.0`]);
});
