import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join, posix } from 'node:path';
import { after, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { localHost } from '../local.ts';
import { apt } from '../packages/apt.ts';
import type { Seen } from './contract.ts';
import { stepFor, type AnyHostStep } from './index.ts';
import { stepContext as context, testTree, type TestTree } from './testing.ts';
import { dpkgTree, type Deb } from './testing-dpkg.ts';
import { perform, says } from './testing-step.ts';

const trees: TestTree[] = [];
after(() => trees.forEach((tree) => tree.remove()));
const kept = (tree: TestTree): TestTree => {
  trees.push(tree);
  return tree;
};

const hasDpkg = ['/usr/bin/dpkg-deb', '/usr/bin/apt-get'].every((path) => fs.existsSync(path));
const isRoot = process.getuid?.() === 0;
const upgrade = (name: string, version = '2'): AnyHostStep => ({ kind: 'upgrade-package', name, version });
const status = (tree: TestTree, name: string): string =>
  new RegExp(`Package: ${name}\\nStatus: (.*)`).exec(tree.file('var/lib/dpkg/status'))?.[1] ?? 'none';
describe('real dpkg and apt', { skip: hasDpkg ? false : 'needs dpkg and apt' }, () => {
  const one = (name: string, more: Partial<Deb> = {}): Deb => ({ name, version: '1', ...more });
  const two = (name: string, more: Partial<Deb> = {}): Deb => ({ name, version: '2', ...more });

  test('apt that asks about a settings file: what somebody changed is kept, and that is said', async () => {
    const files = (text: string): Partial<Deb> => ({ files: { '/etc/shop.conf': text } });
    const tree = kept(dpkgTree([one('shop', files('a=1\n'))], [two('shop', files('a=2\n'))]));
    tree.put('etc/shop.conf', 'a=mine\n');
    const { after: seen } = await perform(tree, upgrade('shop'));
    assert.equal(tree.file('etc/shop.conf'), 'a=mine\n');
    assert.deepEqual([seen['version'], seen['kept']], ['2', ['/etc/shop.conf']]);
  });

  test('what apt says that it would do is what its own simulation does: upgrades, downgrades, new ones, removals', async () => {
    const deps = { depends: 'gone-before (>= 1), fresh' };
    const installed = [one('shop'), one('gone-before'), one('clash'), two('older'), one('same')];
    const offered = [two('shop', deps), two('fresh', { conflicts: 'clash' }), one('older'), two('same')];
    const tree = kept(dpkgTree(installed, offered));
    const host = localHost({ root: tree.root });
    for (const wanted of [{ shop: '2' }, { older: '1' }, { shop: '2', older: '1' }, { same: '2', fresh: '2' }]) {
      const words = Object.entries(wanted).map((pair) => pair.join('='));
      const { stdout } = await host.exec(['apt-get', '-s', 'install', '-y', '--allow-downgrades', ...words]);
      const told = await apt(host).simulate(wanted);
      const inst = [...stdout.matchAll(/^Inst (\S+)(?: \[([^\]]+)\])? \((\S+)/gm)];
      assert.ok(inst.length > 0, stdout);
      assert.deepEqual(
        told.changes.map(({ name, from, to }) => [name, from, to]).sort(),
        inst.map(([, name, from, to]) => [name, from ?? null, to?.replace(/\)$/, '')]).sort(),
      );
      assert.deepEqual(told.removed.sort(), [...stdout.matchAll(/^Remv (\S+)/gm)].map(([, name]) => name).sort());
    }
    assert.deepEqual((await apt(host).simulate({ shop: '2' })).removed, ['clash']);
  });

  test('a settings file that nobody changed is replaced without a word', async () => {
    const files = (text: string): Partial<Deb> => ({ files: { '/etc/shop.conf': text } });
    const tree = kept(dpkgTree([one('shop', files('a=1\n'))], [two('shop', files('a=2\n'))]));
    const { after: seen } = await perform(tree, upgrade('shop'));
    assert.deepEqual([tree.file('etc/shop.conf'), seen['kept']], ['a=2\n', undefined]);
  });

  describe('an archive over HTTP', () => {
    const offered = (): TestTree => kept(dpkgTree([one('shop')], [two('shop')]));
    /** Serves the tree's repository, and counts what is asked for. */
    async function archive(tree: TestTree, port = 0): Promise<{ port: number; asked: string[]; close(): void }> {
      const asked: string[] = [];
      const server = createServer((request, response) => {
        const path = join(tree.root, 'debs', String(request.url));
        asked.push(posix.normalize(String(request.url)));
        response.writeHead(fs.existsSync(path) ? 200 : 404);
        response.end(fs.existsSync(path) ? fs.readFileSync(path) : '');
      });
      await once(server.listen(port, '127.0.0.1'), 'listening');
      const close = (): void => void (server.close(), server.closeAllConnections());
      const at = (server.address() as AddressInfo).port;
      tree.put('etc/apt/sources.list', `deb [trusted=yes] http://127.0.0.1:${at} ./\n`);
      return { port: at, asked, close };
    }
    const refresh = (tree: TestTree): Promise<unknown> =>
      localHost({ root: tree.root }).exec(['/usr/bin/apt-get', 'update']);

    test('it is away while the packages are fetched: that is waited for, and then they are installed', async () => {
      const tree = offered();
      const first = await archive(tree);
      await refresh(tree);
      first.close();
      const done = perform(tree, { kind: 'upgrade-packages', packages: ['shop=2'] });
      await sleep(1500);
      const again = await archive(tree, first.port);
      await done.finally(() => again.close());
      assert.match(tree.file('var/lib/dpkg/status'), /Package: shop\n[\s\S]*?Version: 2\n/);
      assert.deepEqual(again.asked, ['/shop_2_all.deb']);
    });

    test('it no longer has a package: that is said at once, and nothing is changed', async () => {
      const tree = offered();
      const { asked, close } = await archive(tree);
      await refresh(tree);
      fs.rmSync(join(tree.root, 'debs/shop_2_all.deb'));
      const done = perform(tree, upgrade('shop')).finally(close);
      await assert.rejects(done, says('STEP_PACKAGE_FAILED', /404/, /No package was left half-way/));
      assert.equal(asked.filter((path) => path === '/shop_2_all.deb').length, 1);
      assert.match(tree.file('var/lib/dpkg/status'), /Package: shop\n[\s\S]*?Version: 1\n/);
    });
  });

  test('a package whose script cannot reach somebody is no archive that is away: it is tried once', async () => {
    const runs = `${fs.mkdtempSync('/tmp/lastember-postinst-')}/runs`;
    const postinst = `#!/bin/sh\necho >> ${runs}\necho "E: Failed to fetch http://fonts.test  Could not resolve" >&2\nexit 3\n`;
    const tree = kept(dpkgTree([one('shop')], [two('shop', { scripts: { postinst } })]));
    await assert.rejects(perform(tree, upgrade('shop')), says('STEP_PACKAGE_FAILED', /shop/));
    assert.equal(fs.readFileSync(runs, 'utf8'), '\n');
  });

  test('a package that asks on its standard input gets no answer, and does not hang', async () => {
    const postinst = '#!/bin/sh\necho "Which mode?"; read answer || echo "$DEBIAN_FRONTEND: nobody answers"\nexit 0\n';
    const tree = kept(dpkgTree([one('shop')], [two('shop', { scripts: { postinst } })]));
    assert.equal((await perform(tree, upgrade('shop'))).after['version'], '2');
  });

  test('a package that fails to configure: named, with what is left half-way; the next try says so, a resumed one mends it', async () => {
    const flag = `${fs.mkdtempSync('/tmp/lastember-postinst-')}/works`;
    const postinst = `#!/bin/sh\n[ -e ${flag} ] && exit 0\necho "no such database" >&2\nexit 3\n`;
    const tree = kept(dpkgTree([one('shop'), one('tool')], [two('shop', { scripts: { postinst } }), two('tool')]));
    await assert.rejects(
      perform(tree, { kind: 'upgrade-packages', packages: ['shop=2', 'tool=2'] }),
      says('STEP_PACKAGE_FAILED', /shop/, /post-installation script|postinst/, /Left half-way: shop/),
    );
    assert.match(status(tree, 'shop'), /half-configured/);
    assert.match(status(tree, 'tool'), /install ok installed/, 'the other one is whole');
    await assert.rejects(perform(tree, upgrade('shop')), says('STEP_PACKAGES_UNFINISHED', /shop/));
    fs.writeFileSync(flag, '');
    await perform(tree, upgrade('shop'), context({ resumed: { name: 'shop', version: '1' } }));
    assert.match(status(tree, 'shop'), /install ok installed/);
    fs.rmSync(join(flag, '..'), { recursive: true });
  });

  test('a set that was cut off while it was unpacked: what waits for the rest of it is finished with the rest', async () => {
    const shop = (version: string) => ({ name: 'shop', version, depends: `shop-lib (= ${version})` });
    const lib = (version: string) => ({ name: 'shop-lib', version });
    const tree = kept(dpkgTree([lib('1'), shop('1'), one('tool')], [lib('2'), shop('2'), two('tool')]));
    // The power goes when one of them is unpacked.
    execFileSync(join(tree.root, 'usr/bin/dpkg'), ['--unpack', join(tree.root, 'debs/shop_2_all.deb')], {
      stdio: 'pipe',
    });
    assert.match(status(tree, 'shop'), /install ok unpacked/);
    const step = { kind: 'upgrade-packages' as const, packages: ['shop=2', 'shop-lib=2'] };
    await assert.rejects(perform(tree, step), says('STEP_PACKAGES_UNFINISHED', /shop/));
    const given = context({ resumed: { packages: [] } });
    await assert.rejects(
      perform(tree, upgrade('tool'), given),
      says('STEP_PACKAGES_UNFINISHED', /shop/),
      'it is none of what is wanted',
    );
    await perform(tree, step, given);
    for (const name of ['shop', 'shop-lib'])
      assert.match(
        tree.file('var/lib/dpkg/status'),
        new RegExp(`Package: ${name}\\nStatus: install ok installed\\n(?:.+\\n)*Version: 2`),
      );
  });

  test('dpkg is killed in the middle of a package: named from its journal, which nothing else knows of; a resumed try mends it', async () => {
    const flag = `${fs.mkdtempSync('/tmp/lastember-preinst-')}/lives`;
    const preinst = `#!/bin/sh\n[ -e ${flag} ] || kill -9 $PPID\nexit 0\n`;
    const tree = kept(dpkgTree([one('shop')], [two('shop', { scripts: { preinst } })]));
    await assert.rejects(perform(tree, upgrade('shop')), says('STEP_PACKAGE_FAILED', /Left half-way: shop/));
    assert.match(status(tree, 'shop'), /install ok installed/, 'the status was not written anew');
    await assert.rejects(perform(tree, upgrade('shop')), says('STEP_PACKAGES_UNFINISHED', /shop/));
    fs.writeFileSync(flag, '');
    const given = context({ resumed: { version: '1' } });
    assert.equal((await perform(tree, upgrade('shop'), given)).after['version'], '2');
  });

  test('dpkg was cut off between two packages: its notes are written down first, and nobody has to look', async () => {
    const tree = kept(dpkgTree([one('shop'), one('tool')], [two('shop')]));
    const tool = tree
      .file('var/lib/dpkg/status')
      .split('\n\n')
      .find((stanza) => stanza.startsWith('Package: tool\n'))!;
    tree.put('var/lib/dpkg/updates/0000', `${tool}\n`);
    assert.equal((await perform(tree, upgrade('shop'))).after['version'], '2');
    assert.deepEqual(
      fs.readdirSync(join(tree.root, 'var/lib/dpkg/updates')).filter((name) => /^\d+$/.test(name)),
      [],
    );
    assert.match(status(tree, 'tool'), /install ok installed/);
  });

  test('a held package: named before anything is upgraded; held and let go by a step, which undoes exactly', async () => {
    const tree = kept(dpkgTree([one('shop'), one('tool')], [two('shop'), two('tool')]));
    const hold = (on: boolean): AnyHostStep => ({ kind: 'package-hold', name: 'shop', hold: on });
    const { before } = await perform(tree, hold(true));
    assert.match(status(tree, 'shop'), /^hold ok/);
    await assert.rejects(
      perform(tree, { kind: 'upgrade-packages', packages: ['shop=2', 'tool=2'] }),
      says('STEP_PACKAGE_HELD', /shop/),
    );
    assert.match(tree.file('var/lib/dpkg/status'), /Package: tool\n[\s\S]*?Version: 1\n/, 'nothing was upgraded');
    await stepFor(hold(true)).undo(localHost({ root: tree.root }), hold(true), before, context());
    assert.match(status(tree, 'shop'), /^install ok/);
    await perform(tree, upgrade('shop'));
  });

  test(
    'a read-only /usr: apt says so, and the step says what is left half-way',
    { skip: isRoot ? false : 'mounting needs root' },
    () => {
      const files = { files: { '/usr/share/shop/data': 'x\n' } };
      const tree = kept(dpkgTree([one('shop', files)], [two('shop', files)]));
      const seen = inMounts(
        tree,
        'mount --bind "$1/usr" "$1/usr" && mount -o remount,ro,bind "$1/usr"',
        upgrade('shop'),
      );
      assert.equal(seen['code'], 'STEP_PACKAGE_FAILED', JSON.stringify(seen));
      assert.match(String(seen['message']), /Read-only file system/);
      assert.match(tree.file('usr/share/shop/data'), /x/);
      const isWhole = status(tree, 'shop') === 'install ok installed';
      assert.match(String(seen['message']), isWhole ? /No package was left half-way/ : /Left half-way: shop/);
    },
  );
});

