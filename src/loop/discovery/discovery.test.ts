import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test, type TestContext } from 'node:test';
import { systemActor } from '../../model/actor.ts';
import { isAppError } from '../../model/errors/index.ts';
import type { Scan, Scope } from '../../model/estate.ts';
import { tlsOf } from '../../model/probe.ts';
import { testPlatform, type TestPlatform } from '../../platform/testing.ts';
import { createDiscovery, type Discovery } from './index.ts';
import { listenWith, type Pki, selfSigned } from '../../scan/probes/testing.ts';
import { createScan } from './scans.ts';
import { scanRow, toScan } from './store-scans.ts';
import {
  addScope,
  entriesSince,
  lastEntry,
  type Listening,
  newSshKey,
  OPERATOR,
  sshServer,
  tlsServer,
} from './testing/index.ts';

let platform: TestPlatform;
let discovery: Discovery;
const pkis: Pki[] = [];
let pem: Pem;
interface Pem {
  key: string;
  cert: string;
}

function newPem(name?: string): Pem {
  const pki = selfSigned(name === undefined ? {} : { names: `DNS:${name}` });
  pkis.push(pki);
  return { key: readFileSync(pki.key, 'utf8'), cert: readFileSync(pki.certificate, 'utf8') };
}

before(async () => {
  platform = await testPlatform();
  discovery = createDiscovery(platform, { ageing: { failures: 2, minutes: 0 } });
  platform.handle(discovery.jobs);
  pem = newPem();
});
after(async () => {
  for (const pki of pkis) pki.remove();
  await platform.close();
});

async function scan(scope: Scope): Promise<Scan> {
  const made = await createScan(platform, OPERATOR, {
    scope,
    targets: [],
    ports: undefined,
    rate: undefined,
    confirmWide: false,
  });
  await platform.drain();
  return toScan((await scanRow(platform.db, made.id))!);
}

/** A host's agent saw these addresses; whoever follows does so. */
async function report(hostId: string, ...reports: string[][]): Promise<void> {
  for (const addresses of reports) {
    await platform.observe(systemActor('test'), (tx) => discovery.followFrom(tx, hostId, addresses));
  }
  await platform.drain();
}

function closeAfter(t: TestContext, ...servers: { close(): Promise<void> }[]): void {
  t.after(() => Promise.all(servers.map((server) => server.close())));
}

const portsOf = (...servers: Listening[]): string => servers.map((server) => server.port).join();

test('1.2: a scan finds hosts nobody listed, and what they serve, without credentials', async (t) => {
  const ssh = await sshServer('127.71.0.5');
  const tls = await tlsServer('127.71.0.5', pem);
  const other = await tlsServer('127.71.0.9', pem, tls.port);
  closeAfter(t, ssh, tls, other);
  const scope = await addScope(platform, { cidrs: ['127.71.0.0/28'], ports: portsOf(ssh, tls) });
  const done = await scan(scope);
  assert.equal(done.state, 'done');
  assert.deepEqual(done.counts, {
    targets: 32,
    done: 32,
    open: 3,
    newHosts: 2,
    changed: 0,
    offline: 0,
    back: 0,
    unchanged: 0,
  });
  assert.equal(done.path, 'epoll', done.pathWhy ?? '');
  assert.ok(done.pathWhy);
  const found = (await discovery.hostByAddress('127.71.0.5'))!;
  assert.equal(found.claim, 'unknown');
  assert.equal(found.discoveredAs, 'unknown');
  assert.equal(found.name, 'shop.example');
  assert.deepEqual(found.sources, ['scan']);
  assert.match(found.guess ?? '', /serves ssh, tls/);
  const endpoints = await discovery.endpoints({ hostId: found.id });
  assert.deepEqual(endpoints.map((endpoint) => endpoint.service).sort(), ['ssh', 'tls']);
  assert.equal(ssh.tried, 0, 'nobody tried to log in');
  // Two servers with one certificate are two hosts, and the second does not take the first one's name.
  assert.equal((await discovery.hostByAddress('127.71.0.9'))?.name, '127.71.0.9');
  const entry = await lastEntry(platform, 'discovery.host.found', found.id);
  assert.deepEqual((entry.detail as { addresses: string[] }).addresses, ['127.71.0.5']);
  const asked = (await platform.waiting('audit.host')).filter(
    (job) => 'hostId' in job.payload && job.payload.hostId === found.id,
  );
  assert.equal(asked.length, 1, 'judged once, for all that was found');
});

