import assert from 'node:assert/strict';
import { test } from 'node:test';
import { architecture } from './runtime.ts';

test('uname -m names the architectures we carry a runtime for', () => {
  assert.equal(architecture('x86_64\n'), 'x64');
  assert.equal(architecture('aarch64'), 'arm64');
  assert.equal(architecture('s390x'), null);
});
