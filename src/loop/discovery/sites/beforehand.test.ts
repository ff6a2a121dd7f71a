import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import { tlsOf } from '../../../model/probe.ts';
import type { Portion, PortionReport, ScannerLook } from '../../../model/site.ts';
import { testPlatform, type TestPlatform } from '../../../platform/testing.ts';
import { freePort, listenWith, loopbackGuard, selfSigned, startServer } from '../../../scan/probes/testing.ts';
import { lookAt, toldBefore } from '../../../scan/scanner/observe.ts';
import { DEFAULT_AGEING } from '../results.ts';
import { createScan } from '../scans.ts';
import { findScopes, scanRow } from '../store-scans.ts';
import { recordSightings } from '../sightings.ts';
import { findEndpoints } from '../store-endpoints.ts';
import { q } from '../tables.ts';
import { addScope, OPERATOR } from '../testing/index.ts';
import { leaseTo, type Sites } from './lease.ts';
import { addScanner } from './lists.ts';
import { takeReport } from './report.ts';

let platform: TestPlatform;
before(async () => {
  platform = await testPlatform();
});
after(() => platform.close());

/** A site with one scanner and a scope, and a way to begin a scan of it. */
async function site(name: string, cidrs: string[], ports: string) {
  const sites: Sites = { platform, times: { beatMs: 1000, leaseMs: 5000 }, walks: new Map() };
  const scanner = { scannerId: `scnr_${name}`, site: name };
  await platform.observe(OPERATOR, (tx) =>
    addScanner(tx, { id: scanner.scannerId, site: name, name: scanner.scannerId, version: '1' }),
  );
  const { id } = await addScope(platform, { cidrs, ports, site: name });
  const begin = async (): Promise<Portion> => {
    const scope = (await findScopes(platform.db)).find((one) => one.id === id)!;
    await createScan(platform, OPERATOR, { scope, targets: [], ports: undefined, rate: undefined, confirmWide: false });
    return (await leaseTo(sites, scanner, { version: '1', path: 'portable' })).portion!;
  };
  const report = (portion: Portion, seq: number, looks: ScannerLook[], ended: 'done' | null, found = looks) => {
    const { scanId, window, lease, addresses } = portion;
    const cursor = addresses.length * portion.ports.length;
    const open = found.map(({ address, port }) => ({ address, port }));
    const body: PortionReport = { scanId, window, lease, seq, cursor, open, looks, notLooked: [], ended };
    return takeReport(sites, DEFAULT_AGEING, scanner, body);
  };
  return { begin, report };
}

const silence = (address: string, port: number, glance = false): ScannerLook => ({
  address,
  port,
  result: { protocol: 'unknown', banner: '' },
  error: null,
  ageMs: 0,
  ...(glance ? { glance: true } : {}),
});

test('1.11: what answers for a whole subnet of a site makes no hosts of it, whichever report it comes with', async () => {
  const ports = Array.from({ length: 8 }, (_, at) => 20_001 + at);
  const { begin, report } = await site('trapped', ['10.61.0.0/28'], ports.join());
  const portion = await begin();
  const mute = (address: string) => ports.map((port, at) => silence(address, port, at >= 3));
  const real = '10.61.0.7';
  const speaks: ScannerLook[] = ports.map((port, at) =>
    at > 0 ? silence(real, port) : { ...silence(real, port), result: { protocol: 'unknown', banner: '6869' } },
  );
  const others = portion.addresses.filter((address) => address !== real);
  // Of a few ports nobody can tell; of many that only got glances, neither.
  const few = ports.slice(0, 5).map((port) => silence(others[14]!, port));
  const glances = ports.map((port) => silence(others[13]!, port, true));
  const [first, second] = [
    others.slice(0, 9).flatMap(mute),
    [...others.slice(9, 13).flatMap(mute), ...speaks, ...few, ...glances],
  ];
  await report(portion, 1, first, null, [...first, ...second]);
  await report(portion, 2, second, 'done', []);
  const { counts, state } = (await scanRow(platform.db, portion.scanId))!;
  assert.deepEqual([state, counts.bogus, counts.newHosts], ['done', 13, 3]);
  const seen = new Set((await findEndpoints(platform.db)).map(({ address }) => address));
  assert.deepEqual([...seen].sort(), [real, others[13], others[14]].sort());
  assert.deepEqual(
    await q(platform.db).selectFrom('discovery.site_trap').selectAll().execute(),
    [],
    'its scan is over',
  );
});

