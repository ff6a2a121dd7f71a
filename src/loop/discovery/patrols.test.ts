import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, test } from 'node:test';
import { isAppError } from '../../model/errors/index.ts';
import type { Host, Scope } from '../../model/estate.ts';
import type { PatrolOrder, PatrolReport, PatrolSeen } from '../../model/patrol.ts';
import type { SshProbe } from '../../model/probe.ts';
import { testPlatform, type TestPlatform } from '../../platform/testing.ts';
import { patrolWindows } from '../../scan/logic/patrol.ts';
import { createDiscovery, type Discovery } from './index.ts';
import { closePatrols, patrolFor } from './patrols.ts';
import { takeReport } from './patrol-report.ts';
import { ageEndpoints, countOffline } from './results.ts';
import { recordLooks } from './looks.ts';
import { recordSightings } from './sightings.ts';
import { sightingsFrom } from '../../scan/scanner/observe.ts';
import { noteAddress } from './store-addresses.ts';
import { findPatrols, measuredPlaces } from './store-patrols.ts';
import { deleteScope, updateScope } from './store-scans.ts';
import { findEndpoints } from './store-endpoints.ts';
import { decisionsOf } from './store-hosts.ts';
import { addScope, lastEntry, OPERATOR } from './testing/index.ts';

const AGEING = { failures: 1, minutes: 0 };
let platform: TestPlatform;
let discovery: Discovery;

before(async () => {
  platform = await testPlatform();
  discovery = createDiscovery(platform);
});
after(() => platform.close());

interface TestAgent {
  agentId: string;
  hostId: string;
  subnet: string;
}

/** An enrolled agent at the address, on the subnet. */
async function newAgent(subnet: string, name = `agent-${subnet.replace(/\W/g, '-')}`): Promise<TestAgent> {
  const agentId = platform.newId('agent');
  const hostId = await platform.observe(OPERATOR, (tx) =>
    discovery.attachAgent(tx, {
      agentId,
      version: '1',
      hostname: name,
      identifiers: [{ kind: 'agent-key', value: agentId }],
      addresses: [subnet.split('/')[0]!],
      expectedHostId: null,
    }),
  );
  return { agentId, hostId, subnet };
}

const ordered = (agent: TestAgent): Promise<PatrolOrder | null> => patrolFor(platform, agent, [agent.subnet]);
const tell = (agent: TestAgent, report: Partial<PatrolReport> & { id: string }) =>
  takeReport(platform, AGEING, agent, { window: null, seen: [], ended: null, ...report });
const fingerprint = (name: string): string =>
  `SHA256:${createHash('sha256').update(name).digest('base64').replace(/=+$/, '')}`;
const ssh = (key: string, banner = 'SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3'): SshProbe => ({
  protocol: 'ssh',
  banner,
  hostKeys: [{ type: 'ssh-ed25519', fingerprint: fingerprint(key) }],
  algorithms: { kex: ['k'], hostKey: ['ssh-ed25519'], cipher: ['c'], mac: ['m'] },
});
const seen = (address: string, key: string | null, mac: string | null = null): PatrolSeen => ({
  address,
  mac,
  looks: key === null ? [] : [{ port: 22, result: ssh(key), error: null }],
});

/** Reports a whole patrol of an order, in which these are seen. */
async function wholePatrol(agent: TestAgent, order: PatrolOrder, all: readonly PatrolSeen[]): Promise<void> {
  const windows = patrolWindows(order.ranges, order.seed);
  for (let window = order.window; window < windows.windows; window++) {
    const here = new Set(windows.addressesIn(window));
    await tell(agent, { id: order.id, window, seen: all.filter(({ address }) => here.has(address)) });
  }
  await tell(agent, { id: order.id, ended: { how: 'done', why: null } });
}

/** An agent, a scope that lets it look around, and its order. */
async function started(net: string, more: Partial<Scope> = {}) {
  const agent = await newAgent(`${net}.2/24`);
  const scope = await addScope(platform, { cidrs: [`${net}.0/24`], ports: '22', agents: true, ...more });
  const order = (await ordered(agent))!;
  assert.ok(order);
  return { agent, scope, order };
}

async function changeScope(scope: Scope, change: Partial<Scope>): Promise<void> {
  const subject = { kind: 'scope' as const, id: scope.id };
  await platform.act(OPERATOR, { type: 'discovery.scope.changed', subject }, (tx) =>
    updateScope(tx.db, { ...scope, ...change }),
  );
}

