import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ownPath } from './paths.ts';

test('after signing in one returns to a page of this console, and to no other place', () => {
  const origin = 'https://ember.example';
  assert.equal(ownPath('/findings?state=fixed#top', origin), '/findings?state=fixed#top');
  const elsewhere = [
    '//evil.example/',
    '/\\evil.example/',
    'https://evil.example/',
    'javascript:alert(1)',
    '',
    null,
    {},
  ];
  for (const from of elsewhere) assert.equal(ownPath(from, origin), '/', String(from));
});
