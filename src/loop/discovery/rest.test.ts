import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { isAppError } from '../../model/errors/index.ts';
import type { Scan, Scope } from '../../model/estate.ts';
import { testPlatform, type TestPlatform } from '../../platform/testing.ts';
import { listenWith } from '../../scan/probes/testing.ts';
import { followFrom } from './follow.ts';
import { createDiscovery, type Discovery } from './index.ts';
import { createScan, steerScan } from './scans.ts';
import { toFollow } from './store-follow.ts';
import { findScans, findScopes, scanRow, toScan, updateScope } from './store-scans.ts';
import { addScope, OPERATOR } from './testing/index.ts';

const DARK = 'daily 08:00-18:00';
let platform: TestPlatform;
let discovery: Discovery;
/** What our clock is ahead of the real one. */
let ahead = 0;
const setClock = (at: string): void => void (ahead = Date.parse(at) - Date.now());

before(async () => {
  platform = await testPlatform({ config: { scanPath: 'epoll' }, now: () => new Date(Date.now() + ahead) });
  discovery = createDiscovery(platform);
  platform.handle(discovery.jobs);
});
after(() => platform.close());
beforeEach(async () => {
  for (const scope of await findScopes(platform.db)) await change({ ...scope, every: null, blackouts: [] });
});

async function change(scope: Scope): Promise<void> {
  const subject = { kind: 'scope' as const, id: scope.id };
  await platform.act(OPERATOR, { type: 'discovery.scope.changed', subject }, (tx) => updateScope(tx.db, scope));
}

const start = (scope: Scope | null, targets: string[] = [], ports?: string) =>
  createScan(platform, OPERATOR, { scope, targets, ports, rate: undefined, confirmWide: false });
const scanOf = async (id: string): Promise<Scan> => toScan((await scanRow(platform.db, id))!);
const timer = (): Promise<void> => discovery.jobs['discovery.schedule']!({});

test('a running scan pauses where a blackout begins, and goes on at its end where it stood', async (t) => {
  const tries = new Map<string, number>();
  const server = await listenWith((socket) => {
    tries.set(socket.localAddress!, (tries.get(socket.localAddress!) ?? 0) + 1);
    // Whoever hangs up right after is looked at once more.
    socket.write('220 here\r\n');
  }, '0.0.0.0');
  t.after(() => server.close());
  setClock('2030-07-01T07:59:57Z');
  const ports = `${server.port},20001-20009`;
  const scope = await addScope(platform, { cidrs: ['127.80.0.0/26'], ports, rate: 150, blackouts: [DARK] });
  const { id } = await start(scope);
  await platform.drain();
  const resting = await scanOf(id);
  assert.deepEqual(
    [resting.state, resting.waitsUntil, resting.waitsFor],
    ['queued', '2030-07-01T18:00:00.000Z', scope.name],
  );
  assert.ok(platform.now() < new Date('2030-07-01T08:00:00Z'), 'nothing is sent any more when it begins');
  assert.ok(resting.counts.done > 50 && resting.counts.done < 640, `${resting.counts.done} done`);
  const before = new Map(tries);
  setClock('2030-07-01T17:58:00Z');
  await timer();
  await platform.drain();
  await sleep(100);
  assert.deepEqual([(await scanOf(id)).state, tries], ['queued', before], 'the timer does not wake it too early');
  setClock('2030-07-01T18:00:10Z');
  await timer();
  await platform.drain();
  const done = await scanOf(id);
  assert.deepEqual([done.state, done.counts.done, done.counts.newHosts], ['done', 640, 64]);
  assert.equal(done.waitsUntil, null);
  // Each is swept once and read once; only what was on its way is swept again.
  const again = [...before.keys()].filter((address) => tries.get(address)! - before.get(address)! > 1).length;
  assert.ok(before.size > 3 && again < before.size / 2, `${again} of ${before.size} were swept again`);
});

test('a scan that is asked for in a blackout waits, whoever asks; it can be cancelled', async () => {
  setClock('2030-07-02T12:00:00Z');
  const scope = await addScope(platform, { cidrs: ['127.80.1.0/30'], ports: '20001', blackouts: [DARK] });
  const [own, byHand] = [await start(scope), await start(null, ['127.80.0.0/23'], '20001')];
  assert.deepEqual([own.waitsFor, byHand.waitsFor], [scope.name, scope.name], 'and says so at once');
  await platform.drain();
  for (const { id } of [own, byHand]) {
    const { state, waitsFor, startedAt, counts } = await scanOf(id);
    assert.deepEqual([state, waitsFor, startedAt, counts.done], ['queued', scope.name, null, 0]);
  }
  await steerScan(platform, OPERATOR, own.id, 'cancel');
  assert.equal((await scanOf(own.id)).waitsUntil, null);
  // Nobody need wait for an end that was taken away.
  await change({ ...scope, blackouts: [] });
  setClock('2030-07-02T12:02:00Z');
  await timer();
  await platform.drain();
  assert.equal((await scanOf(byHand.id)).state, 'done');
});

