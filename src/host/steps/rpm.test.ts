import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Facts } from '../../model/facts.ts';
import { collectFacts } from '../facts/collect.ts';
import type { FactCache } from '../facts/look.ts';
import type { Host } from '../host.ts';
import { localHost } from '../local.ts';
import { findPackageManager } from '../packages/find-manager.ts';
import { cacheStamp } from '../packages/lists-stamp.ts';
import type { PackageManager } from '../packages/manager.ts';
import type { Seen } from './contract.ts';
import { stepFor, type AnyHostStep } from './index.ts';
import { stepContext as context, type TestTree } from './testing.ts';
import { buildRpm, dnfPlugins, offer, offerFrom, rpmMissing, rpmTree, type Rpm } from './testing-rpm.ts';
import { perform, says } from './testing-step.ts';

const trees: TestTree[] = [];
after(() => trees.forEach((tree) => tree.remove()));

const one = (name: string, more: Partial<Rpm> = {}): Rpm => ({ name, version: '1', ...more });
const two = (name: string, more: Partial<Rpm> = {}): Rpm => ({ name, version: '2', ...more });
const upgrade = (...packages: string[]): AnyHostStep => ({ kind: 'upgrade-packages', packages });

for (const name of ['dnf', 'zypper'] as const) {
  const missing = rpmMissing(name);
  describe(`real rpm and ${name}`, { skip: missing ?? false }, () => {
    const newTree = (installed: readonly Rpm[], offered: readonly Rpm[]): TestTree => {
      const tree = rpmTree(name, installed, offered);
      trees.push(tree);
      return tree;
    };
    const managerOf = async (tree: TestTree): Promise<PackageManager> => {
      const found = await findPackageManager(localHost({ root: tree.root }));
      assert.equal(found?.name, name);
      return found!;
    };
    const installed = async (tree: TestTree): Promise<Record<string, string>> =>
      Object.fromEntries([...(await (await managerOf(tree)).installed())].sort());

    test('exact versions with an epoch; what comes along is told beforehand; undone to what was; settings files said', async () => {
      const files = (text: string): NonNullable<Rpm['files']> => ({ '/etc/shop.conf': text, '/etc/shop.hard': text });
      const before = [one('shop', { epoch: 2, files: files('a=1\n') }), one('libshop'), one('other')];
      const tree = newTree(before, [
        two('shop', { epoch: 2, files: files('a=2\n'), tags: 'Requires: libshop >= 2\nRequires: shop-data' }),
        two('libshop'),
        two('shop-data'),
        two('other'),
      ]);
      tree.put('etc/shop.conf', 'a=mine\n');
      tree.put('etc/shop.hard', 'a=mine\n');
      const step: AnyHostStep = { kind: 'upgrade-package', name: 'shop', version: '2:2-1' };
      const done = await perform(tree, step);
      assert.deepEqual(done.before, {
        name: 'shop',
        version: '2:1-1',
        also: [
          { name: 'libshop', from: '1-1', to: '2-1' },
          { name: 'shop-data', from: null, to: '2-1' },
        ],
      });
      assert.deepEqual(await installed(tree), { libshop: '2-1', other: '1-1', shop: '2:2-1', 'shop-data': '2-1' });
      assert.deepEqual([done.after['kept'], done.after['replaced']], [['/etc/shop.conf'], ['/etc/shop.hard']]);
      assert.deepEqual([tree.file('etc/shop.conf'), tree.file('etc/shop.hard')], ['a=mine\n', 'a=2\n']);
      const again = await stepFor(step).inspect(localHost({ root: tree.root }), step, context());
      assert.ok(again.already, 'nothing is left to do');
      const asItWas = JSON.parse(JSON.stringify(done.before)) as Seen;
      await stepFor(step).undo(localHost({ root: tree.root }), step, asItWas, context());
      const { libshop, shop } = await installed(tree);
      assert.deepEqual({ libshop, shop }, { libshop: '1-1', shop: '2:1-1' });
    });

    test('facts say what is newer, from the lists as they are, and ask again only when these change', async () => {
      const tree = newTree([one('shop', { epoch: 2 }), one('same')], [two('shop', { epoch: 2 })]);
      const manager = await managerOf(tree);
      const host = localHost({ root: tree.root });
      const cache: FactCache = new Map();
      const offered = async (): Promise<unknown[]> => {
        const [section] = await collectFacts(host, { names: ['packages'], cache });
        assert.equal(section?.error, undefined);
        return (section!.data as Facts['packages']).map((fact) => [fact.name, fact.version, fact.candidate]);
      };
      await manager.refresh();
      assert.deepEqual(await offered(), [
        ['same', '1-1', '1-1'],
        ['shop', '2:1-1', '2:2-1'],
      ]);
      const stamp = await cacheStamp(host);
      await manager.newer();
      assert.equal(await cacheStamp(host), stamp);
      offer(tree, [{ name: 'same', version: '3' }]);
      await manager.refresh();
      assert.notEqual(await cacheStamp(host), stamp);
      assert.deepEqual((await offered())[0], ['same', '1-1', '3-1']);
    });

    test('a whole upgrade reads what is installed three times: for the plan, before the work and after it', async () => {
      const tree = newTree(
        [one('shop'), one('libshop')],
        [two('shop', { tags: 'Requires: libshop >= 2' }), two('libshop')],
      );
      const host = localHost({ root: tree.root });
      const asked: string[] = [];
      const counting: Host = {
        ...host,
        exec: (argv, options) => {
          asked.push(argv.join(' '));
          return host.exec(argv, options);
        },
      };
      await (await managerOf(tree)).refresh();
      const step = upgrade('shop=2-1');
      const readings = async (work: () => Promise<unknown>): Promise<number> => {
        asked.length = 0;
        await work();
        return asked.filter((line) => line.startsWith('rpm -qa')).length;
      };
      let before: Seen = {};
      assert.equal(
        await readings(async () => ({ before } = await stepFor(step).inspect(counting, step, context()))),
        1,
      );
      assert.equal(await readings(() => stepFor(step).apply(counting, step, before, context())), 2);
      assert.deepEqual(await installed(tree), { libshop: '2-1', shop: '2-1' });
    });

    test('what would be removed, and what cannot be, is refused before anything is changed', async () => {
      const tree = newTree(
        [one('shop'), one('oldshop'), one('tool'), one('gadget')],
        [two('shop', { tags: 'Obsoletes: oldshop < 9' }), two('tool', { tags: 'Conflicts: gadget' })],
      );
      const earlier = await installed(tree);
      await assert.rejects(perform(tree, upgrade('shop=2-1')), says('STEP_WOULD_REMOVE', /remove oldshop/));
      const manager = await managerOf(tree);
      await assert.rejects(
        manager.simulate({ tool: '2-1' }),
        says('STEP_PACKAGES_UNSOLVABLE', /conflicts with gadget/),
      );
      await assert.rejects(manager.simulate({ tool: '7-1' }), says('STEP_PACKAGES_UNSOLVABLE', /tool/));
      await assert.rejects(perform(tree, upgrade('shop=3-1')), says('STEP_DRIFT', /plan says 3-1, candidate is 2-1/));
      await assert.rejects(perform(tree, upgrade('none=3-1')), says('STEP_PACKAGE_ABSENT', /none/));
      assert.deepEqual(await installed(tree), earlier);
    });

    test('a package whose script fails is named, with what is in place', async () => {
      const fails = (when: string): Partial<Rpm> => ({ scripts: `%${when} -p <lua>\nerror("no such database")` });
      const tree = newTree([one('bad'), one('sore')], [two('bad', fails('pre')), two('sore', fails('post'))]);
      await assert.rejects(
        perform(tree, upgrade('bad=2-1')),
        says('STEP_PACKAGE_FAILED', /bad-0:2-1/, /no such database/),
      );
      await assert.rejects(
        perform(tree, upgrade('sore=2-1')),
        says('STEP_PACKAGE_FAILED', /%post\(sore-0:2-1/, /At the new version all the same: sore/),
      );
      assert.deepEqual(await installed(tree), { bad: '1-1', sore: '2-1' });
    });

    test(
      'a held package is named; held and let go by a step, which undoes',
      { skip: name === 'dnf' && dnfPlugins() === null ? 'needs dnf-plugins-core' : false },
      async () => {
        const tree = newTree([one('shop'), one('shop-data')], [two('shop'), two('shop-data')]);
        const hold: AnyHostStep = { kind: 'package-hold', name: 'shop', hold: true };
        const { before, after: seen } = await perform(tree, hold);
        assert.deepEqual([before['held'], seen['held']], [false, true]);
        await assert.rejects(
          perform(tree, upgrade('shop=2-1', 'shop-data=2-1')),
          says('STEP_PACKAGE_HELD', /hold on this host: shop\./),
        );
        await perform(tree, upgrade('shop-data=2-1'));
        await stepFor(hold).undo(localHost({ root: tree.root }), hold, before, context());
        await perform(tree, upgrade('shop=2-1'));
        assert.deepEqual(await installed(tree), { shop: '2-1', 'shop-data': '2-1' });
      },
    );

    test('there twice after a power cut: said, and mended by our own next try; kernels may be', async () => {
      const kernel = { tags: 'Provides: installonlypkg(kernel)' };
      const tree = newTree([one('shop'), one('core', kernel)], [two('shop')]);
      const cut = [buildRpm(tree, two('shop')), buildRpm(tree, two('core', kernel))];
      execFileSync(join(tree.root, 'usr/bin/rpm'), ['-i', '--force', ...cut], { stdio: 'pipe' });
      await assert.rejects(
        perform(tree, upgrade('shop=2-1')),
        says('STEP_PACKAGES_UNFINISHED', /not finished \(shop\)/),
      );
      await perform(tree, upgrade('shop=2-1'), context({ resumed: {} }));
      const manager = await managerOf(tree);
      assert.deepEqual(await manager.unfinished(), []);
      const all = execFileSync(join(tree.root, 'usr/bin/rpm'), ['-qa'], { encoding: 'utf8' }).trim().split('\n').sort();
      assert.deepEqual(all, ['core-1-1.noarch', 'core-2-1.noarch', 'shop-2-1.noarch']);
    });

    test('somebody else is at work: that is seen and waited for', { timeout: 60_000 }, async () => {
      const tree = newTree([one('shop')], [two('shop')]);
      const manager = await managerOf(tree);
      await manager.refresh();
      const file = join(tree.root, 'var/lib/rpm/.rpm.lock');
      const program = `import fcntl, time\nf = open('${file}', 'a')\nfcntl.lockf(f, fcntl.LOCK_EX)\nprint('locked', flush=True)\ntime.sleep(4)`;
      const other = spawn('/usr/bin/python3', ['-c', program], { stdio: ['ignore', 'pipe', 'inherit'] });
      await once(other.stdout, 'data');
      tree.put('proc/locks', fs.readFileSync('/proc/locks', 'utf8'));
      assert.equal(await manager.isLocked(), true);
      other.once('exit', () => tree.put('proc/locks', ''));
      await manager.install({ shop: '2-1' });
      assert.deepEqual(await installed(tree), { shop: '2-1' });
      assert.notEqual(other.exitCode, null, 'it ended before us');
      assert.equal(await manager.isLocked(), false);
    });

    test(
      'an archive over HTTP that is away is waited for; one that lacks the package is not',
      { timeout: 120_000 },
      async () => {
        const tree = newTree([one('shop')], [two('shop')]);
        const serve = async (port = 0): Promise<{ port: number; close(): void }> => {
          const server = createServer((request, response) => {
            const path = join(tree.root, 'rpms', String(request.url));
            response.writeHead(fs.existsSync(path) ? 200 : 404);
            response.end(fs.existsSync(path) ? fs.readFileSync(path) : '');
          });
          await once(server.listen(port, '127.0.0.1'), 'listening');
          const close = (): void => void (server.close(), server.closeAllConnections());
          return { port: (server.address() as AddressInfo).port, close };
        };
        const first = await serve();
        offerFrom(tree, `http://127.0.0.1:${first.port}`);
        const manager = await managerOf(tree);
        await manager.refresh();
        const file = join(tree.root, 'rpms/shop-2.rpm');
        fs.renameSync(file, `${file}.away`);
        await assert.rejects(
          manager.install({ shop: '2-1' }),
          says('STEP_PACKAGE_FAILED', /shop-2\.rpm/, /No package was left half-way/),
        );
        fs.renameSync(`${file}.away`, file);
        first.close();
        let done = false;
        const installing = manager.install({ shop: '2-1' }).finally(() => (done = true));
        await sleep(3000);
        assert.equal(done, false, 'it is waited for');
        const again = await serve(first.port);
        await installing.finally(() => again.close());
        assert.deepEqual(await installed(tree), { shop: '2-1' });
      },
    );
  });
}
