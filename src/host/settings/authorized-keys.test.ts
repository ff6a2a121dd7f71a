import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseAuthorizedKeys } from './authorized-keys.ts';

const KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIE8gxNwkE3gYnGiXUnMZ3mdlMZJFJFrMB1FCFI+9wTq3';

test('authorized keys: a mebibyte of whatever a user writes is read at once', () => {
  const size = 1024 * 1024;
  for (const unit of [String.raw`\"`, '"', '"a" ', 'a,', `"\\`, 'ssh-rsa A\n', ' \t', `from="`]) {
    for (const line of ['', '\n'.repeat(1)]) {
      const text = `"${unit.repeat(size / unit.length)}${line}\n${KEY} me\n`;
      const before = performance.now();
      const { keys, whole } = parseAuthorizedKeys(text);
      assert.ok(performance.now() - before < 5000, unit);
      assert.ok(keys.length <= 2000);
      assert.ok(!whole || keys.some((key) => key.comment === 'me'), 'what was left out is said');
    }
  }
});

test('authorized keys: quotes are of options only; a comment may hold any', () => {
  const [plain, quoted] = parseAuthorizedKeys(
    `${KEY} bob "the builder\nenvironment="A=\\"b c\\"",from="10.0.0.1" ${KEY} it's\n`,
  ).keys;
  assert.deepEqual([plain?.comment, plain?.options], ['bob "the builder', []]);
  assert.deepEqual([quoted?.comment, quoted?.options], ["it's", ['environment', 'from="10.0.0.1"']]);
});
