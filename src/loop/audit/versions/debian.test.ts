import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { test, type TestContext } from 'node:test';
import fc from 'fast-check';
import { compareDebian } from './debian.ts';

const NAMES = ['<', '=', '>'] as const;
const sign = (a: string, b: string): string => NAMES[compareDebian(a, b) + 1]!;

test('3.1: a backported fix is newer than the upstream number says', () => {
  assert.equal(sign('1.0.1e-2+deb7u5', '1.0.1e-2+deb7u4'), '>');
  assert.equal(sign('1.0.1e-2+deb7u21', '1.0.1e-2+deb7u5'), '>');
  assert.equal(sign('1.0.1e-2+deb7u21', '1.0.1e-3'), '<');
  assert.equal(sign('0.10.0-1', '0.10.0'), '>');
  assert.equal(sign('0.10.26-1', '0.10.27'), '<');
  assert.equal(sign('1.0~rc1', '1.0'), '<');
});

const characters = fc.constantFrom(...'0019ab~+.-Z');
const upstream = fc.array(characters, { maxLength: 8 }).map((chars) => `${chars.length % 3}${chars.join('')}`);
const version = fc
  .tuple(fc.option(fc.nat(3), { nil: null }), upstream)
  .map(([epoch, rest]) => (epoch === null ? rest : `${epoch}:${rest}`))
  .filter((text) => !text.endsWith('-'));

test('is a total order', () => {
  fc.assert(
    fc.property(version, version, version, (a, b, c) => {
      assert.equal(compareDebian(a, b), -compareDebian(b, a) || 0);
      const sorted = [a, b, c].sort(compareDebian);
      assert.ok(compareDebian(sorted[0]!, sorted[2]!) <= 0);
    }),
  );
});

test('agrees with dpkg', (t: TestContext) => {
  if (spawnSync('dpkg', ['--version']).error) return t.skip('there is no dpkg on this machine');
  const cases = fc.sample(fc.tuple(version, version), 300);
  // One shell for all: a process for each comparison would take minutes on a busy machine.
  const script = cases
    .map(
      ([a, b]) =>
        `dpkg --compare-versions '${a}' lt '${b}' && echo '<' || { dpkg --compare-versions '${a}' eq '${b}' && echo '=' || echo '>'; }`,
    )
    .join('\n');
  const told = execFileSync('sh', ['-c', script], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
    .trim()
    .split('\n');
  assert.equal(told.length, cases.length);
  for (const [i, [a, b]] of cases.entries()) assert.equal(sign(a, b), told[i], `${a} ? ${b}`);
});
