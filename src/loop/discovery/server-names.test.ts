import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { systemActor } from '../../model/actor.ts';
import { tlsOf } from '../../model/probe.ts';
import { testPlatform } from '../../platform/testing.ts';
import { freePort, startServer } from '../../scan/probes/testing.ts';
import { createDiscovery } from './index.ts';
import { createScan } from './scans.ts';
import { namesOf } from './store-names.ts';
import { scanRow } from './store-scans.ts';
import { beforehand } from './server-names.ts';
import { recordSightings } from './sightings.ts';
import { addScope } from './testing/index.ts';

const ADDRESS = '127.74.22.1';

test('3.17: a server is asked by the names that sources and its earlier certificates tell, and shows each certificate', async (t) => {
  if (spawnSync('openssl', ['version']).error) return t.skip('openssl is not installed');
  const dir = mkdtempSync(join(tmpdir(), 'lastember-sni-'));
  const platform = await testPlatform();
  t.after(async () => {
    await platform.close();
    rmSync(dir, { recursive: true, force: true });
  });
  const made = (name: string, ...names: string[]): string[] => {
    const key = [
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:prime256v1',
      '-nodes',
      '-keyout',
      join(dir, `${name}.key`),
    ];
    const alternative = ['-addext', `subjectAltName=${[name, ...names].map((one) => `DNS:${one}`).join(',')}`];
    execFileSync(
      'openssl',
      ['req', '-x509', ...key, '-out', join(dir, `${name}.pem`), '-subj', `/CN=${name}`, ...alternative],
      { stdio: 'ignore' },
    );
    return [join(dir, `${name}.key`), join(dir, `${name}.pem`)];
  };
  const [[key, cert], [key2, cert2]] = [made('shop.example', 'www.shop.example'), made('blog.example')];
  const port = await freePort();
  const both = ['-key', key!, '-cert', cert!, '-key2', key2!, '-cert2', cert2!, '-servername', 'blog.example'];
  const argv = ['openssl', 's_server', '-quiet', ...both, '-accept', `${ADDRESS}:${port}`];
  const server = await startServer(argv, port, { address: ADDRESS });
  t.after(() => server.close());
  const discovery = createDiscovery(platform);
  await addScope(platform, { name: 'lab', cidrs: ['127.74.22.0/24'], ports: String(port) });
  await platform.observe(systemActor('test'), (tx) =>
    recordSightings(platform, tx, [
      { source: 'dns', address: ADDRESS, at: platform.now().toISOString(), identifiers: [], hostname: 'blog.example' },
    ]),
  );
  const look = async () => tlsOf((await discovery.probeNow(ADDRESS, port)).probe);
  const first = await look();
  assert.deepEqual(first?.chain[0]?.names, ['shop.example', 'www.shop.example']);
  assert.deepEqual(
    first.named?.map(({ names, chain }) => [names, chain[0]?.names]),
    [[['blog.example'], ['blog.example']]],
  );
  const second = await look();
  assert.deepEqual(second?.named?.map(({ names }) => names).sort(), [
    ['blog.example'],
    ['shop.example', 'www.shop.example'],
  ]);
  const [byKey] = await discovery.endpoints({
    serial: second!.named!.find(({ chain }) => chain.length > 0)!.chain[0]!.serial,
  });
  assert.equal(byKey?.port, port, 'it is found by the certificate that it shows by name, too');
});

test('of a scope with several names it is known which leads where', async (t) => {
  const platform = await testPlatform();
  t.after(() => platform.close());
  const scope = await addScope(platform, { name: 'named', cidrs: ['localhost', 'no-such-name.invalid'], ports: '443' });
  const scan = await createScan(platform, systemActor('test'), {
    scope,
    targets: [],
    ports: undefined,
    rate: undefined,
    confirmWide: false,
  });
  const { named } = (await scanRow(platform.db, scan.id))!;
  assert.deepEqual(named['127.0.0.1'], ['localhost']);
  const [hostId] = await platform.observe(systemActor('test'), async (tx) =>
    (
      await recordSightings(platform, tx, [
        { source: 'scan', address: '127.0.0.1', at: platform.now().toISOString(), identifiers: [] },
      ])
    ).map((one) => one.hostId),
  );
  assert.deepEqual(await namesOf(platform.db, hostId!), [{ name: 'localhost', from: 'scope named' }]);
  const { names } = await beforehand(platform.db, [{ address: '127.0.0.1', port: 443 }], named);
  assert.deepEqual(names({ address: '127.0.0.1', port: 443 }), ['localhost']);
});