const hostAt = async (address: string): Promise<Host> => (await discovery.hostByAddress(address))!;
const stateOf = async (id: string): Promise<string> =>
  (await findPatrols(platform.db)).find((patrol) => patrol.id === id)!.state;

test('1.14: nobody looks around where no scope says so, nor outside of it, nor at what is excluded', async () => {
  const agent = await newAgent('10.70.0.2/24');
  assert.equal(await ordered(agent), null, 'no scope at all');
  const scope = await addScope(platform, { cidrs: ['10.70.0.0/16'], ports: '22,443' });
  assert.equal(await ordered(agent), null, 'a scope that does not say so');
  await changeScope(scope, { agents: true });
  const other = await addScope(platform, { cidrs: ['10.99.0.0/24'], ports: '22', exclude: ['10.70.0.64/26'] });
  const order = (await ordered(agent))!;
  assert.deepEqual(order.ranges, ['10.70.0.1-10.70.0.63', '10.70.0.128-10.70.0.254']);
  assert.deepEqual(order.ports, [22, 443]);
  assert.ok(order.rate <= 50);
  assert.equal(await ordered({ ...(await newAgent('10.99.0.2/24')) }), null, 'in a scope without leave');
  assert.equal(await ordered(await newAgent('198.51.100.2/24')), null, 'in no scope');
  await platform.act(OPERATOR, { type: 'discovery.scope.removed', subject: { kind: 'scope', id: other.id } }, (tx) =>
    deleteScope(tx.db, other.id),
  );
});

test('1.14: nobody is sent around in a blackout, none lasts into one, and one that begins ends them', async () => {
  const clock = (inMinutes: number): string =>
    new Date(platform.now().getTime() + inMinutes * 60_000).toISOString().slice(11, 16);
  const blackout = [`daily ${clock(-60)}-${clock(60)}`];
  const agent = await newAgent('10.70.9.2/24');
  const scope = await addScope(platform, {
    cidrs: ['10.70.9.0/24'],
    ports: '22',
    agents: true,
    blackouts: blackout,
  });
  assert.equal(await ordered(agent), null);
  await changeScope(scope, { blackouts: [`daily ${clock(20)}-${clock(60)}`] });
  const order = (await ordered(agent))!;
  assert.ok(Date.parse(order.until) - platform.now().getTime() <= 20 * 60_000);
  await changeScope(scope, { blackouts: blackout });
  await discovery.jobs['discovery.schedule']!({});
  assert.equal(await stateOf(order.id), 'cancelled');
});

test('1.14: of many agents in a subnet one looks at a time, and the order says why it is this one', async () => {
  await addScope(platform, { cidrs: ['10.71.0.0/24'], ports: '22', agents: true });
  const agents = await Promise.all(Array.from({ length: 9 }, (_, n) => newAgent(`10.71.0.${n + 2}/24`)));
  // All say where they are before anybody can be chosen fairly.
  for (const agent of agents) await ordered(agent);
  const orders = await Promise.all(agents.map(ordered));
  const patrols = (await findPatrols(platform.db)).filter(({ block }) => block === '10.71.0.0/24');
  assert.equal(patrols.length, 1);
  assert.equal(orders.filter((order) => order !== null).length, 1, 'told again to the same one, to nobody else');
  assert.match(patrols[0]!.why, /look around in 10\.71\.0\.0\/24 today, in turn/);
});

test('1.14: a stranger that only an agent sees becomes an unknown host that says who saw it', async () => {
  const { agent, scope, order } = await started('10.72.0');
  await wholePatrol(agent, order, [
    seen('10.72.0.9', 'stranger', '02:00:00:00:00:09'),
    seen('10.72.0.10', null, '02:00:00:00:00:10'),
  ]);
  const host = await hostAt('10.72.0.9');
  assert.deepEqual([host.claim, host.discoveredAs, host.sources], ['unknown', 'unknown', ['agent-scan']]);
  assert.match(host.guess ?? '', /Debian 12 server; serves ssh/);
  assert.deepEqual(host.identifiers.map(({ kind }) => kind).sort(), ['mac', 'ssh-host-key']);
  const [why] = await decisionsOf(platform.db, host.id);
  assert.match(why!.why, /seen by the agent on agent-10-72-0-2-24 in its own subnet/);
  const [endpoint] = await findEndpoints(platform.db, { hostId: host.id });
  assert.equal(endpoint!.via, agent.hostId);
  assert.equal((await hostAt('10.72.0.10')).claim, 'unknown', 'one without an open port answered ARP');
  const patrol = (await findPatrols(platform.db)).find(({ id }) => id === order.id)!;
  assert.equal(patrol.state, 'done');
  assert.deepEqual(
    [patrol.counts.addresses, patrol.counts.asked, patrol.counts.answered, patrol.counts.strangers],
    [254, 254, 2, 2],
  );
  const entry = await lastEntry(platform, 'discovery.patrol.finished', agent.agentId);
  assert.equal((entry.detail as { outcome: string }).outcome, 'done');
  assert.ok(entry.related.some(({ id }) => id === scope.id));
  assert.ok(entry.related.some(({ id }) => id === agent.hostId));
});