test('1.12: a second scan of the same counts everything unchanged and leaves no entry about any host', async (t) => {
  const ssh = await sshServer('127.71.1.5');
  const tls = await tlsServer('127.71.1.6', pem);
  closeAfter(t, ssh, tls);
  const scope = await addScope(platform, { cidrs: ['127.71.1.0/29'], ports: portsOf(ssh, tls) });
  await scan(scope);
  const depth = async (): Promise<unknown> => {
    const { id } = (await discovery.hostByAddress('127.71.1.6'))!;
    return tlsOf((await discovery.endpoints({ hostId: id }))[0]?.probe)?.depth;
  };
  const [first, before] = [await depth(), (await entriesSince(platform, 0)).length];
  assert.ok(first);
  const again = await scan(scope);
  assert.deepEqual(
    { ...again.counts, targets: 0, done: 0, open: 0 },
    { targets: 0, done: 0, open: 0, newHosts: 0, changed: 0, offline: 0, back: 0, unchanged: 2 },
  );
  const types = (await entriesSince(platform, before)).map((entry) => entry.type);
  assert.deepEqual(types, ['discovery.scan.started', 'discovery.scan.finished']);
  assert.deepEqual(await depth(), first, 'what handshakes do not show was not asked again');
});

test('a new certificate is a change: entry with before and after, history, and a fresh judgement', async (t) => {
  let tls = await tlsServer('127.71.2.6', pem);
  const scope = await addScope(platform, { cidrs: ['127.71.2.6'], ports: portsOf(tls) });
  await scan(scope);
  await tls.close();
  const fresh = newPem();
  tls = await tlsServer('127.71.2.6', fresh, tls.port);
  closeAfter(t, tls);
  const done = await scan(scope);
  assert.equal(done.counts.changed, 1);
  const host = (await discovery.hostByAddress('127.71.2.6'))!;
  const [endpoint] = await discovery.endpoints({ hostId: host.id });
  const history = await discovery.endpointHistory(endpoint!.id);
  const keys = history.map(({ probe }) => (probe.protocol === 'tls' ? probe.chain[0]!.spki : ''));
  assert.equal(new Set(keys).size, 2);
  const entry = await lastEntry(platform, 'discovery.endpoint.changed', endpoint!.id);
  const detail = entry.detail as { before: { spki: string }; after: { spki: string } };
  assert.deepEqual([detail.before.spki, detail.after.spki], keys);
});

test('1.5: a host that moved to another address keeps its id, its endpoints and their history', async (t) => {
  const key = newSshKey();
  const first = await sshServer('127.71.3.5', key);
  const scope = await addScope(platform, { cidrs: ['127.71.3.0/28'], ports: portsOf(first) });
  await scan(scope);
  const host = (await discovery.hostByAddress('127.71.3.5'))!;
  const [endpoint] = await discovery.endpoints({ hostId: host.id });
  await first.close();
  const second = await sshServer('127.71.3.9', key, first.port);
  closeAfter(t, second);
  const done = await scan(scope);
  assert.equal(done.counts.newHosts, 0);
  const moved = (await discovery.hostByAddress('127.71.3.9'))!;
  assert.equal(moved.id, host.id);
  assert.deepEqual(moved.addresses, ['127.71.3.9']);
  assert.deepEqual(
    (await discovery.endpoints({ hostId: host.id })).map((e) => e.id),
    [endpoint!.id],
  );
  assert.equal(await discovery.hostByAddress('127.71.3.5'), null);
});

test('1.6: two machines with one host key are two hosts that say so', async (t) => {
  const key = newSshKey();
  const one = await sshServer('127.71.4.1', key);
  const two = await sshServer('127.71.4.2', key, one.port);
  closeAfter(t, one, two);
  // In two scans, so that only a look at the earlier address can tell a copy from a move.
  await scan(await addScope(platform, { cidrs: ['127.71.4.1'], ports: portsOf(one) }));
  await scan(await addScope(platform, { cidrs: ['127.71.4.2'], ports: portsOf(one) }));
  const hosts = await Promise.all(['127.71.4.1', '127.71.4.2'].map((address) => discovery.hostByAddress(address)));
  assert.notEqual(hosts[0]!.id, hosts[1]!.id);
  for (const host of hosts) assert.match(host!.note ?? '', /^cloned identity/);
  const entry = await lastEntry(platform, 'discovery.host.split', hosts[1]!.id);
  assert.ok(entry.related.some((subject) => subject.id === hosts[0]!.id));
});

