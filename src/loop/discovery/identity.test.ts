import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { sql } from 'kysely';
import { systemActor } from '../../model/actor.ts';
import type { Identifier, Sighting } from '../../model/estate.ts';
import { isAppError } from '../../model/errors/index.ts';
import { testPlatform, type TestPlatform } from '../../platform/testing.ts';
import { importHosts } from './claims.ts';
import { askable } from './identity.ts';
import { createDiscovery, type Discovery } from './index.ts';
import { hostsAround } from './store-around.ts';
import { entriesSince, lastEntry, OPERATOR } from './testing/index.ts';

let platform: TestPlatform;
let discovery: Discovery;
before(async () => {
  platform = await testPlatform();
  discovery = createDiscovery(platform);
  platform.handle(discovery.jobs);
});
after(() => platform.close());

const ssh = (value: string): Identifier => ({ kind: 'ssh-host-key', value: `SHA256:${value}` });
const machine = (value: string): Identifier => ({ kind: 'machine-id', value });
const agentKey = (value: string): Identifier => ({ kind: 'agent-key', value });

async function see(address: string, ...identifiers: Identifier[]): Promise<string> {
  const sighting: Sighting = { source: 'scan', address, at: new Date().toISOString(), identifiers };
  const ids = await platform.observe(systemActor('test'), (tx) => discovery.recordSightings(tx, [sighting]));
  return ids[0]!;
}

function attach(
  agent: Partial<Parameters<Discovery['attachAgent']>[1]> & { addresses: string[]; identifiers: Identifier[] },
) {
  const full = {
    agentId: platform.newId('agent'),
    version: '0.1.0',
    hostname: 'web-1',
    expectedHostId: null,
    ...agent,
  };
  return platform.act(
    systemActor('test'),
    { type: 'enrollment.agent.enrolled', subject: { kind: 'agent', id: full.agentId } },
    (tx) => discovery.attachAgent(tx, full),
  );
}

test('an agent joins the host that a scan found, and names it', async () => {
  const found = await see('10.1.0.5', ssh('A'));
  const hostId = await attach({
    identifiers: [agentKey('k1'), machine('m1'), ssh('A')],
    addresses: ['127.0.0.1', '10.1.0.5', 'fe80::1'],
  });
  assert.equal(hostId, found);
  const host = (await discovery.host(found))!;
  assert.equal(host.management, 'managed');
  assert.equal(host.name, 'web-1');
  assert.deepEqual(host.addresses, ['10.1.0.5'], 'addresses that every machine has are left out');
  assert.deepEqual(host.sources, ['scan', 'agent']);
});

test('an agent keeps its host over any change of address, and re-enrolment does not make a second one', async () => {
  const first = await attach({
    hostname: 'db-1',
    identifiers: [agentKey('k2'), machine('m2'), ssh('B')],
    addresses: ['10.1.1.5'],
  });
  const moved = await attach({
    hostname: 'db-1',
    identifiers: [agentKey('k2'), machine('m2'), ssh('B')],
    addresses: ['10.1.1.9'],
  });
  assert.equal(moved, first);
  const again = await attach({
    hostname: 'db-1',
    identifiers: [agentKey('k2b'), machine('m2'), ssh('B')],
    addresses: ['10.1.1.9'],
  });
  assert.equal(again, first);
});

test('an agent on a machine cloned from another gets its own host', async () => {
  const original = await see('10.1.2.1', ssh('C'));
  await attach({
    hostname: 'gold',
    identifiers: [agentKey('k3'), machine('m3'), ssh('C')],
    addresses: ['10.1.2.1'],
    expectedHostId: original,
  });
  const clone = await see('10.1.2.2', ssh('D'));
  const cloned = await attach({
    hostname: 'gold-2',
    identifiers: [agentKey('k4'), machine('m4'), ssh('D')],
    addresses: ['10.1.2.2'],
    expectedHostId: clone,
  });
  assert.equal(cloned, clone);
  assert.notEqual(cloned, original);
});