test('1.14: a server’s scan that cannot reach what an agent sees takes nothing of it away; agents’ looks do', async () => {
  const { agent, order } = await started('10.72.3');
  await wholePatrol(agent, order, [seen('10.72.3.9', 'hidden')]);
  const host = await hostAt('10.72.3.9');
  const endpoint = async () => (await findEndpoints(platform.db, { hostId: host.id }))[0]!;
  const missed = { addresses: ['10.72.3.9'], ports: [22], isOpen: () => false };
  await platform.observe(OPERATOR, async (tx) => {
    await ageEndpoints(tx, AGEING, missed);
    assert.equal(await countOffline(tx, { since: new Date(tx.now.getTime() + 1), ports: [22], inScan: () => true }), 0);
  });
  assert.equal((await endpoint()).state, 'open');
  assert.equal((await discovery.host(host.id))!.presence, 'up');
  await platform.observe(OPERATOR, (tx) => ageEndpoints(tx, AGEING, { ...missed, by: 'agent' }));
  assert.equal((await endpoint()).state, 'gone');
});

/** As a scan of the server's own would leave it. */
async function scanned(address: string, key: string): Promise<Host> {
  const look = { address, port: 22, at: platform.now(), result: ssh(key), error: null };
  await platform.observe(OPERATOR, async (tx) => {
    const [decision] = await recordSightings(platform, tx, sightingsFrom([look], 'scan'));
    await recordLooks(platform, tx, decision!.hostId, [look]);
  });
  return hostAt(address);
}

test('1.14: an agent’s word changes nothing about a host that the server has seen, or that has an agent', async () => {
  const server = await scanned('10.73.0.9', 'its key');
  const neighbour = await newAgent('10.73.0.3/24');
  const managed = await hostAt('10.73.0.3');
  const { agent, order } = await started('10.73.0');
  await wholePatrol(agent, order, [
    seen('10.73.0.9', 'not its key', '02:00:00:00:00:01'),
    // Its very key at another address, as if it had moved, or were copied.
    seen('10.73.0.77', 'its key'),
    seen('10.73.0.3', 'another lie'),
  ]);
  for (const before of [server, managed]) {
    const now = (await discovery.host(before.id))!;
    assert.deepEqual(now.identifiers, before.identifiers);
    assert.equal(now.note, before.note, 'it counts as no copy of anything');
    assert.equal(now.presence, 'up', 'nobody took its place');
    assert.ok(before.addresses.every((address) => now.addresses.includes(address)));
  }
  assert.equal((await hostAt('10.73.0.9')).id, server.id);
  assert.equal((await hostAt('10.73.0.3')).id, neighbour.hostId);
  const endpoints = await findEndpoints(platform.db, { hostIds: [server.id, neighbour.hostId] });
  assert.deepEqual(
    endpoints.map(({ address, via }) => [address, via]),
    [['10.73.0.9', null]],
  );
  // That it has another leg is worth knowing, and is no more than a claim.
  const told = (await decisionsOf(platform.db, server.id)).at(-1)!;
  assert.match(told.why, /the agent on agent-10-73-0-2-24 saw its identity at 10\.73\.0\.77/);
  const patrol = (await findPatrols(platform.db)).find(({ id }) => id === order.id)!;
  assert.deepEqual([patrol.counts.strangers, patrol.counts.known, patrol.counts.differ], [0, 3, 1]);
});

test('1.14: what the server measures later outweighs what an agent said', async () => {
  const { agent, order } = await started('10.74.0');
  await wholePatrol(agent, order, [seen('10.74.0.9', 'same'), seen('10.74.0.10', 'a lie')]);
  const [same, lie] = [await hostAt('10.74.0.9'), await hostAt('10.74.0.10')];
  assert.equal((await scanned('10.74.0.9', 'same')).id, same.id);
  const real = await scanned('10.74.0.10', 'the truth');
  assert.notEqual(real.id, lie.id);
  assert.equal((await discovery.host(lie.id))!.presence, 'superseded');
});

