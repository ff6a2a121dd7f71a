import assert from 'node:assert/strict';
import { test } from 'node:test';
import ssh2 from 'ssh2';
import { newSshKey } from './keys.ts';

test('every key that is made can be read again', () => {
  for (let i = 0; i < 1500; i += 1) assert.ok(!(ssh2.utils.parseKey(newSshKey().private) instanceof Error));
});
