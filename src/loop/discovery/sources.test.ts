import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { sql } from 'kysely';
import type { Host, Sighting } from '../../model/estate.ts';
import { isAppError } from '../../model/errors/index.ts';
import { SourceInput } from '../../model/source.ts';
import { testPlatform, type TestPlatform } from '../../platform/testing.ts';
import { claimHost } from './claims.ts';
import { createDiscovery, type Discovery } from './index.ts';
import { scheduleScans } from './jobs.ts';
import { mergeByHand, splitHost } from './merge.ts';
import { addSource, askSource, listSources, removeSource } from './sources.ts';
import { type Asked, api } from './sources/testing/api.ts';
import { entriesSince, OPERATOR, pushAndRead } from './testing/index.ts';

let platform: TestPlatform;
let discovery: Discovery;
let cloud: Awaited<ReturnType<typeof api>>;
let servers: object[] = [];
let status = 200;
const answer = ({ headers }: Asked) =>
  headers.authorization !== 'Bearer sesame' || status !== 200
    ? { status: status === 200 ? 401 : status, body: { error: { message: 'no' } } }
    : { body: { servers, meta: { pagination: { next_page: null } } } };
before(async () => {
  platform = await testPlatform();
  discovery = createDiscovery(platform);
  platform.handle(discovery.jobs);
  cloud = await api(answer);
});
after(async () => {
  await cloud.close();
  await platform.close();
});
beforeEach(() => {
  status = 200;
});

const vm = (id: number, name: string, publicIp: string | null, ...privateIps: string[]) => ({
  id,
  name,
  public_net: { ipv4: publicIp ? { ip: publicIp } : null, ipv6: null },
  private_net: privateIps.map((ip) => ({ ip, alias_ips: [], mac_address: null })),
  server_type: { name: 'cx22' },
  labels: { env: 'prod' },
});
const input = (name: string, rest: object = {}) =>
  SourceInput.parse({ name, kind: 'hetzner', settings: { url: cloud.url }, secrets: { token: 'sesame' }, ...rest });
const ssh = (value: string) => ({ kind: 'ssh-host-key' as const, value });
const seen = (address: string, key?: string): Sighting => ({
  source: 'scan',
  address,
  at: platform.now().toISOString(),
  identifiers: key ? [ssh(key)] : [],
});
const scan = (...sightings: Sighting[]) => platform.observe(OPERATOR, (tx) => discovery.recordSightings(tx, sightings));
const at = async (address: string): Promise<Host> => (await discovery.hostByAddress(address))!;
const named = async (name: string) => (await listSources(platform)).find((source) => source.name === name)!;

test('1.4: an account of a cloud and the network’s view of a machine are one host', async () => {
  const [measured] = await scan(seen('10.50.0.2', 'K1'));
  servers = [vm(1, 'till', '203.0.113.51', '10.50.0.2'), vm(2, 'ghost', '203.0.113.52')];
  await addSource(platform, OPERATOR, input('cloud-1'));
  await platform.drain();
  const till = await at('203.0.113.51');
  assert.equal(till.id, measured);
  assert.deepEqual(till.sources, ['scan', 'hetzner']);
  assert.deepEqual(till.addresses.toSorted(), ['10.50.0.2', '203.0.113.51']);
  assert.equal(till.tags['env'], 'prod');
  const ghost = await at('203.0.113.52');
  assert.equal(ghost.claim, 'unknown');
  assert.equal(ghost.name, 'ghost');
  const source = await named('cloud-1');
  assert.equal(source.state, 'ok');
  assert.deepEqual(
    { ...source.counts, skipped: undefined },
    { records: 2, addresses: 3, newHosts: 1, claimed: 0, skipped: undefined },
  );
  assert.deepEqual(source.secrets, ['token']);
  // A second look at it changes nothing.
  await askSource(platform, 'cloud-1');
  await platform.drain();
  assert.equal((await named('cloud-1')).counts?.newHosts, 0);
  assert.equal((await at('203.0.113.51')).id, measured);
});

