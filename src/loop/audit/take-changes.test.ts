import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, test } from 'node:test';
import type { Feed } from '../../model/feed.ts';
import { ReplayServer } from '../../platform/http/testing/replay.ts';
import { rhel, vex } from './feeds/testing-vex.ts';
import { zip } from './feeds/testing.ts';
import { statementsNaming } from './store-feeds.ts';
import { type World, world } from './testing/world.ts';

const closing: (() => unknown)[] = [];
after(() => Promise.all(closing.map((close) => close())));

async function begin(): Promise<{ w: World; server: ReplayServer; url: string }> {
  const w = await world();
  const server = new ReplayServer();
  closing.push(
    () => w.close(),
    () => server.stop(),
  );
  return { w, server, url: await server.start() };
}

async function sync(w: World, name: string): Promise<Feed> {
  w.later();
  await w.call('syncFeed', { params: { name } });
  await w.settle();
  return (await w.call<{ items: Feed[] }>('listFeeds')).items.find((one) => one.name === name)!;
}

const at = (day: number): string => `2026-11-${String(day).padStart(2, '0')}T10:00:00Z`;

/** Red Hat's directory: documents, their checksums, and the list of changes. */
class RedHat {
  readonly days = new Map<string, number>();
  readonly server: ReplayServer;
  constructor(server: ReplayServer) {
    this.server = server;
  }
  put(number: number, day: number, fixed = '1.0-2.el9', rest: object = {}): string {
    const path = `2026/cve-2026-${1000 + number}.json`;
    const line = { in: rhel(9), purl: `openssl@${fixed}?arch=src`, status: 'fixed' } as const;
    const text = JSON.stringify(vex(`CVE-2026-${1000 + number}`, [line], at(day)));
    this.server.put(`/vex/${path}`, text, rest);
    this.server.put(`/vex/${path}.sha256`, `${createHash('sha256').update(text).digest('hex')}  ${path}\n`);
    this.days.set(path, day);
    return `/vex/${path}`;
  }
  list(): void {
    const lines = [...this.days].toSorted(([, a], [, b]) => b - a).map(([path, day]) => `"${path}","${at(day)}"\n`);
    this.server.put('/vex/changes.csv', lines.join(''));
  }
}

const fetchedOf = ({ asked }: ReplayServer): string[] => asked.splice(0).filter((one) => one.endsWith('.json'));

test('3.1: documents of Red Hat’s are taken by the list of changes: all once, then what changed; gone ones go, damage changes nothing', async () => {
  const { w, server, url } = await begin();
  const redhat = new RedHat(server);
  for (let number = 0; number < 10; number += 1) redhat.put(number, 1 + (number % 5));
  redhat.put(3, 4, '1.0-2.el9', { cuts: [300] });
  redhat.list();
  await w.call('addFeed', { body: { name: 'redhat', kind: 'redhat-vex', url: `${url}/vex/`, settings: {} } });
  await w.settle();
  const first = await sync(w, 'redhat');
  assert.deepEqual([first.counts?.statements, first.lastError, first.feedTime], [10, null, '2026-11-05T10:00:00.000Z']);
  assert.equal(new Set(fetchedOf(server)).size, 10);
  assert.deepEqual(fetchedOf(server), [], 'unchanged');

  const changed = redhat.put(2, 8, '1.0-9.el9');
  redhat.list();
  assert.equal((await sync(w, 'redhat')).lastError, null);
  const now = fetchedOf(server);
  assert.ok(now.includes(changed) && now.length <= 3, now.join('\n'));
  assert.equal((await statementsNaming(w.platform.db, 'CVE-2026-1002'))[0]!.fixed, '1.0-9.el9');

  // Its checksum does not fit: refused, and taken once it does.
  const bad = redhat.put(4, 9, '1.0-7.el9');
  redhat.list();
  server.put(`${bad}.sha256`, `${'0'.repeat(64)}  x\n`);
  const refused = await sync(w, 'redhat');
  assert.match(refused.lastError!, /does not have the checksum that is published beside it/);
  assert.equal(refused.counts?.statements, 10);
  assert.equal((await statementsNaming(w.platform.db, 'CVE-2026-1004'))[0]!.fixed, '1.0-2.el9');
  redhat.put(4, 9, '1.0-7.el9');
  assert.equal((await sync(w, 'redhat')).lastError, null);
  assert.equal((await statementsNaming(w.platform.db, 'CVE-2026-1004'))[0]!.fixed, '1.0-7.el9');

  for (const gone of [0, 1, 5]) redhat.days.delete(`2026/cve-2026-${1000 + gone}.json`);
  redhat.list();
  assert.match((await sync(w, 'redhat')).lastError!, /shrank: 3 of 10 documents are gone/);
  redhat.put(1, 1);
  redhat.put(5, 1);
  redhat.list();
  const without = await sync(w, 'redhat');
  assert.deepEqual([without.lastError, without.counts?.statements], [null, 9]);
  assert.deepEqual(await statementsNaming(w.platform.db, 'CVE-2026-1000'), []);

  const list = server.files.get('/vex/changes.csv')!;
  for (const [text, why] of [
    ['<html>sign in</html>', /names no document and time/],
    ['"../../../etc/passwd","2026-11-10T00:00:00Z"\n', /names no document and time/],
    [`"2026/cve-2026-1003.json","${at(2)}"\n`, /is older/],
    ['', /is empty/],
  ] as const) {
    server.put('/vex/changes.csv', text);
    const after = await sync(w, 'redhat');
    assert.match(after.lastError!, why);
    assert.equal(after.counts?.statements, 9);
  }
  server.files.set('/vex/changes.csv', list);
  assert.equal((await sync(w, 'redhat')).lastError, null);
});

