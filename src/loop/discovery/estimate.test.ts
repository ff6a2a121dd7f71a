import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { isAppError } from '../../model/errors/index.ts';
import type { Scan } from '../../model/estate.ts';
import { testPlatform, type TestPlatform } from '../../platform/testing.ts';
import { estimateScan } from '../../scan/logic/estimate.ts';
import { parseTargets } from '../../scan/logic/targets.ts';
import { canPing } from '../../scan/scanner/native/choose.ts';
import { createDiscovery, type Discovery } from './index.ts';
import { createScan, estimateOf } from './scans.ts';
import { checkScope } from './scopes.ts';
import { scanRow, toScan } from './store-scans.ts';
import { addScope, OPERATOR } from './testing/index.ts';

let platform: TestPlatform;
let discovery: Discovery;
before(async () => {
  platform = await testPlatform({ config: { scanPath: 'epoll' } });
  discovery = createDiscovery(platform);
  platform.handle(discovery.jobs);
});
after(() => platform.close());

const request = (targets: string[], ports: string, rate?: number) => ({
  scope: null,
  targets,
  ports,
  rate,
  confirmWide: false,
});

test('an estimate tells what a scan then does: pairs exactly, time within its bounds', async () => {
  const scope = await addScope(platform, {
    cidrs: ['127.79.0.0/25'],
    exclude: ['127.79.0.64/26'],
    ports: '20001-20010',
    rate: 400,
    subnetRate: 200,
  });
  const wanted = { ...request([], ''), scope, ports: undefined };
  const estimate = await estimateOf(platform, wanted);
  assert.deepEqual(
    [estimate.addresses, estimate.excluded, estimate.ports, estimate.pairs, estimate.rate],
    [64, 64, 10, 640, 200],
  );
  assert.deepEqual(estimate.packets, { least: 640, most: 1280 });
  const { id } = await createScan(platform, OPERATOR, wanted);
  const seen: Scan[] = [];
  const watch = setInterval(() => void scanRow(platform.db, id).then((row) => seen.push(toScan(row!))), 100);
  const began = performance.now();
  await platform.drain();
  clearInterval(watch);
  const seconds = (performance.now() - began) / 1000;
  const done = toScan((await scanRow(platform.db, id))!);
  assert.equal(done.counts.targets, estimate.pairs);
  // A tenth of a second's worth goes out at once; a job's turn may come a moment late.
  const least = estimate.pairs / estimate.rate;
  assert.ok(Math.ceil(least) === estimate.seconds.least && seconds > least * 0.85, `${seconds} s of ${least}`);
  assert.ok(seconds < estimate.seconds.most + 3, `${seconds} s of ${estimate.seconds.most}`);
  assert.deepEqual([done.pace?.asked, done.pace?.now, done.secondsLeft], [400, 200, null]);
  assert.match(done.pace!.why, /at most 200 a second to one \/24/);
  const running = seen.filter(({ secondsLeft }) => secondsLeft !== null);
  assert.ok(running.length > 0, 'it said how long it would take');
  assert.ok(running.every(({ secondsLeft }) => secondsLeft! <= 5));
});

test('echoes are part of an estimate: over IPv4, to whoever may have no open port, and nobody on loopback', async (t) => {
  const plain = { intervals: parseTargets(['10.1.0.0/24', '127.0.0.0/24', '2001:db8::/120']).intervals, excluded: 0n };
  const walk = { ...plain, ports: [22], rate: 10, subnetRate: 1000 };
  const [without, asked] = [estimateScan(walk), estimateScan({ ...walk, pings: true })];
  assert.deepEqual([without.echoes, asked.echoes], [0, 256]);
  assert.equal(asked.packets.most - without.packets.most, 512);
  assert.ok(asked.seconds.most - without.seconds.most >= 51 && asked.seconds.least - without.seconds.least >= 25);
  const silent = await testPlatform({ config: { scanPath: 'portable' } });
  t.after(() => silent.close());
  assert.equal((await estimateOf(silent, request(['10.1.0.0/24'], '22'))).echoes, 0, 'nobody is asked by this path');
  const here = await estimateOf(platform, request(['10.1.0.0/24'], '22'));
  assert.equal(here.echoes, (await canPing('epoll')) ? 256 : 0);
});

test('10.0.0.0/8 with all ports is told in constant memory', async () => {
  const before = process.memoryUsage().heapUsed;
  const { addresses, pairs, echoes, rate, seconds } = await estimateOf(platform, request(['10.0.0.0/8'], 'full', 1000));
  assert.deepEqual([addresses, pairs, rate], [2 ** 24, 2 ** 24 * 65_535, 1000]);
  assert.ok(seconds.least === Math.ceil((pairs + echoes) / 1000) && seconds.most > 2 * seconds.least);
  const grown = (process.memoryUsage().heapUsed - before) / 2 ** 20;
  assert.ok(grown < 20, `grown by ${grown} MB`);
});

test('an IPv6 prefix that nobody can walk is refused, with what feeds it instead; as one to follow it may stand', async () => {
  const isWide = (error: unknown): boolean =>
    isAppError(error, 'TARGET_V6_WIDE') && /hosts import/.test(error.message) && /--follow/.test(error.message);
  await assert.rejects(estimateOf(platform, request(['2001:db8::/64'], '22')), isWide);
  await assert.rejects(createScan(platform, OPERATOR, request(['2001:db8::/103'], '22')), isWide);
  assert.equal((await estimateOf(platform, request(['2001:db8::/104'], '22'))).addresses, 2 ** 24);
  const scope = await addScope(platform, { cidrs: ['2001:db8:1::/120'], ports: '22' });
  checkScope({ ...scope, follow: ['2001:db8::/32'] }, false);
  assert.throws(() => checkScope({ ...scope, cidrs: ['2001:db8::/32'] }, false), isWide);
});
