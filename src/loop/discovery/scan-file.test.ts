import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { gunzipSync, gzipSync } from 'node:zlib';
import { isAppError } from '../../model/errors/index.ts';
import type { Host } from '../../model/estate.ts';
import { testPlatform } from '../../platform/testing.ts';
import { createDiscovery } from './index.ts';
import { readScanFile, scanFileText, signedPart, splitSignature, withSignature } from './logic/scan-file.ts';
import { exportScan, isNews, replayScan } from './scan-file.ts';
import { scanKey, signScan } from './scan-key.ts';
import { looksBetween } from './store-scan-file.ts';
import { createScan } from './scans.ts';
import { OPERATOR, sshServer } from './testing/index.ts';

/** What is the same wherever it is rebuilt. */
const shape = (hosts: Host[]) =>
  hosts
    .map(({ name, addresses, identifiers, guess, firstSeen }) => ({ name, addresses, identifiers, guess, firstSeen }))
    .toSorted((a, b) => (a.addresses[0]! < b.addresses[0]! ? -1 : 1));

test('1.17: a scan is a file that rebuilds the inventory elsewhere, once, and takes nothing back', async (t) => {
  const [here, there] = await Promise.all([testPlatform(), testPlatform()]);
  t.after(() => Promise.all([here.close(), there.close()]));
  const servers = [await sshServer('127.76.0.1')];
  servers.push(await sshServer('127.76.0.2', undefined, servers[0]!.port));
  t.after(() => Promise.all(servers.map((server) => server.close())));
  const discovery = createDiscovery(here);
  here.handle(discovery.jobs);
  const scan = await createScan(here, OPERATOR, {
    scope: null,
    targets: ['127.76.0.0/29'],
    ports: String(servers[0]!.port),
    rate: undefined,
    confirmWide: false,
  });
  await here.drain();
  const file = await exportScan(here, scan.id);
  assert.deepEqual(await exportScan(here, scan.id), file, 'the same scan, the same bytes');
  const { header, lines } = readScanFile(splitSignature(gunzipSync(file).toString()).rest);
  const { publicKey: key } = await scanKey(here);
  assert.deepEqual([header.scan.id, lines.length], [scan.id, 4]);

  const other = createDiscovery(there);
  const first = await replayScan(there, OPERATOR, file, { key });
  assert.deepEqual([first.taken, first.known, first.newHosts, first.looks], [2, 0, 2, 2]);
  assert.deepEqual(shape(await other.hosts()), shape(await discovery.hosts()));
  const served = async (of: typeof other) =>
    (await of.endpoints())
      .map(({ address, port, probe, probedAt }) => ({ address, port, probe, probedAt }))
      .toSorted((a, b) => (a.address < b.address ? -1 : 1));
  assert.deepEqual(await served(other), await served(discovery));

  const before = JSON.stringify([await other.hosts(), await other.endpoints()]);
  const again = await replayScan(there, OPERATOR, file, { key });
  assert.deepEqual([again.taken, again.known, again.newHosts], [0, 2, 0]);
  assert.equal(JSON.stringify([await other.hosts(), await other.endpoints()]), before);

  // One of them has moved since: what the file says of its earlier place is old.
  const third = await testPlatform();
  t.after(() => third.close());
  const newer = createDiscovery(third);
  const [one] = lines.flatMap((line) => (line.kind === 'seen' ? [line] : []));
  const [moved] = await third.observe(OPERATOR, (tx) =>
    newer.recordSightings(tx, [
      { source: 'scan', address: '10.9.9.9', at: third.now().toISOString(), identifiers: one!.identifiers },
    ]),
  );
  const late = await replayScan(third, OPERATOR, file, { key });
  assert.deepEqual([late.taken, late.known], [1, 1]);
  assert.deepEqual((await newer.host(moved!))!.addresses, ['10.9.9.9']);
});

test('what answered over UDP comes back over UDP, beside the same port over TCP', async (t) => {
  const here = await testPlatform();
  t.after(() => here.close());
  const at = here.now();
  const seen = { kind: 'seen' as const, address: '192.0.2.1', hostname: null, identifiers: [], evidence: null };
  const look = { kind: 'look' as const, address: '192.0.2.1', port: 53, result: null, error: 'silent' };
  const lines = [seen, look, { ...look, transport: 'udp' as const }].map((line) => ({ ...line, at: at.toISOString() }));
  const [startedAt, finishedAt] = [at.toISOString(), at.toISOString()];
  const scan = { id: 'scan_1', targets: ['192.0.2.0/30'], ports: '53', startedAt, finishedAt };
  const told = await replayScan(here, OPERATOR, gzipSync(scanFileText(scan, lines)), { unsigned: true });
  const ports = (await createDiscovery(here).endpoints()).map(({ port, transport }) => `${port}/${transport}`);
  assert.deepEqual([told.looks, ports.toSorted()], [2, ['53/tcp', '53/udp']]);
  assert.deepEqual(await looksBetween(here.db, at, at, 9), lines.slice(1));
});

test('a line more than it says ends the reading, and an address may have very many', () => {
  const at = '2026-03-01T00:00:00.000Z';
  const scan = { id: 'scan_1', targets: ['192.0.2.0/30'], ports: '22', startedAt: at, finishedAt: at };
  const seen = { kind: 'seen' as const, address: '192.0.2.1', at, hostname: null, identifiers: [], evidence: null };
  const body = '\n'.repeat(5_000_000);
  const sha256 = createHash('sha256').update(body).digest('hex');
  const header = { kind: 'header', format: 'lastember/scan/v1', scan, lines: 0, sha256 };
  const before = process.memoryUsage().heapUsed;
  assert.throws(() => readScanFile(`${JSON.stringify(header)}\n${body}`), /more lines than the 0/);
  assert.ok(process.memoryUsage().heapUsed - before < 20_000_000, 'its ends of lines became no strings');
  assert.equal(
    isNews(
      Array.from({ length: 200_000 }, () => seen),
      [new Date(at)],
    ),
    false,
  );
});

