import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { sql } from 'kysely';
import { isAppError } from '../../../model/errors/index.ts';
import type { Scope } from '../../../model/estate.ts';
import type { Portion, PortionReport, ScannerLook } from '../../../model/site.ts';
import { testPlatform, type TestPlatform } from '../../../platform/testing.ts';
import { createDiscovery } from '../index.ts';
import { createScan, steerScan } from '../scans.ts';
import { DEFAULT_AGEING } from '../results.ts';
import { claimScan, orphanedScans, scanRow, updateScope } from '../store-scans.ts';
import { addScope, entriesSince, OPERATOR } from '../testing/index.ts';
import { leaseTo, type Sites } from './lease.ts';
import { addScanner, listScanners, listSites, withSites } from './lists.ts';
import { takeReport } from './report.ts';

let platform: TestPlatform;
let sites: Sites;
let count = 0;
before(async () => {
  platform = await testPlatform();
});
beforeEach(() => {
  sites = { platform, times: { beatMs: 1000, leaseMs: 5000 }, walks: new Map() };
});
after(() => platform.close());

/** A site of its own with so many scanners. */
async function site(scanners: number) {
  const name = `site-${++count}`;
  const all = Array.from({ length: scanners }, (_, index) => ({ scannerId: `scnr_${name}_${index}`, site: name }));
  for (const { scannerId } of all)
    await platform.observe(OPERATOR, (tx) =>
      addScanner(tx, { id: scannerId, site: name, name: scannerId, version: '1' }),
    );
  return { name, all };
}

const start = async (scope: Scope): Promise<string> =>
  (await createScan(platform, OPERATOR, { scope, targets: [], ports: undefined, rate: undefined, confirmWide: false }))
    .id;

const lease = async (scanner: { scannerId: string; site: string }): Promise<Portion | null> =>
  (await leaseTo(sites, scanner, { version: '1', path: 'portable' })).portion;
const report = (scanner: { scannerId: string; site: string }, body: PortionReport) =>
  takeReport(sites, DEFAULT_AGEING, scanner, body);
const empty = ({ scanId, window, lease: id, cursor }: Portion): PortionReport => ({
  scanId,
  window,
  lease: id,
  seq: null,
  cursor,
  open: [],
  looks: [],
  notLooked: [],
  ended: null,
});
const look = (address: string, port: number, key?: string): ScannerLook => ({
  address,
  port,
  ageMs: 0,
  error: null,
  result: key
    ? ({
        protocol: 'ssh',
        banner: 'SSH-2.0-x',
        software: null,
        hostKeys: [{ type: 'ssh-ed25519', fingerprint: key, bits: null }],
        algorithms: { kex: [], hostKey: [], cipher: [], mac: [], compression: [] },
      } as unknown as ScannerLook['result'])
    : { protocol: 'unknown', banner: '' },
});
/** All of the portion was tried, and this is open and read. */
const whole = (portion: Portion, looks: ScannerLook[]): PortionReport => ({
  ...empty(portion),
  seq: 1,
  cursor: portion.addresses.length * portion.ports.length,
  open: looks.map(({ address, port }) => ({ address, port })),
  looks,
  ended: 'done',
});
const hostsAt = async (address: string): Promise<string[]> => {
  const { rows } = await sql<{ host_id: string }>`
    select host_id from discovery.address where address = ${address} and current order by host_id`.execute(platform.db);
  return rows.map((row) => row.host_id);
};

