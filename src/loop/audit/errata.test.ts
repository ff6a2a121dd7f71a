import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { MIGRATIONS_DIR } from '../../platform/db/migrate.ts';
import { withClient } from '../../platform/db/pool.ts';
import { changedBetween } from './store-matches.ts';
import { sql } from 'kysely';
import { debianHost, debianPackage, list, show, takeFeed, worlds } from './testing/vulnerabilities.ts';

const newWorld = worlds();

const record = (id: string, upstream: string[], fixed = '2', ecosystem = 'Debian:12', urgency?: string): object => ({
  id,
  modified: '2026-11-01T00:00:00Z',
  upstream,
  affected: [
    {
      package: { ecosystem, name: 'x' },
      ranges: [{ type: 'ECOSYSTEM', events: [{ introduced: '0' }, { fixed }] }],
      ...(urgency === undefined ? {} : { ecosystem_specific: { urgency } }),
    },
  ],
});
const [CVE, DSA] = ['CVE-2026-1', 'DSA-9-1'] as const;
const osv = { name: 'osv', kind: 'osv', settings: { ecosystem: 'Debian' } };

test('3.1, 3.10: what an advisory told of alone has its time when it is told of under its CVE, and the other way round', async () => {
  const w = await newWorld();
  const say = async (...records: object[]): Promise<void> => {
    await takeFeed(w, osv, records);
    await w.settle();
  };
  const burning = async () =>
    (
      await sql`select advisory, since from audit.match where until is null and verdict = 'affected' order by advisory`.execute(
        w.platform.db,
      )
    ).rows;
  await say(record(DSA, [CVE]));
  await debianHost(w, 1, [debianPackage('x', '1')]);
  await w.settle();
  const since = w.clock.now;
  assert.deepEqual(await burning(), [{ advisory: DSA, since }]);
  w.later(60);
  await say(record(DSA, [CVE]), record(`DEBIAN-${CVE}`, [CVE]));
  assert.deepEqual(await burning(), [{ advisory: CVE, since }]);
  for (const name of [CVE, DSA])
    assert.deepEqual(
      (await show(w, name)).hosts.map(({ state, openedAt }) => [state, openedAt]),
      [['open', since.toISOString()]],
      name,
    );
  // The CVE is said to be fixed in what is installed, and the advisory still affects it.
  const bundledSince = w.clock.now;
  w.later(60);
  await say(record(DSA, [CVE]), record(`DEBIAN-${CVE}`, [CVE], '1'));
  assert.deepEqual(await burning(), [{ advisory: DSA, since: bundledSince }]);
  assert.deepEqual(
    (await show(w, DSA)).hosts.map(({ state, openedAt }) => [state, openedAt]),
    [['open', since.toISOString()]],
  );
});

test('3.1: an advisory that is not written in capitals is found by its name under its CVEs', async () => {
  const w = await newWorld();
  const id = 'openSUSE-SU-2026:0001-1';
  await takeFeed(w, { name: 'suse', kind: 'osv', settings: { ecosystem: 'openSUSE' } }, [
    record(id, [CVE], '2', 'openSUSE:Leap 15.5'),
    record(`SUSE-${CVE}`, [CVE], '2', 'openSUSE:Leap 15.5'),
  ]);
  await debianHost(w, 1, [debianPackage('x', '1', { ecosystem: 'openSUSE' })], {
    os: { id: 'opensuse-leap', versionId: '15.5' },
  });
  await w.settle();
  for (const text of [undefined, id, id.toLowerCase()])
    assert.deepEqual(
      (await list(w, text === undefined ? {} : { text })).items.map(({ advisory }) => advisory),
      [CVE],
      text,
    );
});

