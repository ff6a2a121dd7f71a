import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parse } from 'yaml';
import { CLONE_TRIAL } from '../lab/netns/checks/recording/clones.ts';
import { fileOf } from '../lab/netns/checks/recording/index.ts';
import { GROUPS_OF } from '../lab/netns/checks/tables/index.ts';
import { ELSEWHERE, UNTRIED } from '../lab/netns/checks/untried.ts';
import { KITS_DIR, loadKits } from '../src/loop/audit/kit-tools/parse.ts';
import { type RecordedCase, RecordedCases } from '../src/loop/audit/kit-tools/recorded.ts';

const CHECKS = loadKits(KITS_DIR).flatMap(({ kit }) => kit.checks.map(({ id }) => `${kit.kit}/${id}`));
const recorded = new Map(
  CHECKS.flatMap((check): [string, RecordedCase[]][] => {
    const path = fileOf(check);
    return existsSync(path) ? [[check, RecordedCases.parse(parse(readFileSync(path, 'utf8'))).cases]] : [];
  }),
);

/** What ends a finding: it passes, or what it was about is gone. */
const isWell = ({ expect, open }: RecordedCase): boolean =>
  expect === 'pass' || (expect === 'not-applicable' && open !== undefined);
const isWhole = (check: string): boolean => {
  const cases = recorded.get(check) ?? [];
  return cases.some(({ expect }) => expect === 'fail') && cases.some(isWell);
};

test('3.12: each shipped check has cases of a real machine that fails and is well, or is listed with the reason', () => {
  const untried = UNTRIED.flatMap(({ checks }) => checks);
  assert.deepEqual(
    CHECKS.filter((check) => !isWhole(check) && !untried.includes(check)),
    [],
    'neither recorded nor listed: kits/README.md, Recorded cases',
  );
  assert.deepEqual(untried.filter(isWhole), [], 'recorded, but listed as tried nowhere');
});

test('3.12: recorded cases say of which trial they are, and that is still made', () => {
  const clones = ELSEWHERE.flatMap(({ checks }) => checks.map((check) => `${check}: ${CLONE_TRIAL}`));
  const tried = Object.values(GROUPS_OF)
    .flat()
    .flatMap(({ title, trials }) => trials.map(({ check }) => `${check}: ${title}`));
  const made = new Set([...tried, ...clones]);
  const told = [...recorded].flatMap(([check, cases]) => cases.map(({ from }) => `${check}: ${from.trial}`));
  assert.ok(told.length > 0);
  assert.deepEqual(
    [...new Set(told)].filter((one) => !made.has(one)),
    [],
  );
});

test('3.12: recorded cases are short enough to be read, and hold no key', () => {
  for (const check of recorded.keys()) {
    const text = readFileSync(fileOf(check), 'utf8');
    assert.ok(text.split('\n').length <= 121, `${check} has ${text.split('\n').length} lines`);
    assert.doesNotMatch(text, /PRIVATE KEY/, check);
  }
});

test('3.12: cases made by hand say so', () => {
  for (const kit of new Set(CHECKS.map((check) => check.split('/')[0]!))) {
    const fixtures = join(KITS_DIR, kit, 'fixtures');
    for (const name of readdirSync(fixtures).filter((one) => one.endsWith('.yaml') && one !== 'base.yaml'))
      assert.match(readFileSync(join(fixtures, name), 'utf8'), /^# By hand, /, `${kit}/fixtures/${name}`);
  }
});
