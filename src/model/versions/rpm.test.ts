import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test, type TestContext } from 'node:test';
import fc from 'fast-check';
import { compareRpm } from './rpm.ts';

const NAMES = ['<', '=', '>'] as const;
const sign = (a: string, b: string): string => NAMES[Math.sign(compareRpm(a, b)) + 1]!;

/** What rpm itself says of each pair, asked at once; null: there is no rpm that compares. */
function oracle(pairs: readonly (readonly [string, string])[]): string[] | null {
  const script = `for a, b in string.gmatch(io.read('*a'), '(%S+) (%S+)') do io.write(rpm.vercmp(a, b), string.char(10)) end`;
  const input = pairs.map(([a, b]) => `${a} ${b}`).join('\n');
  const told = spawnSync('rpm', ['--eval', `%{lua:${script}}`], { input: `${input}\n`, encoding: 'utf8' });
  const lines = (told.stdout ?? '').trim().split('\n');
  return lines.length === pairs.length ? lines.map((line) => NAMES[Math.sign(Number(line)) + 1]!) : null;
}

const label = fc.stringMatching(/^([0-3]:)?[0-9a-bA.~^_+]{1,8}(-[0-9a-b.~^]{1,5})?$/);

test('orders versions as rpm itself does', (t: TestContext) => {
  const samples = fc.sample(fc.tuple(label, label), 3000);
  const near = samples.map(([a]): [string, string] => [a, a.replace(/.$/, '1')]);
  const all = [...samples, ...near];
  const told = oracle(all);
  if (told === null) return t.skip('there is no rpm here that compares versions in Lua');
  all.forEach(([a, b], at) => assert.equal(sign(a, b), told[at], `${a} and ${b}`));
});

test('what people stumble over', () => {
  const cases = [
    ['1.0-1', '<', '1:0.1-1'],
    ['0:1-1', '=', '1-1'],
    ['1.0~rc1-1', '<', '1.0-1'],
    ['1.0-1', '<', '1.0^git1-1'],
    ['1.0^git1-1', '<', '1.0.1-1'],
    ['1.010-1', '=', '1.10-1'],
    ['1.a-1', '<', '1.1-1'],
    ['5.14.0-362.8.1.el9_3', '<', '5.14.0-362.18.1.el9_3'],
    ['2', '<', '2-1'],
  ] as const;
  for (const [a, wanted, b] of cases) assert.equal(sign(a, b), wanted, `${a} ${wanted} ${b}`);
});

test('property: an order', () => {
  fc.assert(
    fc.property(label, label, label, (a, b, c) => {
      assert.equal(Math.sign(compareRpm(a, b)), -Math.sign(compareRpm(b, a)) || 0);
      if (compareRpm(a, b) <= 0 && compareRpm(b, c) <= 0) assert.ok(compareRpm(a, c) <= 0);
    }),
  );
});
