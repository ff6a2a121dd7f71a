import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { sql } from 'kysely';
import type { Sighting } from '../../model/estate.ts';
import { SourceInput } from '../../model/source.ts';
import { testPlatform, type TestPlatform } from '../../platform/testing.ts';
import { createDiscovery, type Discovery } from './index.ts';
import { notLooked } from './not-looked.ts';
import { addSource } from './sources.ts';
import { addScope, OPERATOR, pushAndRead } from './testing/index.ts';

let platform: TestPlatform;
let discovery: Discovery;
before(async () => {
  platform = await testPlatform();
  discovery = createDiscovery(platform);
  platform.handle(discovery.jobs);
});
after(() => platform.close());

const saw = (address: string): Sighting => ({
  source: 'scan',
  address,
  at: platform.now().toISOString(),
  identifiers: [],
});

test('1.18: what we failed to look at is a list, with why; what was looked at is not on it', async () => {
  assert.deepEqual(await notLooked(platform), []);
  await addScope(platform, { name: 'never', cidrs: ['10.80.0.0/24'], ports: '22' });
  const ids = await platform.observe(OPERATOR, (tx) =>
    discovery.recordSightings(tx, [saw('10.80.0.1'), saw('10.81.0.1')]),
  );
  await platform.act(OPERATOR, { type: 'discovery.host.changed', subject: { kind: 'host', id: ids[1]! } }, (tx) =>
    discovery.setManagement(tx, ids[1]!, 'lost'),
  );
  await sql`insert into discovery.endpoint (id, host_id, address, port, service, probe, last_error, state, first_seen, last_seen)
    values ('endpoint_1', ${ids[0]!}, '10.80.0.1', 443, 'tls', null, 'the probe stopped: it hung up', 'open', now(), now()),
      ('endpoint_2', ${ids[0]!}, '10.80.0.1', 22, 'ssh', null, null, 'open', now(), now())`.execute(platform.db);
  await addSource(
    platform,
    OPERATOR,
    SourceInput.parse({
      name: 'deaf',
      kind: 'hetzner',
      settings: { url: 'http://127.0.0.1:1' },
      secrets: { token: 'x' },
    }),
  );
  await platform.drain();
  const found = await notLooked(platform);
  assert.deepEqual(
    found.map(({ what, name }) => `${what} ${name}`),
    ['source deaf', 'scope never', 'space 10.81.0.0/24', 'host 10.81.0.1', 'endpoint 10.80.0.1:443'],
  );
  assert.match(found[0]!.why, /ECONNREFUSED|bad port|connect/i);
  assert.equal(found[1]!.why, 'scope never was never scanned to its end');
  assert.equal(found[4]!.hostId, ids[0]);
});

test('1.18: a site where scans wait and no scanner calls is in it', async () => {
  await addScope(platform, { name: 'branch', cidrs: ['10.81.0.0/24'], ports: '22', site: 'berlin' });
  const found = (await notLooked(platform)).filter(({ what }) => what === 'site');
  assert.deepEqual(
    found.map(({ name, lastAt }) => ({ name, lastAt })),
    [{ name: 'berlin', lastAt: null }],
  );
  assert.match(found[0]!.why, /has no scanner/);
});

test('1.16, 1.18: who is on the bill and no host of ours is named, until somebody finds it', async () => {
  const source = { name: 'costs', kind: 'bill' as const };
  await addSource(platform, OPERATOR, SourceInput.parse(source));
  const row = (id: string): string =>
    `Amazon EC2,111122223333,eu-west-1,arn:aws:ec2:eu-west-1:111122223333:instance/${id},2026-01-01T00:00:00Z`;
  const text = [
    'ServiceName,SubAccountId,RegionId,ResourceId,ChargePeriodStart',
    row('i-0aaaaaaaa'),
    row('i-0bbbbbbbb'),
  ];
  const pushed = await pushAndRead(platform, 'costs', text.join('\n'));
  assert.deepEqual(pushed.counts?.skipped, [{ why: 'machine without an address that others can reach', count: 2 }]);
  const missing = async (): Promise<string[]> =>
    (await notLooked(platform)).filter(({ what }) => what === 'machine').map(({ name, why }) => `${name}: ${why}`);
  const said = (id: string): string =>
    `arn:aws:ec2:eu-west-1:111122223333:instance/${id}: costs tells of it without an address (Amazon EC2, account 111122223333, eu-west-1), and no host is known to be it`;
  assert.deepEqual(await missing(), [said('i-0aaaaaaaa'), said('i-0bbbbbbbb')]);
  const identifiers = [{ kind: 'cloud-id' as const, value: 'aws:i-0aaaaaaaa' }];
  await platform.observe(OPERATOR, (tx) => discovery.recordSightings(tx, [{ ...saw('10.82.0.1'), identifiers }]));
  assert.deepEqual(await missing(), [said('i-0bbbbbbbb')]);
  await pushAndRead(platform, 'costs', text.slice(0, 2).join('\n'));
  assert.deepEqual(await missing(), []);
});