for (const [what, lie, why] of [
  ['an address out of its order', { seen: [seen('10.75.0.200', 'x')] }, /not among the addresses/],
  ['an address twice', { seen: 'twice' as const }, /twice/],
  ['a port that was not asked for', { port: 2222 }, /port 2222 was not asked for/],
  ['a fingerprint that is none', { fingerprint: 'agent-key' }, /no fingerprint/],
  ['a page of text', { banner: 'A'.repeat(70_000) }, /too long/],
  ['a window that is not due', { window: 1 }, /too early/],
  ['an end before the end', { ended: true }, /is not/],
] as const) {
  test(`1.14: an agent that tells of ${what} is refused and told so, and nothing of it counts`, async () => {
    const net = `10.75.${what.length}`;
    const { agent, order } = await started(net, { cidrs: [`${net}.0/26`] });
    const first = patrolWindows(order.ranges, order.seed)
      .addressesIn(0)
      .find((address) => !address.endsWith('.2'));
    const report: Partial<PatrolReport> & { id: string } = { id: order.id, window: 0 };
    const one = seen(first!, 'liar');
    report.seen = [one];
    if ('seen' in lie) report.seen = lie.seen === 'twice' ? [one, one] : [...lie.seen];
    if ('port' in lie) one.looks[0]!.port = lie.port;
    if ('fingerprint' in lie) (one.looks[0]!.result as SshProbe).hostKeys[0]!.fingerprint = lie.fingerprint;
    if ('banner' in lie) (one.looks[0]!.result as SshProbe).banner = lie.banner;
    if ('window' in lie) report.window = lie.window;
    if ('ended' in lie) Object.assign(report, { window: null, seen: [], ended: { how: 'done', why: null } });
    await assert.rejects(
      tell(agent, report),
      (error) => isAppError(error, 'PATROL_REFUSED') && why.test(error.message),
    );
    assert.equal(await discovery.hostByAddress(first!), null);
    assert.equal(await stateOf(order.id), 'refused');
    const entry = await lastEntry(platform, 'discovery.patrol.finished', agent.agentId);
    assert.match((entry.detail as { error: string }).error, why);
    // It is not asked again today, and its later reports find no patrol.
    assert.equal(await ordered(agent), null);
    assert.deepEqual((await tell(agent, { id: order.id, window: 0 })).ranges, []);
  });
}

test('1.14: a subnet of another site with the same private addresses is another one, and so are the machines in it', async () => {
  const [here, there] = [await newAgent('10.89.0.2/24'), await newAgent('10.89.0.3/24', 'in-berlin')];
  const measured = (address: string, site: string) =>
    platform.observe(OPERATOR, (tx) => {
      const at = tx.now.toISOString();
      return recordSightings(platform, tx, [{ source: 'scan', address, site, at, identifiers: [] }]);
    });
  assert.equal((await measured('10.89.0.2', 'local'))[0]!.hostId, here.hostId);
  assert.equal((await measured('10.89.0.3', 'berlin'))[0]!.hostId, there.hostId);
  const scope = { cidrs: ['10.89.0.0/24'], ports: '22', agents: true };
  const own = await addScope(platform, scope);
  assert.equal(await ordered(there), null, 'by leave of a scope that means other machines');
  const remote = await addScope(platform, { ...scope, site: 'berlin' });
  const orders = [(await ordered(here))!, (await ordered(there))!];
  const patrols = (await findPatrols(platform.db)).filter(({ block }) => block.startsWith('10.89.0.0/24'));
  assert.deepEqual(patrols.map(({ scopeId, block }) => [scopeId, block]).toSorted(), [
    [own.id, '10.89.0.0/24'],
    [remote.id, '10.89.0.0/24@berlin'],
  ]);
  await wholePatrol(here, orders[0]!, [seen('10.89.0.7', 'one of ours')]);
  await wholePatrol(there, orders[1]!, [seen('10.89.0.7', 'one of theirs')]);
  const strangers = (await discovery.hosts()).filter(({ addresses }) => addresses.includes('10.89.0.7'));
  assert.equal(strangers.length, 2);
  assert.deepEqual(
    strangers.map(({ presence }) => presence),
    ['up', 'up'],
  );
  const places = await Promise.all(strangers.map(({ id }) => measuredPlaces(platform.db, id)));
  assert.deepEqual(
    places
      .flat()
      .map(({ site }) => site)
      .toSorted(),
    ['berlin', 'local'],
  );
  // Whoever looks there misses what is there, and nothing of the other site.
  const missed = { addresses: ['10.89.0.7'], ports: [22], isOpen: () => false, by: 'agent' as const, site: 'berlin' };
  await platform.observe(OPERATOR, (tx) => ageEndpoints(tx, AGEING, missed));
  const endpoints = await findEndpoints(platform.db, { hostIds: strangers.map(({ id }) => id) });
  assert.deepEqual(endpoints.map(({ state }) => state).toSorted(), ['gone', 'open']);
});

