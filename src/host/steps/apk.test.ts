import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Facts } from '../../model/facts.ts';
import { collectFacts } from '../facts/collect.ts';
import { localHost } from '../local.ts';
import { findPackageManager } from '../packages/find-manager.ts';
import type { Seen } from './contract.ts';
import { stepFor, type AnyHostStep } from './index.ts';
import { stepContext as context, type TestTree } from './testing.ts';
import { apkTree } from './testing-apk.ts';
import { perform, says } from './testing-step.ts';

const trees: TestTree[] = [];
after(() => trees.forEach((tree) => tree.remove()));

/** One package that was asked for, one that only came along. */
function newTree(more: Parameters<typeof apkTree>[2] = {}): TestTree {
  const repo = {
    shop: { '1.0-r0': {}, '2.0-r0': { needs: ['libshop=2.0_p1-r0', 'shop-data=2.0-r0'], settings: '/etc/shop.conf' } },
    libshop: { '1.0-r0': {}, '2.0_p1-r0': {} },
    'shop-data': { '2.0-r0': {} },
    ...more,
  };
  const tree = apkTree({ libshop: '1.0-r0', shop: '1.0-r0', oldshop: '1.0-r0' }, ['alpine-base', 'shop'], repo);
  fs.rmSync(join(tree.root, 'var/lib/dpkg'), { recursive: true });
  trees.push(tree);
  return tree;
}

const upgrade: AnyHostStep = { kind: 'upgrade-packages', packages: ['shop=2.0-r0'] };
const world = (tree: TestTree): string[] => tree.file('etc/apk/world').trim().split('\n');
const installed = async (tree: TestTree): Promise<Record<string, string>> => {
  const manager = await findPackageManager(localHost({ root: tree.root }));
  assert.equal(manager?.name, 'apk');
  return Object.fromEntries(await manager!.installed());
};

test('apk: exact versions without a pin that stays; what comes along is told; undone to what was; settings said', async () => {
  const tree = newTree();
  const earlier = await installed(tree);
  const { before, after: seen } = await perform(tree, upgrade);
  assert.deepEqual(before, {
    packages: [{ name: 'shop', from: '1.0-r0', to: '2.0-r0' }],
    also: [
      { name: 'libshop', from: '1.0-r0', to: '2.0_p1-r0' },
      { name: 'shop-data', from: null, to: '2.0-r0' },
    ],
  });
  assert.deepEqual(await installed(tree), { ...earlier, libshop: '2.0_p1-r0', shop: '2.0-r0', 'shop-data': '2.0-r0' });
  assert.deepEqual([world(tree), seen['kept']], [['alpine-base', 'shop'], ['/etc/shop.conf']]);
  await stepFor(upgrade).undo(localHost({ root: tree.root }), upgrade, before, context());
  assert.deepEqual(await installed(tree), { ...earlier, 'shop-data': '2.0-r0' });
  assert.deepEqual(world(tree), ['alpine-base', 'shop']);
});

test('apk: what would be removed, what is held and what cannot be is refused before anything is changed', async () => {
  const tree = newTree({ shop: { '1.0-r0': {}, '2.0-r0': { removes: ['oldshop'] } } });
  const earlier = [tree.file('lib/apk/db/installed'), tree.file('etc/apk/world')];
  await assert.rejects(perform(tree, upgrade), says('STEP_WOULD_REMOVE', /remove oldshop/));
  const manager = (await findPackageManager(localHost({ root: tree.root })))!;
  await assert.rejects(manager.simulate({ shop: '9-r0' }), says('STEP_PACKAGES_UNSOLVABLE', /shop-9-r0: breaks/));
  assert.deepEqual([tree.file('lib/apk/db/installed'), tree.file('etc/apk/world')], earlier);
});

