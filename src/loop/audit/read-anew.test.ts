/** What was stored before kernels were judged by the one that runs, distribution by distribution: migrations 0675, 0682, 0690. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sql } from 'kysely';
import { debianHost, debianPackage, list, migrated, takeFeed, worlds } from './testing/vulnerabilities.ts';

const newWorld = worlds();

test('3.4: a list of before has its kernels judged by the one that runs, and feeds that are read otherwise are read anew', async () => {
  const w = await newWorld();
  const { db } = w.platform;
  const erratum = (name: string, fixed: string): object => ({
    id: 'ALSA-2026:1',
    modified: '2026-11-01T00:00:00Z',
    affected: [
      {
        package: { ecosystem: 'AlmaLinux:9', name },
        ranges: [{ type: 'ECOSYSTEM', events: [{ introduced: '0' }, { fixed }] }],
      },
    ],
  });
  const alma = { name: 'alma', kind: 'osv', settings: { ecosystem: 'AlmaLinux' } };
  const records = [erratum('kernel-core', '5.14.0-2.el9')];
  await takeFeed(w, alma, records);
  const kernel = (version: string) =>
    debianPackage('kernel-core', version, { ecosystem: 'AlmaLinux', source: 'kernel' });
  await debianHost(w, 1, [kernel('5.14.0-1.el9'), kernel('5.14.0-2.el9')], {
    os: { id: 'almalinux', versionId: '9.7', kernel: '5.14.0-2.el9.x86_64' },
  });
  // Another one has no kernel, and keeps what it has.
  const plain = await debianHost(w, 2, [debianPackage('x', '1')]);
  await w.settle();
  const listsOf = async () =>
    (await sql`select list_id, since, until from audit.host_list where host_id = ${plain}`.execute(db)).rows;
  const before = await listsOf();
  assert.deepEqual((await list(w)).items, []);
  // As the version before stored it.
  await sql`update audit.package set kernel = '', digest = 'before ' || id where source = 'kernel'`.execute(db);
  await sql`insert into audit.match (package_id, advisory, about, verdict, why, feed, since)
    select id, 'ALSA-2026:1', 'kernel-core', 'affected', '', 'alma', ${w.clock.now}
    from audit.package where source = 'kernel' and version = '5.14.0-1.el9'`.execute(db);
  await sql`insert into audit.recount (lists, advisories) values ('{}', '{ALSA-2026:1}')`.execute(db);
  await w.audit.jobs['audit.recount']!({});
  assert.equal((await list(w)).total, 1);
  await w.audit.jobs['audit.sweep']!({});
  await w.settle();
  assert.equal((await list(w)).total, 1, 'nothing changed on the host');
  await migrated(w, '0675_read_anew.sql');
  assert.deepEqual((await list(w)).items, []);
  const { rows } = await sql`select count(*)::integer as lists from audit.host_list where until is not null`.execute(
    db,
  );
  assert.deepEqual(rows, [{ lists: 1 }], 'once');
  assert.deepEqual(await listsOf(), before);
  const taken = async () => (await w.entries('audit.feed.taken')).length;
  const so = await taken();
  await takeFeed(w, alma, records);
  await takeFeed(w, alma, records);
  assert.equal(await taken(), so + 1);
});

test('3.4: a list of before has Mageia’s kernels judged by the one that runs, and other hosts keep theirs', async () => {
  const w = await newWorld();
  const { db } = w.platform;
  await takeFeed(w, { name: 'mageia', kind: 'osv', settings: { ecosystem: 'Mageia' } }, [
    {
      id: 'MGASA-2026-0001',
      modified: '2026-11-01T00:00:00Z',
      affected: [
        {
          package: { ecosystem: 'Mageia:9', name: 'kernel' },
          ranges: [{ type: 'ECOSYSTEM', events: [{ introduced: '0' }, { fixed: '6.6.120-1.mga9' }] }],
        },
      ],
    },
  ]);
  const kernel = (version: string) =>
    debianPackage('kernel-desktop', version, { ecosystem: 'Mageia', source: 'kernel', sourceVersion: version });
  await debianHost(w, 1, [kernel('6.6.116-1.mga9'), kernel('6.6.120-1.mga9')], {
    os: { id: 'mageia', versionId: '9', kernel: '6.6.120-desktop-1.mga9' },
  });
  const plain = await debianHost(w, 2, [debianPackage('x', '1')]);
  await w.settle();
  assert.deepEqual((await list(w)).items, []);
  const listsOf = async () =>
    (await sql`select list_id, since, until from audit.host_list where host_id = ${plain}`.execute(db)).rows;
  const before = await listsOf();
  // As the version before stored it.
  await sql`update audit.package set kernel = '', digest = 'before ' || id where source = 'kernel'`.execute(db);
  await sql`insert into audit.match (package_id, advisory, about, verdict, why, feed, since)
    select id, 'MGASA-2026-0001', 'kernel', 'affected', '', 'mageia', ${w.clock.now}
    from audit.package where version = '6.6.116-1.mga9'`.execute(db);
  await sql`insert into audit.recount (lists, advisories) values ('{}', '{MGASA-2026-0001}')`.execute(db);
  await w.audit.jobs['audit.recount']!({});
  assert.equal((await list(w)).total, 1);
  await migrated(w, '0682_read_anew.sql');
  assert.deepEqual((await list(w)).items, []);
  assert.deepEqual(await listsOf(), before);
});

test('3.4: a list of before has Debian’s unsigned kernel judged as the one that runs', async () => {
  const w = await newWorld();
  const { db } = w.platform;
  await takeFeed(
    w,
    { name: 'debian', kind: 'debian-tracker' },
    {
      linux: { 'CVE-2024-1086': { releases: { bookworm: { status: 'resolved', fixed_version: '6.1.76-1' } } } },
    },
  );
  await debianHost(
    w,
    1,
    [debianPackage('linux-image-6.1.0-1-amd64-unsigned', '6.1.70-1', { source: 'linux', sourceVersion: '6.1.70-1' })],
    {
      os: { id: 'debian', versionId: '12', kernel: '6.1.0-1-amd64' },
    },
  );
  await w.settle();
  assert.equal((await list(w)).total, 1);
  // As the version before stored it.
  await sql`update audit.package set kernel = '? 6.1.0-1-amd64', digest = 'before ' || id`.execute(db);
  await sql`update audit.match set verdict = 'unknown'`.execute(db);
  await sql`insert into audit.recount (lists, advisories) values ('{}', '{CVE-2024-1086}')`.execute(db);
  await w.audit.jobs['audit.recount']!({});
  await w.audit.jobs['audit.sweep']!({});
  await w.settle();
  assert.equal((await list(w)).total, 0, 'nothing changed on the host');
  await migrated(w, '0690_unsigned_kernels.sql');
  assert.equal((await list(w)).total, 1);
});