test('1.4: a machine that a cloud listed first and that then tells its cloud id is that host', async () => {
  servers = [vm(3, 'late', '203.0.113.53', '10.50.0.3')];
  await addSource(platform, OPERATOR, input('cloud-2'));
  await platform.drain();
  const listed = await at('203.0.113.53');
  // Seen by its agent at an address that the cloud does not know of.
  const [own] = await scan(seen('192.0.2.53', 'K3'));
  await platform.observe(OPERATOR, (tx) =>
    discovery.updateIdentity(tx, own!, {
      hostname: 'late.example.org',
      identifiers: [{ kind: 'cloud-id', value: 'hetzner:3' }],
      addresses: ['192.0.2.53'],
    }),
  );
  assert.equal((await at('203.0.113.53')).id, own);
  assert.equal((await discovery.host(listed.id))?.supersededBy, own);
  await askSource(platform, 'cloud-2');
  await platform.drain();
  assert.equal((await at('10.50.0.3')).id, own);
});

test('1.10: what a list says merges nothing, unless one key was measured at both', async () => {
  const [a, b] = await scan(seen('10.51.0.1', 'KA'), seen('10.51.0.2', 'KB'));
  const [c, d] = await scan(seen('10.51.0.3', 'KC'), seen('10.51.0.4', 'KC'));
  assert.notEqual(c, d);
  servers = [vm(4, 'two-in-one', null, '10.51.0.1', '10.51.0.2'), vm(5, 'dual', null, '10.51.0.3', '10.51.0.4')];
  await addSource(platform, OPERATOR, input('cloud-3'));
  await platform.drain();
  assert.equal((await at('10.51.0.1')).id, a);
  assert.equal((await at('10.51.0.2')).id, b);
  assert.equal((await at('10.51.0.3')).id, (await at('10.51.0.4')).id);
  const merged = (await entriesSince(platform, 0)).filter((entry) => entry.type === 'discovery.host.merged').at(-1);
  assert.match(JSON.stringify(merged?.detail), /cloud-3 \(hetzner\) lists both as one machine.*KC/);
  // Taken back, it stays apart, though the source says the same again.
  const together = (await at('10.51.0.3')).id;
  await splitHost(platform, OPERATOR, { id: together, reason: 'a load balancer with a shared key' });
  assert.notEqual((await at('10.51.0.3')).id, (await at('10.51.0.4')).id);
  await askSource(platform, 'cloud-3');
  await platform.drain();
  assert.notEqual((await at('10.51.0.3')).id, (await at('10.51.0.4')).id);
});

test('M.11, 1.7: a wrong merge is taken back: both have again what was theirs, with what was seen since', async () => {
  const [one, two] = await scan(seen('10.52.0.1', 'KE'), seen('10.52.0.2', 'KF'));
  const before = await Promise.all([one!, two!].map((id) => discovery.host(id)));
  await mergeByHand(platform, OPERATOR, { into: one!, from: two!, reason: 'same box, I thought' });
  const both = (await discovery.host(one!))!;
  assert.deepEqual(both.addresses.toSorted(), ['10.52.0.1', '10.52.0.2']);
  assert.equal((await discovery.host(two!))?.supersededBy, one);
  await assert.rejects(mergeByHand(platform, OPERATOR, { into: one!, from: two!, reason: 'again' }), (error) =>
    isAppError(error, 'MERGE_INVALID'),
  );
  await scan(seen('10.52.0.2', 'KF'));
  assert.equal((await at('10.52.0.2')).id, one);
  const split = await splitHost(platform, OPERATOR, { id: one!, reason: 'two boxes after all' });
  assert.deepEqual(split, { hostId: one, from: two });
  const again = await Promise.all([one!, two!].map((id) => discovery.host(id)));
  for (const [index, host] of again.entries()) {
    const was = before[index]!;
    assert.deepEqual(
      { addresses: host?.addresses, identifiers: host?.identifiers, note: host?.note, presence: host?.presence },
      { addresses: was.addresses, identifiers: was.identifiers, note: was.note, presence: was.presence },
    );
  }
  const { rows } = await sql<{
    n: string;
  }>`select count(*) as n from discovery.sighting where host_id = ${two!}`.execute(platform.db);
  assert.equal(Number(rows[0]?.n), 2, 'what was seen since then is its own');
  await assert.rejects(splitHost(platform, OPERATOR, { id: one!, reason: 'twice' }), (error) =>
    isAppError(error, 'SPLIT_INVALID'),
  );
  await scan(seen('10.52.0.1', 'KE'), seen('10.52.0.2', 'KF'));
  assert.equal((await at('10.52.0.2')).id, two);
});

