import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import fc from 'fast-check';
import { compareDebian } from './debian.ts';
import { VERSION_ORDERS, versionOrder } from './registry.ts';

const DATA = join(import.meta.dirname, '../../../../../shared/data/versions');
const NAMES = ['<', '=', '>'] as const;
const sign = (a: string, b: string): string => NAMES[compareDebian(a, b) + 1]!;

function pairs(file: string): [string, string, string][] {
  const lines = readFileSync(join(DATA, file), 'utf8').split('\n');
  return lines.flatMap((line) => {
    const match = /^(\S+) ([<=>]) (\S+)$/.exec(line.trim());
    return match ? [[match[1]!, match[2]!, match[3]!]] : [];
  });
}

for (const file of ['debian-versions.txt', 'debian-versions-generated.txt']) {
  test(`orders every pair of ${file}`, (t: TestContext) => {
    if (!existsSync(join(DATA, file))) return t.skip(`there is no ${join(DATA, file)}`);
    const all = pairs(file);
    assert.ok(all.length >= 30, `only ${all.length} pairs were read`);
    for (const [a, wanted, b] of all) assert.equal(sign(a, b), wanted, `${a} ${wanted} ${b}`);
  });
}

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

test('every ecosystem of the registry has a sane order, and others have none', () => {
  for (const [name, order] of Object.entries(VERSION_ORDERS)) {
    assert.ok(order('1', '2') < 0 && order('2', '1') > 0 && order('1', '1') === 0, name);
  }
  assert.deepEqual(Object.keys(VERSION_ORDERS), Object.keys(VERSION_ORDERS).toSorted());
  assert.equal(versionOrder('Debian:12'), compareDebian);
  assert.equal(versionOrder('constructor'), null);
});
