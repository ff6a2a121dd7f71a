import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Feed } from '../model/feed.ts';
import { troubleOf } from './feeds-health.ts';

const NOW = new Date('2026-11-20T10:00:00.000Z');
const ago = (hours: number): string => new Date(NOW.getTime() - hours * 3_600_000).toISOString();
const feed = (rest: Partial<Feed>): Feed => ({
  name: 'osv',
  kind: 'osv',
  url: 'https://feeds.example/all.zip',
  settings: {},
  counts: { statements: 1, signals: 0 },
  feedTime: null,
  digest: null,
  lastTriedAt: ago(1),
  lastOkAt: ago(1),
  lastError: null,
  covers: 'all',
  ...rest,
});

test('3.18: a feed is in trouble when it is in error, old, or never came; each with what to do next', () => {
  const fetched: [Partial<Feed>, RegExp | null][] = [
    [{}, null],
    [{ lastOkAt: ago(47) }, null],
    [{ lastOkAt: ago(49) }, /^it was taken last 2 d ago$/],
    [{ lastError: 'The address did not answer.' }, /^The address did not answer; what came 1 h ago is in force$/],
    [{ lastError: 'no', lastOkAt: null, counts: null }, /^no; nothing of it is in force$/],
    [{ lastTriedAt: null, lastOkAt: null, counts: null }, null],
  ];
  for (const [rest, why] of fetched) {
    const trouble = troubleOf(feed(rest), NOW);
    if (why === null) assert.equal(trouble, null);
    else {
      assert.match(trouble!.why, why);
      assert.equal(trouble!.next, 'lastember feed sync osv');
    }
  }
  const handed = (rest: Partial<Feed>) => troubleOf(feed({ url: null, ...rest }), NOW);
  assert.equal(handed({ lastOkAt: ago(30 * 24) }), null);
  assert.match(handed({ lastOkAt: ago(32 * 24) })!.why, /32 d ago/);
  const none = handed({ lastTriedAt: null, lastOkAt: null, counts: null })!;
  assert.deepEqual([none.why, none.next], ['nothing was handed over yet', 'lastember feed import osv FILE']);
});