test('apk: holds are pins in its world; undone to what stood there, and to nothing where nothing did', async () => {
  const tree = newTree();
  for (const name of ['shop', 'libshop']) {
    const hold: AnyHostStep = { kind: 'package-hold', name, hold: true };
    const earlier = world(tree);
    const { before } = await perform(tree, hold);
    assert.ok(world(tree).includes(`${name}=1.0-r0`));
    assert.equal((await perform(tree, hold)).before['held'], true);
    if (name === 'shop') await assert.rejects(perform(tree, upgrade), says('STEP_PACKAGE_HELD', /: shop\./));
    const asItWas = JSON.parse(JSON.stringify(before)) as Seen;
    await stepFor(hold).undo(localHost({ root: tree.root }), hold, asItWas, context());
    assert.deepEqual(world(tree), earlier);
  }
});

test('apk: a hold and its end leave the tag of the repository where it was', async () => {
  const tree = newTree();
  tree.put('etc/apk/world', 'alpine-base\nshop@edge\n');
  const hold: AnyHostStep = { kind: 'package-hold', name: 'shop', hold: true };
  const { before } = await perform(tree, hold);
  assert.deepEqual(world(tree), ['alpine-base', 'shop@edge=1.0-r0']);
  assert.equal((await perform(tree, hold)).before['held'], true);
  await perform(tree, { kind: 'package-hold', name: 'shop', hold: false });
  assert.deepEqual(world(tree), ['alpine-base', 'shop@edge']);
  await perform(tree, hold);
  await stepFor(hold).undo(localHost({ root: tree.root }), hold, before, context());
  assert.deepEqual(world(tree), ['alpine-base', 'shop@edge']);
});

test('apk: a script that fails is named; it is half-way for others, and mended by our own next try', async () => {
  const tree = newTree({ shop: { '1.0-r0': {}, '2.0-r0': { fails: true } } });
  await assert.rejects(
    perform(tree, upgrade),
    says('STEP_PACKAGE_FAILED', /shop-2\.0-r0\.post-upgrade: script exited/, /Left half-way: shop/),
  );
  assert.deepEqual(world(tree), ['alpine-base', 'shop']);
  await assert.rejects(perform(tree, upgrade), says('STEP_PACKAGES_UNFINISHED', /\(shop\)/, /apk fix/));
  await perform(tree, upgrade, context({ resumed: {} }));
  assert.doesNotMatch(tree.file('lib/apk/db/installed'), /^f:/m);
});

test('apk: the power goes before our pins are gone: they are known by their name, and go', async () => {
  const tree = newTree();
  tree.put('run/cut', '');
  const host = localHost({ root: tree.root });
  const { before } = await stepFor(upgrade).inspect(host, upgrade, context());
  await host.exec(['apk', 'add', '--virtual', '.lastember-change', 'shop=2.0-r0']);
  assert.ok(world(tree).includes('.lastember-change'));
  fs.rmSync(join(tree.root, 'run/cut'));
  await assert.rejects(perform(tree, upgrade), says('STEP_PACKAGES_UNFINISHED', /\.lastember-change/));
  await perform(tree, upgrade, context({ resumed: before }));
  assert.deepEqual(world(tree), ['alpine-base', 'shop']);
  assert.ok(!('.lastember-change' in (await installed(tree))));
});

test('apk: a network that is away while it fetches is waited for', async () => {
  const tree = newTree();
  const manager = (await findPackageManager(localHost({ root: tree.root })))!;
  tree.put('run/away', '');
  const installing = manager.install({ shop: '2.0-r0' });
  await sleep(500);
  fs.rmSync(join(tree.root, 'run/away'));
  await installing;
  assert.equal((await installed(tree))['shop'], '2.0-r0');
});

test('apk: facts say what each package would become', async () => {
  const tree = newTree();
  const [section] = await collectFacts(localHost({ root: tree.root }), { names: ['packages'] });
  const facts = (section!.data as Facts['packages']).map((fact) => [fact.name, fact.version, fact.candidate]);
  assert.deepEqual(facts, [
    ['libshop', '1.0-r0', '2.0_p1-r0'],
    ['oldshop', '1.0-r0', '1.0-r0'],
    ['shop', '1.0-r0', '2.0-r0'],
  ]);
});