/** Does the step in mounts of its own, which end with it. */
function inMounts(tree: TestTree, mounts: string, step: AnyHostStep): Seen {
  const program = join(import.meta.dirname, 'testing-perform.ts');
  const line = `set -e; ${mounts}; exec "$2" "$3" "$1" "$4"`;
  const argv = ['--mount', '--propagation', 'private', 'sh', '-c', line, 'sh', tree.root, process.execPath, program];
  const { stdout, stderr } = spawnSync('unshare', [...argv, JSON.stringify(step)], { encoding: 'utf8' });
  assert.notEqual(stdout, '', stderr);
  return JSON.parse(stdout) as Seen;
}

describe('full and read-only disks', { skip: isRoot ? false : 'mounting needs root' }, () => {
  const write: AnyHostStep = { kind: 'write-file', path: '/etc/big', content: 'x'.repeat(100_000), mode: '0644' };

  test('a full disk: the old file is as it was, nothing half-written lies beside it, and the error says why', () => {
    const tree = kept(testTree());
    const list = '"$2" -e "require(\'fs\').writeFileSync(process.argv[1], \'old\')" "$1/etc/big"';
    const mounts = `mount -t tmpfs -o size=64k none "$1/etc"; ${list}`;
    const seen = inMounts(tree, mounts, write);
    assert.equal(seen['code'], 'HOST_FILE', JSON.stringify(seen));
    assert.match(String(seen['message']), /writing \/etc\/big was refused: .*no space left/i);
  });

  test('a read-only /etc: said, and nothing changed', () => {
    const tree = kept(testTree());
    const seen = inMounts(tree, 'mount --bind "$1/etc" "$1/etc" && mount -o remount,ro,bind "$1/etc"', write);
    assert.match(String(seen['message']), /read-only file system/i);
    assert.ok(!fs.existsSync(join(tree.root, 'etc/big')));
  });
});

