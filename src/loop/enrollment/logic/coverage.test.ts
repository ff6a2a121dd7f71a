import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Host } from '../../../model/estate.ts';
import { coverageOf, type Segment } from './coverage.ts';

const NOW = new Date('2026-03-10T00:00:00.000Z');
const ago = (hours: number): string => new Date(NOW.getTime() - hours * 3_600_000).toISOString();
const all: Segment = { kind: 'all', name: 'all', within: 24, holds: () => true };

function host(id: string, more: Partial<Host>): Host {
  return {
    id,
    name: id,
    addresses: [],
    identifiers: [],
    claim: 'unknown',
    management: 'unmanaged',
    tags: {},
    owner: null,
    guess: null,
    sources: ['scan'],
    agentId: null,
    agentVersion: null,
    firstSeen: ago(100),
    lastSeen: ago(0),
    discoveredAs: 'unknown',
    note: null,
    presence: 'up',
    supersededBy: null,
    ...more,
  };
}

test('coverage: set aside and superseded records are not counted, lost ones are overdue at once', () => {
  const hosts = [
    host('quick', { management: 'managed' }),
    host('slow', { management: 'managed' }),
    host('lost', { management: 'lost', lastSeen: ago(3) }),
    host('new', { firstSeen: ago(2) }),
    host('old', {}),
    host('printer', { claim: 'ignored' }),
    host('gone', { presence: 'superseded' }),
    host('vip', { shared: { address: '10.0.0.9', kind: 'vip', members: ['quick', 'slow'], why: 'it moves' } }),
  ];
  const since = new Map([
    ['quick', new Date(Date.parse(ago(99)))],
    ['slow', new Date(Date.parse(ago(50)))],
    ['lost', new Date(Date.parse(ago(98)))],
  ]);
  const counted = coverageOf(all, hosts, { since, agentless: new Set(['slow']) }, NOW);
  assert.deepEqual(
    [counted.hosts, counted.managed, counted.agentless, counted.unmanaged, counted.lost, counted.ignored],
    [5, 2, 1, 2, 1, 1],
  );
  assert.deepEqual(
    counted.overdue.map((one) => [one.hostId, one.hours]),
    [
      ['old', 100],
      ['lost', 3],
    ],
  );
  // quick and lost in time; slow and old not; new has time left.
  assert.deepEqual([counted.kept, counted.median, counted.p95], [0.5, 2, 50]);
});

test('property: the states add up, and the share kept is between none and all', () => {
  const some = fc.array(
    fc.record({
      management: fc.constantFrom<Host['management']>('unmanaged', 'managed', 'lost', 'unmanageable'),
      claim: fc.constantFrom<Host['claim']>('unknown', 'known', 'ignored'),
      seen: fc.integer({ min: 0, max: 200 }),
      took: fc.option(fc.integer({ min: 0, max: 200 })),
    }),
  );
  fc.assert(
    fc.property(some, (given) => {
      const hosts = given.map(({ management, claim, seen }, i) =>
        host(`h${i}`, { management, claim, firstSeen: ago(seen) }),
      );
      const since = new Map(
        given.flatMap(({ took, seen }, i) =>
          took === null ? [] : [[`h${i}`, new Date(Date.parse(ago(seen)) + took * 3_600_000)]],
        ),
      );
      const counted = coverageOf(all, hosts, { since, agentless: new Set() }, NOW);
      const { managed, unmanaged, unmanageable, lost, ignored } = counted;
      assert.equal(managed + unmanaged + unmanageable + lost, counted.hosts);
      assert.equal(counted.hosts + ignored, hosts.length);
      assert.ok(counted.kept === null || (counted.kept >= 0 && counted.kept <= 1));
      assert.ok((counted.median ?? 0) <= (counted.p95 ?? 0));
    }),
  );
});
