import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NoticeTopic } from '../../../model/notice.ts';
import type { Entry } from '../../../model/trail.ts';
import { isDue, newsOf, noticeOf, type Placed, typesOf } from './notices.ts';

/** The same seed, the same numbers. */
function random(seed: number): () => number {
  let state = seed;
  return () => (state = (state * 1_103_515_245 + 12_345) % 2_147_483_648) / 2_147_483_648;
}
const START = Date.parse('2026-03-01T00:00:00Z');
const entry = (index: number, type: string, host: number, at = START): Placed => ({
  index,
  entry: {
    v: 1,
    id: `entry_${index}`,
    at: new Date(at).toISOString(),
    actor: { kind: 'system', id: 'system', name: 'test' },
    type,
    subject: { kind: 'host', id: `host_${host}`, name: `\u001b[31mh${host}\n` },
    related: [],
    reason: null,
    detail: { claim: 'unknown' },
  } satisfies Entry,
});

test('whatever happens: each host that was found and not settled since is told of once, and no other', () => {
  for (let seed = 1; seed < 60; seed += 1) {
    const next = random(seed);
    const types = ['discovery.host.found', 'discovery.host.claimed', 'discovery.host.merged', 'audit.findings.opened'];
    const open = new Map<number, number>();
    const history = Array.from({ length: 40 }, (_, index) => {
      const type = types[Math.floor(next() * types.length)]!;
      const host = type.endsWith('found') ? index : Math.floor(next() * index);
      if (type === 'discovery.host.found') open.set(host, index);
      if (/claimed|merged/.test(type)) open.delete(host);
      return entry(index, type, host);
    });
    const news = newsOf(history, ['unknown-host']);
    assert.deepEqual(
      news.map(({ index }) => index),
      [...open.values()],
      `seed ${seed}`,
    );
    const notice = noticeOf('n', news, { from: 0, until: 40 }, new Date(START), null);
    assert.equal(notice.events.length + notice.more, open.size);
    assert.doesNotMatch(notice.text.replaceAll('\n- ', ''), /[^\P{Cc}\n]/u);
    assert.deepEqual(noticeOf('n', news, { from: 0, until: 40 }, new Date(START), null), notice);
  }
});

test('a steady trickle is told after the time to gather, a burst when it is over', () => {
  const at = (...seconds: number[]): Placed[] => seconds.map((s, i) => entry(i, 'x', i, START + s * 1000));
  const now = (s: number): Date => new Date(START + s * 1000);
  assert.equal(isDue([], 0, now(9)), false);
  assert.equal(isDue(at(0), 900, now(59)), false);
  assert.equal(isDue(at(0), 900, now(60)), true);
  assert.equal(isDue(at(0, 50, 100), 900, now(120)), false);
  assert.equal(isDue(at(0, 50, 899), 900, now(900)), true);
  assert.equal(isDue(at(0), 0, now(0)), true);
});

test('every topic has entries of its own, and none is made of messages about messages', () => {
  for (const topic of NoticeTopic.options) assert.ok(typesOf([topic]).length > 0, topic);
  assert.ok(typesOf(NoticeTopic.options).every((type) => !/^trail\.(?:notice|notifier)/.test(type)));
});
