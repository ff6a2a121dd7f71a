import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sql } from 'kysely';
import type { Fixes } from '../../model/vulnerability.ts';
import {
  CVE,
  DEBIAN,
  debianHost,
  debianPackage,
  fixedIn,
  list,
  NEW,
  OLD,
  OPENSSH,
  show,
  sshd,
  takeFeed,
  tracker,
  worlds,
} from './testing/vulnerabilities.ts';

const newWorld = worlds();

test('3.18: of a host whose release no feed speaks of, or that nobody looked into, nothing listed is not clean', async () => {
  const w = await newWorld();
  await takeFeed(w, DEBIAN, OPENSSH);
  const told = await debianHost(w, 1, [sshd(NEW)]);
  const older = await debianHost(w, 2, [sshd(OLD)], { os: { versionId: '7' } });
  const unseen = await w.find('10.3.0.3', 'SHA256:v3');
  await w.settle();
  const ask = async (host: string): Promise<unknown> => {
    const { total, silent } = await list(w, { host });
    return [total, silent];
  };
  assert.deepEqual(await ask(told), [0, []]);
  assert.deepEqual(await ask(older), [0, ['no feed speaks of Debian 7']]);
  assert.deepEqual(await ask(unseen), [0, ['its packages were never collected']]);
  assert.equal((await list(w)).silent, undefined, 'of the whole estate nothing like it is told');
  assert.deepEqual((await list(w, { host: older, fixable: 'true' })).silent, ['no feed speaks of Debian 7']);
});

test('3.1, 3.7, 3.9, 3.10: a vulnerability opens with a statement, closes with an upgrade, rekindles with a downgrade, and is told once', async () => {
  const w = await newWorld();
  assert.deepEqual(await list(w), { items: [], total: 0, informed: false, late: [] });
  const a = await debianHost(w, 1, [sshd(OLD)]);
  const b = await debianHost(w, 2, [sshd(OLD)]);
  await debianHost(w, 3, [sshd(NEW)]);
  await w.settle();
  w.later();
  const opened = w.clock.now.toISOString();
  await takeFeed(w, DEBIAN, OPENSSH);
  await w.settle();
  const { items, total, informed } = await list(w);
  assert.deepEqual(
    [items.map((one) => [one.advisory, one.hosts, one.packages]), total, informed],
    [[[CVE, 2, ['openssh']]], 1, true],
  );
  const told = await w.entries('audit.vulnerabilities');
  assert.equal(told.length, 1, 'one entry an import, however many hosts');
  assert.deepEqual([told[0]!.detail['hosts'], told[0]!.detail['opened']], [2, { count: 1, first: [CVE] }]);

  w.later();
  const closed = w.clock.now.toISOString();
  await w.send(a, { packages: [sshd(NEW)] });
  await w.settle();
  const of = (id: string) => async () => (await show(w, CVE)).hosts.find(({ hostId }) => hostId === id)!;
  const [stateOfA, stateOfB] = [of(a), of(b)];
  const fixed = await stateOfA();
  assert.deepEqual([fixed.state, (await stateOfB()).state], ['fixed', 'open']);
  assert.deepEqual([fixed.confidence, (await stateOfB()).confidence], [null, 0.95]);
  assert.deepEqual([fixed.openedAt, fixed.closedAt, fixed.packages], [opened, closed, []]);
  assert.deepEqual((await list(w, { host: a })).items, []);
  assert.deepEqual(
    (await list(w, { host: b })).items[0]?.here?.map(({ name, version, fix, feed }) => [name, version, fix, feed]),
    [['openssh-server', OLD, NEW, 'debian']],
  );

  w.later(3 * 24 * 60);
  await w.send(a, { packages: [sshd(OLD)] });
  await w.settle();
  const [again, stale] = [await stateOfA(), await stateOfB()];
  assert.deepEqual([again.state, again.openedAt, again.stale], ['rekindled', opened, false]);
  assert.deepEqual([stale.state, stale.stale, stale.confidence], ['open', true, 0.475]);
  const entries = await w.entries('audit.vulnerabilities');
  assert.deepEqual(
    entries.slice(1).map(({ detail }) => [detail['opened'], detail['closed']]),
    [
      [
        { count: 0, first: [] },
        { count: 1, first: [CVE] },
      ],
      [
        { count: 1, first: [CVE] },
        { count: 0, first: [] },
      ],
    ],
  );
  await w.send(a, { packages: [sshd(OLD)] });
  await w.settle();
  assert.equal((await w.entries('audit.vulnerabilities')).length, 3, 'nothing new, nothing told');

  await w.call('removeFeed', { params: { name: 'debian' } });
  await w.settle();
  assert.deepEqual(await list(w), { items: [], total: 0, informed: false, late: [] });
});

