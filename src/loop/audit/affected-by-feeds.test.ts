import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { PackageFact } from '../../model/facts.ts';
import type { Affected } from '../../model/finding.ts';
import { skeleton } from './kit-tools/skeleton.ts';
import { packagesCalled } from './store-interned.ts';
import { shop, type World, world } from './testing/world.ts';

/** No kit here knows any of the advisories: what is answered, feeds say. */
const kitsDir = mkdtempSync(join(tmpdir(), 'lastember-kits-'));
after(() => rmSync(kitsDir, { recursive: true, force: true }));
mkdirSync(join(kitsDir, 'other'));
writeFileSync(join(kitsDir, 'other/kit.yaml'), skeleton('other')['kit.yaml']!);

const open: World[] = [];
after(() => Promise.all(open.map((one) => one.close())));

const fact = (rest: Partial<PackageFact>): PackageFact => ({
  ecosystem: 'Debian',
  name: 'openssh-server',
  version: '1:9.2p1-2+deb12u2',
  arch: 'amd64',
  source: 'openssh',
  sourceVersion: rest.version ?? '1:9.2p1-2+deb12u2',
  status: 'installed',
  ...rest,
});

async function host(w: World, last: number, packages: PackageFact[], os: object = {}): Promise<string> {
  const at = { address: `10.2.0.${last}`, port: 22 };
  const id = await w.find(at.address, `SHA256:k${last}`);
  const facts = shop({ version: '1', pid: 1, startedAt: w.clock.now }, at);
  await w.send(id, { ...facts, packages, os: { ...facts.os!, versionId: '12', ...os } });
  return id;
}

const feed = (w: World, name: string, kind: string, settings: object, content: object): Promise<unknown> =>
  w.call('addFeed', { body: { name, kind, url: null, settings } }).then(() =>
    w.call('importFeed', {
      params: { name },
      body: { file: Buffer.from(JSON.stringify(content)).toString('base64') },
    }),
  );

test('3.1: affected answers by what feeds say: source, release, rebuilds, foreign ones, the kernel that runs, and who is not covered', async () => {
  const w = await world({ kitsDir });
  open.push(w);
  const release = (version: string): object => ({
    releases: { bookworm: { status: 'resolved', fixed_version: version } },
  });
  await feed(
    w,
    'debian',
    'debian-tracker',
    {},
    {
      openssh: { 'CVE-2024-6387': release('1:9.2p1-2+deb12u3') },
      linux: { 'CVE-2024-1086': release('6.1.76-1') },
    },
  );
  await feed(
    w,
    'alma',
    'osv',
    { ecosystem: 'AlmaLinux' },
    {
      id: 'ALSA-2024:4312',
      related: ['CVE-2024-6387'],
      affected: [
        {
          package: { ecosystem: 'AlmaLinux:9', name: 'openssh-server' },
          ranges: [{ type: 'ECOSYSTEM', events: [{ introduced: '0' }, { fixed: '8.7p1-38.el9_4.1' }] }],
        },
      ],
    },
  );
  const old = await host(w, 1, [fact({})]);
  await host(w, 2, [fact({ version: '1:9.2p1-2+deb12u3' })]);
  await host(w, 3, [fact({ version: '1:9.2p1-2+deb12u3~bpo11+1' })], { versionId: '12' });
  const foreign = await host(w, 4, [fact({ origin: 'foreign' })]);
  // The tracker speaks of bookworm alone: of these two it says nothing.
  const bullseye = await host(w, 5, [fact({})], { versionId: '11' });
  const testing = await host(w, 11, [fact({})], { versionId: null });
  const alma = { ecosystem: 'AlmaLinux', source: 'openssh', sourceVersion: '8.7p1-38.el9' };
  const almaOld = await host(w, 6, [fact({ ...alma, version: '8.7p1-38.el9' })], { versionId: '9.4' });
  await host(w, 7, [fact({ ...alma, version: '8.7p1-38.el9_4.1' })], { versionId: '9.4' });
  const wolfi = await host(w, 8, [fact({ ecosystem: 'Wolfi', version: '9.2_p1-r0' })]);
  const image = (abi: string, version: string): PackageFact =>
    fact({
      name: `linux-image-6.1.0-${abi}-amd64`,
      version,
      source: 'linux-signed-amd64',
      sourceVersion: version.replace('-', '+'),
    });
  const images = [
    image('17', '6.1.69-1'),
    image('18', '6.1.76-1'),
    fact({ name: 'linux-libc-dev', version: '6.1.69-1', source: 'linux' }),
  ];
  const kernelOld = await host(w, 9, images, { kernel: '6.1.0-17-amd64' });
  await host(w, 10, images, { kernel: '6.1.0-18-amd64' });
  await w.settle();

  const ask = (q: string): Promise<Affected> => w.call<Affected>('getAffected', { query: { q } });
  const ssh = await ask('CVE-2024-6387');
  assert.deepEqual(
    ssh.hosts.map(({ hostId, what, why }) => [hostId, what, why]),
    [
      [old, 'openssh-server 1:9.2p1-2+deb12u2', 'fixed in 1:9.2p1-2+deb12u3; says debian, go to 1:9.2p1-2+deb12u3'],
      [almaOld, 'openssh-server 8.7p1-38.el9', 'fixed in 8.7p1-38.el9_4.1; says alma, go to 8.7p1-38.el9_4.1'],
    ].toSorted(([a], [b]) => (a! < b! ? -1 : 1)),
  );
  const unknown = new Map(ssh.unknown.map(({ hostId, why }) => [hostId, why]));
  assert.deepEqual([...unknown.keys()].toSorted(), [foreign, wolfi, bullseye, testing].toSorted());
  assert.equal(unknown.get(bullseye), 'not covered: no feed says anything of it about Debian 11');
  assert.equal(
    unknown.get(testing),
    'not covered: no feed says anything of it about Debian of no release that it tells',
  );
  assert.equal(unknown.get(wolfi), 'not covered: no feed says anything of it about Wolfi');
  assert.match(unknown.get(foreign)!, /it is not the distribution’s package/);
  const byErratum = await ask('ALSA-2024:4312');
  assert.deepEqual(
    byErratum.hosts.map(({ hostId }) => hostId),
    [almaOld],
  );

  const kernel = await ask('CVE-2024-1086');
  assert.deepEqual(
    kernel.hosts.map(({ hostId, what }) => [hostId, what]),
    [[kernelOld, 'linux-image-6.1.0-17-amd64 6.1.69-1']],
  );
  // Errata tell of what is fixed: that AlmaLinux's name no such kernel says nothing.
  assert.ok(kernel.unknown.some(({ hostId, why }) => hostId === almaOld && why.startsWith('not covered')));
  await assert.rejects(ask('CVE-2099-0001'), { code: 'ADVISORY_UNKNOWN' });
});

