import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { systemActor } from '../../../model/actor.ts';
import { feedRow } from '../store-feeds.ts';
import { importFeed } from '../take-feed.ts';
import { type World, world } from '../testing/world.ts';
import { readFeed } from './read.ts';
import { readApart, READING } from './reader.ts';

const closing: (() => unknown)[] = [];
after(() => Promise.all(closing.map((close) => close())));
const actor = systemActor('test');
const asked = { kind: 'debian-tracker' as const, settings: {}, now: '2026-11-20T10:00:00.000Z' };

async function begin(): Promise<World> {
  const w = await world();
  closing.push(() => w.close());
  await w.call('addFeed', { body: { name: 'debian', kind: 'debian-tracker', url: null, settings: {} } });
  return w;
}

/** As the tracker publishes it: so many packages, each with ten vulnerabilities in two releases. */
function tracker(packages: number): Buffer {
  const file: Record<string, object> = {};
  for (let at = 0; at < packages; at += 1) {
    const cves: Record<string, object> = (file[`package-${at}`] = {});
    for (let cve = 1000; cve < 1010; cve += 1) {
      const releases = { bookworm: { status: 'resolved', fixed_version: `1.${at}-1` }, trixie: { status: 'open' } };
      cves[`CVE-2026-${cve}`] = { description: 'x'.repeat(200), releases };
    }
  }
  return Buffer.from(JSON.stringify(file));
}

/** The longest that a timer of 50 ms waited meanwhile; milliseconds. */
async function longestWait(work: () => Promise<unknown>): Promise<number> {
  let [last, longest] = [performance.now(), 0];
  const look = (): void => {
    const now = performance.now();
    longest = Math.max(longest, now - last - 50);
    last = now;
  };
  const timer = setInterval(look, 50);
  await work();
  clearInterval(timer);
  look();
  return longest;
}

test('a large feed is taken while everything else goes on; one that takes too much changes nothing', async (t) => {
  const w = await begin();
  const hand = (bytes: Uint8Array, reading = READING): Promise<unknown> =>
    importFeed(w.platform, actor, 'debian', { bytes, shrunk: false, reading });
  const file = tracker(1000);
  const wait = await longestWait(() => hand(file));
  // Machines differ: read here, the same file holds up everything for as long as this one takes.
  const here = await longestWait(async () => readFeed(asked, file));
  t.diagnostic(`the longest wait was ${Math.round(wait)} ms, and ${Math.round(here)} where it is read here`);
  assert.ok(wait < 2000 && wait < here * 0.7, `${wait} ms, ${here} ms`);
  const before = (await feedRow(w.platform.db, 'debian'))!;
  assert.equal(before.statements, 20_000);

  const greedy = Buffer.from(`[${'[[[{}]]],'.repeat(800_000)}1]`);
  await assert.rejects(hand(greedy, { ...READING, memoryMb: 64 }), {
    code: 'FEED_REFUSED',
    params: { name: 'debian', why: 'reading it takes more memory than there is for it (64 MB)' },
  });
  await assert.rejects(hand(file, { ...READING, timeoutMs: 20 }), /reading it takes longer than 0 seconds/);
  await assert.rejects(hand(file.subarray(0, file.length - 9)), /refused: the file is no JSON, or was cut off/);
  const after = (await feedRow(w.platform.db, 'debian'))!;
  assert.deepEqual([after.digest, after.statements, after.signals], [before.digest, before.statements, before.signals]);
  assert.match(after.error ?? '', /cut off/);
});

test('a process of its own reads what would have been read here, and ends with the server', async () => {
  const bytes = gzipSync(tracker(3));
  const never = new AbortController();
  assert.deepEqual(await readApart(asked, bytes, never.signal), readFeed(asked, bytes));
  const stopping = new AbortController();
  const read = readApart(asked, bytes, stopping.signal);
  setTimeout(() => stopping.abort(), 20);
  await assert.rejects(read, /the server stopped while it was read/);
});
