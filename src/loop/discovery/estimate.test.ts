import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { isAppError } from '../../model/errors/index.ts';
import type { Scan } from '../../model/estate.ts';
import { testPlatform, type TestPlatform } from '../../platform/testing.ts';
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

test('10.0.0.0/8 with all ports is told in constant memory', async () => {
  const before = process.memoryUsage().heapUsed;
  const { addresses, pairs, rate, seconds } = await estimateOf(platform, request(['10.0.0.0/8'], 'full', 1000));
  assert.deepEqual([addresses, pairs, rate], [2 ** 24, 2 ** 24 * 65_535, 1000]);
  assert.ok(seconds.least === Math.ceil(pairs / 1000) && seconds.most > 2 * seconds.least);
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
