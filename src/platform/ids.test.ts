import assert from 'node:assert/strict';
import { test } from 'node:test';
import { newId } from './ids.ts';

test('ids are prefixed, 26 characters of Crockford base32, unique, and sort in the order they were made', () => {
  const ids = Array.from({ length: 50_000 }, () => newId('host'));
  for (const id of ids.slice(0, 100)) assert.match(id, /^host_[0-9a-hjkmnp-tv-z]{26}$/);
  assert.equal(new Set(ids).size, ids.length);
  assert.deepEqual(ids.toSorted(), ids);
});

test('the time in an id is the time it was made', () => {
  const before = Date.now();
  const digits = newId('x').slice(2, 12);
  const alphabet = '0123456789abcdefghjkmnpqrstvwxyz';
  const ms = [...digits].reduce((sum, char) => sum * 32 + alphabet.indexOf(char), 0);
  // Ids made earlier in this process may have pushed the counter, never the time, ahead.
  assert.ok(ms >= before - 1000 && ms <= Date.now(), `${ms}`);
});
