import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { after, before, test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'kysely';
import { isAppError } from '../../model/errors/index.ts';
import type { Scope } from '../../model/estate.ts';
import { testPlatform, type TestPlatform } from '../../platform/testing.ts';
import { createDiscovery, type Discovery } from './index.ts';
import { listenWith } from '../../scan/probes/testing.ts';
import { DEFAULT_AGEING } from './results.ts';
import { runScan } from './run-scan.ts';
import { createScan, steerScan } from './scans.ts';
import { Buckets } from './scopes.ts';
import { claimScan, findScopes, openOf, scanRow, updateScope } from './store-scans.ts';
import { addScope, entriesSince, OPERATOR } from './testing/index.ts';

let platform: TestPlatform;
let discovery: Discovery;
before(async () => {
  // Connections tell which pair was tried; single packets reach no listener.
  platform = await testPlatform({ config: { scanPath: 'epoll' } });
  discovery = createDiscovery(platform);
  platform.handle(discovery.jobs);
});
after(() => platform.close());

const start = (scope: Scope) =>
  createScan(platform, OPERATOR, { scope, targets: [], ports: undefined, rate: undefined, confirmWide: false });

async function doneOf(id: string): Promise<number> {
  return (await scanRow(platform.db, id))!.counts.done;
}

async function until(what: string, condition: () => Promise<boolean>): Promise<void> {
  for (let attempt = 0; attempt < 600; attempt++) {
    if (await condition()) return;
    await sleep(50);
  }
  assert.fail(`it did not come to this in thirty seconds: ${what}`);
}

test('a scan whose worker is killed goes on where it was, tries little twice and counts nothing twice', async (t) => {
  const tries = new Map<string, number>();
  // One listener for every address of the range: each connection tells which pair was tried.
  const server = await listenWith((socket) => {
    const address = socket.localAddress ?? '';
    tries.set(address, (tries.get(address) ?? 0) + 1);
    // Whoever hangs up right after is looked at once more.
    socket.write('220 here\r\n');
  }, '0.0.0.0');
  t.after(() => server.close());
  const scope = await addScope(platform, { cidrs: ['127.72.0.0/26'], ports: `${server.port},20001-20019`, rate: 200 });
  const { id } = await start(scope);
  const worker = join(import.meta.dirname, 'testing/scan-worker.ts');
  const argument = JSON.stringify([platform.config, platform.urls.app, id]);
  const child = spawn(process.execPath, [worker, argument], { stdio: 'ignore' });
  await until('a third is done', async () => (await doneOf(id)) > 400);
  child.kill('SIGKILL');
  await once(child, 'exit');
  const killedAt = await doneOf(id);
  assert.ok(killedAt < 1280, 'it was killed in the middle');
  const before = new Map(tries);
  await platform.drain();
  const row = (await scanRow(platform.db, id))!;
  assert.equal(row.state, 'done');
  assert.equal(row.counts.done, 1280);
  assert.equal(row.counts.newHosts, 64);
  assert.equal((await discovery.hosts()).length, 64);
  // Every host answers the sweep once and the probe once; only what was on its way when the worker died is asked again.
  const found = [...before.keys()].length;
  const askedAgain = [...before.keys()].filter((address) => tries.get(address)! - before.get(address)! > 1).length;
  assert.ok(found > 10, `${found} were found before`);
  assert.ok(askedAgain < found, `${askedAgain} of ${found} were swept twice`);
  const types = (await entriesSince(platform, 0)).map((entry) => entry.type);
  assert.equal(types.filter((type) => type === 'discovery.scan.started').length, 1);
  assert.equal(types.filter((type) => type === 'discovery.host.found').length, 64);
});

test('pause, resume and cancel; what makes no sense is refused with what would', async () => {
  const scope = await addScope(platform, { cidrs: ['127.73.0.0/25'], ports: '20001-20010', rate: 80 });
  const { id } = await start(scope);
  const running = platform.drain();
  await until('it runs', async () => (await doneOf(id)) > 0);
  await assert.rejects(start(scope), (error) => isAppError(error, 'SCAN_ACTIVE'));
  await steerScan(platform, OPERATOR, id, 'pause');
  await running;
  const paused = await doneOf(id);
  assert.ok(paused > 0 && paused < 1280, `paused at ${paused}`);
  await sleep(700);
  assert.equal(await doneOf(id), paused);
  await assert.rejects(steerScan(platform, OPERATOR, id, 'pause'), (error) => isAppError(error, 'SCAN_STATE'));
  await steerScan(platform, OPERATOR, id, 'resume');
  const again = platform.drain();
  await until('it goes on', async () => (await doneOf(id)) > paused);
  await steerScan(platform, OPERATOR, id, 'cancel');
  await again;
  assert.equal((await scanRow(platform.db, id))!.state, 'cancelled');
  await assert.rejects(steerScan(platform, OPERATOR, id, 'resume'), (error) => isAppError(error, 'SCAN_STATE'));
  await assert.rejects(steerScan(platform, OPERATOR, 'scan_none', 'pause'), (error) => isAppError(error, 'NOT_FOUND'));
});

test('of two workers with one scan the later goes on and the earlier stops', async () => {
  const scope = await addScope(platform, { cidrs: ['127.73.1.0/26'], ports: '20001-20010', rate: 200 });
  const { id } = await start(scope);
  const job = discovery.jobs['discovery.scan']!;
  const first = job({ scanId: id });
  await until('it runs', async () => (await doneOf(id)) > 0);
  await Promise.all([first, job({ scanId: id })]);
  const row = (await scanRow(platform.db, id))!;
  assert.equal(row.state, 'done');
  assert.equal(row.counts.done, 640);
  const finished = (await entriesSince(platform, 0)).filter(
    (e) => e.type === 'discovery.scan.finished' && e.subject.id === id,
  );
  assert.equal(finished.length, 1);
});

test('1.1: a scope with a schedule is scanned when due, and never twice at once', async () => {
  await platform.drain();
  const hourAgo = new Date(Date.now() - 3600_000).toISOString();
  const scope = await addScope(platform, {
    cidrs: ['127.73.2.1'],
    ports: '20001',
    every: '*/10 * * * *',
    createdAt: hourAgo,
  });
  const schedule = discovery.jobs['discovery.schedule']!;
  const scansOf = async () => (await platform.waiting('discovery.scan')).length;
  await schedule({});
  assert.equal(await scansOf(), 1);
  await schedule({});
  assert.equal(await scansOf(), 1, 'the first is still waiting');
  await platform.drain();
  await schedule({});
  assert.equal(await scansOf(), 0, 'not due again yet');
  assert.ok(
    (await entriesSince(platform, 0)).some(
      (e) => e.type === 'discovery.scan.started' && e.related.some((r) => r.id === scope.id),
    ),
  );
});

test('what was read of a window stays when its scan is paused, and only the rest is looked at afterwards', async (t) => {
  const looked = new Map<string, number>();
  const speak = (socket: Socket): void => {
    looked.set(socket.localAddress!, (looked.get(socket.localAddress!) ?? 0) + 1);
    // Whoever hangs up right after is looked at once more.
    socket.write('220 here\r\n');
  };
  const first = await listenWith(speak, '127.73.7.1');
  const second = await listenWith(speak, '127.73.7.2', first.port);
  const mute = await listenWith(() => undefined, '127.73.7.3', first.port);
  t.after(() => Promise.all([first.close(), second.close()]));
  const scope = await addScope(platform, { cidrs: ['127.73.7.0/29'], ports: `${first.port}`, rate: 200 });
  const { id } = await start(scope);
  const run = () => runScan(platform, { buckets: new Buckets(), ageing: DEFAULT_AGEING, portion: 2 }, id);
  const running = run();
  await until('the first portion is stored', async () => (await discovery.hostByAddress('127.73.7.2')) !== null);
  await steerScan(platform, OPERATOR, id, 'pause');
  await running;
  await mute.close();
  assert.deepEqual(await openOf(platform.db, id), [{ address: '127.73.7.3', port: first.port }]);
  const before = new Map(looked);
  await steerScan(platform, OPERATOR, id, 'resume');
  await run();
  const row = (await scanRow(platform.db, id))!;
  assert.deepEqual([row.state, row.counts.done, row.counts.newHosts], ['done', 8, 3]);
  assert.deepEqual(looked, before, 'what was stored is not looked at again');
  const { rows } = await sql<{ address: string }>`select address from discovery.endpoint
    where port = ${first.port} and misses > 0`.execute(platform.db);
  assert.deepEqual(rows, [], 'and does not count as closed');
});

/** A listener that says nothing keeps whoever looks at it waiting for some seconds. */
async function slowLook(t: TestContext, address: string): Promise<{ id: string; port: number }> {
  const mute = await listenWith(() => undefined, address);
  t.after(() => mute.close());
  const scope = await addScope(platform, { cidrs: [address], ports: `${mute.port}`, rate: 200 });
  return { id: (await start(scope)).id, port: mute.port };
}

test('a runner that lost its scan while it looked stores nothing; while it looks it says that it lives', async (t) => {
  const { id } = await slowLook(t, '127.73.4.1');
  const running = discovery.jobs['discovery.scan']!({ scanId: id });
  await until('it looks', async () => (await doneOf(id)) === 1);
  const first = (await scanRow(platform.db, id))!.beat_at!;
  await until('it beats', async () => (await scanRow(platform.db, id))!.beat_at!.getTime() > first.getTime() + 800);
  await claimScan(platform.db, id, 'another runner', platform.now());
  await running;
  const row = (await scanRow(platform.db, id))!;
  assert.deepEqual([row.state, row.runner, Number(row.window_index)], ['running', 'another runner', 0]);
  assert.equal(await discovery.hostByAddress('127.73.4.1'), null);
  await discovery.jobs['discovery.scan']!({ scanId: id });
  assert.equal((await scanRow(platform.db, id))!.state, 'done');
  assert.notEqual(await discovery.hostByAddress('127.73.4.1'), null);
});

test('1.1: what is excluded while a scan runs is not touched any more, and does not count as closed', async (t) => {
  let touched: string[] = [];
  const server = await listenWith((socket) => {
    touched.push(socket.localAddress ?? '');
    // Whoever hangs up right after is looked at once more.
    socket.write('220 here\r\n');
  }, '0.0.0.0');
  t.after(() => server.close());
  const scope = await addScope(platform, { cidrs: ['127.73.5.0/26'], ports: `${server.port}`, rate: 200 });
  await start(scope);
  await platform.drain();
  const { port } = server;
  // Again, slowly: every address is known, and the second half of them is excluded in the middle of it.
  const slow = { ...scope, ports: `${port},20001-20009`, rate: 80 };
  await change(slow);
  const { id } = await start(slow);
  const running = platform.drain();
  await until('it runs', async () => (await doneOf(id)) > 100);
  await change({ ...slow, exclude: ['127.73.5.32/27'] });
  await sleep(300);
  touched = [];
  await running;
  assert.equal((await scanRow(platform.db, id))!.state, 'done');
  const excluded = touched.filter((address) => Number(address.split('.')[3]) >= 32);
  assert.deepEqual(excluded, []);
  assert.ok(touched.length > 0, 'the rest was looked at');
  const { rows } = await sql<{ n: string }>`select count(*) as n from discovery.endpoint
    where port = ${port} and misses > 0`.execute(platform.db);
  assert.equal(Number(rows[0]!.n), 0);
});

test('an exclusion ends conversations that are under way; a removed scope ends its scan', async (t) => {
  const { id, port } = await slowLook(t, '127.73.6.1');
  const running = discovery.jobs['discovery.scan']!({ scanId: id });
  await until('it looks', async () => (await doneOf(id)) === 1);
  const scope = (await findScopes(platform.db)).find((one) => one.cidrs[0] === '127.73.6.1')!;
  const began = performance.now();
  const remove = discovery.routes.find((route) => route.id === 'deleteScope')!;
  await remove.handler({ params: { id: scope.id }, actor: OPERATOR } as Parameters<typeof remove.handler>[0]);
  await running;
  assert.ok(performance.now() - began < 1500, `${performance.now() - began} ms`);
  const row = (await scanRow(platform.db, id))!;
  assert.deepEqual([row.state, row.error], ['cancelled', 'its scope was removed']);
  assert.equal(await discovery.hostByAddress('127.73.6.1'), null);
  await assert.rejects(discovery.probeNow('127.73.6.1', port), (error) => isAppError(error, 'ADDRESS_NOT_ALLOWED'));
});

async function change(scope: Scope): Promise<void> {
  const subject = { kind: 'scope' as const, id: scope.id };
  await platform.act(OPERATOR, { type: 'discovery.scope.changed', subject }, async (tx) => {
    await updateScope(tx.db, scope);
    await tx.publish('scans', { scopeId: scope.id });
  });
}