test('a source that fails keeps what it told, says why, and is on the trail once', async () => {
  servers = [vm(6, 'kept', '203.0.113.56')];
  await addSource(platform, OPERATOR, input('cloud-4'));
  await platform.drain();
  const from = (await entriesSince(platform, 0)).length;
  status = 403;
  for (let tries = 0; tries < 3; tries++) {
    await askSource(platform, 'cloud-4');
    await platform.drain();
  }
  const source = await named('cloud-4');
  assert.equal(source.state, 'failing');
  assert.match(source.lastError ?? '', /answered 403.*check the token and what it may read/);
  assert.equal((await at('203.0.113.56')).name, 'kept');
  status = 200;
  await askSource(platform, 'cloud-4');
  await platform.drain();
  assert.equal((await named('cloud-4')).state, 'ok');
  const types = (await entriesSince(platform, 0)).slice(from).map((entry) => entry.type);
  assert.deepEqual(types, ['discovery.source.failed', 'discovery.source.read']);
});

test('it is asked by its schedule, and never twice at once', async () => {
  servers = [];
  await addSource(platform, OPERATOR, input('cloud-5', { every: '*/10 * * * *' }));
  await platform.drain();
  const asked = cloud.asked.length;
  await scheduleScans(platform);
  await platform.drain();
  assert.equal(cloud.asked.length, asked, 'its time has not come');
  await sql`update discovery.source_run set last_run_at = now() - interval '1 hour' where source_id = ${(await named('cloud-5')).id}`.execute(
    platform.db,
  );
  await scheduleScans(platform);
  await platform.drain();
  assert.equal(cloud.asked.length, asked + 1);
});

test('a list makes known what nobody had claimed; what it calls people’s and what people said stays', async () => {
  const [id] = await scan(seen('192.0.2.61', 'KG'));
  await addSource(platform, OPERATOR, SourceInput.parse({ name: 'play', kind: 'ansible' }));
  const inventory = { _meta: { hostvars: { web1: { ansible_host: '192.0.2.61' } } }, web: { hosts: ['web1'] } };
  const done = await pushAndRead(platform, 'play', JSON.stringify(inventory));
  assert.equal(done.counts?.claimed, 1);
  const host = (await discovery.host(id!))!;
  assert.equal(host.claim, 'known');
  assert.equal(host.discoveredAs, 'unknown');
  assert.deepEqual(host.tags, { 'group.web': 'yes' });
  const failing = await pushAndRead(platform, 'play', 'nonsense');
  assert.equal(failing.state, 'failing');
  assert.match(failing.lastError ?? '', /no JSON/);
  await assert.rejects(askSource(platform, 'play'), (error) => isAppError(error, 'SOURCE_INVALID'));
});

test('a list says nothing about a machine being there: presence is for those who saw it', async () => {
  await pushAndRead(
    platform,
    'play',
    JSON.stringify({ _meta: { hostvars: { gone: { ansible_host: '192.0.2.62' } } }, x: { hosts: ['gone'] } }),
  );
  const host = await at('192.0.2.62');
  const { rows } = await sql`select 1 from discovery.presence where host_id = ${host.id}`.execute(platform.db);
  assert.equal(rows.length, 0);
});

