import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Sighting } from '../../model/estate.ts';
import { testPlatform, type TestPlatform } from '../../platform/testing.ts';
import { createDiscovery, type Discovery } from './index.ts';
import { notLooked } from './not-looked.ts';
import { addressSpace } from './space.ts';
import { decisionsOf } from './store-hosts.ts';
import { removeFaces } from './store-retention.ts';
import { facesAt } from './store-shared.ts';
import { entriesSince, OPERATOR } from './testing/index.ts';
import { unknownHosts } from './unknown.ts';

let platform: TestPlatform;
let discovery: Discovery;
before(async () => {
  platform = await testPlatform();
  discovery = createDiscovery(platform);
});
after(() => platform.close());

let minute = 0;
/** address → host key, all seen in one scan */
async function scan(shown: Record<string, string>, tls: Record<string, string> = {}): Promise<string[]> {
  minute += 60;
  const at = new Date(platform.now().getTime() + minute * 60_000).toISOString();
  const sightings = Object.entries(shown).map(([address, key]): Sighting => ({
    source: 'scan',
    address,
    at,
    identifiers: [
      { kind: 'ssh-host-key', value: `SHA256:${key}` },
      ...(tls[address] ? [{ kind: 'tls-key' as const, value: tls[address] }] : []),
    ],
  }));
  return platform.observe(OPERATOR, (tx) => discovery.recordSightings(tx, sightings));
}
const sharedEntries = async () =>
  (await entriesSince(platform, 0)).filter(({ type }) => type === 'discovery.host.shared');

test('an address that moves between two machines is theirs, and no machine to deploy to', async () => {
  const tls = { '10.73.0.1': 'T', '10.73.0.2': 'T', '10.73.0.3': 'T', '10.73.0.100': 'T' };
  const homes = { '10.73.0.1': 'A', '10.73.0.2': 'B', '10.73.0.3': 'C' };
  const [a, b, c, copy] = await scan({ ...homes, '10.73.0.100': 'A' }, tls);
  assert.equal((await discovery.host(copy!))!.shared, undefined, 'so far it may be a copy of the first');
  assert.deepEqual(await sharedEntries(), []);
  const [a2, b2, , vip] = await scan({ ...homes, '10.73.0.100': 'B' }, tls);
  assert.deepEqual([a2, b2], [a, b], 'nobody is taken for somebody else');
  const host = (await discovery.host(vip!))!;
  assert.equal(host.shared?.kind, 'vip');
  assert.deepEqual(new Set(host.shared!.members), new Set([a, b, c]), 'with who serves its TLS key');
  assert.match(host.shared!.why, /10\.73\.0\.100 showed several machines in turn/);
  for (const id of [a!, b!, c!])
    assert.equal((await discovery.host(id))!.shared, undefined, 'the machines stay machines');
  const unknown = (await unknownHosts(platform)).map(({ host: one }) => one.id);
  assert.deepEqual(new Set(unknown), new Set([a, b, c]));
  const space = await addressSpace(platform);
  assert.deepEqual([space.hosts, space.unknown], [3, 3], 'and the coverage counts machines');
  assert.deepEqual(
    space.items.map((block) => [block.hosts, block.unknown]),
    [[3, 3]],
  );
  const blind = (await notLooked(platform)).filter(({ what }) => what === 'space');
  assert.match(blind[0]!.why, /3 known there/);
  const why = await decisionsOf(platform.db, vip!);
  assert.match(why.find(({ kind }) => kind === 'shared')!.why, /^vip: /);
  for (const key of ['A', 'B', 'B', 'A']) await scan({ ...homes, '10.73.0.100': key }, tls);
  assert.equal((await sharedEntries()).length, 1, 'said once');
  assert.equal((await unknownHosts(platform)).length, 3);
});

test('a stranger at an address that machines share is a machine, and nobody shares it for ever', async () => {
  const homes = { '10.78.0.1': 'U', '10.78.0.2': 'V' };
  await scan({ ...homes, '10.78.0.100': 'U' });
  const [p, q, vip] = await scan({ ...homes, '10.78.0.100': 'V' });
  assert.equal((await discovery.host(vip!))!.shared?.kind, 'vip');
  const [, , rogue] = await scan({ ...homes, '10.78.0.100': 'ROGUE' });
  assert.equal((await discovery.host(rogue!))!.shared, undefined);
  assert.ok((await unknownHosts(platform)).some(({ host }) => host.id === rogue));
  const [, , back] = await scan({ ...homes, '10.78.0.100': 'U' });
  const shared = (await discovery.host(back!))!.shared;
  assert.deepEqual(new Set(shared?.members), new Set([p, q]), 'one of its machines carries it again');

  const facesLeft = async () => (await facesAt(platform.db, ['10.78.0.100'])).get('10.78.0.100')?.length ?? 0;
  const last = platform.now().getTime() + minute * 60_000;
  await removeFaces(platform.db, new Date(last - 120_000));
  assert.equal(await facesLeft(), 2, 'one of them was shown just now; when the other last was does not matter');
  await removeFaces(platform.db, new Date(last + 120_000));
  assert.equal(await facesLeft(), 0);
});