test('a machine built anew at the same address is a new host, and the trail says what it replaces', async (t) => {
  const first = await sshServer('127.71.5.5');
  const tls = await tlsServer('127.71.5.5', newPem('rebuilt.example'));
  const scope = await addScope(platform, { cidrs: ['127.71.5.5'], ports: portsOf(first, tls) });
  await scan(scope);
  const old = (await discovery.hostByAddress('127.71.5.5'))!;
  assert.equal(old.name, 'rebuilt.example');
  await first.close();
  const second = await sshServer('127.71.5.5', newSshKey(), first.port);
  closeAfter(t, second, tls);
  const done = await scan(scope);
  assert.equal(done.counts.newHosts, 1);
  const fresh = (await discovery.hostByAddress('127.71.5.5'))!;
  assert.notEqual(fresh.id, old.id);
  assert.match(fresh.note ?? '', new RegExp(old.id));
  const replaced = (await discovery.host(old.id))!;
  assert.equal(replaced.presence, 'superseded');
  assert.equal(replaced.supersededBy, fresh.id);
  assert.ok(!(await discovery.hosts()).some((host) => host.id === old.id));
  assert.ok((await discovery.endpoints({ hostId: old.id })).every((endpoint) => endpoint.state === 'gone'));
  assert.equal((await discovery.endpoints({ hostId: fresh.id, state: 'open' })).length, 2);
  assert.equal(fresh.name, old.name);
  const entry = await lastEntry(platform, 'discovery.host.found', fresh.id);
  assert.equal((entry.detail as { replaces: string }).replaces, old.id);
  assert.equal((entry.detail as { name: string }).name, old.name);
  assert.ok(entry.related.some((subject) => subject.id === old.id));
});

test('1.8: a probe that does not succeed erases nothing', async (t) => {
  const tls = await tlsServer('127.71.6.6', pem);
  const scope = await addScope(platform, { cidrs: ['127.71.6.6'], ports: portsOf(tls) });
  await scan(scope);
  const host = (await discovery.hostByAddress('127.71.6.6'))!;
  const [before] = await discovery.endpoints({ hostId: host.id });
  await tls.close();
  const mute = await listenWith(() => undefined, '127.71.6.6', tls.port);
  await scan(scope);
  await mute.close();
  const [after] = await discovery.endpoints({ hostId: host.id });
  assert.deepEqual(after?.probe, before?.probe);
  assert.equal(after?.probedAt, before?.probedAt);
  assert.match(after?.lastError ?? '', /said nothing/);
  // The same on request, with nobody there at all.
  const waiting = await platform.waiting('audit.host');
  await discovery.probeNow('127.71.6.6', tls.port, { judge: false });
  // A judgement that looks asks for no other judgement.
  assert.deepEqual(await platform.waiting('audit.host'), waiting);
  const now = await discovery.probeNow('127.71.6.6', tls.port);
  assert.deepEqual(now.probe, before?.probe);
  assert.match(now.lastError ?? '', /refused the connection/);
  const back = await tlsServer('127.71.6.6', pem, tls.port);
  closeAfter(t, back);
  const seen = await discovery.probeNow('127.71.6.6', tls.port);
  assert.equal(seen.lastError, null);
  assert.notEqual(seen.probedAt, before?.probedAt);
});

test('1.9, 1.12: silence makes a host offline, repeated silence an endpoint gone; both come back', async () => {
  const key = newSshKey();
  const first = await sshServer('127.71.7.7', key);
  const scope = await addScope(platform, { cidrs: ['127.71.7.7'], ports: portsOf(first) });
  await scan(scope);
  const host = (await discovery.hostByAddress('127.71.7.7'))!;
  await first.close();
  assert.equal((await scan(scope)).counts.offline, 1);
  assert.equal((await discovery.host(host.id))?.presence, 'offline');
  assert.equal((await discovery.endpoints({ hostId: host.id }))[0]?.state, 'open', 'one failure is not enough');
  assert.equal((await scan(scope)).counts.offline, 0, 'counted once');
  assert.equal((await discovery.endpoints({ hostId: host.id }))[0]?.state, 'gone');
  const second = await sshServer('127.71.7.7', key, first.port);
  const back = await scan(scope);
  await second.close();
  assert.equal(back.counts.back, 1);
  assert.equal((await discovery.host(host.id))?.presence, 'up');
  assert.equal((await discovery.endpoints({ hostId: host.id }))[0]?.state, 'open');
});