test('1.14: machines of two sites that show their maker’s key at one private address are two, whichever agents see them', async () => {
  const agents = [await newAgent('10.92.0.2/24', 'sees-ours'), await newAgent('10.92.0.3/24', 'sees-theirs')];
  await platform.observe(OPERATOR, async (tx) => {
    await noteAddress(tx.db, agents[0]!.hostId, '10.92.0.2', 'measured', tx.now);
    await noteAddress(tx.db, agents[1]!.hostId, '10.92.0.4', 'measured', tx.now, 'berlin');
  });
  const scope = { cidrs: ['10.92.0.0/24'], ports: '22', agents: true };
  await addScope(platform, scope);
  await addScope(platform, { ...scope, site: 'berlin' });
  for (const agent of agents) await wholePatrol(agent, (await ordered(agent))!, [seen('10.92.0.1', 'its maker')]);
  const routers = (await discovery.hosts()).filter(({ addresses }) => addresses.includes('10.92.0.1'));
  const places = await Promise.all(routers.map(({ id }) => measuredPlaces(platform.db, id)));
  const sites = places.flat().map(({ site }) => site);
  assert.deepEqual(sites.toSorted(), ['berlin', 'local']);
});

test('1.14: at another site, too, an agent’s word changes nothing about a host that has an agent, measured there or not yet', async () => {
  const [there, unmeasured, elsewhere] = [
    await newAgent('10.90.0.3/24', 'looks-in-berlin'),
    await newAgent('10.90.0.4/24', 'new-in-berlin'),
    await newAgent('10.90.0.5/24', 'two-legs-in-berlin'),
  ];
  await platform.observe(OPERATOR, async (tx) => {
    await noteAddress(tx.db, elsewhere.hostId, '10.90.0.6', 'measured', tx.now, 'berlin');
    await noteAddress(tx.db, there.hostId, '10.90.0.7', 'measured', tx.now, 'berlin');
  });
  await addScope(platform, { cidrs: ['10.90.0.0/24'], ports: '22', agents: true, site: 'berlin' });
  const order = (await ordered(there))!;
  const before = await Promise.all([unmeasured, elsewhere].map(({ hostId }) => discovery.host(hostId)));
  await wholePatrol(there, order, [seen('10.90.0.4', 'a lie'), seen('10.90.0.5', 'another')]);
  const now = await Promise.all([unmeasured, elsewhere].map(({ hostId }) => discovery.host(hostId)));
  assert.deepEqual(
    now.map((host) => [host!.identifiers, host!.addresses]),
    before.map((host) => [host!.identifiers, host!.addresses]),
  );
  const ids = [unmeasured, elsewhere].map(({ hostId }) => hostId);
  assert.deepEqual(await findEndpoints(platform.db, { hostIds: ids }), []);
  const patrol = (await findPatrols(platform.db)).find(({ id }) => id === order.id)!;
  assert.deepEqual([patrol.counts.strangers, patrol.counts.known], [0, 2]);
});

test('1.14: another agent’s patrol is nobody else’s to report', async () => {
  const { order } = await started('10.76.0');
  const other = await newAgent('10.76.1.2/24');
  const reply = await tell(other, { id: order.id, window: 0, seen: [] });
  assert.deepEqual(reply.ranges, []);
  assert.equal(await stateOf(order.id), 'ordered');
});

test('1.14: what is excluded while an agent looks is taken out at its next word, and told results of it are dropped', async () => {
  const { agent, scope, order } = await started('10.77.0', { cidrs: ['10.77.0.0/28'] });
  await changeScope(scope, { exclude: ['10.77.0.4'] });
  const beat = await tell(agent, { id: order.id });
  assert.deepEqual(beat.ranges, ['10.77.0.1-10.77.0.3', '10.77.0.5-10.77.0.15']);
  await tell(agent, { id: order.id, window: 0, seen: [seen('10.77.0.4', 'a'), seen('10.77.0.5', 'b')] });
  assert.equal(await discovery.hostByAddress('10.77.0.4'), null);
  assert.ok(await discovery.hostByAddress('10.77.0.5'));
});

