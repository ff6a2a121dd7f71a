import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PackageFact } from '../../model/facts.ts';
import type { Fixes } from '../../model/vulnerability.ts';
import { debianHost, debianPackage, list, show, takeFeed, worlds } from './testing/vulnerabilities.ts';

const newWorld = worlds();

const archives = (names: string[], listsAgeDays = 0): Record<string, object> => ({
  archive: { tool: 'apt', archives: names, security: true, listsAgeDays },
});

test('3.1, trap 4: hosts whose archives lack the fix say so, each by its own facts; the others do not', async () => {
  const w = await newWorld();
  const fix = { xz: { 'CVE-2026-34743': { releases: { bookworm: { status: 'resolved', fixed_version: '2' } } } } };
  await takeFeed(w, { name: 'debian', kind: 'debian-tracker' }, fix);
  const xz = (rest: Partial<PackageFact>): PackageFact[] => [debianPackage('xz', '1', rest)];
  const lacking = await debianHost(
    w,
    1,
    xz({ candidate: '1', origin: 'main', newerFrom: 'none' }),
    archives(['Debian bookworm main'], 3),
  );
  const having = await debianHost(w, 2, xz({ candidate: '2', origin: 'main', newerFrom: 'security' }));
  const untold = await debianHost(w, 3, xz({}));
  await w.settle();
  const WHY = 'the archives of this host do not offer it yet: 1 is the newest there, as of 3 days ago';
  const here = async (host: string): Promise<unknown[]> =>
    (await list(w, { host })).items.flatMap((one) => one.here!.map(({ fix: to, unavailable }) => [to, unavailable]));
  assert.deepEqual(await here(lacking), [['2', WHY]]);
  assert.deepEqual(await here(having), [['2', undefined]]);
  assert.deepEqual(await here(untold), [['2', undefined]]);
  const toDo = async (query: object): Promise<unknown[]> =>
    ((await w.call('listFixes', { query })) as Fixes).items.map(({ to, unavailable }) => [to, unavailable]);
  assert.deepEqual(await toDo({ host: lacking }), [['2', WHY]]);
  assert.deepEqual(await toDo({ host: having }), [['2', undefined]]);
  assert.deepEqual(await toDo({}), [['2', undefined]], 'the estate’s goes by what feeds say alone');
  const { hosts } = await show(w, 'CVE-2026-34743');
  assert.deepEqual(
    new Map(hosts.map(({ hostId, packages }) => [hostId, packages[0]!.unavailable])),
    new Map([lacking, having, untold].toSorted().map((id) => [id, id === lacking ? WHY : undefined])),
  );
  // The host fetched its lists, and now it is there.
  w.later();
  await w.send(lacking, { packages: xz({ candidate: '2', origin: 'main', newerFrom: 'security' }) });
  assert.deepEqual(await here(lacking), [['2', undefined]]);
});

test('3.2: a fix that comes with Ubuntu Pro is told as one for hosts that are attached', async () => {
  const w = await newWorld();
  const affected = (ecosystem: string, events: object[]): object => ({
    package: { ecosystem, name: 'x' },
    ranges: [{ type: 'ECOSYSTEM', events }],
  });
  await takeFeed(w, { name: 'ubuntu', kind: 'osv', settings: { ecosystem: 'Ubuntu' } }, [
    {
      id: 'UBUNTU-CVE-2026-5',
      upstream: ['CVE-2026-5'],
      modified: '2026-11-01T00:00:00Z',
      affected: [
        affected('Ubuntu:22.04:LTS', [{ introduced: '0' }]),
        affected('Ubuntu:Pro:22.04:LTS', [{ introduced: '0' }, { fixed: '1+esm1' }]),
      ],
    },
  ]);
  const host = (last: number, candidate: string, names: string[]): Promise<string> =>
    debianHost(
      w,
      last,
      [debianPackage('x', '1', { ecosystem: 'Ubuntu', candidate, origin: 'main', newerFrom: 'none' })],
      {
        os: { id: 'ubuntu', versionId: '22.04' },
        ...archives(names),
      },
    );
  const plain = ['Ubuntu jammy main', 'Ubuntu jammy-security main'];
  const [free, attached] = [
    await host(1, '1', plain),
    await host(2, '1+esm1', [...plain, 'UbuntuESM jammy-infra-security main']),
  ];
  await w.settle();
  const told = new Map((await show(w, 'CVE-2026-5')).hosts.map(({ hostId, packages }) => [hostId, packages[0]!]));
  assert.equal(told.get(free)!.fix, '1+esm1');
  assert.match(told.get(free)!.unavailable!, /Ubuntu Pro, to which this host is not attached/);
  assert.deepEqual([told.get(attached)!.fix, told.get(attached)!.unavailable], ['1+esm1', undefined]);
});
