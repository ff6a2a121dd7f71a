import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { sql } from 'kysely';
import { systemActor } from '../../model/actor.ts';
import type { Identifier, Sighting } from '../../model/estate.ts';
import type { TlsProbe } from '../../model/probe.ts';
import { testPlatform, type TestPlatform } from '../../platform/testing.ts';
import { importHosts } from './claims.ts';
import { createDiscovery, type Discovery } from './index.ts';
import { recordLooks } from './looks.ts';
import { CLAIM_DAYS } from './retention.ts';
import { OPERATOR } from './testing/index.ts';

const DAY = 86_400_000;
let platform: TestPlatform;
let discovery: Discovery;
const clock = { now: new Date('2026-01-01T00:00:00Z') };
before(async () => {
  platform = await testPlatform({ now: () => clock.now });
  discovery = createDiscovery(platform);
});
after(() => platform.close());

const later = (days: number): void => void (clock.now = new Date(clock.now.getTime() + days * DAY));
const retain = (): Promise<void> => discovery.jobs['discovery.retention']!({});

function sightingOf(source: Sighting['source'], address: string, ...identifiers: Identifier[]): Sighting {
  return { source, address, at: clock.now.toISOString(), identifiers };
}
const see = async (...sightings: Sighting[]): Promise<string> =>
  (await platform.observe(systemActor('test'), (tx) => discovery.recordSightings(tx, sightings)))[0]!;

async function count(from: string, where: string): Promise<number> {
  const { rows } = await sql<{
    n: string;
  }>`select count(*) as n from ${sql.raw(`discovery.${from} where ${where}`)}`.execute(platform.db);
  return Number(rows[0]!.n);
}

test('old sightings go, the last of each source stays, and so does what is counted', async () => {
  const hostId = await see(sightingOf('scan', '10.2.0.1'), sightingOf('peer', '10.2.0.1'));
  await see(sightingOf('scan', '10.2.0.1'));
  later(platform.config.historyDays + 1);
  await retain();
  assert.equal(await count('sighting', `host_id = '${hostId}'`), 2, 'one of each source');
  assert.deepEqual((await discovery.host(hostId))?.sources, ['peer', 'scan']);
  await see(sightingOf('scan', '10.2.0.1'));
  await retain();
  assert.equal(await count('sighting', `host_id = '${hostId}' and source = 'scan'`), 1, 'the new one');
});

const probe = (key: string, verdict: TlsProbe['heartbleed']['verdict'], notAfter: string): TlsProbe => ({
  protocol: 'tls',
  versions: ['TLSv1.2'],
  chain: [
    {
      fingerprint: key.repeat(64),
      spki: key.repeat(64),
      serial: key,
      subject: 'CN=x',
      issuer: 'CN=ca',
      names: [],
      notBefore: '2020-01-01T00:00:00.000Z',
      notAfter,
      keyType: 'rsa',
      crlUrls: [],
      ocspUrls: [],
      pem: '',
    },
  ],
  heartbleed: { verdict, extension: false, leakedBytes: 0, reason: '' },
});

test('old results of an endpoint go, but for the last, what leaked, and certificates that are still in time', async () => {
  const hostId = await see(sightingOf('scan', '10.2.1.1'));
  const look = (result: TlsProbe): Promise<unknown> =>
    platform.observe(systemActor('test'), (tx) =>
      recordLooks(platform, tx, hostId, [{ address: '10.2.1.1', port: 443, at: clock.now, result, error: null }]),
    );
  const [soon, far] = [new Date(clock.now.getTime() + DAY).toISOString(), '2099-01-01T00:00:00.000Z'];
  const [a, b, c, d] = [
    probe('a', 'vulnerable', soon),
    probe('b', 'safe', soon),
    probe('c', 'safe', far),
    probe('d', 'safe', soon),
  ];
  for (const result of [a, b, c, b, c, d]) await look(result);
  later(platform.config.historyDays + 1);
  await retain();
  const [endpoint] = await discovery.endpoints({ hostId });
  const left = (await discovery.endpointHistory(endpoint!.id)).map((one) => (one.probe as TlsProbe).chain[0]!.serial);
  assert.deepEqual(left, ['a', 'c', 'd']);
  assert.deepEqual((endpoint!.probe as TlsProbe).chain[0]!.serial, 'd');
});

test('a claimed address ends when nobody repeats it; the only one of a host, and those of living agents, do not', async () => {
  const text = 'address,name\n10.2.2.1,listed-1\n10.2.2.2,listed-2\n';
  const { hosts } = await importHosts(platform, OPERATOR, text);
  const [alone, two] = [hosts[0]!.id, hosts[1]!.id];
  await see(sightingOf('scan', '10.2.2.9', { kind: 'ssh-host-key', value: 'SHA256:x' }));
  const agent = await platform.act(
    systemActor('test'),
    { type: 'enrollment.agent.enrolled', subject: { kind: 'agent', id: 'agent_1' } },
    (tx) =>
      discovery.attachAgent(tx, {
        agentId: 'agent_1',
        version: '1',
        hostname: 'living',
        identifiers: [{ kind: 'ssh-host-key', value: 'SHA256:x' }],
        addresses: ['10.2.2.9', '10.2.2.10'],
        expectedHostId: null,
      }),
  );
  await platform.observe(systemActor('test'), (tx) =>
    discovery.updateIdentity(tx, two, { hostname: 'listed-2', identifiers: [], addresses: ['10.2.2.3'] }),
  );
  later(CLAIM_DAYS - 1);
  await platform.observe(systemActor('test'), (tx) =>
    discovery.updateIdentity(tx, two, { hostname: 'listed-2', identifiers: [], addresses: ['10.2.2.3'] }),
  );
  later(2);
  await retain();
  const addresses = async (id: string) => (await discovery.host(id))?.addresses;
  assert.deepEqual(await addresses(alone), ['10.2.2.1']);
  assert.deepEqual(await addresses(two), ['10.2.2.3']);
  assert.deepEqual(await addresses(agent), ['10.2.2.9', '10.2.2.10']);
  assert.equal(await discovery.hostByAddress('10.2.2.2'), null);
});

test('who departed is remembered for a day, for whoever writes a batch meanwhile', async () => {
  const key: Identifier = { kind: 'ssh-host-key', value: 'departs' };
  const hostId = await see(sightingOf('scan', '10.2.7.1', key));
  assert.equal(await see(sightingOf('scan', '10.2.7.2', key)), hostId);
  const own = `host_id = '${hostId}'`;
  await retain();
  assert.equal(await count('departure', own), 1);
  await sql`update discovery.departure set at = at - interval '25 hours' where host_id = ${hostId}`.execute(
    platform.db,
  );
  await retain();
  assert.equal(await count('departure', own), 0);
});
