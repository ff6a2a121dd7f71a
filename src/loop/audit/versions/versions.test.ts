import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { test, type TestContext } from 'node:test';
import fc from 'fast-check';
import { versionOrder, VERSION_SCHEMES } from './registry.ts';
import { pairsOf, SIGNS, VERSIONS } from './testing.ts';

const sign = (ecosystem: string, a: string, b: string): string => {
  const difference = versionOrder(ecosystem)!(a, b);
  return difference === null ? 'cannot be compared' : SIGNS[difference + 1]!;
};

const FILES = [
  ['alpine-versions-generated.txt', 'Alpine', 13_000],
  ['alpine-versions.txt', 'Alpine', 600],
  ['debian-versions-generated.txt', 'Debian', 14_000],
  ['debian-versions.txt', 'Debian', 30],
  ['redhat-versions.txt', 'Red Hat', 150],
] as const;

for (const [file, ecosystem, least] of FILES) {
  test(`3.1: orders every pair of ${file}`, (t: TestContext) => {
    const pairs = pairsOf(file);
    if (pairs === null) return t.skip(`${file} is not on this machine`);
    assert.ok(pairs.length >= least, `only ${pairs.length} pairs were read`);
    const refused: string[] = [];
    for (const [a, wanted, b] of pairs) {
      const told = sign(ecosystem, a, b);
      if (told === 'cannot be compared') refused.push(`${a} ${wanted} ${b}`);
      else assert.equal(told, wanted, `${a} ${wanted} ${b}`);
    }
    // The file itself calls these invalid: programs of different age disagree about them.
    if (refused.length > 0) t.diagnostic(`no versions: ${refused.join(', ')}`);
    assert.ok(refused.length <= (file === 'alpine-versions.txt' ? 40 : 0), refused.join('\n'));
  });
}

for (const [ecosystem, version] of Object.entries(VERSIONS)) {
  test(`property: ${ecosystem} has a total order, and what is no version is said not to be one`, () => {
    const order = (a: string, b: string): number => {
      const told = versionOrder(ecosystem)!(a, b);
      assert.ok(told !== null && Math.abs(told) <= 1, `${a} and ${b}: ${told}`);
      return told;
    };
    fc.assert(
      fc.property(version, version, version, (a, b, c) => {
        assert.equal(order(a, a), 0);
        assert.equal(order(a, b), -order(b, a) || 0);
        const [x, y, z] = [a, b, c].sort(order);
        assert.ok(order(x!, y!) <= 0 && order(y!, z!) <= 0 && order(x!, z!) <= 0, [x, y, z].join(' '));
        if (order(a, b) === 0) assert.equal(order(a, c), order(b, c), [a, b, c].join(' '));
      }),
      { numRuns: 400 },
    );
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), version, (text, b) => {
        const told = versionOrder(ecosystem)!(text, b);
        assert.ok(told === null || Math.abs(told) <= 1);
      }),
    );
    for (const bad of ['', ' ', 'not a version', '1'.repeat(300)])
      assert.equal(sign(ecosystem, bad, '1'), 'cannot be compared', bad);
  });
}

test('what people stumble over', () => {
  const cases = [
    ['Alpine', '1.2.3_rc1-r0', '<', '1.2.3-r0'],
    ['Alpine', '1.2.3_p1-r0', '>', '1.2.3-r5'],
    ['Alpine', '3.10.0-r9', '<', '3.10.0-r10'],
    ['Alpaquita:23', '1.2.13-r1', '<', '1.2.13-r2'],
    ['Wolfi', '1.1.1w-r1', '>', '1.1.1v-r9'],
    ['Debian:12', '0.13.0-1.1~deb12u1', '<', '0.13.0-1.1'],
    ['Go', 'v0.0.0-20190101000000-abcdef012345', '<', '0.0.1'],
    ['Go', 'v1.2.3+incompatible', '=', '1.2.3'],
    ['Maven:https://repo.example.org', '2.0-beta9', '<', '2.0'],
    ['Maven', '2.15.0', '<', '2.16.0'],
    ['Maven', '1.0', '=', '1.0.0.Final'],
    ['Maven', '31.1-android', '<', '31.1-jre'],
    ['NuGet', '1.0.0.1', '>', '1.0.0'],
    ['NuGet', '1.0.0-RC', '=', '1.0.0-rc'],
    ['PyPI', '1.0.dev1', '<', '1.0a1'],
    ['PyPI', '1.0-1', '=', '1.0.post1'],
    ['PyPI', '1.0', '=', '1.0.0'],
    ['Red Hat:enterprise_linux:9', '5.14.0-362.8.1.el9_3', '<', '5.14.0-362.18.1.el9_3'],
    ['RubyGems', '3.0.0.rc1', '<', '3.0.0'],
    ['RubyGems', '1.0-1', '<', '1.0'],
    ['npm', '1.0.0-alpha.9', '<', '1.0.0-alpha.10'],
    ['npm', '9007199254740993.0.0', '>', '9007199254740992.0.0'],
    ['npm', 'latest', 'cannot be compared', '1.0.0'],
    ['PyPI', '1.0-custom', 'cannot be compared', '1.0'],
    ['RubyGems', '>= 0', 'cannot be compared', '1.0'],
  ] as const;
  for (const [ecosystem, a, wanted, b] of cases) assert.equal(sign(ecosystem, a, b), wanted, `${ecosystem} ${a} ${b}`);
  const packagist = versionOrder('Packagist');
  assert.equal(packagist, null);
});