test('3.1: libraries that programs bring along are matched by their own ecosystem; unread ones are unknown (Log4Shell)', async () => {
  const w = await world({ kitsDir });
  open.push(w);
  await feed(
    w,
    'debian',
    'debian-tracker',
    {},
    { x: { 'CVE-2026-1': { releases: { bookworm: { status: 'open' } } } } },
  );
  const ranges = [
    { type: 'ECOSYSTEM', events: [{ introduced: '2.13.0' }, { fixed: '2.15.0' }] },
    { type: 'ECOSYSTEM', events: [{ introduced: '2.0-beta9' }, { fixed: '2.12.2' }] },
  ];
  const name = 'org.apache.logging.log4j:log4j-core';
  await feed(
    w,
    'maven',
    'osv',
    { ecosystem: 'Maven' },
    {
      id: 'GHSA-jfh8-c2jp-5v3q',
      aliases: ['CVE-2021-44228'],
      affected: [{ package: { ecosystem: 'Maven', name }, ranges }],
    },
  );
  const library = (version: string, path: string): object => ({
    ecosystem: 'Maven',
    name,
    version,
    path,
    usedBy: ['app.service'],
    container: false,
  });
  const inventory = async (last: number, inventories: object | null): Promise<string> => {
    const id = await host(w, last, [fact({})]);
    if (inventories !== null) await w.send(id, { inventories } as never);
    return id;
  };
  const jars = [
    library('2.14.1', '/srv/app.jar!/log4j-core.jar'),
    library('2.17.1', '/srv/new.jar'),
    library('2.12.2', '/srv/b.jar'),
    { ...library('2.14.1', '/srv/other.jar'), name: 'org.example:other' },
    { ...library('2.0', '/srv/lib/python'), ecosystem: 'PyPI', name: 'Foo._Bar' },
  ];
  const old = await inventory(1, { components: jars, unread: [] });
  await inventory(2, { components: [library('2.12.2', '/srv/a.jar')], unread: [] });
  const unread = await inventory(3, { components: [], unread: ['/srv/huge.jar'] });
  const never = await inventory(4, null);
  await w.settle();
  const { hosts, unknown } = await w.call<Affected>('getAffected', { query: { q: 'CVE-2021-44228' } });
  assert.deepEqual(
    hosts.map(({ hostId, what, why }) => [hostId, what, why]),
    [[old, `${name} 2.14.1 in /srv/app.jar!/log4j-core.jar`, 'fixed in 2.15.0; says maven, go to 2.15.0']],
  );
  assert.deepEqual(
    new Map(unknown.map(({ hostId, why }) => [hostId, why])),
    new Map([
      [unread, 'some of its programs could not be read (1)'],
      [never, 'the libraries of its programs were never collected'],
    ]),
  );

  const byUrl = async (q: string): Promise<unknown> => {
    const told = await w.call<Affected>('getAffected', { query: { q } });
    return [told.hosts.map(({ hostId, what }) => `${hostId} ${what}`), told.unknown.map(({ hostId }) => hostId)];
  };
  const log4j = 'pkg:maven/org.apache.logging.log4j/log4j-core';
  assert.deepEqual(await byUrl(`${log4j}@2.14.1`), [[`${old} ${name} 2.14.1`], [unread, never]]);
  assert.deepEqual(await byUrl('pkg:pypi/foo.bar'), [[`${old} foo-bar 2.0`], [unread, never]]);
  assert.deepEqual(await byUrl('pkg:deb/debian/openssh-server@1:9'), [[], []]);

  // By PyPI's own rules for names.
  const named = async (ecosystem: string, called: string): Promise<string[]> =>
    (await packagesCalled(w.platform.db, [{ ecosystem, called }]))
      .map((one) => `${one.name} ${one.version}`)
      .toSorted();
  assert.deepEqual(await named('PyPI', 'foo-bar'), ['Foo._Bar 2.0']);
  assert.deepEqual(await named('Maven', 'org.example:other'), ['org.example:other 2.14.1']);
  assert.deepEqual(await named('npm', 'foo-bar'), []);
});