test('3.1: whose package is told of otherwise now is affected no longer by the advisory’s own name', async () => {
  const w = await newWorld();
  // Of x 1.5 the CVE is fixed: only the advisory goes on; of x 1 both burn.
  await takeFeed(w, osv, [record(DSA, [CVE]), record(`DEBIAN-${CVE}`, [CVE], '1.2')]);
  await debianHost(w, 1, [debianPackage('x', '1.5')]);
  await debianHost(w, 2, [debianPackage('x', '1')]);
  const { rows } = await sql<{ id: number }>`
    select l.id from audit.package_list l join audit.package p on l.packages @> array[p.id]
    where p.name = 'x' order by p.version desc`.execute(w.platform.db);
  const [newer, older] = rows.map(({ id }) => id) as [number, number];
  const changed = async (before: number, now: number): Promise<string[]> =>
    (await changedBetween(w.platform.db, before, now))
      .map(({ advisory, opened }) => `${opened ? 'opened' : 'closed'} ${advisory}`)
      .toSorted();
  assert.deepEqual(await changed(newer, older), [`closed ${DSA}`, `opened ${CVE}`]);
  assert.deepEqual(await changed(older, newer), [`closed ${CVE}`, `opened ${DSA}`]);
});

test('3.1: a vulnerability that nobody assessed is as bad as the advisory that is told of under it says, as long as it says so', async () => {
  const w = await newWorld();
  const [A, B] = ['CVE-2026-1', 'CVE-2026-2'];
  const said = (id: string, names: string[], urgency?: string): object => record(id, names, '2', 'Debian:12', urgency);
  const say = async (...records: object[]): Promise<void> => {
    w.later(60);
    await takeFeed(w, osv, records);
    await w.settle();
  };
  const severities = async () =>
    Object.fromEntries((await list(w)).items.map(({ advisory, severity }) => [advisory, severity]));
  await debianHost(w, 1, [debianPackage('x', '1')]);
  const [plainA, plainB] = [said(`DEBIAN-${A}`, [A]), said(`DEBIAN-${B}`, [B])];
  await say(said(DSA, [A, B], 'high'), plainA, plainB);
  assert.deepEqual(await severities(), { [A]: 'high', [B]: 'high' });
  assert.equal((await list(w)).items[0]!.factors[0]!.why, `${DSA} says high of what it mends`);
  assert.equal((await list(w, { severity: 'high' })).total, 2);

  // What is assessed stays what it is where another is what the advisory speaks of, and only there.
  const lowB = said(`DEBIAN-${B}`, [B], 'low');
  await say(said(DSA, [A, B], 'high'), plainA, lowB);
  assert.deepEqual(await severities(), { [A]: 'high', [B]: 'high' }, 'nothing else is known to be as bad');
  await say(said(DSA, [A, B], 'high'), said(`DEBIAN-${A}`, [A], 'critical'), lowB);
  assert.deepEqual(await severities(), { [A]: 'critical', [B]: 'low' });
  await say(said(DSA, [A, B], 'high'), said(`DEBIAN-${A}`, [A], 'medium'), lowB);
  assert.deepEqual(await severities(), { [A]: 'high', [B]: 'high' }, 'the other one changed its word');

  await say(said(DSA, [A, B], 'medium'), plainA, lowB);
  assert.deepEqual(await severities(), { [A]: 'medium', [B]: 'medium' }, 'the advisory changed its word');
  await say(said(DSA, [A], 'medium'), plainA, lowB);
  assert.deepEqual(await severities(), { [A]: 'medium', [B]: 'low' }, 'it names one of them no more');
  await say(plainA, lowB);
  assert.deepEqual(await severities(), { [A]: 'unknown', [B]: 'low' }, 'it was withdrawn');
});

test('3.1: what was counted before advisories gave their word is counted anew by the migration', async () => {
  const w = await newWorld();
  await takeFeed(w, osv, [record(DSA, [CVE], '2', 'Debian:12', 'high'), record(`DEBIAN-${CVE}`, [CVE])]);
  await debianHost(w, 1, [debianPackage('x', '1')]);
  await w.settle();
  // As the version before left it.
  await withClient(w.platform.urls.owner, async (client) => {
    await client.query('drop index audit.match_bundled; alter table audit.vulnerability drop column severity_by');
    await client.query(`update audit.vulnerability set severity = 'unknown'`);
    await client.query(await readFile(join(MIGRATIONS_DIR, '0687_erratum_severity.sql'), 'utf8'));
  });
  await w.audit.jobs['audit.recount']!({});
  assert.deepEqual(
    (await list(w)).items.map(({ advisory, severity }) => [advisory, severity]),
    [[CVE, 'high']],
  );
});