test('1.14: a scope that takes its leave back ends the patrol: at the agent’s next word, and without one', async () => {
  const one = await started('10.78.0');
  const two = await started('10.78.1');
  for (const { scope } of [one, two]) await changeScope(scope, { agents: false });
  const reply = await tell(one.agent, { id: one.order.id });
  assert.deepEqual(reply.ranges, []);
  assert.match(reply.why ?? '', /lets agents look at none/);
  assert.equal(await ordered(two.agent), null, 'what a check-in says ends it, too');
  await closePatrols(platform);
  assert.deepEqual([await stateOf(one.order.id), await stateOf(two.order.id)], ['cancelled', 'cancelled']);
});

test('1.14: a patrol goes on from the window that was told last, and a window told twice counts once', async () => {
  const { agent, order } = await started('10.79.0');
  await tell(agent, { id: order.id, window: 0, seen: [] });
  await tell(agent, { id: order.id, window: 0, seen: [] });
  const again = (await ordered(agent))!;
  assert.deepEqual([again.id, again.window, again.seed], [order.id, 1, order.seed]);
  const patrol = (await findPatrols(platform.db)).find(({ id }) => id === order.id)!;
  assert.equal(patrol.counts.asked, 32);
});

test('1.14: an agent that would not look is heard, and its reason stands on the trail', async () => {
  const { agent, order } = await started('10.80.0');
  await tell(agent, { id: order.id, ended: { how: 'refused', why: 'its settings\u0000 say no' } });
  assert.equal(await stateOf(order.id), 'declined');
  const entry = await lastEntry(platform, 'discovery.patrol.finished', agent.agentId);
  assert.match((entry.detail as { error: string }).error, /the agent would not: its settings/);
});

test('1.11: a machine that answers ARP for a whole subnet makes no hosts of it', async () => {
  const { agent, order } = await started('10.81.0');
  const windows = patrolWindows(order.ranges, order.seed);
  const all = Array.from({ length: windows.windows }, (_, w) => windows.addressesIn(w)).flat();
  const [real] = all;
  await wholePatrol(agent, order, [
    seen(real!, 'router', '02:00:00:00:00:01'),
    ...all.slice(1).map((address) => seen(address, null, '02:00:00:00:00:01')),
  ]);
  const patrol = (await findPatrols(platform.db)).find(({ id }) => id === order.id)!;
  assert.equal(patrol.counts.strangers, 1);
  assert.equal(patrol.counts.proxied, all.length - 1);
  assert.equal(
    (await hostAt(real!)).identifiers.some(({ kind }) => kind === 'mac'),
    false,
  );
});

test('1.14: texts of strangers come without what moves a cursor, and certificates are read from themselves', async () => {
  const { agent, order } = await started('10.82.0', { cidrs: ['10.82.0.8/30'] });
  const one = seen('10.82.0.9', 'x');
  (one.looks[0]!.result as SshProbe).banner = 'SSH-2.0-\u001b[2J\u0000evil';
  const two: PatrolSeen = {
    address: '10.82.0.10',
    mac: null,
    looks: [
      {
        port: 22,
        error: null,
        result: {
          protocol: 'tls',
          versions: ['TLSv1.2'],
          heartbleed: { verdict: 'safe', extension: false, leakedBytes: 0, reason: 'x' },
          chain: [
            {
              fingerprint: 'a'.repeat(64),
              spki: 'b'.repeat(64),
              serial: '01',
              subject: 'CN=bank.example',
              issuer: 'CN=y',
              names: ['bank.example'],
              notBefore: '2030-01-01T00:00:00.000Z',
              notAfter: '2031-01-01T00:00:00.000Z',
              keyType: 'rsa',
              crlUrls: [],
              ocspUrls: [],
              pem: 'no certificate',
            },
          ],
        },
      },
    ],
  };
  await wholePatrol(agent, order, [one, two]);
  const [endpoint] = await findEndpoints(platform.db, { hostId: (await hostAt('10.82.0.9')).id });
  assert.equal((endpoint!.probe as SshProbe).banner, 'SSH-2.0-?[2J?evil');
  const liar = await hostAt('10.82.0.10');
  assert.equal(liar.name, '10.82.0.10');
  assert.match((await findEndpoints(platform.db, { hostId: liar.id }))[0]!.lastError ?? '', /is none/);
});