test('a report that comes again is taken once, and one that is missing is missed', async () => {
  const { name, all } = await site(1);
  const id = await start(await addScope(platform, { cidrs: ['10.50.0.0/28'], ports: '80', site: name }));
  assert.deepEqual(await orphanedScans(platform.db, new Date(Date.now() + 1e6)), [], 'no worker here looks after it');
  assert.equal(await claimScan(platform.db, id, 'worker', new Date()), null, 'nor takes it');
  const portion = (await lease(all[0]!))!;
  const first = { ...empty(portion), seq: 1, cursor: 8, open: [{ address: '10.50.0.3', port: 80 }] };
  assert.ok((await report(all[0]!, first)).terms);
  assert.ok((await report(all[0]!, first)).terms);
  const second = { ...empty(portion), seq: 2, cursor: 12, looks: [look('10.50.0.3', 80)] };
  await report(all[0]!, second);
  await report(all[0]!, second);
  const row = (await scanRow(platform.db, id))!;
  assert.deepEqual([row.counts.done, row.counts.open, row.counts.newHosts], [12, 1, 1]);
  const done: PortionReport = { ...empty(portion), seq: 3, cursor: 16, ended: 'done' };
  await report(all[0]!, done);
  assert.match((await report(all[0]!, done)).why!, /no such portion/);
  const after = (await scanRow(platform.db, id))!;
  assert.deepEqual([after.state, after.counts.done, after.counts.newHosts], ['done', 16, 1]);
});

test('a scanner that tells of what it was not given is refused, counted, written down and gets no work', async () => {
  const { name, all } = await site(2);
  const [liar, other] = all as [(typeof all)[0], (typeof all)[0]];
  await start(await addScope(platform, { cidrs: ['10.51.0.0/28'], ports: '80', site: name }));
  const lies: Partial<PortionReport>[] = [
    { open: [{ address: '192.0.2.1', port: 80 }] },
    { open: [{ address: '10.51.0.1', port: 22 }] },
    { looks: [look('10.51.0.1', 80)] },
    {
      open: [{ address: '10.51.0.1', port: 80 }],
      looks: [{ ...look('10.51.0.1', 80), result: { protocol: 'unknown', banner: 'xyz' } }],
    },
    { notLooked: ['192.0.2.1'] },
    { cursor: 17 },
    { seq: 2 },
    { ended: 'done' },
  ];
  let refusals = 0;
  for (const lie of lies) {
    // As if a day had passed since the last one.
    await sql`update discovery.scanner set refused_until = null where id = ${liar.scannerId}`.execute(platform.db);
    const mine = (await lease(liar))!;
    await assert.rejects(report(liar, { ...empty(mine), seq: 1, ...lie }), (error) =>
      isAppError(error, 'SCANNER_REFUSED'),
    );
    refusals++;
  }
  assert.equal(await lease(liar), null);
  const listed = (await listScanners(platform, sites.times)).find(({ id }) => id === liar.scannerId)!;
  assert.deepEqual([listed.refusals, listed.scans], [refusals, []]);
  const entries = (await entriesSince(platform, 0)).filter(({ type }) => type === 'discovery.scanner.refused');
  assert.equal(entries.length, refusals);
  assert.equal((await hostsAt('192.0.2.1')).length, 0);
  // Nobody reports under the name of another, nor from another site.
  await sql`update discovery.scanner set live_since = now() - interval '1 hour', last_seen = now() where id = ${other.scannerId}`.execute(
    platform.db,
  );
  const good = (await lease(other))!;
  assert.match((await report(liar, whole(good, []))).why!, /no work for a day/);
  assert.equal(good.terms.rate, 5000, 'who was refused has no share of the rate');
  assert.match((await report({ ...other, site: 'elsewhere' }, whole(good, []))).why!, /no such portion/);
  assert.match((await report(other, whole(good, []))).why!, /is done/);
});

