import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cacheOf, type FactCaches } from './fact-caches.ts';

test('a host finds what its earlier looks found out; of too many, those go that were looked at longest ago', () => {
  const caches: FactCaches = new Map();
  const first = cacheOf(caches, 'a', 2);
  first.set('x', { stamp: '1', value: 1 });
  cacheOf(caches, 'b', 2);
  assert.equal(cacheOf(caches, 'a', 2), first);
  cacheOf(caches, 'c', 2);
  assert.deepEqual([...caches.keys()], ['a', 'c']);
});