test('3.4: the running kernel is judged; images beside it and headers are no finding; an unknown one proves nothing', async () => {
  const w = await newWorld();
  const image = (abi: string, version: string) =>
    debianPackage(`linux-image-6.1.0-${abi}-amd64`, version, {
      source: 'linux-signed-amd64',
      sourceVersion: version.replace('-', '+'),
    });
  const packages = [
    image('17', '6.1.69-1'),
    image('18', '6.1.76-1'),
    debianPackage('linux-libc-dev', '6.1.69-1', { source: 'linux' }),
  ];
  await takeFeed(w, DEBIAN, tracker({ linux: { 'CVE-2024-1086': fixedIn('6.1.76-1') } }));
  const old = await debianHost(w, 1, packages, { os: { kernel: '6.1.0-17-amd64' } });
  await debianHost(w, 2, packages, { os: { kernel: '6.1.0-18-amd64' } });
  await debianHost(w, 3, packages, { os: { kernel: '6.1.99-mine' } });
  await w.settle();
  const hosts = async () => (await show(w, 'CVE-2024-1086')).hosts.map((one) => [one.hostId, one.state]);
  assert.deepEqual(await hosts(), [[old, 'open']]);
  const { items } = await w.call<Fixes>('listFixes', { query: {} });
  assert.deepEqual(
    items.map(({ source, from, to, hosts: count }) => [source, from, to, count]),
    [['linux', '6.1.69-1', '6.1.76-1', 1]],
  );
  w.later();
  const { items: listed } = await w.call<{ items: unknown[] }>('listVulnerabilities', { query: { host: old } });
  assert.equal(listed.length, 1);
});