test('a damaged, altered or foreign file is refused as a whole, and says why', async (t) => {
  const platform = await testPlatform();
  t.after(() => platform.close());
  const at = '2026-03-01T00:00:00.000Z';
  const scan = { id: 'scan_1', targets: ['192.0.2.0/30'], ports: '22', startedAt: at, finishedAt: at };
  const seen = { kind: 'seen' as const, address: '192.0.2.1', at, hostname: null, identifiers: [], evidence: null };
  const text = scanFileText(scan, [seen, { ...seen, address: '192.0.2.2' }]);
  assert.equal(readScanFile(text).lines.length, 2);
  const future = '2999-01-01T00:00:00.000Z';
  const lying = scanFileText(scan, [{ ...seen, address: 'not one' } as never]);
  const bad: [Buffer, RegExp][] = [
    [Buffer.from(text), /no gzip file/],
    [gzipSync(text).subarray(0, 60), /cut off/],
    [gzipSync(text.replace('192.0.2.2', '192.0.2.3')), /digest is another/],
    [gzipSync(text.slice(0, -20)), /digest is another/],
    [gzipSync('{"kind":"header"}\n'), /no header of a scan/],
    [gzipSync(''), /no header|no JSON/],
    [gzipSync(lying), /line 2 is not what this version knows/],
    // Times that would be newer than everything, and names that only an agent has.
    [gzipSync(scanFileText({ ...scan, finishedAt: future }, [{ ...seen, at: future }])), /check both clocks/],
    [gzipSync(scanFileText(scan, [seen, { ...seen, at: future }])), /line 3 was seen at 2999/],
    [gzipSync(scanFileText(scan, [{ ...seen, at: '2026-02-28T23:59:59.999Z' }])), /line 2 was seen at 2026-02-28/],
    ...(['agent-key', 'machine-id', 'cloud-id', 'inventory-id'] as const).map((kind): [Buffer, RegExp] => [
      gzipSync(scanFileText(scan, [{ ...seen, identifiers: [{ kind, value: 'x' }] } as never])),
      /line 2 is not what this version knows/,
    ]),
  ];
  for (const [file, why] of bad)
    await assert.rejects(replayScan(platform, OPERATOR, file, { unsigned: true }), (error: unknown) => {
      assert.ok(isAppError(error, 'SCAN_FILE'), String(error));
      assert.match(error.message, why);
      return true;
    });
  assert.deepEqual(await createDiscovery(platform).hosts(), []);
});

test('1.17: a file is believed with our signature or that of a key which is named, and altered by nobody', async (t) => {
  const [here, there] = await Promise.all([testPlatform(), testPlatform()]);
  t.after(() => Promise.all([here.close(), there.close()]));
  const at = here.now().toISOString();
  const scan = { id: 'scan_1', targets: ['192.0.2.0/30'], ports: '53', startedAt: at, finishedAt: at };
  const seen = { kind: 'seen' as const, address: '192.0.2.1', at, hostname: null, identifiers: [], evidence: null };
  const plain = scanFileText(scan, [seen]);
  const by = await signScan(here, signedPart(plain));
  const file = (text: string): Buffer => gzipSync(text);
  const refused = (code: 'SCAN_FILE' | 'SCAN_FILE_UNSIGNED' | 'SCAN_FILE_STRANGER', text: string, trust = {}) =>
    assert.rejects(
      replayScan(there, OPERATOR, file(text), trust),
      (error: unknown) => isAppError(error, code) || assert.fail(String(error)),
    );
  const signed = withSignature(plain, by);
  const { key } = by;
  await refused('SCAN_FILE_UNSIGNED', plain);
  await refused('SCAN_FILE_UNSIGNED', plain, { key });
  await refused('SCAN_FILE_STRANGER', signed);
  await refused('SCAN_FILE_STRANGER', signed, { unsigned: true });
  await refused('SCAN_FILE_STRANGER', signed, { key: (await scanKey(there)).publicKey });
  // Another body, header or signature: whoever has the file and not the key cannot make one that is taken.
  const other = scanFileText({ ...scan, id: 'scan_2' }, [{ ...seen, address: '192.0.2.2' }]);
  await refused('SCAN_FILE', withSignature(other, by), { key });
  const turned = { ...by, signature: `${by.signature.startsWith('A') ? 'B' : 'A'}${by.signature.slice(1)}` };
  await refused('SCAN_FILE', withSignature(plain, turned), { key });
  for (let position = 0; position < signed.length; position += 11) {
    const text = `${signed.slice(0, position)}#${signed.slice(position + 1)}`;
    await assert.rejects(replayScan(there, OPERATOR, file(text), { key }), (error: unknown) => isAppError(error));
  }
  assert.deepEqual(await createDiscovery(there).hosts(), []);
  const taken = await replayScan(there, OPERATOR, file(signed), { key });
  assert.deepEqual([taken.taken, taken.signedBy], [1, key]);
  assert.equal((await replayScan(here, OPERATOR, file(signed))).taken, 1, 'our own needs no key');
  const keys = await Promise.all([scanKey(there), scanKey(there)]);
  assert.equal(keys[0]!.publicKey, keys[1]!.publicKey);
});
