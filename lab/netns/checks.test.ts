import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { oldRuntime } from '../demo/runtimes.ts';
import { KITS_DIR, loadKits } from '../../src/loop/audit/kit-tools/parse.ts';
import type { Input } from './checks/run.ts';
import type { GroupResult } from './checks/spec.ts';
import { GROUPS, GROUPS_OF } from './checks/tables/index.ts';
import { testGroups, tryAll } from './checks/testing.ts';
import { ELSEWHERE, UNTRIED } from './checks/untried.ts';
import { skip, TestLab } from './testing/lab.ts';

const NAME = 'bad1';
const ALL = Object.values(GROUPS_OF).flatMap((groups) => groups.flatMap(({ trials }) => trials));
const lab = new TestLab('b');
const results = new Map<string, GroupResult>();

before(async () => {
  if (skip) return;
  await lab.lab('up', '--only', NAME);
  for (const [title, result] of await tryAll(lab, NAME, await oldRuntimes())) results.set(title, result);
});
after(async () => {
  if (!skip) await lab.lab('down');
});

/** Fetched here: the lab's namespace leads nowhere else. */
const oldRuntimes = (): Promise<Input['runtimes']> =>
  Promise.all([oldRuntime('0.10.0'), oldRuntime('0.10.48')]).then(
    ([old, fixed]) => ({ old, fixed }),
    () => null,
  );

testGroups(GROUPS, results, skip);

test('3.12: each shipped check is tried, or listed with the reason', () => {
  const shipped = loadKits(KITS_DIR).flatMap(({ kit }) => kit.checks.map(({ id }) => `${kit.kit}/${id}`));
  const tried = new Set(ALL.map(({ check }) => check));
  const all = [...ELSEWHERE, ...UNTRIED];
  const listed = all.flatMap(({ checks }) => checks);
  assert.deepEqual(
    shipped.filter((check) => !tried.has(check) && !listed.includes(check)),
    [],
    'neither tried nor listed',
  );
  assert.deepEqual(
    [...tried, ...listed].filter((check) => !shipped.includes(check)),
    [],
    'not shipped any more',
  );
  assert.deepEqual(
    listed.filter((check) => tried.has(check)),
    [],
    'listed, but tried',
  );
  assert.equal(new Set(listed).size, listed.length);
  const root = join(import.meta.dirname, '../..');
  assert.deepEqual(
    all.flatMap(({ test: path }) => (path && !existsSync(join(root, path)) ? [path] : [])),
    [],
  );
});

test('3.12: what a kit can put right is put right by the kit', () => {
  const ours = new Set(
    loadKits(KITS_DIR).flatMap(({ kit }) =>
      kit.remediate.flatMap(({ fixes }) => fixes.map((id) => `${kit.kit}/${id}`)),
    ),
  );
  assert.deepEqual(
    ALL.flatMap(({ check, byHand }) => (ours.has(check) === (byHand === undefined) ? [] : [check])),
    [],
  );
});
