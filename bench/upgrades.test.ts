import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { changesOf, differences, LIST, parsePackages } from './upgrades.ts';

const of = (...lines: string[]) => parsePackages(lines.map((line) => `${line}\n`).join(''));

test('packages: what changed, came, went or is half-way', () => {
  const before = of(
    'libc6:amd64\t2.36-9 installed',
    'cron:amd64\t3.0 installed',
    'old:all\t1 installed',
    'same:all\t1 installed',
  );
  const after = of(
    'libc6:amd64\t2.36-10 installed',
    'cron:amd64\t3.0 half-configured',
    'new:all\t2 installed',
    'same:all\t1 installed',
  );
  assert.deepEqual(changesOf(before, after), [
    'cron:amd64: 3.0 → 3.0 half-configured',
    'libc6:amd64: 2.36-9 → 2.36-10',
    'new:all: nothing → 2',
    'old:all: 1 → nothing',
  ]);
  assert.deepEqual(changesOf(before, before), []);
});

test('two upgrades are the same when every host of both saw the same', () => {
  const whole = ['a: 1 → 2', 'b: 1 → 2'];
  const side = (name: string, ...changes: string[][]) => ({ name, changes });
  assert.deepEqual(differences(side('ours', whole, whole), side('theirs', whole.toReversed())), []);
  assert.deepEqual(differences(side('ours', whole, whole), side('theirs', whole, ['a: 1 → 3'])), [
    'a: 1 → 2 on 2 of 2 hosts of ours, 1 of 2 hosts of theirs',
    'a: 1 → 3 on 0 of 2 hosts of ours, 1 of 2 hosts of theirs',
    'b: 1 → 2 on 2 of 2 hosts of ours, 1 of 2 hosts of theirs',
  ]);
});

const dpkg = (() => {
  try {
    return execFileSync(LIST[0]!, LIST.slice(1), { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  } catch {
    return null;
  }
})();

test('packages: dpkg lists them so', { skip: dpkg === null && 'there is no dpkg' }, () => {
  const found = parsePackages(dpkg!);
  const name = [...found.keys()].find((one) => one.startsWith('dpkg:'))!;
  assert.match(found.get(name)!, /^\d[^\s]*$/);
});
