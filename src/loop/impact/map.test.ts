import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Actor } from '../../model/actor.ts';
import { systemActor } from '../../model/actor.ts';
import { testPlatform, type TestPlatform } from '../../platform/testing.ts';
import { createDiscovery, type Discovery } from '../discovery/index.ts';
import { networkMap } from './map.ts';
import { upsertDependency } from './store.ts';

let platform: TestPlatform;
let discovery: Discovery;
const actor: Actor = systemActor('test');
before(async () => {
  platform = await testPlatform();
  discovery = createDiscovery(platform);
});
after(() => platform.close());

/** The same seed, the same numbers. */
function random(seed: number): () => number {
  let state = seed;
  return () => (state = (state * 1_103_515_245 + 12_345) % 2_147_483_648) / 2_147_483_648;
}

test('every host is in one subnet, every pair that talks is counted once, however much is opened', async () => {
  const next = random(7);
  const addresses = Array.from({ length: 120 }, (_, i) =>
    i % 10 === 0 ? `2001:db8:0:${(i % 3) + 1}::${i + 1}` : `10.72.${i % 7}.${i + 1}`,
  );
  const at = platform.now().toISOString();
  const ids = await platform.observe(actor, (tx) =>
    discovery.recordSightings(
      tx,
      addresses.map((address) => ({ source: 'scan', address, at, identifiers: [] })),
    ),
  );
  const pairs = new Map<string, [number, number]>();
  await platform.observe(actor, async (tx) => {
    for (let n = 0; n < 300; n += 1) {
      const [client, server] = [Math.floor(next() * 120), Math.floor(next() * 120)];
      if (client === server) continue;
      pairs.set(`${client} ${server}`, [client, server]);
      const edge = {
        clientHostId: ids[client]!,
        clientUnit: n % 2 ? 'a.service' : null,
        serverHostId: ids[server]!,
        serverUnit: null,
        address: addresses[server]!,
        port: 1000 + (n % 30),
        connections: 1,
      };
      await upsertDependency(tx.db, platform.newId('dep'), edge, tx.now);
    }
  });
  const blockOf = (address: string): string =>
    address.includes(':') ? `${address.split('::')[0]}::/64` : address.replace(/\.\d+$/, '.0/24');
  const blocks = [...new Set(addresses.map(blockOf))];
  for (const open of [[], ['10.72.3.0/24'], ['10.72.1.0/24', '10.72.3.0/24', '2001:db8:0:1::/64']]) {
    const map = await networkMap({ platform, discovery }, open);
    assert.equal(map.hosts, 120);
    assert.deepEqual(new Set(map.nodes.filter(({ kind }) => kind === 'block').map(({ id }) => id)), new Set(blocks));
    assert.equal(
      map.nodes.filter(({ kind }) => kind === 'block').reduce((sum, one) => sum + one.hosts, 0),
      120,
    );
    const hosts = map.nodes.filter(({ kind }) => kind === 'host');
    assert.deepEqual(
      new Set(hosts.map(({ address }) => address)),
      new Set(addresses.filter((address) => open.includes(blockOf(address)))),
    );
    const nodeOf = (i: number): string => (open.includes(blockOf(addresses[i]!)) ? ids[i]! : blockOf(addresses[i]!));
    const expected = Map.groupBy(pairs.values(), ([c, s]) => `${nodeOf(c)} ${nodeOf(s)}`);
    for (const { from, to, pairs: n } of map.links) assert.equal(n, expected.get(`${from} ${to}`)?.length);
    const within = map.nodes.filter((one) => one.within > 0);
    for (const { id, within: n } of within) assert.equal(n, expected.get(`${id} ${id}`)?.length);
    assert.equal(map.links.length + within.length, expected.size);
    assert.deepEqual(map.left, []);
  }
  const [first] = (await networkMap({ platform, discovery }, [])).nodes;
  assert.equal(first!.marks?.unknown.length, first!.hosts, 'where in the subnet they are');
});

test('an estate without hosts or connections has an empty map', async () => {
  const empty = await testPlatform();
  const map = await networkMap({ platform: empty, discovery: createDiscovery(empty) }, []);
  await empty.close();
  assert.deepEqual(map, { nodes: [], links: [], hosts: 0, blocks: 0, left: [] });
});
