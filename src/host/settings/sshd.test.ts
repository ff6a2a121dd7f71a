import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Facts } from '../../model/facts.ts';
import { collectFacts } from '../facts/collect.ts';
import type { FactCache } from '../facts/look.ts';
import { data, put, tree } from '../facts/testing.ts';
import { localHost } from '../local.ts';
import { fits } from './glob.ts';
import { sshdStamp } from './sshd-stamp.ts';
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

describe('sshd: files that were changed after the daemon read them are not in force', () => {
  const made = (): string =>
    tree({
      'etc/ssh/sshd_config': 'PasswordAuthentication no\n',
      'etc/ssh/sshd_config.d/a.conf': 'X11Forwarding no\n',
      'proc/77/status': '',
    });
  /** Later than every change before it, and earlier than every one after it. */
  const reload = async (root: string): Promise<void> => {
    await sleep(20);
    put(root, 'run/sshd.pid', '77\n');
    await sleep(20);
  };
  const look = async (root: string, cache: FactCache = new Map()): Promise<unknown> => {
    const [section] = await collectFacts(localHost({ root }), { names: ['settings'], cache });
    return (section!.data as Facts['settings']).sshdPending;
  };

  test('also a file that was put back with its old time; not after a reload', async () => {
    const root = made();
    await reload(root);
    assert.equal(await look(root), false);
    put(root, 'etc/ssh/sshd_config', 'PasswordAuthentication yes\n');
    fs.utimesSync(join(root, 'etc/ssh/sshd_config'), 1_600_000_000, 1_600_000_000);
    assert.equal(await look(root), true);
    await reload(root);
    assert.equal(await look(root), false);
    fs.rmSync(join(root, 'etc/ssh/sshd_config.d/a.conf'));
    assert.equal(await look(root), true, 'one is gone');
    fs.rmSync(join(root, 'proc/77'), { recursive: true });
    assert.equal(await look(root), null);
  });

  test('also one that is included from elsewhere, by way of another or by a pattern', async () => {
    const root = made();
    put(root, 'etc/ssh/sshd_config', 'Include /etc/ssh/sshd_config.d/*.conf\nInclude more/*.conf\n');
    put(root, 'etc/ssh/sshd_config.d/a.conf', 'Include /etc/policies/sshd.config\n');
    put(root, 'etc/ssh/more/x.conf', 'LoginGraceTime 120\n');
    put(root, 'etc/policies/sshd.config', '');
    put(root, 'etc/policies/other.config', '');
    for (const [path, text] of [
      ['etc/ssh/more/x.conf', 'LoginGraceTime 0\n'],
      ['etc/policies/sshd.config', 'LoginGraceTime 0\n'],
    ] as const) {
      await reload(root);
      put(root, 'etc/policies/other.config', text);
      assert.equal(await look(root), false, 'sshd does not read that');
      put(root, path, text);
      assert.equal(await look(root), true, path);
    }
    await reload(root);
    fs.rmSync(join(root, 'etc/ssh/more/x.conf'));
    assert.equal(await look(root), true, 'one is gone');
    put(root, 'etc/ssh/sshd_config', 'Include /etc/*/x.conf\n');
    await reload(root);
    assert.equal(await look(root), null, 'what only glob(3) follows');
  });

  test('whoever saw what was read knows that another mode is no change, and that what was changed back is in force', async () => {
    const root = made();
    const cache: FactCache = new Map();
    await reload(root);
    assert.equal(await look(root, cache), false);
    fs.chmodSync(join(root, 'etc/ssh/sshd_config'), 0o600);
    assert.equal(await look(root, cache), false);
    assert.equal(await look(root), true, 'nobody else does');
    put(root, 'etc/ssh/sshd_config.d/a.conf', 'X11Forwarding yes\n');
    assert.equal(await look(root, cache), true);
    put(root, 'etc/ssh/sshd_config.d/b.conf', '');
    put(root, 'etc/ssh/sshd_config.d/a.conf', 'X11Forwarding no\n');
    assert.equal(await look(root, cache), true);
    fs.rmSync(join(root, 'etc/ssh/sshd_config.d/b.conf'));
    assert.equal(await look(root, cache), false);
  });
});

test('what sshd may tell is another when a file is included elsewhere, though no word of any changed', async () => {
  const more = 'Include /etc/ssh/first/*.conf\nMatch User ops\nInclude /etc/ssh/last/*.conf\n';
  const root = tree({
    'etc/ssh/sshd_config': more,
    'etc/ssh/first/x.conf': 'MaxAuthTries 3\n',
    'etc/ssh/last/none': '',
  });
  const before = await sshdStamp(localHost({ root }));
  assert.equal(await sshdStamp(localHost({ root })), before);
  fs.renameSync(join(root, 'etc/ssh/first/x.conf'), join(root, 'etc/ssh/last/x.conf'));
  assert.notEqual(await sshdStamp(localHost({ root })), before);
});

test('includes that glob(3) follows and we do not: then nobody says that sshd tells what it told', async () => {
  const stampOf = (line: string): Promise<string | null> =>
    sshdStamp(localHost({ root: tree({ 'etc/ssh/sshd_config': `${line}\n` }) }));
  for (const line of [
    'Include /etc/ssh/*/x.conf',
    'Include /etc/ssh/.x.conf',
    'Include x.d/[ab].conf',
    'Include ~/x',
    'Include "a b" c',
  ])
    assert.equal(await stampOf(line), null, line);
  for (const line of ['Include /etc/ssh/x.d/*.conf x-?.conf', 'Include="/etc/ssh/a"', 'Include a/b'])
    assert.notEqual(await stampOf(line), null, line);
});
