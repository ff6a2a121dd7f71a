import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { canonicalHash } from './canonical.ts';
import { collectFacts } from './facts/collect.ts';
import { put, tree } from './facts/testing.ts';
import { localHost } from './local.ts';
import { cut, tidied } from './text.ts';

test('text: whatever is cut, wherever, can be hashed and stored', () => {
  const text = 'a😀\0é\ud800b\udc00😀'.repeat(3);
  for (let length = 0; length <= text.length; length += 1) {
    const some = cut(text, length);
    assert.ok(some.isWellFormed() && !some.includes('\0') && some.length <= length);
    canonicalHash(some);
  }
  assert.deepEqual(tidied({ 'k\0': ['\ud800', 1, null, { deep: 'x\0' }] }), { k: ['\ufffd', 1, null, { deep: 'x' }] });
});

test('text: a value in which all is tidy is the very same, whole or in part', () => {
  const plain = { a: ['x', 1, null], b: { c: 'y' }, d: [] };
  assert.equal(tidied(plain), plain);
  const odd = { plain, odd: ['x', '\0'] };
  const tidy = tidied(odd) as typeof odd;
  assert.deepEqual(tidy, { plain, odd: ['x', ''] });
  assert.equal(tidy.plain, plain);
  assert.equal(odd.odd[1], '\0', 'what was given stays');
});

test('text: one odd string of a host costs no section', async () => {
  const root = tree({
    'etc/passwd': 'root:x:0:0:\ud83d:/root:/bin/s\0h\n',
    'proc/7/status': 'Name:\tx\nPPid:\t1\nUid:\t0\n',
  });
  // The 300th unit of the command line is the first half of a pair.
  put(root, 'proc/7/cmdline', `sleep\u0000${'a'.repeat(293)}😀`);
  fs.symlinkSync('/usr/bin/sleep', join(root, 'proc/7/exe'));
  put(root, 'run/cloud-init/instance-data.json', `{"v1":{"cloud_name":"aws","instance_id":"i-\\ud800\\u0000"}}`);
  for (const section of await collectFacts(localHost({ root }), { names: ['processes', 'settings', 'hardware'] })) {
    assert.equal(section.error, undefined);
    const text = JSON.stringify(section.data);
    assert.ok(text.isWellFormed() && !text.includes('\\u0000') && !text.includes('\\ud8'));
  }
});
