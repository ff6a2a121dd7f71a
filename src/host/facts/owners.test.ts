import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Facts } from '../../model/facts.ts';
import { localHost } from '../local.ts';
import { packagesOfFiles, parseQuery } from '../packages/dpkg.ts';
import { collectFacts } from './collect.ts';
import type { FactCache } from './look.ts';
import { put, tree } from './testing.ts';

test('owners: a library whose name went with the upgrade is still told as the package’s that it was', async () => {
  const root = tree({
    'var/lib/dpkg/status': 'Package: libx\n',
    'var/lib/dpkg/info/libx.list': '/usr/lib/x/libx.so.1.2.3\n',
    'usr/lib/x/y': '',
  });
  const program = join(root, 'usr/lib/x/libx.so.1.2.3');
  fs.copyFileSync('/bin/sleep', program);
  const child = spawn(program, ['60'], { stdio: 'ignore' });
  fs.mkdirSync(join(root, 'proc'));
  fs.symlinkSync(`/proc/${child.pid}`, join(root, `proc/${child.pid}`));
  const cache: FactCache = new Map();
  const replaced = async (): Promise<unknown> => {
    const [section] = await collectFacts(localHost({ root }), { names: ['processes'], cache });
    return (section!.data as Facts['processes'])[0]?.replaced;
  };
  try {
    await new Promise((resolve) => setTimeout(resolve, 50));
    assert.deepEqual(await replaced(), []);
    fs.rmSync(program);
    put(root, 'var/lib/dpkg/info/libx.list', '/usr/lib/x/libx.so.1.2.4\n');
    put(root, 'var/lib/dpkg/status', 'Package: libx\nVersion: 2\n');
    const old = [{ path: '/usr/lib/x/libx.so.1.2.3', package: 'libx' }];
    assert.deepEqual(await replaced(), old);
    put(root, 'var/lib/dpkg/status', 'Package: libx\nVersion: 2\n\nPackage: other\n');
    assert.deepEqual(await replaced(), old, 'after further upgrades too');
  } finally {
    child.kill();
  }
  fs.rmSync(join(root, 'proc'), { recursive: true });
  fs.mkdirSync(join(root, 'proc'));
  assert.deepEqual(await replaced(), undefined);
  assert.equal((cache.get('earlier-owners')!.value as Map<string, string>).size, 0, 'nothing is kept that nobody uses');
});

test('owners: as dpkg-query says it, in few questions', async (context) => {
  assert.deepEqual(
    parseQuery(
      'libssl3:amd64: /usr/lib/libssl.so.3\na, b:i386: /usr/share/x: y\ndiversion by dash from: /bin/sh\nlocal diversion to: /bin/z\n',
    ),
    [
      ['/usr/lib/libssl.so.3', 'libssl3'],
      ['/usr/share/x: y', 'a'],
    ],
  );
  const near = localHost();
  try {
    execFileSync('dpkg-query', ['-S', '/usr/bin/dpkg'], { stdio: 'ignore' });
  } catch {
    context.skip('no dpkg on this machine');
    return;
  }
  const some = fs.readdirSync('/usr/bin').map((name) => `/usr/bin/${name}`);
  const paths = [...some, '/usr/bin/*', '/usr/bin/[', '/nobody/has/this', ...some.map((path) => `${path}.no`)];
  let questions = 0;
  const counted = new Proxy(near, {
    get: (target, name) => {
      if (name === 'far') return true;
      if (name === 'exec') questions += 1;
      if (name === 'read' || name === 'list') throw new Error('no file is read');
      return Reflect.get(target, name, target) as unknown;
    },
  });
  const found = await packagesOfFiles(counted, paths);
  assert.ok(questions <= 1 + (paths.join('').length * 2) / 10_000);
  const lists = await packagesOfFiles(near, paths);
  // Where several packages have a file, each way names one of them.
  assert.deepEqual(
    [...found.keys()].filter((path) => path !== '/usr/bin/[').sort(),
    [...lists.keys()].filter((path) => path !== '/usr/bin/[').sort(),
  );
});
