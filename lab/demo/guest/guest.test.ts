import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { compareVersions, formatStanzas, parseStanzas } from './deb.ts';
import { checkPassword, hashPassword } from './passwords.ts';
import { hexAddress, tablesByAddress } from '../sockets.ts';
import { parseTcp } from '../../../src/host/proc/net.ts';
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

test('only the own sockets are shown, and only what changes when one opens or closes', () => {
  assert.equal(hexAddress('127.74.14.10'), '0A0E4A7F');
  const row = (at: number, local: string, state: string, timer: string, inode: number): string =>
    `   ${at}: ${local}:20FB 0B0E4A7F:0050 ${state} 00000007:00000000 ${timer} 00000003     0        0 ${inode} 2 0 20 4`;
  const shownAt = (timer: string): string =>
    tablesByAddress(
      [
        '  sl  local_address rem_address   st',
        row(0, '0B0E4A7F', '01', timer, 5),
        row(1, '0A0E4A7F', '06', timer, 0),
        row(2, '0A0E4A7F', '01', timer, 6),
        '',
      ].join('\n'),
    )('127.74.14.10');
  assert.equal(shownAt('02:0000002A'), shownAt('02:00000013'));
  assert.deepEqual(
    parseTcp(shownAt('00:00000000')).map(({ localAddress, state, inode }) => [localAddress, state, inode]),
    [['127.74.14.10', 'established', '6']],
  );
});

test('passwords', () => {
  const hash = hashPassword('right');
  assert.ok(checkPassword('right', hash));
  assert.ok(!checkPassword('wrong', hash));
  assert.ok(!checkPassword('', '*'));
});