test('a lease that goes to another machine, and one machine with two addresses, are shared by nobody', async () => {
  const before = (await sharedEntries()).length;
  const all = [
    { '10.74.0.5': 'L1', '10.74.0.6': 'L2', '10.74.0.7': 'M', '10.74.0.8': 'M' },
    { '10.74.0.6': 'L1', '10.74.0.5': 'L2', '10.74.0.7': 'M', '10.74.0.8': 'M' },
    { '10.74.0.9': 'L1', '10.74.0.6': 'L2', '10.74.0.8': 'M', '10.74.0.7': 'M' },
    { '10.74.0.5': 'L1', '10.74.0.9': 'L2', '10.74.0.7': 'M', '10.74.0.8': 'M' },
  ];
  for (const shown of all) await scan(shown as never);
  assert.equal((await sharedEntries()).length, before);
  const hosts = await discovery.hosts();
  assert.ok(
    hosts.filter(({ addresses }) => addresses.some((one) => one.startsWith('10.74.'))).every(({ shared }) => !shared),
  );
});

test('agents that carry one address in turn, beside their own, say that it moves', async () => {
  const report = (hostId: string, addresses: string[], key: string) =>
    platform.observe(OPERATOR, async (tx) => {
      await discovery.updateIdentity(tx, hostId, {
        hostname: `node-${key}`,
        identifiers: [{ kind: 'ssh-host-key', value: `SHA256:${key}` }],
        addresses,
      });
      await tx.record({ type: 'discovery.host.tagged', subject: { kind: 'host', id: hostId } });
    });
  const attach = (agentId: string, address: string, key: string) =>
    platform.observe(OPERATOR, async (tx) => {
      const identifiers = [{ kind: 'ssh-host-key' as const, value: `SHA256:${key}` }];
      const agent = {
        agentId,
        version: '1',
        hostname: `node-${key}`,
        identifiers,
        addresses: [address],
        expectedHostId: null,
      };
      const id = await discovery.attachAgent(tx, agent);
      await tx.record({ type: 'discovery.host.tagged', subject: { kind: 'host', id } });
      return id;
    });
  const one = await attach('agent_1', '10.75.0.1', 'N1');
  const two = await attach('agent_2', '10.75.0.2', 'N2');
  const before = (await sharedEntries()).length;
  await report(one, ['10.75.0.1', '10.75.0.100'], 'N1');
  await report(two, ['10.75.0.2', '10.75.0.100'], 'N2');
  assert.equal((await sharedEntries()).length, before);
  await report(one, ['10.75.0.1', '10.75.0.100'], 'N1');
  const [entry] = (await sharedEntries()).slice(before);
  assert.deepEqual((entry!.detail as { members: string[] }).members.toSorted(), ['node-N1', 'node-N2']);
  assert.match(String((entry!.detail as { why: string }).why), /their own agents/);
});

test('an address that fails over to and fro between machines with agents makes no record and no alert at every turn', async () => {
  const homes = { '10.76.0.1': 'P', '10.76.0.2': 'Q' };
  const [p, q] = await scan({ ...homes, '10.76.0.100': 'P' });
  await scan({ ...homes, '10.76.0.100': 'Q' });
  const report = (hostId: string, own: string) =>
    platform.observe(OPERATOR, async (tx) => {
      await discovery.attachAgent(tx, {
        agentId: `agent_${own}`,
        version: '1',
        hostname: `node-${own}`,
        identifiers: [{ kind: 'ssh-host-key', value: `SHA256:${own}` }],
        addresses: [hostId === p ? '10.76.0.1' : '10.76.0.2', '10.76.0.100'],
        expectedHostId: hostId,
      });
      await tx.record({ type: 'discovery.host.tagged', subject: { kind: 'host', id: hostId } });
    });
  await report(q!, 'Q');
  const [, , first] = await scan({ ...homes, '10.76.0.100': 'P' });
  await report(p!, 'P');
  assert.equal((await discovery.host(first!))!.supersededBy, p, 'the record at the address is the machine that has it');
  const found = async () =>
    (await entriesSince(platform, 0)).filter(({ type }) => type === 'discovery.host.found').length;
  const before = await found();
  for (const key of ['Q', 'P', 'Q', 'P'])
    assert.deepEqual(await scan({ ...homes, '10.76.0.100': key }), [p, q, key === 'P' ? p : q]);
  assert.equal(await found(), before);
  const why = (await decisionsOf(platform.db, p!)).filter(({ address }) => address === '10.76.0.100');
  assert.match(why.at(-2)!.why + why.at(-1)!.why, /was shown at 10\.76\.0\.100 before while it was alive elsewhere/);
});