test('wrong input is refused in words, and nothing of it is kept', async () => {
  const refuses = async (rest: object, why: RegExp) =>
    assert.rejects(
      addSource(platform, OPERATOR, input('bad', rest)),
      (error) => isAppError(error, 'SOURCE_INVALID') && why.test(error.message),
    );
  await refuses({ secrets: {} }, /"token" is missing/);
  await refuses({ settings: { url: 'http://192.0.2.1/' } }, /plain http/);
  await refuses({ settings: { url: 'https://api.example.org/?token=x' } }, /query/);
  await refuses({ settings: { token: 'sesame' }, secrets: {} }, /"token" is a secret/);
  await refuses({ settings: { colour: 'red' } }, /knows no "colour"/);
  const nonsense = { kind: 'dhcp', settings: { format: 'nonsense' }, secrets: {} };
  await refuses(nonsense, /"format" is one of dnsmasq, isc, kea, not "nonsense"/);
  await assert.rejects(addSource(platform, OPERATOR, input('bad', { every: 'often' })), (error) =>
    isAppError(error, 'SCHEDULE_INVALID'),
  );
  await assert.rejects(addSource(platform, OPERATOR, input('cloud-5')), (error) => isAppError(error, 'SOURCE_EXISTS'));
  assert.equal(await named('bad'), undefined);
});

test('secrets are in the vault alone, and go with the source', async () => {
  const trail = JSON.stringify(await entriesSince(platform, 0));
  assert.ok(!trail.includes('sesame'));
  const secrets = async () =>
    Number((await sql<{ n: string }>`select count(*) as n from platform.secret`.execute(platform.db)).rows[0]?.n);
  const before = await secrets();
  await removeSource(platform, OPERATOR, 'cloud-5');
  assert.equal(await secrets(), before - 1);
  assert.equal(await named('cloud-5'), undefined);
  assert.equal((await at('203.0.113.56')).name, 'kept', 'what it told stays');
});

// What a review found: each of these went wrong once.

const lease = (mac: string, ip: string) => `0 ${mac} ${ip} * *\n`;
const hostsNow = async () => (await discovery.hosts()).length;

test('an address that a list gives to one machine and that another has makes no host at each reading', async () => {
  await addSource(platform, OPERATOR, SourceInput.parse({ name: 'leases', kind: 'dhcp' }));
  await scan({ ...seen('10.90.0.1'), identifiers: [{ kind: 'mac', value: '52:54:00:00:00:01' }] });
  await pushAndRead(platform, 'leases', lease('52:54:00:00:00:02', '10.90.0.1'));
  await scan({ ...seen('10.90.0.1'), identifiers: [{ kind: 'mac', value: '52:54:00:00:00:01' }] });
  const before = await hostsNow();
  for (let round = 0; round < 3; round++) {
    await pushAndRead(platform, 'leases', lease('52:54:00:00:00:02', '10.90.0.1'));
    await scan({ ...seen('10.90.0.1'), identifiers: [{ kind: 'mac', value: '52:54:00:00:00:01' }] });
  }
  assert.equal(await hostsNow(), before);
});

test('machines of one list that share an address or a copied identity are as many as the list says', async () => {
  servers = [1, 2, 3].map((n) => vm(90 + n, `any-${n}`, null, '10.91.0.1', `10.91.1.${n}`));
  await addSource(platform, OPERATOR, input('anycast'));
  await platform.drain();
  const ids = await Promise.all([1, 2, 3].map(async (n) => (await at(`10.91.1.${n}`)).id));
  assert.equal(new Set(ids).size, 3);
  await askSource(platform, 'anycast');
  await platform.drain();
  assert.deepEqual(await Promise.all([1, 2, 3].map(async (n) => (await at(`10.91.1.${n}`)).id)), ids);
});