test('a token for one host is good for nothing on another machine, whatever that one claims to be', async () => {
  const meant = await see('10.1.3.1', ssh('E'));
  const victim = await see('10.1.3.2', ssh('F'));
  // It tells the identity of a third machine, which anybody may read off its SSH server.
  const thief = { hostname: 'other', identifiers: [agentKey('k5'), ssh('F')], addresses: ['10.1.3.2'] };
  await assert.rejects(attach({ ...thief, expectedHostId: meant }), (error) => isAppError(error, 'ENROLL_OTHER_HOST'));
  assert.notEqual((await discovery.host(victim))?.management, 'managed');
});

test('1.7, 1.10: a second address merges only when its measured key is the agent’s own, and the merge says why', async () => {
  const one = await see('10.1.4.1', ssh('G'));
  const two = await platform.observe(systemActor('test'), async (tx) => {
    const at = new Date().toISOString();
    const both: Sighting[] = ['10.1.4.1', '10.1.4.2'].map((address) => ({
      source: 'scan',
      address,
      at,
      identifiers: [ssh('G')],
    }));
    return (await discovery.recordSightings(tx, both))[1]!;
  });
  assert.notEqual(two, one);
  const stranger = await see('10.1.4.3', ssh('H'));
  const bare = await see('10.1.4.4');
  const hostId = await attach({
    hostname: 'multi',
    identifiers: [agentKey('k6'), machine('m6'), ssh('G')],
    addresses: ['10.1.4.1', '10.1.4.2', '10.1.4.3', '10.1.4.4'],
    expectedHostId: one,
  });
  assert.equal(hostId, one);
  assert.equal((await discovery.host(two))?.supersededBy, one);
  const merged = await lastEntry(platform, 'discovery.host.merged', one);
  assert.match((merged.detail as { why: string }).why, /10\.1\.4\.2.*measured.*ssh-host-key/);
  for (const id of [stranger, bare]) assert.equal((await discovery.host(id))?.presence, 'up');
  assert.equal((await discovery.hostByAddress('10.1.4.3'))?.id, stranger, 'who answers there outranks who claims it');
  // Later sightings at either address are that host: no split again.
  assert.equal(await see('10.1.4.2', ssh('G')), one);
  assert.equal(await see('10.1.4.1', ssh('G')), one);
});

test('an imported list makes hosts known, before or after a scan finds them', async () => {
  const seen = await see('10.1.5.1', ssh('I'));
  const text =
    'address,name,owner,env\n10.1.5.1,shop-1,"web, team",prod\n10.1.5.2,shop-2,,test\nno-such-host.invalid,,,\n';
  const result = await importHosts(platform, OPERATOR, text);
  assert.deepEqual(
    result.skipped.map((s) => s.line),
    [4],
  );
  const first = (await discovery.host(seen))!;
  assert.equal(first.claim, 'known');
  assert.equal(first.discoveredAs, 'unknown', 'nobody had listed it when it was found');
  assert.equal(first.name, 'shop-1');
  assert.equal(first.owner, 'web, team');
  assert.deepEqual(first.tags, { env: 'prod' });
  const second = (await discovery.hostByAddress('10.1.5.2'))!;
  assert.equal(second.discoveredAs, 'known');
  assert.equal(await see('10.1.5.2', ssh('J')), second.id);
  assert.deepEqual(
    (await discovery.hosts({ tag: { key: 'env', value: 'test' } })).map((h) => h.id),
    [second.id],
  );
  const claimed = (await entriesSince(platform, 0)).findLast((entry) => entry.type === 'discovery.host.claimed')!;
  assert.deepEqual(claimed.related.map((subject) => subject.id).sort(), [seen, second.id].sort());
});

test('what a machine no longer has among its addresses ends when it enrols again', async () => {
  const enrol = (addresses: string[]) =>
    attach({ hostname: 'roamer', identifiers: [agentKey('k9'), machine('m9')], addresses });
  const hostId = await enrol(['10.1.7.1', '10.1.7.2']);
  assert.equal(await enrol(['10.1.7.2', '10.1.7.3']), hostId);
  assert.deepEqual((await discovery.host(hostId))?.addresses, ['10.1.7.2', '10.1.7.3']);
  assert.equal(await discovery.hostByAddress('10.1.7.1'), null);
});