test('a service that does not come back: what the task changed of its settings is put back, and it runs with that', async () => {
  const tree = kept(testTree({ 'etc/shop/shop.conf': 'good\n' }));
  // It does not start with these.
  tree.put(
    'usr/bin/systemctl',
    tree.file('usr/bin/systemctl').replace('[ -e run/fail ]', '/bin/grep -q bad etc/shop/shop.conf'),
  );
  const step: AnyHostStep = { kind: 'write-file', path: '/etc/shop/shop.conf', content: 'bad\n', mode: '0644' };
  const restart: AnyHostStep = { kind: 'service', name: 'shop.service', action: 'restart' };
  const { before } = await perform(tree, step);
  const earlier = [{ step, before }];
  await assert.rejects(
    perform(tree, restart, context({ earlier })),
    says('STEP_PUT_BACK', /failed/, /\/etc\/shop\/shop\.conf was put back, and it runs with them again/),
  );
  assert.deepEqual([tree.file('etc/shop/shop.conf'), tree.file('run/state')], ['good\n', 'active\n']);
});

test('killed between the write and nginx -t: resumed, the refused file is not what is put back', async () => {
  const tree = kept(testTree({ 'etc/nginx/shop.conf': 'good\n' }));
  tree.put('usr/sbin/nginx', '#!/bin/sh\n! /bin/grep -qr bad etc/nginx\n');
  const host = localHost({ root: tree.root });
  const cutOff = async (path: string): Promise<void> => {
    const step: AnyHostStep = { kind: 'write-file', path, content: 'bad\n', mode: '0600' };
    const { before } = await stepFor(step).inspect(host, step, context());
    await host.write(path, Buffer.from('bad\n'), 0o600);
    const refused = stepFor(step).apply(host, step, before, context({ resumed: before }));
    await assert.rejects(refused, says('STEP_INVALID_RESULT', /nginx -t/));
  };
  await cutOff('/etc/nginx/shop.conf');
  await cutOff('/etc/nginx/new.conf');
  assert.equal(tree.file('etc/nginx/shop.conf'), 'good\n');
  assert.deepEqual(fs.readdirSync(join(tree.root, 'etc/nginx')), ['shop.conf']);
});

test(
  'a file that sudo refuses is not put in place',
  { skip: isRoot && fs.existsSync('/usr/sbin/visudo') ? false : 'needs sudo, and a user that it knows' },
  async () => {
    const tree = kept(testTree({ 'etc/sudoers.d/.keep': '' }));
    tree.put('usr/sbin/visudo', '#!/bin/sh\nexec /usr/sbin/visudo "$1" "$2" "$LASTEMBER_HOST_ROOT$3"\n');
    const rule = (content: string): AnyHostStep => ({
      kind: 'write-file',
      path: '/etc/sudoers.d/ops',
      content,
      mode: '0440',
    });
    await assert.rejects(perform(tree, rule('ops ALL=(ALL NOPASSWD ALL\n')), says('STEP_INVALID_RESULT', /visudo -c/));
    assert.deepEqual(fs.readdirSync(join(tree.root, 'etc/sudoers.d')), ['.keep']);
    await perform(tree, rule('ops ALL=(ALL) NOPASSWD: ALL\n'));
  },
);