test('a portion of a scanner that fell silent goes on elsewhere where it stood, and the rate is shared', async () => {
  const { name, all } = await site(2);
  const [first, second] = all as [(typeof all)[0], (typeof all)[0]];
  const scope = await addScope(platform, {
    cidrs: ['10.52.0.0/28'],
    ports: '80',
    site: name,
    rate: 100,
    subnetRate: 60,
  });
  const id = await start(scope);
  const portion = (await lease(first))!;
  assert.deepEqual([portion.terms.rate, portion.terms.subnetRate], [100, 60]);
  assert.equal(await lease(second), null, 'the others hear first that they are one more');
  const found = { ...empty(portion), seq: 1, cursor: 5, open: [{ address: '10.52.0.9', port: 80 }] };
  const { terms } = await report(first, found);
  assert.deepEqual([terms!.rate, terms!.subnetRate], [50, 30]);
  await sql`update discovery.portion set lease_until = now() - interval '1 second' where scan_id = ${id}`.execute(
    platform.db,
  );
  await sql`update discovery.scanner set live_since = now() - interval '1 hour' where id = ${second.scannerId}`.execute(
    platform.db,
  );
  const again = (await lease(second))!;
  assert.deepEqual([again.window, again.cursor, again.open], [portion.window, 5, [{ address: '10.52.0.9', port: 80 }]]);
  assert.match((await report(first, { ...found, seq: 2, cursor: 9 })).why!, /another scanner/);
  await report(second, { ...whole(again, [look('10.52.0.9', 80)]), open: [] });
  const row = (await scanRow(platform.db, id))!;
  assert.deepEqual([row.state, row.counts.done, row.counts.open], ['done', 16, 1]);
});

test('pause, an exclusion and another site for the scope reach whoever works on it', async () => {
  const { name, all } = await site(1);
  const scope = await addScope(platform, { cidrs: ['10.53.0.0/28'], ports: '80', site: name });
  const id = await start(scope);
  const portion = (await lease(all[0]!))!;
  await steerScan(platform, OPERATOR, id, 'pause');
  // What it found until then is kept.
  const told = { ...empty(portion), seq: 1, cursor: 4, open: [{ address: '10.53.0.5', port: 80 }] };
  assert.match((await report(all[0]!, told)).why!, /paused/);
  assert.equal(await lease(all[0]!), null);
  await steerScan(platform, OPERATOR, id, 'resume');
  const again = (await lease(all[0]!))!;
  assert.equal(again.cursor, 4);
  const excluding = { ...scope, exclude: ['10.53.0.5'] };
  await platform.act(OPERATOR, { type: 'discovery.scope.changed', subject: { kind: 'scope', id: scope.id } }, (tx) =>
    updateScope(tx.db, excluding),
  );
  const { terms } = await report(all[0]!, empty(again));
  assert.deepEqual(terms!.excluded, ['10.53.0.5-10.53.0.5']);
  assert.ok(!terms!.allowed.includes('10.53.0.0-10.53.0.15'));
  // Even what a scanner tells of it nevertheless is not taken.
  await report(all[0]!, { ...whole(again, [look('10.53.0.5', 80)]), open: [] });
  assert.deepEqual(await hostsAt('10.53.0.5'), []);
  assert.equal((await scanRow(platform.db, id))!.state, 'done');
});

test('the same private address at two sites is two hosts, unless a strong identifier says it is one', async () => {
  const [berlin, oslo] = [await site(1), await site(1)];
  for (const [at, looks] of [
    [berlin, [look('10.54.0.1', 80), look('10.54.0.2', 22, key('a')), look('10.54.0.3', 22, key('b'))]],
    [oslo, [look('10.54.0.1', 80), look('10.54.0.2', 22, key('c')), look('10.54.0.4', 22, key('b'))]],
    // And again: nothing moves to and fro.
    [berlin, [look('10.54.0.1', 80), look('10.54.0.2', 22, key('a')), look('10.54.0.3', 22, key('b'))]],
  ] as const) {
    const scope = await addScope(platform, { cidrs: ['10.54.0.0/28'], ports: '22,80', site: at.name });
    await start(scope);
    await report(at.all[0]!, whole((await lease(at.all[0]!))!, [...looks]));
  }
  assert.equal((await hostsAt('10.54.0.1')).length, 2);
  assert.equal((await hostsAt('10.54.0.2')).length, 2);
  const [there] = await hostsAt('10.54.0.3');
  assert.deepEqual(await hostsAt('10.54.0.4'), [there]);
  const types = (await entriesSince(platform, 0)).filter(({ type }) => type === 'discovery.host.split');
  assert.deepEqual(types, []);
});

