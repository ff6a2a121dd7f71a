import assert from 'node:assert/strict';
import { test } from 'node:test';
import { noneBecause } from './vulnerabilities.ts';

test('3.10: an empty list says whether nothing is known, nothing fits the options, or no host is affected', () => {
  assert.match(noneBecause(false, true), /No feed/);
  assert.match(noneBecause(true, true, true), /proves nothing/);
  assert.match(noneBecause(true, true), /Fewer options/);
  assert.match(noneBecause(true, false), /^Nothing that feeds say/);
});