test('1.1: what is excluded is never connected to, whoever asks', async (t) => {
  let touched = 0;
  const port = (await sshServer('127.71.8.1').then(async (s) => (await s.close(), s))).port;
  const excluded = await listenWith(() => touched++, '127.71.8.2', port);
  const outside = await listenWith(() => touched++, '127.71.9.2', port);
  closeAfter(t, excluded, outside);
  const scope = await addScope(platform, { cidrs: ['127.71.8.0/29'], exclude: ['127.71.8.2'], ports: `${port}` });
  const done = await scan(scope);
  assert.equal(done.counts.targets, 7);
  await assert.rejects(discovery.probeNow('127.71.8.2', port), (error) => isAppError(error, 'ADDRESS_NOT_ALLOWED'));
  await assert.rejects(discovery.probeNow('127.71.9.2', port), (error) => isAppError(error, 'ADDRESS_NOT_ALLOWED'));
  // An ad-hoc scan of exactly that address has nothing left to do.
  const adhoc = { scope: null, targets: ['127.71.8.2'], ports: `${port}`, rate: undefined, confirmWide: false };
  await assert.rejects(createScan(platform, OPERATOR, adhoc), (error) => isAppError(error, 'TARGETS_EMPTY'));
  const elsewhere = await sshServer('127.71.8.3', newSshKey(), port);
  closeAfter(t, elsewhere);
  const via = (await discovery.probeNow('127.71.8.3', port)).hostId;
  await report(via, ['127.71.8.2', '127.71.9.2', 'nonsense']);
  assert.equal(touched, 0);
});

test('a host outside the scanned range is found by following a connection, where the scope allows it', async (t) => {
  const inside = await sshServer('127.71.10.1');
  const hidden = await sshServer('127.71.11.20', newSshKey(), inside.port);
  closeAfter(t, inside, hidden);
  const scope = await addScope(platform, {
    cidrs: ['127.71.10.0/29'],
    follow: ['127.71.11.0/24'],
    ports: portsOf(inside),
  });
  await scan(scope);
  assert.equal(await discovery.hostByAddress('127.71.11.20'), null);
  const via = (await discovery.hostByAddress('127.71.10.1'))!;
  await report(via.id, ['127.71.11.20', '8.8.8.8']);
  const found = (await discovery.hostByAddress('127.71.11.20'))!;
  assert.deepEqual(found.sources, ['peer']);
  assert.equal((await discovery.endpoints({ hostId: found.id, protocol: 'ssh' })).length, 1);
  const entry = await lastEntry(platform, 'discovery.host.found', found.id);
  assert.equal((entry.detail as { via: string }).via, via.id);
  assert.equal(await discovery.hostByAddress('8.8.8.8'), null);
});

test('what a host reports while its earlier report still waits is followed too, and jobs carry ids only', async (t) => {
  const inside = await sshServer('127.71.13.1');
  const hidden = await Promise.all([20, 21].map((n) => sshServer(`127.71.14.${n}`, newSshKey(), inside.port)));
  closeAfter(t, inside, ...hidden);
  await addScope(platform, { cidrs: ['127.71.13.0/29'], follow: ['127.71.14.0/24'], ports: portsOf(inside) });
  const via = (await discovery.probeNow('127.71.13.1', inside.port)).hostId;
  const tell = (address: string): Promise<void> =>
    platform.observe(systemActor('test'), (tx) => discovery.followFrom(tx, via, [address]));
  await tell('127.71.14.20');
  await tell('127.71.14.21');
  const waiting = await platform.waiting('discovery.follow');
  assert.deepEqual(
    waiting.map((job) => job.payload),
    [{ hostId: via }],
  );
  await platform.drain();
  for (const n of [20, 21]) assert.deepEqual((await discovery.hostByAddress(`127.71.14.${n}`))?.sources, ['peer']);
});

test('every address and port of a range is tried', async () => {
  const scope = await addScope(platform, { cidrs: ['127.71.12.0/27'], ports: '20001-20020', rate: 1000 });
  assert.equal((await scan(scope)).counts.done, 640);
});

test('a host is known by what lists, scopes and itself call it, and not by what its certificate says', async (t) => {
  const shown = await tlsServer('127.71.15.1', newPem('shown.example'));
  closeAfter(t, shown);
  await addScope(platform, { cidrs: ['127.71.15.0/29'], ports: portsOf(shown) });
  const bare = (await discovery.probeNow('127.71.15.1', shown.port)).hostId;
  assert.equal((await discovery.host(bare))!.name, 'shown.example');
  assert.deepEqual(await discovery.namesOf(bare), []);
  const tell = (source: 'dns' | 'agent', address: string, hostname: string) =>
    platform.observe(systemActor('test'), (tx) =>
      discovery.recordSightings(tx, [{ source, address, hostname, at: platform.now().toISOString(), identifiers: [] }]),
    );
  await tell('dns', '127.71.15.1', 'shop.example');
  assert.deepEqual(await discovery.namesOf(bare), [{ name: 'shop.example', from: 'dns' }]);
  const [local] = await tell('dns', '127.0.0.1', 'here.example');
  const scope = await addScope(platform, { name: 'own', cidrs: ['localhost'], ports: '1' });
  await scan(scope);
  const names = await discovery.namesOf(local!);
  assert.deepEqual(names, [
    { name: 'here.example', from: 'dns' },
    { name: 'localhost', from: 'scope own' },
  ]);
});
