import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ago, exactly } from './instant.ts';

const at = '2026-01-31T12:00:00.000Z';
const later = (seconds: number): number => Date.parse(at) + seconds * 1000;

test('how long ago, in the largest unit that fits, and ahead as well', () => {
  assert.equal(ago(at, later(20)), 'just now');
  assert.match(ago(at, later(180)), /^3 min/);
  assert.match(ago(at, later(7_300)), /^2 h/);
  assert.match(ago(at, later(-3 * 86_400)), /3 d/);
});

test('the exact instant always stands in UTC too', () => {
  assert.equal(exactly(at).at(-1), '2026-01-31 12:00:00 UTC');
});