test('1.11: a machine that spoke at the same private address elsewhere makes none of what answers for others here', async () => {
  const ports = Array.from({ length: 8 }, (_, at) => 20_001 + at);
  const here = await site('talking', ['10.62.0.0/28'], ports.join());
  const portion = await here.begin();
  const speaks = portion.addresses.map((address): ScannerLook => ({
    ...silence(address, ports[0]!),
    result: { protocol: 'unknown', banner: '6869' },
  }));
  await here.report(portion, 1, speaks, 'done');
  const there = await site('mirrored', ['10.62.0.0/28'], ports.join());
  const mirrored = await there.begin();
  const mute = mirrored.addresses.flatMap((address) => ports.map((port, at) => silence(address, port, at >= 3)));
  await there.report(mirrored, 1, mute, 'done');
  const { counts } = (await scanRow(platform.db, mirrored.scanId))!;
  assert.deepEqual([counts.bogus, counts.newHosts], [mirrored.addresses.length, 0]);
});

test('a scanner asks TLS in depth when that is due, by the names that the server knows', async (t) => {
  if (spawnSync('openssl', ['version']).error) return t.skip('openssl is not installed');
  const pki = selfSigned();
  t.after(() => pki.remove());
  const inner = await freePort();
  const argv = ['openssl', 's_server', '-quiet', '-key', pki.key, '-cert', pki.certificate];
  const server = await startServer([...argv, '-accept', `127.0.0.1:${inner}`], inner);
  t.after(() => server.close());
  let connections = 0;
  const counted = await listenWith((socket) => {
    connections++;
    const inside = connect(inner, '127.0.0.1');
    inside.on('error', () => socket.destroy());
    socket.on('error', () => inside.destroy());
    socket.pipe(inside).pipe(socket);
  });
  t.after(() => counted.close());
  const at = { address: '127.0.0.1', port: counted.port };
  const { begin, report } = await site('branch', [at.address], String(at.port));
  const look = async (portion: Portion) => {
    const before = connections;
    const [one] = await lookAt(loopbackGuard(), [at], () => new Date(), undefined, toldBefore(portion.known));
    await report(portion, 1, [{ ...at, result: one!.result, error: one!.error, ageMs: 0 }], 'done');
    return { cost: connections - before, tls: tlsOf(one!.result)! };
  };
  const fresh = await begin();
  assert.deepEqual(fresh.known, []);
  const first = await look(fresh);
  const again = await begin();
  assert.deepEqual(
    again.known.map(({ depth, names }) => [depth?.at, names]),
    [[first.tls.depth!.at, ['shop.example', 'www.shop.example']]],
  );
  const second = await look(again);
  assert.equal(second.tls.depth!.at, first.tls.depth!.at, 'what holds is taken over');
  assert.deepEqual(
    second.tls.named?.map(({ names }) => names),
    [['shop.example', 'www.shop.example']],
  );
  // Two handshakes more by name, and those in depth saved.
  assert.ok(second.cost < first.cost + 2, `${second.cost} connections after ${first.cost}`);
  await platform.observe(OPERATOR, (tx) =>
    recordSightings(platform, tx, [
      {
        source: 'dns',
        address: at.address,
        site: 'branch',
        at: platform.now().toISOString(),
        identifiers: [],
        hostname: 'Blog.Example',
      },
    ]),
  );
  assert.deepEqual((await begin()).known[0]?.names, ['blog.example', 'shop.example', 'www.shop.example']);
});