test('what only a list said of a machine does not contradict the machine itself', async () => {
  const [id] = await scan(seen('10.92.0.1', 'KL'));
  await pushAndRead(platform, 'leases', lease('52:54:00:00:00:09', '10.92.0.1'));
  const attached = await platform.observe(OPERATOR, (tx) =>
    discovery.attachAgent(tx, {
      agentId: 'agent_1',
      version: '1.0.0',
      hostname: 'real',
      identifiers: [ssh('KL'), { kind: 'mac', value: '52:54:00:00:00:10' }],
      addresses: ['10.92.0.1'],
      expectedHostId: id!,
    }),
  );
  assert.equal(attached, id);
});

test('two merges of the same two at once: one is done, and nobody vanishes', async () => {
  const [a, b] = await scan(seen('10.93.0.1', 'KM'), seen('10.93.0.2', 'KN'));
  const done = await Promise.allSettled([
    mergeByHand(platform, OPERATOR, { into: a!, from: b!, reason: 'x' }),
    mergeByHand(platform, OPERATOR, { into: b!, from: a!, reason: 'y' }),
  ]);
  assert.equal(done.filter(({ status: how }) => how === 'fulfilled').length, 1);
  const left = await Promise.all([a!, b!].map((id) => discovery.host(id)));
  assert.equal(left.filter((host) => host?.supersededBy === null).length, 1);
});

test('a merge that an agent caused is taken back, too', async () => {
  const [a, b] = await scan(seen('10.94.0.1', 'KP'), seen('10.94.0.2', 'KP'));
  assert.notEqual(a, b);
  await platform.observe(OPERATOR, (tx) =>
    discovery.updateIdentity(tx, a!, {
      hostname: 'dual',
      identifiers: [ssh('KP')],
      addresses: ['10.94.0.1', '10.94.0.2'],
    }),
  );
  assert.equal((await at('10.94.0.2')).id, a);
  await splitHost(platform, OPERATOR, { id: a!, reason: 'two machines' });
  const [one, two] = await Promise.all([a!, b!].map((id) => discovery.host(id)));
  assert.equal(two?.supersededBy, null);
  assert.ok(two?.addresses.includes('10.94.0.2'));
  assert.equal((await at('10.94.0.2')).id, b, 'who was measured there has it');
  assert.equal(one?.presence, 'up');
  assert.equal((await at('10.94.0.1')).id, a);
});

test('a split gives back ports and keys that were first seen after the merge', async () => {
  const [a, b] = await scan(seen('10.95.0.1'), seen('10.95.0.2'));
  await mergeByHand(platform, OPERATOR, { into: a!, from: b!, reason: 'x' });
  await scan(seen('10.95.0.2', 'KS'));
  await sql`insert into discovery.endpoint (id, host_id, address, port, service, state, first_seen, last_seen)
    values ('endpoint_x', ${a!}, '10.95.0.2', 8080, 'http', 'open', now(), now())`.execute(platform.db);
  await splitHost(platform, OPERATOR, { id: a!, reason: 'y' });
  assert.deepEqual(
    (await discovery.endpoints({ hostId: b! })).map(({ port }) => port),
    [8080],
  );
  await scan(seen('10.95.0.1'), seen('10.95.0.2', 'KS'));
  assert.equal((await at('10.95.0.1')).id, a);
  assert.equal((await at('10.95.0.2')).id, b);
});

test('a record that was merged does not come back because a list or a scan finds its key elsewhere', async () => {
  const [a, b] = await scan(seen('10.96.0.1', 'KT'), seen('10.96.0.2', 'KU'));
  await mergeByHand(platform, OPERATOR, { into: b!, from: a!, reason: 'x' });
  await scan(seen('10.96.0.9', 'KT'));
  assert.equal((await discovery.host(a!))?.supersededBy, b);
});

