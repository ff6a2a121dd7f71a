import assert from 'node:assert/strict';
import { test } from 'node:test';
import { awaySeconds } from './away.ts';

const at = (seconds: number): Date => new Date(1_800_000_000_000 + seconds * 1000);

test('a host that stays away half-way is tried for ever, and ever more seldom', () => {
  const changingUntil = at(40 * 60);
  const tries: number[] = [];
  for (let now = 0; now < 7 * 86_400;) {
    const wait = awaySeconds({ hasTask: false, changingUntil, now: at(now) });
    assert.ok(wait >= (tries.at(-1) ?? 60) && wait <= 3600, `${wait} s after ${now} s`);
    tries.push(wait);
    now += wait;
  }
  assert.ok(tries.length < 250, `${tries.length} tries in a week`);
  assert.equal(tries.at(-1), 3600);
});

test('while a task waits for it, it is tried every few seconds', () => {
  for (const changingUntil of [null, at(-1_000_000), at(100)])
    assert.equal(awaySeconds({ hasTask: true, changingUntil, now: at(0) }), 15);
  assert.equal(awaySeconds({ hasTask: false, changingUntil: null, now: at(0) }), 60);
});
