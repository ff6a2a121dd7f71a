/** Red Hat's extended support, from a host's facts to what is told of it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sql } from 'kysely';
import type { PackageFact } from '../../model/facts.ts';
import type { Affected } from '../../model/finding.ts';
import { rhel, vex } from './feeds/testing-vex.ts';
import { vexStatements } from './store-export.ts';
import { debianHost, debianPackage, list, migrated, show, takeFeed, worlds } from './testing/vulnerabilities.ts';
import type { World } from './testing/world.ts';

const newWorld = worlds();

const CVE = 'CVE-2026-7001';
const [V, F] = ['1:3.0.7-16.el9_2.9', '1:3.0.7-27.el9_4.2'];
const fixed = (cpe: string, version: string) => ({
  in: cpe,
  purl: `openssl@${version.slice(2)}?arch=src&epoch=1`,
  status: 'fixed' as const,
});
const DOCUMENT = vex(CVE, [fixed(rhel(9), F), fixed('cpe:/o:redhat:rhel_eus:9.2::baseos', V)]);
const REDHAT = { name: 'redhat', kind: 'redhat-vex' };

const openssl = (version: string): PackageFact =>
  debianPackage('openssl-libs', version, { ecosystem: 'Red Hat', source: 'openssl', sourceVersion: version });
const EUS = { pinned: '9.2', repositories: ['rhel-9-for-x86_64-baseos-eus-rpms'] };
const host = (w: World, last: number, version: string, updatesFrom?: object): Promise<string> =>
  debianHost(w, last, [openssl(version)], {
    os: { id: 'rhel', versionId: '9.2', kernel: '5.14.0', ...(updatesFrom ? { updatesFrom } : {}) },
  });

test('3.2: a host is judged by the stream that it tells of, anew when it tells otherwise; others are as before', async () => {
  const w = await newWorld();
  await takeFeed(w, REDHAT, DOCUMENT);
  const older = '1:3.0.7-16.el9_2.8';
  const held = await host(w, 1, older, EUS);
  const plain = await host(w, 2, older);
  await w.settle();
  const fixOn = async (id: string): Promise<unknown[]> =>
    (await list(w, { host: id })).items.flatMap((one) => one.here!.map(({ fix, release }) => [release, fix]));
  assert.deepEqual(await fixOn(held), [['9.2-eus', V]]);
  assert.deepEqual(await fixOn(plain), [['9', F]]);
  // The same list of packages, and another stream.
  w.later();
  await w.send(plain, { os: await osOf(w, plain, EUS) } as never);
  await w.settle();
  assert.deepEqual(await fixOn(plain), [['9.2-eus', V]]);
  w.later();
  await w.send(held, { packages: [openssl(V)] });
  await w.send(plain, { os: await osOf(w, plain, { pinned: null, repositories: [] }) } as never);
  await w.settle();
  assert.deepEqual(await fixOn(held), []);
  assert.deepEqual(await fixOn(plain), [['9', F]]);
  const { hosts, unknown } = await w.call<Affected>('getAffected', { query: { q: CVE } });
  assert.deepEqual([hosts.map(({ hostId }) => hostId), unknown], [[plain], []]);
  // What feeds say names the stream, so that people see where it is fixed.
  const { said } = await show(w, CVE);
  assert.deepEqual(said.map(({ release, fixed: to }) => [release, to]).toSorted(), [
    ['9', F],
    ['9.2-eus', V],
  ]);
});

async function osOf(w: World, id: string, updatesFrom: object): Promise<object> {
  const { rows } = await sql<{ data: object }>`
    select c.data from audit.section s join audit.section_content c on c.name = s.name and c.hash = s.hash
    where s.host_id = ${id} and s.name = 'os'`.execute(w.platform.db);
  return { ...rows[0]!.data, updatesFrom };
}

test('3.2: hosts that are alike but for their stream cost a list for each stream, and not one for each host', async () => {
  const w = await newWorld();
  await takeFeed(w, REDHAT, DOCUMENT);
  for (let last = 1; last <= 6; last += 1) await host(w, last, V, last % 2 === 0 ? EUS : undefined);
  await w.settle();
  const { rows } = await sql`
    select count(distinct p.id)::integer as packages, count(distinct l.id)::integer as lists
    from audit.package p join audit.package_list l on l.packages @> array[p.id]
    join audit.host_list h on h.list_id = l.id and h.until is null where p.ecosystem = 'Red Hat'`.execute(
    w.platform.db,
  );
  assert.deepEqual(rows, [{ packages: 2, lists: 2 }]);
});

test('3.2: what was read of Red Hat before is read anew, also where it is the same, and nothing else is', async () => {
  const w = await newWorld();
  const record = (ecosystem: string): object => ({
    id: 'RHSA-2026:1',
    modified: '2026-11-01T00:00:00Z',
    affected: [
      {
        package: { ecosystem, name: 'x' },
        ranges: [{ type: 'ECOSYSTEM', events: [{ introduced: '0' }, { fixed: '2' }] }],
      },
    ],
  });
  const osv = (name: string, ecosystem: string) => ({ name, kind: 'osv', settings: { ecosystem } });
  const takeAll = async (): Promise<number> => {
    const before = (await w.entries('audit.feed.taken')).length;
    await takeFeed(w, REDHAT, DOCUMENT);
    await takeFeed(w, osv('red-hat-osv', 'Red Hat'), [record('Red Hat:enterprise_linux:9::baseos')]);
    await takeFeed(w, osv('alma', 'AlmaLinux'), [record('AlmaLinux:9')]);
    return (await w.entries('audit.feed.taken')).length - before;
  };
  assert.equal(await takeAll(), 3);
  assert.equal(await takeAll(), 0);
  await migrated(w, '0683_streams.sql');
  assert.equal(await takeAll(), 2);
  assert.equal(await takeAll(), 0);
});

test('3.2: the estate’s VEX says of a package that hosts of several streams have the worst, and once', async () => {
  const w = await newWorld();
  await takeFeed(w, REDHAT, DOCUMENT);
  // The first build of a later release: within the fix of 9.2’s stream by its number, and open in the main stream.
  const [held, plain] = ['1:3.0.7-16.el9_2.9', '1:3.0.7-25.el9_3.1'];
  await host(w, 1, held, EUS);
  await host(w, 2, held);
  await host(w, 3, held, { pinned: null, repositories: [] });
  await host(w, 4, plain, EUS);
  await host(w, 5, plain);
  await w.settle();
  assert.deepEqual(await saidInVex(w), ['3.0.7-16.el9_2.9 fixed', '3.0.7-25.el9_3.1 affected']);
  // A later fix for one stream: who has that one alone is affected, and so is whoever has the same package.
  const later = fixed('cpe:/o:redhat:rhel_e4s:9.2::baseos', '1:3.0.7-16.el9_2.12');
  await takeFeed(w, REDHAT, vex(CVE, [fixed(rhel(9), F), fixed('cpe:/o:redhat:rhel_eus:9.2::baseos', V), later]));
  await host(w, 6, held, { pinned: '9.2', repositories: ['rhel-9-for-x86_64-baseos-e4s-rpms'] });
  await w.settle();
  assert.deepEqual(await saidInVex(w), ['3.0.7-16.el9_2.9 affected', '3.0.7-25.el9_3.1 affected']);
});

test('3.2: how bad it is, and by which names it is known, the main stream’s word tells on hosts of other streams, too', async () => {
  const w = await newWorld();
  await takeFeed(w, REDHAT, vex(CVE, [{ ...fixed(rhel(9), F), erratum: 'RHSA-2026:0001' }]));
  await host(w, 1, V, EUS);
  await w.settle();
  const told = async () =>
    (await list(w)).items.map(({ advisory, severity, aliases }) => [advisory, severity, aliases]);
  assert.deepEqual(await told(), [[CVE, 'medium', ['RHSA-2026:0001']]]);
});

test('3.2: where ELS alone is spoken of, a host of that release without it burns or is clean, and is not unknown', async () => {
  const w = await newWorld();
  const fix = '1:1.0.2k-26.el7_9';
  await takeFeed(w, REDHAT, vex(CVE, [fixed('cpe:/o:redhat:rhel_els:7', fix)]));
  const os = { id: 'rhel', versionId: '7.9', kernel: '3.10.0' };
  const burning = await debianHost(w, 1, [openssl('1:1.0.2k-25.el7_9')], { os });
  await debianHost(w, 2, [debianPackage('bash', '4.2.46-35.el7_9', { ecosystem: 'Red Hat' })], { os });
  await w.settle();
  const { hosts, unknown } = await w.call<Affected>('getAffected', { query: { q: CVE } });
  assert.deepEqual([hosts.map(({ hostId }) => hostId), unknown], [[burning], []]);
  assert.deepEqual(
    (await list(w)).items.map(({ severity }) => severity),
    ['medium'],
  );
  const [here] = (await list(w, { host: burning })).items[0]!.here!;
  assert.deepEqual([here!.fix, here!.unavailable], [fix, 'it is of another stream than this host’s']);
});

/** Version and status of each package. */
async function saidInVex(w: World): Promise<string[]> {
  const said: string[] = [];
  for await (const { product, status } of vexStatements(w.platform.db, await w.discovery.briefs(), undefined))
    said.push(`${/@([^?]+)/.exec(product)![1]} ${status}`);
  return said;
}