test('what belongs to a site is never looked at from here, nor is what is here taken for it', async () => {
  const { name, all } = await site(1);
  const discovery = createDiscovery(platform);
  await start(await addScope(platform, { cidrs: ['127.82.0.0/28'], ports: '80', site: name }));
  await report(all[0]!, whole((await lease(all[0]!))!, [look('127.82.0.1', 80)]));
  await assert.rejects(discovery.probeNow('127.82.0.1', 80), (error) => isAppError(error, 'ADDRESS_NOT_ALLOWED'));
  const [hostId] = (await hostsAt('127.82.0.1')) as [string];
  // Here, too, somebody may look at such an address: that is another machine.
  await addScope(platform, { cidrs: ['127.82.0.0/28'], ports: '80' });
  await assert.rejects(discovery.probeNow('127.82.0.1', 80, { hostId }), (error) =>
    isAppError(error, 'ADDRESS_ELSEWHERE'),
  );
  await assert.rejects(discovery.probeNow('127.82.0.1', 80), /refused|nothing listens|stopped/i);
});

test('a silent site is said to be blind, in the lists and at its scans', async () => {
  const name = `site-${++count}`;
  const scope = await addScope(platform, { cidrs: ['10.55.0.0/28'], ports: '80', site: name });
  await start(scope);
  const found = (await listSites(platform, sites.times)).find((one) => one.name === name)!;
  assert.deepEqual([found.live, found.scanners, found.scans, found.scopes], [0, 0, 1, [scope.name]]);
  assert.match(found.blind!, /has no scanner/);
  const { rows } = await sql<{ id: string }>`select id from discovery.scan where site = ${name}`.execute(platform.db);
  const { toScan } = await import('../store-scans.ts');
  const [scan] = await withSites(platform, sites.times, [toScan((await scanRow(platform.db, rows[0]!.id))!)]);
  assert.match(scan!.siteWhy!, /has no scanner/);
});

const key = (letter: string): string => `SHA256:${letter.repeat(43)}`;

test('a scanner takes no host away from an address that it does not look at', async () => {
  const { name, all } = await site(1);
  const at = (from: string) => ({ cidrs: [from], ports: '22', site: name });
  const scopes = [await addScope(platform, at('203.0.113.0/28')), await addScope(platform, at('198.51.100.0/28'))];
  await start(scopes[0]!);
  await report(all[0]!, whole((await lease(all[0]!))!, [look('203.0.113.7', 22, key('m'))]));
  const [original] = await hostsAt('203.0.113.7');
  await start(scopes[1]!);
  await report(all[0]!, whole((await lease(all[0]!))!, [look('198.51.100.9', 22, key('m'))]));
  assert.deepEqual(await hostsAt('203.0.113.7'), [original]);
  assert.notDeepEqual(await hostsAt('198.51.100.9'), [original]);
});

test('a cancelled scan takes nothing more, and what comes late is dated as it was seen', async () => {
  const { name, all } = await site(1);
  const scope = await addScope(platform, { cidrs: ['10.56.0.0/28'], ports: '80', site: name });
  const id = await start(scope);
  const portion = (await lease(all[0]!))!;
  await steerScan(platform, OPERATOR, id, 'cancel');
  assert.equal((await report(all[0]!, whole(portion, [look('10.56.0.1', 80)]))).terms, null);
  assert.deepEqual(await hostsAt('10.56.0.1'), []);
  const late = await start(scope);
  const again = (await lease(all[0]!))!;
  await sql`update discovery.scan set started_at = now() - interval '4 hours' where id = ${late}`.execute(platform.db);
  await report(all[0]!, whole(again, [{ ...look('10.56.0.2', 80), ageMs: 3 * 3_600_000 }]));
  const seen = async (): Promise<number> => {
    const { rows } = await sql<{ last_seen: Date }>`
      select last_seen from discovery.endpoint where address = '10.56.0.2'`.execute(platform.db);
    return Math.round((Date.now() - rows[0]!.last_seen.getTime()) / 3_600_000);
  };
  assert.equal(await seen(), 3);
  // Older than what is known is no news.
  const older = await start(scope);
  const third = (await lease(all[0]!))!;
  await sql`update discovery.scan set started_at = now() - interval '9 hours' where id = ${older}`.execute(platform.db);
  await report(all[0]!, whole(third, [{ ...look('10.56.0.2', 80), ageMs: 8 * 3_600_000 }]));
  assert.equal(await seen(), 3);
});

