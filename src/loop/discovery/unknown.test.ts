import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Sighting } from '../../model/estate.ts';
import { testPlatform, type TestPlatform } from '../../platform/testing.ts';
import { claimHost } from './claims.ts';
import { createDiscovery, type Discovery } from './index.ts';
import { scheduleScans } from './jobs.ts';
import { entriesSince, OPERATOR } from './testing/index.ts';
import { unknownHosts } from './unknown.ts';

let platform: TestPlatform;
let discovery: Discovery;
before(async () => {
  platform = await testPlatform();
  discovery = createDiscovery(platform);
  platform.handle(discovery.jobs);
});
after(() => platform.close());

const saw = (address: string, rest: Partial<Sighting> = {}): Sighting => ({
  source: 'scan',
  address,
  at: platform.now().toISOString(),
  identifiers: [],
  ...rest,
});
const record = (...sightings: Sighting[]) =>
  platform.observe(OPERATOR, (tx) => discovery.recordSightings(tx, sightings));

test('M.10: an unknown host says who saw it and whose it may be; claimed, it is unknown no more', async () => {
  const [web] = await record(saw('10.70.0.1', { hostname: 'web-1' }));
  await claimHost(platform, OPERATOR, web!, 'known', { owner: 'shop' });
  const [stranger] = await record(saw('10.70.0.9', { source: 'peer', via: web! }));
  const [found] = await unknownHosts(platform);
  assert.equal(found?.host.id, stranger);
  assert.deepEqual(found?.seenByAgents, [{ id: web, name: 'web-1' }]);
  assert.deepEqual(found?.owners, [
    { owner: 'shop', why: ['is seen by web-1', 'is in 10.70.0.0/24, where 1 of 1 are theirs'] },
  ]);
  await claimHost(platform, OPERATOR, stranger!, 'known', { owner: 'shop' });
  assert.deepEqual(await unknownHosts(platform), []);
});

test('what is set aside until a day comes back on that day, and the trail says so', async () => {
  const [printer, camera] = await record(saw('10.70.0.20'), saw('10.70.0.21'));
  const soon = new Date(platform.now().getTime() + 200).toISOString();
  const later = new Date(platform.now().getTime() + 86_400_000).toISOString();
  assert.equal(
    (await claimHost(platform, OPERATOR, printer!, 'ignored', { reason: 'printer', until: soon })).ignoredUntil,
    soon,
  );
  await claimHost(platform, OPERATOR, camera!, 'ignored', { reason: 'camera', until: later });
  assert.deepEqual(await unknownHosts(platform), []);
  await new Promise((resolve) => setTimeout(resolve, 250));
  await scheduleScans(platform);
  assert.deepEqual(
    (await unknownHosts(platform)).map(({ host }) => host.id),
    [printer],
  );
  const last = (await entriesSince(platform, 0)).at(-1);
  assert.equal(last?.type, 'discovery.host.changed');
  assert.equal(last?.subject.id, printer);
  // Claimed meanwhile, it stays so.
  await claimHost(platform, OPERATOR, camera!, 'known', {});
  assert.equal((await discovery.host(camera!))?.ignoredUntil, null);
});