function agree(ecosystem: string, pairs: readonly (readonly [string, string])[], told: readonly string[]): void {
  assert.equal(told.length, pairs.length);
  pairs.forEach(([a, b], at) => assert.equal(sign(ecosystem, a, b), told[at], `${a} and ${b}`));
}

/** Python has it under its own name, or within pip. */
test('oracle: PyPI agrees with Python’s packaging', (t: TestContext) => {
  const script = `
import sys
try:
    from packaging.version import Version
except ImportError:
    from pip._vendor.packaging.version import Version
for line in sys.stdin:
    a, b = map(Version, line.split())
    print('<' if a < b else '>' if a > b else '=')`;
  const pairs = fc.sample(fc.tuple(VERSIONS['PyPI']!, VERSIONS['PyPI']!), 3000);
  const input = pairs.map((pair) => pair.join(' ')).join('\n');
  const told = spawnSync('python3', ['-c', script], { input, encoding: 'utf8' });
  if (told.status !== 0) return t.skip('there is no Python with packaging here');
  agree('PyPI', pairs, told.stdout.trim().split('\n'));
});

const MAVEN = '/usr/share/maven/lib/maven-artifact-3.x.jar';

test('oracle: Maven agrees with its own ComparableVersion', (t: TestContext) => {
  if (!existsSync(MAVEN) || spawnSync('java', ['-version']).status !== 0) return t.skip('there is no Maven here');
  const wild = fc.stringMatching(/^[01](([.-]?)(0|1|a|beta|rc|x|ga|sp|final)){0,4}$/);
  const versions = [...fc.sample(VERSIONS['Maven']!, 1500), ...fc.sample(wild, 1500)];
  const main = 'org.apache.maven.artifact.versioning.ComparableVersion';
  const told = spawnSync('java', ['-Xshare:auto', '-XX:TieredStopAtLevel=1', '-cp', MAVEN, main, ...versions], {
    encoding: 'utf8',
    maxBuffer: 16 * 1024 * 1024,
  });
  const signs = [...told.stdout.matchAll(/^ {3}\S+ ([<=>]+) \S+$/gm)].map((match) => match[1]!.slice(0, 1));
  const pairs = versions.slice(1).map((version, at): [string, string] => [versions[at]!, version]);
  agree('Maven', pairs, signs);
});

test('oracle: npm agrees with node-semver', (t: TestContext) => {
  let compare: (a: string, b: string) => number;
  try {
    ({ compare } = createRequire(import.meta.url)('semver') as { compare: typeof compare });
  } catch {
    return t.skip('there is no node-semver here');
  }
  const pairs = fc.sample(fc.tuple(VERSIONS['Go']!, VERSIONS['Go']!), 3000);
  agree(
    'npm',
    pairs,
    pairs.map(([a, b]) => SIGNS[compare(a, b) + 1]!),
  );
});

test('every ecosystem of the registry has an order, and others have none', () => {
  for (const name of Object.keys(VERSION_SCHEMES)) {
    assert.deepEqual([sign(name, '1', '2'), sign(name, '2', '1'), sign(name, '1', '1')], ['<', '>', '='], name);
  }
  assert.deepEqual(Object.keys(VERSION_SCHEMES), Object.keys(VERSION_SCHEMES).toSorted());
  assert.equal(versionOrder('Debian:12'), versionOrder('Debian'));
  assert.equal(versionOrder('constructor'), null);
});
