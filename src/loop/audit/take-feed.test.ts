import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import type { Feed } from '../../model/feed.ts';
import { shared, zip } from './feeds/testing.ts';
import { keyOf } from './logic/advisories/accept.ts';
import { historyOf, statementsNaming } from './store-feeds.ts';
import { type World, world } from './testing/world.ts';

const closing: (() => unknown)[] = [];
after(() => Promise.all(closing.map((close) => close())));

async function begin(): Promise<World> {
  const w = await world();
  closing.push(() => w.close());
  return w;
}

/** Replays a file as publishers serve it: with an ETag, answered 304 where it is known. */
class Publisher {
  file: Buffer = Buffer.from('');
  /** how many bytes of it are sent before the connection breaks; null: all */
  cut: number | null = null;
  status = 200;
  modified: string | null = null;
  readonly answers: number[] = [];
  readonly #server: Server = createServer((request, response) => this.#answer(request, response));
  async start(): Promise<string> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    closing.push(() => this.#server.close());
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/feed`;
  }
  #answer(request: IncomingMessage, response: ServerResponse): void {
    const etag = `"${createHash('sha256').update(this.file).digest('hex')}"`;
    const same = this.status === 200 && request.headers['if-none-match'] === etag;
    const status = same ? 304 : this.status;
    this.answers.push(status);
    response.writeHead(status, {
      etag,
      ...(this.modified === null ? {} : { 'last-modified': this.modified }),
      ...(same ? {} : { 'content-length': this.file.length }),
    });
    if (same || this.cut === null) return void response.end(same ? undefined : this.file);
    response.write(this.file.subarray(0, this.cut), () => response.destroy());
  }
}

const feedOf = async (w: World, name: string): Promise<Feed> =>
  (await w.call<{ items: Feed[] }>('listFeeds')).items.find((one) => one.name === name)!;

async function sync(w: World, name: string): Promise<Feed> {
  w.later();
  await w.call('syncFeed', { params: { name } });
  await w.settle();
  return feedOf(w, name);
}

const kevOf = (count: number, date: string): Buffer =>
  Buffer.from(
    JSON.stringify({
      dateReleased: date,
      count,
      vulnerabilities: Array.from({ length: count }, (_, at) => ({
        cveID: `CVE-2026-${1000 + at}`,
        dateAdded: '2026-01-01',
        vulnerabilityName: 'x',
      })),
    }),
  );

test('3.1, trap 12: ETag, truncation, an error page, shrinkage and an older file: what is in force stays', async () => {
  const w = await begin();
  const publisher = new Publisher();
  publisher.file = kevOf(100, '2026-11-10T00:00:00Z');
  const url = await publisher.start();
  await w.call('addFeed', { body: { name: 'kev', kind: 'kev', url, settings: {} } });
  await w.settle();
  const first = await feedOf(w, 'kev');
  assert.deepEqual([first.counts, first.lastError], [{ statements: 0, signals: 100 }, null]);
  assert.equal(first.feedTime, '2026-11-10T00:00:00.000Z');

  assert.equal((await sync(w, 'kev')).lastError, null);
  assert.deepEqual(publisher.answers, [200, 304]);

  const refusedBecause = async (why: RegExp): Promise<void> => {
    const now = await sync(w, 'kev');
    assert.match(now.lastError ?? '', why);
    assert.deepEqual([now.counts, now.digest, now.feedTime], [first.counts, first.digest, first.feedTime]);
  };
  publisher.file = kevOf(120, '2026-11-11T00:00:00Z');
  publisher.cut = 500;
  await refusedBecause(/terminated|aborted|closed|hang up/);
  publisher.cut = null;
  publisher.file = publisher.file.subarray(0, 3000);
  await refusedBecause(/no JSON, or was cut off/);
  publisher.file = Buffer.from('<html>please sign in</html>');
  await refusedBecause(/no JSON/);
  publisher.status = 503;
  await refusedBecause(/answered 503/);
  publisher.status = 200;
  publisher.file = kevOf(79, '2026-11-12T00:00:00Z');
  await refusedBecause(/shrank from 100 signals to 79, by more than 20 %/);
  publisher.file = kevOf(130, '2026-11-09T00:00:00Z');
  await refusedBecause(/it is older \(2026-11-09T00:00:00\.000Z\)/);
  publisher.file = kevOf(130, '2036-11-09T00:00:00Z');
  await refusedBecause(/from the future/);
  publisher.file = gzipSync(publisher.file).subarray(0, 200);
  await refusedBecause(/is damaged or was cut off/);

  publisher.file = kevOf(80, '2026-11-13T00:00:00Z');
  const later = await sync(w, 'kev');
  assert.deepEqual([later.counts?.signals, later.lastError], [80, null]);
  const entries = await w.entries('audit.feed.');
  assert.deepEqual(
    entries.map(({ type }) => type.replace('audit.feed.', '')),
    [
      'added',
      'taken', // The file that was cut off and the page are refused for the same reason, which is told once.
      ...Array.from({ length: 7 }, () => 'refused'),
      'taken',
    ],
  );
  assert.deepEqual(entries.at(-1)!.detail['changes'], {
    signals: { added: 0, changed: 0, removed: 20 },
    statements: { added: 0, changed: 0, removed: 0 },
  });
});

const tracker = (release: object): Buffer =>
  Buffer.from(JSON.stringify({ x: { 'CVE-2026-1': { releases: { bookworm: release } } } }));
const base64 = (file: Buffer): string => file.toString('base64');

test('3.1, trap 8: a statement that moves keeps what was said before, with the time of the feed', async () => {
  const w = await begin();
  const publisher = new Publisher();
  publisher.file = tracker({ status: 'open', nodsa: 'Minor issue', nodsa_reason: '' });
  publisher.modified = 'Mon, 09 Nov 2026 10:00:00 GMT';
  const url = await publisher.start();
  await w.call('addFeed', { body: { name: 'debian', kind: 'debian-tracker', url, settings: {} } });
  await w.settle();
  const [before] = await statementsNaming(w.platform.db, 'CVE-2026-1');
  assert.deepEqual([before!.status, before!.reason, before!.own], ['deferred', 'Minor issue', true]);
  publisher.file = tracker({ status: 'resolved', fixed_version: '1.0-1+deb12u1' });
  publisher.modified = 'Tue, 10 Nov 2026 10:00:00 GMT';
  assert.equal((await sync(w, 'debian')).lastError, null);
  const [now] = await statementsNaming(w.platform.db, 'CVE-2026-1');
  assert.deepEqual([now!.status, now!.fixed], ['fixed', '1.0-1+deb12u1']);
  const history = await historyOf(w.platform.db, 'debian', keyOf(now!));
  assert.deepEqual(
    history.map(({ body, feedTime, until }) => [body.status, feedTime.toISOString(), until.toISOString()]),
    [['deferred', '2026-11-09T10:00:00.000Z', '2026-11-10T10:00:00.000Z']],
  );
});

test('3.1: a file that is handed over counts as a fetched one; shrunk only where somebody says so', async () => {
  const w = await begin();
  await w.call('addFeed', { body: { name: 'kev', kind: 'kev', url: null, settings: {} } });
  const hand = (file: Buffer, more: object = {}): Promise<Feed> =>
    w.call('importFeed', { params: { name: 'kev' }, body: { file: base64(file), ...more } });
  assert.equal((await hand(kevOf(100, '2026-11-10T00:00:00Z'))).counts?.signals, 100);
  await assert.rejects(hand(kevOf(10, '2026-11-11T00:00:00Z')), /What came as kev was refused: it shrank/);
  assert.equal((await feedOf(w, 'kev')).counts?.signals, 100);
  assert.equal((await hand(kevOf(10, '2026-11-11T00:00:00Z'), { shrunk: true })).counts?.signals, 10);
  await assert.rejects(hand(Buffer.from('[]')), /no catalogue/);
  await w.call('removeFeed', { params: { name: 'kev' } });
  assert.equal(await feedOf(w, 'kev'), undefined);
});

test('one record cannot keep a feed from being taken, nor can a newest one that is gone, nor a file by hand', async () => {
  const w = await begin();
  const record = (id: string, modified: string, version = '1.0.0'): object => {
    const ranges = [{ type: 'SEMVER', events: [{ introduced: '0' }, { fixed: version }] }];
    return { id, modified, affected: [{ package: { ecosystem: 'npm', name: 'x' }, ranges }] };
  };
  const many = Array.from({ length: 301 }, (_, at) => record(`GHSA-${1000 + at}`, '2026-01-01T00:00:00Z'));
  await w.call('addFeed', { body: { name: 'npm', kind: 'osv', url: null, settings: { ecosystem: 'npm' } } });
  const hand = (name: string, file: unknown, more: object = {}): Promise<Feed> =>
    w.call('importFeed', { params: { name }, body: { file: base64(Buffer.from(JSON.stringify(file))), ...more } });
  const bad = [
    record('GHSA-zzz', 'zzz'),
    record('GHSA-future', '2199-01-01T00:00:00Z'),
    record('GHSA-long', '2026-01-02T00:00:00Z', `1.${'0'.repeat(400)}`),
  ];
  const taken = await hand('npm', [...many, ...bad]);
  assert.deepEqual([taken.counts?.statements, taken.feedTime], [301, '2026-01-01T00:00:00.000Z']);
  assert.equal(((await w.entries('audit.feed.taken')).at(-1)!.detail['skipped'] as string[]).length, 3);
  await hand('npm', [...many, record('GHSA-newest', '2026-03-01T00:00:00Z')]);
  await assert.rejects(hand('npm', many), /it is older .* hand it over with --shrunk/);
  assert.equal((await hand('npm', many, { shrunk: true })).counts?.statements, 301);

  const publisher = new Publisher();
  publisher.file = tracker({ status: 'open' });
  publisher.modified = 'Mon, 09 Nov 2026 10:00:00 GMT';
  await w.call('addFeed', {
    body: { name: 'debian', kind: 'debian-tracker', url: await publisher.start(), settings: {} },
  });
  await w.settle();
  const byHand = { x: { 'CVE-2026-1': { releases: { bookworm: { status: 'resolved', fixed_version: '1' } } } } };
  assert.equal((await hand('debian', byHand)).feedTime, null);
  publisher.modified = 'Tue, 10 Nov 2026 10:00:00 GMT';
  assert.equal((await sync(w, 'debian')).lastError, null);
});

test('3.1: bad feeds are refused when they are added', async () => {
  const w = await begin();
  const add = (body: object): Promise<Feed> => w.call('addFeed', { body: { name: 'x', settings: {}, ...body } });
  await assert.rejects(add({ kind: 'osv' }), /"ecosystem" is missing/);
  await assert.rejects(add({ kind: 'kev', settings: { a: 'b' } }), /it knows no "a"/);
  await assert.rejects(
    add({ kind: 'kev', url: 'http://feeds.example.org/' }),
    /plain http is taken on this machine only/,
  );
  await add({ kind: 'kev', url: null });
  await assert.rejects(add({ kind: 'kev', url: null }), /a feed called x already/);
});

test('3.1: the real OSV archive is taken, and a damaged one after it changes nothing', async (t) => {
  const bytes = shared(t, 'osv-debian12-subset.zip');
  if (!bytes) return;
  const w = await begin();
  w.later(7 * 24 * 60);
  await w.call('addFeed', { body: { name: 'osv', kind: 'osv', url: null, settings: { ecosystem: 'Debian' } } });
  const hand = (file: Buffer): Promise<Feed> =>
    w.call('importFeed', { params: { name: 'osv' }, body: { file: base64(file) } });
  const taken = await hand(bytes);
  assert.ok(taken.counts!.statements > 6000, JSON.stringify(taken.counts));
  await assert.rejects(hand(bytes.subarray(0, bytes.length - 100)), /no zip file, or was cut off/);
  await assert.rejects(hand(zip({ 'A.json': '{}' })), /A\.json is no OSV record/);
  assert.deepEqual((await feedOf(w, 'osv')).counts, taken.counts);
  const [heartbleed] = await statementsNaming(w.platform.db, 'GHSA-5QPQ-XQFV-J9PG');
  assert.ok(heartbleed);
});