test('a host that is measured at two addresses is not ended when one of them shows another machine', async () => {
  const [a, b] = await scan(seen('10.97.0.1', 'KV'), seen('10.97.0.2'));
  await mergeByHand(platform, OPERATOR, { into: a!, from: b!, reason: 'two cards' });
  await scan(seen('10.97.0.2', 'KW'));
  assert.equal((await discovery.host(a!))?.supersededBy, null);
  assert.equal((await at('10.97.0.1')).id, a);
});

test('two systems that call a machine differently rename it once, not at each reading', async () => {
  await addSource(platform, OPERATOR, SourceInput.parse({ name: 'other-leases', kind: 'dhcp' }));
  const named = (name: string) => `0 52:54:00:00:00:31 10.98.0.1 ${name} *\n`;
  await pushAndRead(platform, 'leases', named('one'));
  const from = (await entriesSince(platform, 0)).length;
  for (let round = 0; round < 3; round++) {
    await pushAndRead(platform, 'other-leases', named('two'));
    await pushAndRead(platform, 'leases', named('one'));
  }
  const renamed = (await entriesSince(platform, 0)).slice(from).filter(({ type }) => type === 'discovery.host.changed');
  assert.deepEqual(renamed, []);
});

test('what people said of a record that is merged is not lost, and is as it was after a split', async () => {
  const [a, b] = await scan(seen('10.99.0.1', 'KX'), seen('10.99.0.2', 'KY'));
  await claimHost(platform, OPERATOR, b!, 'known', { owner: 'Ann', tags: { window: 'sunday' } });
  await mergeByHand(platform, OPERATOR, { into: a!, from: b!, reason: 'x' });
  const merged = await discovery.host(a!);
  assert.deepEqual([merged?.claim, merged?.owner, merged?.tags], ['known', 'Ann', { window: 'sunday' }]);
  await splitHost(platform, OPERATOR, { id: a!, reason: 'y' });
  const again = await discovery.host(a!);
  assert.deepEqual([again?.claim, again?.owner, again?.tags], ['unknown', null, {}]);
});

test('no error shows a secret; a login in a URL and a secret among settings are refused', async () => {
  const bad = (rest: object, why: RegExp) =>
    assert.rejects(
      addSource(platform, OPERATOR, input('bad', rest)),
      (error) => isAppError(error, 'SOURCE_INVALID') && why.test(error.message),
    );
  await bad({ secrets: { token: 'ses\name' } }, /"token" is more than one line/);
  await bad({ settings: { url: cloud.url, token: 'sesame' } }, /"token" is a secret/);
  await bad({ settings: { url: 'https://ann:sesame@api.example.org' } }, /holds a login/);
  const echo = await api(({ headers }) => ({ status: 400, body: `you sent ${headers.authorization}` }));
  try {
    await addSource(
      platform,
      OPERATOR,
      input('echo', { settings: { url: echo.url }, secrets: { token: 'open-sesame' } }),
    );
    await platform.drain();
  } finally {
    await echo.close();
  }
  const { lastError } = await named('echo');
  assert.match(lastError ?? '', /answered 400 \(you sent Bearer …\)/);
});

test('odd texts of a source are cleaned and stop nothing', async () => {
  servers = [
    {
      ...vm(101, 'odd', null, '10.100.0.1'),
      labels: { long: `${'a'.repeat(119)}😀`, nul: 'a\0b' },
      server_type: { name: 'x\0y' },
    },
    vm(102, 'next', null, '10.100.0.2'),
  ];
  await addSource(platform, OPERATOR, input('odd'));
  await platform.drain();
  assert.equal((await named('odd')).state, 'ok');
  assert.deepEqual((await at('10.100.0.1')).tags, { long: `${'a'.repeat(119)}…`, nul: 'a b' });
  assert.equal((await at('10.100.0.2')).name, 'next');
});
