import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { compareVersions, formatStanzas, parseStanzas } from './deb.ts';
import { checkPassword, hashPassword } from './passwords.ts';
import { hexAddress, tablesByAddress } from '../sockets.ts';
import { duration, parseUnit, setting } from './unit-file.ts';
import { splitWords } from './words.ts';

test('words are split as sh splits them', () => {
  const lines = ['a  b', "'a b' c", `a"b c"d`, String.raw`a\ b`, String.raw`'it'\''s'`, `"" x`, `"q\\"q"`, "--p='*.x'"];
  for (const line of lines) {
    const oracle = spawnSync('sh', ['-c', `for w in ${line}; do printf '%s\\0' "$w"; done`], { encoding: 'utf8' });
    assert.deepEqual(splitWords(line), oracle.stdout.split('\0').slice(0, -1), line);
  }
});

test('operators and open quotes are refused, not taken literally', () => {
  for (const line of ['a; b', 'a | b', 'a && b', 'a > b', 'a $(b)', 'a `b`', 'a $HOME', "a 'b", 'a "b', 'a \\'])
    assert.throws(() => splitWords(line), /cannot read the command line/, line);
});

test('versions are ordered as dpkg orders them', { skip: spawnSync('dpkg', ['--version']).status !== 0 }, () => {
  const versions = [
    '0.10.0-1',
    '0.10.1-1',
    '0.10.48-1',
    '0.10.48-1+b1',
    '1:0.1',
    '1.0~rc1-1',
    '1.0-1',
    '1.0a-1',
    '1.0+x-1',
    '1.0',
    '1.0-0',
  ];
  for (const a of versions)
    for (const b of versions) {
      const lower = spawnSync('dpkg', ['--compare-versions', a, 'lt', b]).status === 0;
      assert.equal(compareVersions(a, b) < 0, lower, `${a} < ${b}`);
    }
});

test('stanzas survive reading and writing', () => {
  const text = 'Package: a\nVersion: 1\nDescription: x\n more\n\nPackage: b\nVersion: 2\n';
  assert.equal(formatStanzas(parseStanzas(text)), text);
});

test('unit files: sections, repeated keys, comments, continued lines', () => {
  const unit = parseUnit(
    '# c\n[Service]\nExecStart=/a \\\n b\nEnvironment=A=1\nEnvironment=B=2\n[X-Lastember]\nCertificate=/c\n',
  );
  assert.equal(setting(unit, 'Service', 'ExecStart'), '/a   b');
  assert.deepEqual(unit.get('Service')?.get('Environment'), ['A=1', 'B=2']);
  assert.equal(setting(unit, 'X-Lastember', 'Certificate'), '/c');
  assert.deepEqual(
    ['200ms', '5', '2min', 'odd', undefined].map((text) => duration(text, 7)),
    [200, 5000, 120_000, 7, 7],
  );
});

test('only the own sockets are shown', () => {
  assert.equal(hexAddress('127.74.14.10'), '0A0E4A7F');
  const table = ' sl local rem\n  0: 0A0E4A7F:20FB 00000000:0000 0A\n  1: 0B0E4A7F:20FB 0A0E4A7F:0000 0A\n';
  assert.equal(tablesByAddress(table)('127.74.14.10'), ' sl local rem\n  0: 0A0E4A7F:20FB 00000000:0000 0A\n');
});

test('passwords', () => {
  const hash = hashPassword('right');
  assert.ok(checkPassword('right', hash));
  assert.ok(!checkPassword('wrong', hash));
  assert.ok(!checkPassword('', '*'));
});
