import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, test } from 'node:test';
import { oldRuntime } from '../demo/runtimes.ts';
import { KITS_DIR, loadKits } from '../../src/loop/audit/kit-tools/parse.ts';
import type { Input } from './checks/run.ts';
import type { GroupResult, Said, TrialResult } from './checks/spec.ts';
import { GROUPS } from './checks/tables/index.ts';
import { ELSEWHERE, UNTRIED } from './checks/untried.ts';
import { ALL_HOSTS } from './hosts.ts';
import { netnsPath } from './place.ts';
import { addressOf } from './spec.ts';
import { skip, TestLab } from './testing/lab.ts';
import { keyPath } from './up.ts';

const NAME = 'bad1';
const lab = new TestLab('b');
const results = new Map<string, GroupResult>();

before(async () => {
  if (skip) return;
  await lab.lab('up', '--only', NAME);
  for (const result of await tryAll()) results.set(result.title, result);
});
after(async () => {
  if (!skip) await lab.lab('down');
});

/** One program in the lab's namespace goes through all groups. */
async function tryAll(): Promise<GroupResult[]> {
  const address = addressOf(ALL_HOSTS.find(({ name }) => name === NAME)!);
  // Fetched here: the lab's namespace leads nowhere else.
  const runtimes = await Promise.all([oldRuntime('0.10.0'), oldRuntime('0.10.48')]).then(
    ([old, fixed]) => ({ old, fixed }),
    () => null,
  );
  const target = { place: lab.place, name: NAME, address };
  const input: Input = { target, user: 'ops', key: keyPath(lab.place), runtimes };
  const script = join(import.meta.dirname, 'checks/run.ts');
  const inside = [`--net=${netnsPath(lab.place.name)}`, process.execPath, script, JSON.stringify(input)];
  const child = spawn('nsenter', inside, { stdio: ['ignore', 'pipe', 'inherit'] });
  const found: GroupResult[] = [];
  for await (const line of createInterface({ input: child.stdout })) found.push(JSON.parse(line) as GroupResult);
  return found;
}

const text = (all: readonly Said[]): string => JSON.stringify(all);

/** It failed, and what was done mended all that failed, proven. */
function problemIn({ check, before: earlier, left, after: later }: TrialResult): string | null {
  const failed = earlier.filter(({ verdict }) => verdict === 'fail');
  if (failed.length === 0) return `${check} does not fail on the host that was made bad: ${text(earlier)}`;
  const mended = later.filter(({ verdict, proven }) => proven && (verdict === 'pass' || verdict === 'not-applicable'));
  if (mended.length === failed.length && later.length === failed.length) return null;
  return `${check} does not pass afterwards: ${text(later)} ${left.join('; ')}`;
}

for (const { title, trials } of GROUPS) {
  test(
    `3.12: ${title}: ${trials.length} checks fail on a host made bad, and pass once they are put right`,
    { skip },
    (t) => {
      const result = results.get(title);
      assert.ok(result, 'nothing came of it');
      assert.equal(result.broken, null);
      assert.deepEqual(result.errors, []);
      assert.deepEqual(
        result.trials.flatMap((one) => (one.skipped === null ? (problemIn(one) ?? []) : [])),
        [],
      );
      for (const { check, skipped } of result.trials) if (skipped !== null) t.diagnostic(`${check}: ${skipped}`);
      t.diagnostic(`${result.steps} steps, ${result.seconds} s`);
    },
  );
}

test('3.12: each shipped check is tried, or listed with the reason', () => {
  const shipped = loadKits(KITS_DIR).flatMap(({ kit }) => kit.checks.map(({ id }) => `${kit.kit}/${id}`));
  const tried = new Set(GROUPS.flatMap(({ trials }) => trials.map(({ check }) => check)));
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
  const trials = GROUPS.flatMap((group) => group.trials);
  assert.deepEqual(
    trials.flatMap(({ check, byHand }) => (ours.has(check) === (byHand === undefined) ? [] : [check])),
    [],
  );
});
