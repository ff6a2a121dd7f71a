import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { data, tree } from '../facts/testing.ts';
import { fits } from './glob.ts';
import { effectiveSshd, sshdLine } from './sshd.ts';

test('sshd: files that include each other are read once, many that multiply are not read for ever', async () => {
  const loop = 'Include /etc/ssh/sshd_config.d/*.conf\nMaxAuthTries 3\n';
  const copies = Object.fromEntries(
    Array.from({ length: 6 }, (_, n) => [`etc/ssh/sshd_config.d/${n}.conf`, `# ${n}\n${loop}${loop}`]),
  );
  const { sshd } = await data(tree({ 'etc/ssh/sshd_config': loop, ...copies }), 'settings');
  assert.equal(sshd['maxauthtries'], '3');
  let asked = 0;
  const endless = async (): Promise<string[]> => {
    asked += 1;
    return [`# ${asked}\nInclude x\nInclude x\n`];
  };
  assert.equal((await effectiveSshd('Include x\n', endless))['port'], '22');
  assert.ok(asked < 1000);
});

test('sshd: lines as its manual has them, and none that takes long', () => {
  assert.deepEqual(sshdLine('  Banner = "/etc/issue net"  # why'), { keyword: 'banner', value: '/etc/issue net' });
  assert.deepEqual(sshdLine('Subsystem\tsftp /usr/lib/sftp -f x=y'), {
    keyword: 'subsystem',
    value: 'sftp /usr/lib/sftp -f x=y',
  });
  assert.equal(sshdLine('# Port 22'), null);
  const before = performance.now();
  for (const blank of [' ', '\t', '= ', '# ', ' #']) sshdLine(`Port${blank.repeat(300_000)}x`);
  assert.ok(performance.now() - before < 5000);
});

test('glob: as a shell would, and none that takes long', () => {
  const yes = [
    ['a.conf', '*.conf'],
    ['a.conf', 'a?conf'],
    ['', '*'],
    ['aXbXc', 'a*b*c'],
    ['x', '**x**'],
  ];
  const no = [
    ['a.confx', '*.conf'],
    ['a', '??'],
    ['ab', 'a'],
    ['a.b', 'a?'],
    ['acb', 'a*bb'],
  ];
  for (const [name, pattern] of yes) assert.ok(fits(name!, pattern!), `${name} ${pattern}`);
  for (const [name, pattern] of no) assert.ok(!fits(name!, pattern!), `${name} ${pattern}`);
  const before = performance.now();
  fits('a'.repeat(5000), `${'*a'.repeat(2000)}b`);
  assert.ok(performance.now() - before < 5000);
});

test('sshd: files that were changed after the daemon read them are not in force', async () => {
  const root = tree({
    'etc/ssh/sshd_config': 'PasswordAuthentication no\n',
    'etc/ssh/sshd_config.d/a.conf': '',
    'run/sshd.pid': '77\n',
    'proc/77/status': '',
  });
  const at = (path: string, minutes: number): void =>
    fs.utimesSync(join(root, path), 1_700_000_000, 1_700_000_000 + minutes * 60);
  const pending = async (): Promise<unknown> => (await data(root, 'settings')).sshdPending;
  for (const path of ['etc/ssh/sshd_config', 'etc/ssh/sshd_config.d/a.conf', 'etc/ssh/sshd_config.d']) at(path, 0);
  at('run/sshd.pid', 5);
  assert.equal(await pending(), false);
  at('etc/ssh/sshd_config.d/a.conf', 6);
  assert.equal(await pending(), true);
  // A reload, which leaves the process as it is.
  at('run/sshd.pid', 7);
  assert.equal(await pending(), false);
  at('etc/ssh/sshd_config.d', 8);
  assert.equal(await pending(), true, 'one may be gone');
  fs.rmSync(join(root, 'proc/77'), { recursive: true });
  assert.equal(await pending(), null);
});