test('3.20: the priority is the product of factors that are all told, and KEV, EPSS, exposure, dependants and tags move it', async () => {
  const w = await newWorld();
  await takeFeed(w, DEBIAN, OPENSSH);
  const at = { address: '0.0.0.0', port: 22, pid: 1, process: 'sshd', unit: 'ssh.service', package: 'openssh-server' };
  const id = await debianHost(w, 1, [sshd(OLD)]);
  await debianHost(w, 2, [sshd(OLD)]);
  await w.settle();
  const factors = async () => {
    const [one] = (await list(w)).items;
    assert.equal(one!.priority, Math.round(one!.factors.reduce((all, { times }) => all * times, 1) * 100) / 100);
    return Object.fromEntries(one!.factors.map(({ name, times }) => [name, times]));
  };
  const before = { severity: 8, exploited: 1, likelihood: 1, exposure: 1, reached: 1, dependants: 1, owner: 1 };
  assert.deepEqual(await factors(), before);

  await takeFeed(
    w,
    { name: 'kev', kind: 'kev' },
    {
      dateReleased: '2026-11-19T00:00:00Z',
      count: 1,
      vulnerabilities: [{ cveID: CVE, dateAdded: '2026-11-01', vulnerabilityName: 'regreSSHion' }],
    },
  );
  await w.settle();
  assert.deepEqual(await factors(), { ...before, exploited: 3 });
  assert.equal((await list(w, { exploited: 'true' })).total, 1);
  assert.equal((await show(w, CVE)).exploited?.title, 'regreSSHion');

  const peer = {
    direction: 'in',
    localAddress: '10.3.0.1',
    localPort: 22,
    peerPort: 5,
    count: 1,
    pid: 1,
    process: 'sshd',
    unit: null,
  };
  await w.send(id, {
    sockets: [at],
    packages: [sshd(OLD), debianPackage('more', '1')],
    connections: [1, 2, 3].map((n) => ({ ...peer, peerAddress: `10.9.0.${n}` })),
  } as never);
  await w.platform.observe({ kind: 'system', id: 'x', name: 'x' } as never, (tx) =>
    w.discovery.addTags(tx, id, { env: 'prod' }),
  );
  await takeFeed(w, DEBIAN, tracker({ openssh: { [CVE]: fixedIn(NEW, 'high'), 'CVE-2020-1': fixedIn('1:1', 'low') } }));
  await w.settle();
  const after = await factors();
  assert.deepEqual(after, { ...before, exploited: 3, exposure: 1.5, dependants: after['dependants'], owner: 2 });
  assert.ok(after['dependants']! > 1);
  for (const [query, count] of [
    [{ severity: 'high' }, 1],
    [{ severity: 'low' }, 0],
    [{ fixable: 'true' }, 1],
    [{ text: 'openssh' }, 1],
    [{ text: CVE.toLowerCase() }, 1],
    [{ text: 'other' }, 0],
    [{ offset: 1 }, 0],
  ] as const)
    assert.equal((await list(w, query)).items.length, count, JSON.stringify(query));
});

test('fixes are grouped by what one would do, with the units that run files of it', async () => {
  const w = await newWorld();
  const ssl = (version: string) => debianPackage('libssl3', version, { source: 'openssl' });
  await takeFeed(
    w,
    DEBIAN,
    tracker({
      openssl: { 'CVE-2026-1': fixedIn('3.0.2'), 'CVE-2026-2': fixedIn('3.0.3'), 'CVE-2026-3': { status: 'open' } },
    }),
  );
  const process = (unit: string) => ({
    pid: 7,
    ppid: 1,
    user: 'root',
    command: '/usr/sbin/x',
    exe: null,
    unit,
    startedAt: null,
    replaced: [],
    packages: ['libssl3', 'nginx'],
  });
  await debianHost(w, 1, [ssl('3.0.1'), debianPackage('openssl', '3.0.1')], { processes: [process('nginx.service')] });
  await debianHost(w, 2, [ssl('3.0.1')], { processes: [process('nginx.service'), process('ssh.service')] });
  await debianHost(w, 3, [ssl('3.0.2')], { processes: [] });
  await w.settle();
  const { items, more } = await w.call<Fixes>('listFixes', { query: {} });
  assert.equal(more, false);
  assert.deepEqual(
    items.map(({ source, from, to, advisories, hosts, restarts }) => ({
      source,
      from,
      to,
      advisories,
      hosts,
      restarts,
    })),
    [
      {
        source: 'openssl',
        from: '3.0.1',
        to: '3.0.3',
        advisories: ['CVE-2026-1', 'CVE-2026-2'],
        hosts: 2,
        restarts: [
          { unit: 'nginx.service', hosts: 2 },
          { unit: 'ssh.service', hosts: 1 },
        ],
      },
      { source: 'openssl', from: '3.0.2', to: '3.0.3', advisories: ['CVE-2026-2'], hosts: 1, restarts: [] },
    ],
  );
  assert.equal((await w.call<Fixes>('listFixes', { query: { limit: '1' } })).more, true);
});

