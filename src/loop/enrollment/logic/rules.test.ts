import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Host } from '../../../model/estate.ts';
import { wantedBy } from './rules.ts';

const host = (id: string, more: Partial<Host> = {}): Host => ({
  id,
  name: id,
  addresses: ['10.0.0.9'],
  identifiers: [],
  claim: 'unknown',
  management: 'unmanaged',
  tags: {},
  owner: null,
  guess: null,
  sources: ['scan'],
  agentId: null,
  agentVersion: null,
  firstSeen: '2026-11-20T10:00:00.000Z',
  lastSeen: '2026-11-20T10:00:00.000Z',
  discoveredAs: 'unknown',
  note: null,
  ...more,
});

test('a rule deploys to machines, not to an address that several of them have', () => {
  const shared = { address: '10.0.0.9', kind: 'vip' as const, members: ['a', 'b'], why: 'it moves between them' };
  const hosts = [host('machine'), host('vip', { shared }), host('aside', { claim: 'ignored' })];
  const wanted = wantedBy({ where: ['10.0.0.0/24'], redeploy: false }, hosts, new Map(), new Date(0));
  assert.deepEqual(
    wanted.map(({ id }) => id),
    ['machine'],
  );
});