test('deciding who somebody is reads no host that only has the same TLS key', async () => {
  const tls: Identifier = { kind: 'tls-key', value: 'f'.repeat(64) };
  const one = await see('10.1.8.1', ssh('L'), tls);
  await see('10.1.8.2', ssh('M'), tls);
  const at = new Date().toISOString();
  const sighting: Sighting = { source: 'scan', address: '10.1.8.1', at, identifiers: [ssh('L'), tls] };
  const around = await hostsAround(platform.db, [sighting]);
  assert.deepEqual(
    around.map((host) => [host.id, host.identifiers]),
    [[one, [ssh('L')]]],
  );
});

test('the database refuses a change of a host or scope that leaves no entry', async () => {
  const id = await see('10.1.6.1', ssh('K'));
  await assert.rejects(
    platform.observe(systemActor('test'), (tx) => discovery.setManagement(tx, id, 'unmanageable', 'quietly')),
    /entry|ledger/i,
  );
  assert.equal((await discovery.host(id))?.management, 'unmanaged');
});

test('what nobody can ask takes no place among the questions, nor does an address that is asked already', () => {
  const macs = Array.from({ length: 300 }, () => ({
    address: '10.1.9.1',
    identifier: { kind: 'mac', value: '02:00:00:00:00:01' } as const,
  }));
  const copies = Array.from({ length: 300 }, () => ({ address: '10.1.9.2', identifier: ssh('copied') }));
  const last = { address: '10.1.9.3', identifier: ssh('moved') };
  // The key that few have comes first.
  assert.deepEqual(askable([...macs, ...copies, last]), ['10.1.9.3', '10.1.9.2']);
});

test('a key that hundreds of machines share leaves room for questions about the others', () => {
  const shared = Array.from({ length: 300 }, (_, n) => ({
    address: `10.2.${n >> 8}.${n & 255}`,
    identifier: ssh('baked into the image'),
  }));
  const own = { address: '10.1.9.4', identifier: ssh('of a machine behind a balancer') };
  assert.ok(askable([...shared, own]).includes('10.1.9.4'));
});

test('two hosts that swap their addresses swap the names that they have of them', async () => {
  const at = (minute: number) => `2031-01-01T00:0${minute}:00.000Z`;
  const scan = (minute: number, keys: string[]) =>
    platform.observe(systemActor('test'), (tx) =>
      discovery.recordSightings(
        tx,
        keys.map((key, n) => ({
          source: 'scan' as const,
          address: `10.1.10.${n + 1}`,
          at: at(minute),
          identifiers: [ssh(key)],
        })),
      ),
    );
  const [one, two] = await scan(1, ['swap-1', 'swap-2']);
  await scan(2, ['swap-2', 'swap-1']);
  assert.equal((await discovery.host(one!))?.name, '10.1.10.2');
  assert.equal((await discovery.host(two!))?.name, '10.1.10.1');
});

test('who is seen again with nothing new leaves two rows behind, whatever was told before', async () => {
  const at = (day: number) => `2031-02-0${day}T00:00:00.000Z`;
  const scan = (day: number, key: string) =>
    platform.observe(systemActor('test'), (tx) =>
      discovery.recordSightings(tx, [{ source: 'scan', address: '10.1.11.1', at: at(day), identifiers: [ssh(key)] }]),
    );
  const [id] = await scan(1, 'told');
  const rows = async () =>
    (
      await sql<{ at: Date; until: Date | null; last_seen: Date; current_last: Date; sightings: number }>`
        select s.at, s.until, p.last_seen, a.last_seen as current_last, c.sightings
        from discovery.sighting s join discovery.presence p using (host_id)
        join discovery.address a using (host_id) join discovery.host_source c using (host_id)
        where host_id = ${id!} order by s.id`.execute(platform.db)
    ).rows.map((row) => [row.at, row.until, row.last_seen, row.current_last, Number(row.sightings)]);
  await scan(2, 'told');
  const [day1, day2] = [new Date(at(1)), new Date(at(2))];
  assert.deepEqual(await rows(), [[day1, null, day2, day1, 2]]);
  assert.equal((await discovery.host(id!))?.lastSeen, at(2));
  // Another machine has the address: what was told of the first there has ended.
  await scan(3, 'another');
  assert.deepEqual((await rows())[0]?.[1], new Date(at(3)));
});