test('3.1: what was taken before a break stays, and the rest follows; a document that is none does not keep the others out', async () => {
  const { w, server, url } = await begin();
  const redhat = new RedHat(server);
  for (let number = 0; number < 450; number += 1) redhat.put(number, 1 + Math.floor(number / 30));
  const broken = '/vex/2026/cve-2026-1449.json';
  server.put(broken, 'away', { status: 503 });
  redhat.list();
  await w.call('addFeed', { body: { name: 'redhat', kind: 'redhat-vex', url: `${url}/vex/`, settings: {} } });
  await w.settle();
  const half = await sync(w, 'redhat');
  assert.match(half.lastError!, /answered 503/);
  assert.equal(half.counts, null, 'not in force as a whole: its silence says nothing');
  assert.equal((await statementsNaming(w.platform.db, 'CVE-2026-1100')).length, 1);
  fetchedOf(server);
  server.put(broken, '{"document":{}}');
  server.put(`${broken}.sha256`, createHash('sha256').update('{"document":{}}').digest('hex'));
  const done = await sync(w, 'redhat');
  assert.deepEqual([done.lastError, done.counts?.statements], [null, 449]);
  assert.ok(fetchedOf(server).length <= 60, 'only the rest');
  const skipped = (await w.entries('audit.feed.taken')).flatMap(({ detail }) => (detail['skipped'] as string[]) ?? []);
  assert.deepEqual(skipped.length, 1);
  assert.match(skipped[0]!, /^2026\/cve-2026-1449\.json: document 1 is no CSAF document/);
});

const osv = (id: string, fixed: string, day: number): string =>
  JSON.stringify({
    id,
    modified: at(day),
    affected: [
      {
        package: { ecosystem: 'npm', name: 'a' },
        ranges: [{ type: 'SEMVER', events: [{ introduced: '0' }, { fixed }] }],
      },
    ],
  });

test('3.1: OSV: the archive once, then the records that its list names; where the list is missing, the archive', async () => {
  const { w, server, url } = await begin();
  const ids = Array.from({ length: 12 }, (_, index) => `GHSA-${index}-x`);
  server.put('/npm/all.zip', zip(Object.fromEntries(ids.map((id) => [`${id}.json`, osv(id, '1.0.0', 3)]))));
  await w.call('addFeed', {
    body: { name: 'npm', kind: 'osv', url: `${url}/npm/all.zip`, settings: { ecosystem: 'npm' } },
  });
  await w.settle();
  assert.equal((await sync(w, 'npm')).counts?.statements, 12);
  server.asked.length = 0;
  server.put(
    '/npm/modified_id.csv',
    [`${at(6)},GHSA-3-x`, ...ids.filter((id) => id !== 'GHSA-3-x').map((id) => `${at(2)},${id}`)].join('\n'),
  );
  server.put('/npm/GHSA-3-x.json', osv('GHSA-3-x', '1.0.7', 6));
  const delta = await sync(w, 'npm');
  assert.deepEqual([delta.lastError, delta.counts?.statements, delta.feedTime], [null, 12, '2026-11-06T10:00:00.000Z']);
  assert.deepEqual(server.asked.splice(0), ['/npm/modified_id.csv', '/npm/GHSA-3-x.json']);
  assert.equal((await statementsNaming(w.platform.db, 'GHSA-3-X'))[0]!.fixed, '1.0.7');
  await sync(w, 'npm');
  assert.deepEqual(server.asked.splice(0), ['/npm/modified_id.csv'], 'the same list: nothing else is asked for');
});
