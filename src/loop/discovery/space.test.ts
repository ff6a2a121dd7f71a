import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { sql } from 'kysely';
import type { Sighting, SourceName } from '../../model/estate.ts';
import { testPlatform, type TestPlatform } from '../../platform/testing.ts';
import { createDiscovery, type Discovery } from './index.ts';
import { blindness } from './logic/space.ts';
import { addressSpace } from './space.ts';
import { addScope, OPERATOR } from './testing/index.ts';

let platform: TestPlatform;
let discovery: Discovery;
before(async () => {
  platform = await testPlatform();
  discovery = createDiscovery(platform);
});
after(() => platform.close());

const saw = (source: SourceName, address: string): Sighting => ({
  source,
  address,
  at: platform.now().toISOString(),
  identifiers: [],
});
const record = (...sightings: Sighting[]) =>
  platform.observe(OPERATOR, (tx) => discovery.recordSightings(tx, sightings));

test('M.10: a host off the list is found by two sources; space that nobody looks at is named', async () => {
  const scope = await addScope(platform, {
    name: 'lan',
    cidrs: ['10.60.0.0/23'],
    ports: '22',
    exclude: ['10.60.1.0/24'],
  });
  await addScope(platform, { name: 'idle', cidrs: ['10.61.0.0/24'], ports: '22' });
  await record(saw('scan', '10.60.0.5'), saw('import', '10.60.0.6'));
  await record(
    saw('peer', '10.60.0.5'),
    saw('aws', '10.99.0.1'),
    saw('dns', '2001:db8:1::5'),
    saw('scan', '10.60.1.7'),
  );
  let space = await addressSpace(platform);
  const of = (block: string) => space.items.find((one) => one.block === block)!;
  assert.deepEqual(
    space.items.map(({ block }) => block),
    ['10.60.0.0/24', '10.60.1.0/24', '10.99.0.0/24', '2001:db8:1::/64'],
  );
  assert.deepEqual(
    {
      hosts: of('10.60.0.0/24').hosts,
      unknown: of('10.60.0.0/24').unknown,
      unlisted: of('10.60.0.0/24').unlisted,
      unseen: of('10.60.0.0/24').unseen,
    },
    { hosts: 2, unknown: 1, unlisted: 1, unseen: 1 },
  );
  assert.deepEqual(
    of('10.60.0.0/24').sources.map(({ source, hosts }) => [source, hosts]),
    [
      ['import', 1],
      ['peer', 1],
      ['scan', 1],
    ],
  );
  assert.equal(of('10.60.0.0/24').blind, 'scope lan was never scanned to its end');
  assert.equal(of('10.60.1.0/24').blind, 'in no scope: no scan looks there', 'what is excluded is not looked at');
  assert.equal(of('10.99.0.0/24').scope, null);
  assert.equal(space.twice, 1);
  assert.deepEqual(
    space.empty.map((one) => one.scope),
    ['idle'],
  );
  await sql`insert into discovery.scan (id, scope_id, scope_name, targets, resolved, exclude, ports, rate, confirm_wide,
      state, seed, counts, actor, created_at, finished_at)
    values ('scan_1', ${scope.id}, 'lan', '[]', '[]', '[]', 'fast', 1, false, 'done', 1, '{}', '{}', now(), now())`.execute(
    platform.db,
  );
  space = await addressSpace(platform);
  assert.equal(of('10.60.0.0/24').blind, null);
});

test('what a scan saw long ago says little about today', () => {
  const now = new Date('2026-03-20T00:00:00Z');
  const scope = { name: 'lan', every: null };
  assert.equal(blindness(scope, new Date('2026-03-14T00:00:00Z'), now), null);
  assert.match(blindness(scope, new Date('2026-03-01T00:00:00Z'), now) ?? '', /19 days ago, by hand/);
  assert.doesNotMatch(
    blindness({ ...scope, every: '0 3 * * *' }, new Date('2026-03-01T00:00:00Z'), now) ?? '',
    /by hand/,
  );
});