test('each pair of a portion is found open and read once', async () => {
  const { name, all } = await site(1);
  await start(await addScope(platform, { cidrs: ['10.57.0.0/28'], ports: '22', site: name }));
  const portion = (await lease(all[0]!))!;
  const again = (seq: number, letter: string): PortionReport => ({
    ...whole(portion, [look('10.57.0.1', 22, key(letter))]),
    cursor: 0,
    seq,
    ended: null,
  });
  await report(all[0]!, again(1, 'n'));
  await assert.rejects(report(all[0]!, again(2, 'o')), (error) => isAppError(error, 'SCANNER_REFUSED'));
  assert.equal((await hostsAt('10.57.0.1')).length, 1);
});

test('a scanner works on one portion at a time, and not for ever on one that does not get on', async () => {
  const { name, all } = await site(1);
  const id = await start(await addScope(platform, { cidrs: ['10.58.0.0/26'], ports: '80', site: name }));
  const leases = async (): Promise<number> => {
    const { rows } = await sql`select 1 from discovery.portion where scan_id = ${id} and lease is not null`.execute(
      platform.db,
    );
    return rows.length;
  };
  for (let asked = 0; asked < 3; asked++) await lease(all[0]!);
  assert.equal(await leases(), 1);
  const portion = (await lease(all[0]!))!;
  assert.ok((await report(all[0]!, empty(portion))).terms);
  await sql`update discovery.portion set moved_at = now() - interval '1 hour' where scan_id = ${id}`.execute(
    platform.db,
  );
  assert.match((await report(all[0]!, empty(portion))).why!, /does not get on/);
  assert.equal(await leases(), 0);
});

test('what one scanner might not touch is not missed when another ends the portion', async () => {
  const { name, all } = await site(2);
  const scope = await addScope(platform, { cidrs: ['10.59.0.0/28'], ports: '80', site: name });
  await start(scope);
  await report(all[0]!, whole((await lease(all[0]!))!, [look('10.59.0.5', 80)]));
  await start(scope);
  const portion = (await lease(all[0]!))!;
  await report(all[0]!, { ...empty(portion), seq: 1, cursor: 16, notLooked: ['10.59.0.5'], ended: 'left' });
  await sql`update discovery.scanner set live_since = now() - interval '1 hour', last_seen = now() where site = ${name}`.execute(
    platform.db,
  );
  await report(all[1]!, { ...empty((await lease(all[1]!))!), seq: 1, cursor: 16, ended: 'done' });
  const { rows } = await sql<{ misses: number }>`
    select misses from discovery.endpoint where address = '10.59.0.5'`.execute(platform.db);
  assert.deepEqual(rows, [{ misses: 0 }]);
});

test('a scan whose last portion was done while it was paused is done after it', async () => {
  const { name, all } = await site(1);
  const id = await start(await addScope(platform, { cidrs: ['10.60.0.0/28'], ports: '80', site: name }));
  const portion = (await lease(all[0]!))!;
  await steerScan(platform, OPERATOR, id, 'pause');
  assert.match((await report(all[0]!, whole(portion, []))).why!, /is done/);
  await steerScan(platform, OPERATOR, id, 'resume');
  assert.equal(await lease(all[0]!), null);
  assert.equal((await scanRow(platform.db, id))!.state, 'done');
});