test('1.1: a schedule that falls into a blackout is made up for once, in the next allowed hour', async () => {
  setClock('2030-07-03T06:00:00Z');
  const scope = await addScope(platform, {
    cidrs: ['127.80.2.1'],
    ports: '20001',
    every: '0 9-16 * * *',
    blackouts: [DARK],
  });
  const scans = async (): Promise<number> =>
    (await findScans(platform.db)).filter(({ scopeId }) => scopeId === scope.id).length;
  for (const at of ['09:30', '12:30', '17:59']) {
    setClock(`2030-07-03T${at}:00Z`);
    await timer();
    await platform.drain();
    assert.equal(await scans(), 0, at);
  }
  for (const at of ['18:03', '18:05', '23:00']) {
    setClock(`2030-07-03T${at}:00Z`);
    await timer();
    await platform.drain();
    assert.equal(await scans(), 1, at);
  }
});

test('what agents saw connections to is looked at when the blackout is over', async (t) => {
  let heard = 0;
  const server = await listenWith((socket) => {
    heard += 1;
    // Whoever hangs up right after is looked at once more.
    socket.write('220 here\r\n');
  }, '127.80.3.2');
  t.after(() => server.close());
  setClock('2030-07-04T12:00:00Z');
  await addScope(platform, { cidrs: ['127.80.3.0/30'], ports: `${server.port}`, blackouts: [DARK] });
  const [via] = await platform.observe(OPERATOR, async (tx) =>
    discovery.recordSightings(tx, [
      { source: 'scan', address: '127.80.9.9', at: tx.now.toISOString(), identifiers: [] },
    ]),
  );
  await platform.observe(OPERATOR, (tx) => followFrom(tx, via!, ['127.80.3.2']));
  await platform.drain();
  assert.deepEqual([heard, (await toFollow(platform.db, via!)).length], [0, 1]);
  setClock('2030-07-04T18:01:00Z');
  await timer();
  await platform.drain();
  assert.ok(heard > 0);
  assert.deepEqual(await toFollow(platform.db, via!), []);
});

test('an address that a scope lets us follow to rests in that scope’s blackout, and a look that runs into one is cut', async (t) => {
  let heard = 0;
  const server = await listenWith((socket) => {
    heard += 1;
    // Whoever hangs up right after is looked at once more.
    socket.write('220 here\r\n');
  }, '127.80.5.1');
  t.after(() => server.close());
  setClock('2030-07-05T12:00:00Z');
  const ports = `${server.port},20001-20400`;
  const scope = { cidrs: ['127.80.4.0/30'], follow: ['127.80.5.0/30'], ports, rate: 100, blackouts: [DARK] };
  await addScope(platform, scope);
  const [via] = await platform.observe(OPERATOR, async (tx) =>
    discovery.recordSightings(tx, [
      { source: 'scan', address: '127.80.9.8', at: tx.now.toISOString(), identifiers: [] },
    ]),
  );
  await platform.observe(OPERATOR, (tx) => followFrom(tx, via!, ['127.80.5.1']));
  await platform.drain();
  assert.deepEqual([heard, (await toFollow(platform.db, via!)).length], [0, 1], 'it waits at noon');
  // Four seconds of sweeping, with two left.
  setClock('2030-07-06T07:59:57.5Z');
  await discovery.jobs['discovery.follow']!({ hostId: via! });
  assert.ok(platform.now() < new Date('2030-07-06T08:00:00Z'), `it went on until ${platform.now().toISOString()}`);
  assert.equal((await toFollow(platform.db, via!)).length, 1, 'what was cut off stays to be done');
});

test('a scan over scopes whose blackouts take turns is refused with their names', async () => {
  setClock('2030-07-08T12:00:00Z');
  const day = await addScope(platform, { cidrs: ['127.80.6.0/30'], ports: '20001', blackouts: ['daily 06:00-18:00'] });
  const night = await addScope(platform, {
    cidrs: ['127.80.7.0/30'],
    ports: '20001',
    blackouts: ['daily 18:00-06:00'],
  });
  await assert.rejects(
    start(null, ['127.80.6.0/23'], '20001'),
    (error) => isAppError(error, 'SCAN_NEVER') && [day, night].every(({ name }) => error.message.includes(name)),
  );
  assert.equal((await start(day)).state, 'queued');
});