test('facts of before packages were interned are taken in by the sweep, each host by itself', async () => {
  const w = await newWorld();
  await takeFeed(w, DEBIAN, OPENSSH);
  for (const last of [1, 2, 3]) await debianHost(w, last, [sshd(OLD)]);
  await w.settle();
  for (const table of ['host_list', 'host_system', 'match', 'vulnerability', 'package_list', 'package'])
    await sql`delete from ${sql.table(`audit.${table}`)}`.execute(w.platform.db);
  assert.equal((await list(w)).total, 0);
  const sweep = async (): Promise<void> => {
    await w.platform.queue.enqueue('audit.sweep', {});
    await w.settle();
  };
  await sweep();
  assert.deepEqual(
    (await list(w)).items.map(({ advisory, hosts }) => [advisory, hosts]),
    [[CVE, 3]],
  );
  // A host that was taken for another and is itself again: its lists had ended.
  await sql`update audit.host_list set until = ${w.clock.now} where host_id = ${(await w.discovery.hosts())[0]!.id}`.execute(
    w.platform.db,
  );
  w.later();
  await sweep();
  assert.equal((await list(w)).items[0]?.hosts, 3);
  const { rows } = await sql`select from audit.host_list where until is null and section = 'packages'`.execute(
    w.platform.db,
  );
  assert.equal(rows.length, 3);
});

test('3.1: what is asked wrongly, or of an advisory that nobody knows, is refused with what to do', async () => {
  const w = await newWorld();
  await assert.rejects(show(w, 'CVE-2099-1'), { code: 'ADVISORY_UNKNOWN' });
  await assert.rejects(list(w, { severity: 'dreadful' }));
  await assert.rejects(list(w, { limit: '0' }));
});

test('3.1: of two feeds that count the same the newer is right, also where the older one becomes newer by another record', async () => {
  const w = await newWorld();
  await debianHost(w, 1, [debianPackage('openssl', '1.1-1')]);
  const record = (id: string, name: string, fixed: string, day: number): object => ({
    id,
    modified: `2026-11-0${day}T00:00:00Z`,
    affected: [
      {
        package: { ecosystem: 'Debian:12', name },
        ranges: [{ type: 'ECOSYSTEM', events: [{ introduced: '0' }, { fixed }] }],
      },
    ],
  });
  const osv = (name: string, records: object[]): Promise<void> =>
    takeFeed(w, { name, kind: 'osv', settings: { ecosystem: 'Debian' } }, records);
  const affecting = record('CVE-2026-1', 'openssl', '1.2-1', 1);
  await osv('osv-a', [affecting]);
  await osv('osv-b', [record('CVE-2026-1', 'openssl', '1.0-1', 2)]);
  await w.settle();
  assert.equal((await list(w)).total, 0);
  w.later();
  await osv('osv-a', [affecting, record('CVE-2026-2', 'nginx', '9', 3)]);
  await w.settle();
  assert.deepEqual(
    (await list(w)).items.map(({ advisory }) => advisory),
    ['CVE-2026-1'],
  );
});

test('3.18: a list says which feeds are behind, so that nothing listed is not taken for nothing there', async () => {
  const w = await newWorld();
  await takeFeed(w, DEBIAN, OPENSSH);
  await w.call('addFeed', { body: { name: 'osv', kind: 'osv', url: null, settings: { ecosystem: 'npm' } } });
  assert.deepEqual((await list(w)).late, [], 'one that nobody handed anything for says so where feeds are listed');
  w.later(32 * 24 * 60);
  assert.deepEqual((await list(w)).late, ['debian']);
  await takeFeed(w, DEBIAN, OPENSSH);
  assert.deepEqual((await list(w)).late, []);
  // One that is fetched is behind as long as it never answered.
  const settings = { ecosystem: 'PyPI' };
  await w.call('addFeed', { body: { name: 'fetched', kind: 'osv', url: 'http://127.0.0.1:9/pypi.json', settings } });
  await w.audit.jobs['audit.feed']!({ feed: 'fetched' });
  assert.deepEqual((await list(w)).late, ['fetched']);
});
