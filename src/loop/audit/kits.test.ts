import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { isAppError } from '../../model/errors/index.ts';
import { SECTION_NAMES } from '../../model/facts.ts';
import { testKit } from './kit-tools/fixtures.ts';
import { readKit } from './kit-tools/folder.ts';
import { KITS_DIR, loadKits, parseKit } from './kit-tools/parse.ts';
import { evidenceOf } from './kit-tools/evidence.ts';
import { controlsOf } from './logic/controls.ts';
import { judge } from './logic/judge/judge.ts';
import { sectionsOf } from './logic/kit/compile.ts';

for (const kit of loadKits(KITS_DIR)) {
  test(`kit ${kit.kit.kit}: every check judges its fixtures, of each outcome one`, async () => {
    const tested = testKit(kit, await readKit(join(KITS_DIR, kit.kit.kit)));
    assert.deepEqual(
      tested.filter(({ problems }) => problems.length > 0),
      [],
    );
  });

  test(`kit ${kit.kit.kit}: every check says why and names its sources, and what no step can do is said`, () => {
    const fixed = new Set(kit.kit.remediate.flatMap((one) => one.fixes));
    for (const { check } of kit.checks) {
      const sources = check.references.length + Object.keys(check.controls).length;
      assert.ok(check.why.length > 30 && sources > 0, check.id);
      // 3.12: what no step puts right says what a person does, in the kits that speak of settings.
      if (kit.kit.kit === 'linux-baseline' || check.kind === 'package')
        assert.ok(fixed.has(check.id) || check.byHand !== undefined, check.id);
    }
  });

  test(`kit ${kit.kit.kit}: on a host of another kind, no check passes or fails`, () => {
    const other = evidenceOf({ facts: {}, endpoints: [], now: '2025-03-01T12:00:00.000Z', addresses: [] });
    for (const one of judge(kit, other, () => new Set(['x']))) assert.equal(one.verdict, 'unknown', one.check.id);
    assert.ok(SECTION_NAMES.length > 0);
  });
}

test('the baseline has over a hundred checks, each serving a control', () => {
  const baseline = loadKits(KITS_DIR).find(({ kit }) => kit.kit === 'linux-baseline')!.kit;
  assert.ok(baseline.checks.length >= 100, String(baseline.checks.length));
  for (const { id, controls } of baseline.checks) assert.ok(Object.keys(controls).length > 0, id);
  const served = controlsOf([baseline]);
  const cis = served.filter(({ framework }) => framework === 'cis-debian-12').map(({ id }) => id);
  assert.deepEqual([cis[0], cis.at(-1)], ['1.1.1.1', '7.2.9']);
  assert.ok(cis.indexOf('5.1.9') < cis.indexOf('5.1.10'), 'in the order of the catalogue');
});

test('what kits look at is known beforehand, so that no judgement reads the rest', () => {
  const named = sectionsOf(loadKits(KITS_DIR));
  assert.ok(named.has('os') && named.has('settings'), [...named].join(', '));
  for (const heavy of ['hardware', 'neighbours']) assert.ok(!named.has(heavy), heavy);
});

const CHECK = `checks:
  - kind: host
    id: aslr
    title: t
    severity: low
    why: w
    expect: facts.settings.sysctl['a'] == '1'
`;
const HEAD = `kit: x
version: 1.0.0
title: t
summary: s
`;
const TAIL = `texts: { risk: r }
`;

function refusal(text: string): { line: number; column: number; message: string } {
  try {
    parseKit(text, 'x/kit.yaml');
  } catch (error) {
    assert.ok(isAppError(error, 'KIT_INVALID'), String(error));
    return { line: Number(error.params['line']), column: Number(error.params['column']), message: error.message };
  }
  return assert.fail('the kit was taken');
}

test('a kit that is whole is taken, and its digest does not depend on how it is laid out', () => {
  const one = parseKit(HEAD + CHECK + TAIL, 'a');
  const other = parseKit(`# comment\n${TAIL}${CHECK}${HEAD}`, 'b');
  assert.equal(one.digest, other.digest);
  assert.notEqual(one.digest, parseKit((HEAD + CHECK + TAIL).replace("'1'", "'2'"), 'c').digest);
});

test('what is wrong in a kit is told with file, line and column', () => {
  const remediate = (step: string): string =>
    `${HEAD}${CHECK}remediate:\n  - id: r\n    fixes: [aslr]\n    steps:\n      - ${step}\n${TAIL}`;
  const cases: [text: string, line: number, why: RegExp][] = [
    [`${HEAD}${CHECK}${TAIL}surprise: 1\n`, 13, /surprise/],
    [(HEAD + CHECK + TAIL).replace('severity: low', 'severity: awful'), 9, /severity/],
    [
      (HEAD + CHECK + TAIL).replace('facts.settings.sysctl', 'facts.setings.sysctl'),
      11,
      /no field `setings`; there is os, packages/,
    ],
    [
      (HEAD + CHECK + TAIL).replace('facts.settings.sysctl', 'facts.settings.kernel'),
      11,
      /`facts\.settings` has no field `kernel`/,
    ],
    [(HEAD + CHECK + TAIL).replace("facts.settings.sysctl['a']", 'fact.settings'), 11, /there is no `fact` here/],
    [
      (HEAD + CHECK + TAIL).replace("facts.settings.sysctl['a']", 'frobnicate(facts.os.id)'),
      11,
      /no function `frobnicate`/,
    ],
    [(HEAD + CHECK + TAIL).replace("== '1'", "== '1' )"), 11, /no CEL/],
    [
      (HEAD + CHECK + TAIL).replace(
        "facts.settings.sysctl['a'] == '1'",
        'facts.files.filter(f, f.moode != null).size() == 0',
      ),
      11,
      /has no field `moode`/,
    ],
    [
      (HEAD + CHECK + TAIL).replace(
        "facts.settings.sysctl['a'] == '1'",
        'facts.files.all(a, facts.files.all(b, facts.files.all(c, a.path == c.path)))',
      ),
      11,
      /more than 2 loops/,
    ],
    [remediate('{ kind: format-disk, path: / }'), 16, /kind/],
    [remediate("{ kind: sysctl, key: a, value: '1', force: true }"), 16, /no argument `force`; it has key, value/],
    [remediate('{ kind: sysctl, key: a }'), 16, /lacks `value`/],
    [remediate('{ kind: service, name: x, action: explode }'), 16, /action/],
    [
      remediate("{ kind: service, name: '${service.nam}', action: restart }"),
      16,
      /no \$\{service\.nam\}; there is service\.name/,
    ],
    [remediate("{ kind: service, name: '${service.name', action: restart }"), 16, /without an end/],
    [remediate('{ kind: service, name: x, action: restart, if: servic.name != null }'), 16, /no `servic` here/],
    [
      remediate("{ kind: sysctl, key: a, value: '1' }").replace('fixes: [aslr]', 'fixes: [aslr, other]'),
      14,
      /no check other/,
    ],
    [`${HEAD}${CHECK}${CHECK.split('\n').slice(1).join('\n')}${TAIL}`, 13, /two checks called aslr/],
    [`${HEAD}title: again\n${CHECK}${TAIL}`, 5, /unique/i],
    [`${HEAD}${CHECK}  - [\n${TAIL}`, 13, /./],
    ['[]', 1, /expected object/],
    ['', 1, /expected object/],
  ];
  for (const [text, line, why] of cases) {
    const told = refusal(text);
    assert.match(told.message, why);
    assert.match(told.message, new RegExp(String.raw`x/kit\.yaml:${told.line}:${told.column} `));
    assert.equal(told.line, line, told.message);
    assert.ok(told.column >= 1);
  }
});

test('a wrong name within an expression is told where it stands, however the expression is laid out', () => {
  const at = (yaml: string): string[] => {
    const text = (HEAD + CHECK + TAIL).replace("facts.settings.sysctl['a'] == '1'", yaml);
    const { line, column } = refusal(text);
    return [text.split('\n')[line - 1]!.slice(column - 1), `${line}`];
  };
  for (const [yaml, line] of [
    ['facts.os.id == facts.setings.x', '11'],
    ["'facts.os.id == ''debian'' && facts.setings.x'", '11'],
    ['"facts.os.id == \\"debian\\" && facts.setings.x"', '11'],
    [">-\n      facts.os.id == 'debian'\n      && facts.os.arch == 'x'\n      && facts.setings.x", '14'],
  ] as const) {
    const [rest, found] = at(yaml);
    assert.match(rest!, /^(facts)?\.setings/, yaml);
    assert.equal(found, line, yaml);
  }
});

test('YAML bombs, endless nesting and endless files are refused before anything is built from them', () => {
  const bomb = ['a: &a ["x","x","x","x","x","x","x","x","x"]'];
  for (let i = 1; i < 10; i += 1) {
    const [name, before] = [String.fromCharCode(97 + i), String.fromCharCode(96 + i)];
    bomb.push(`${name}: &${name} [${Array.from({ length: 9 }, () => `*${before}`).join(',')}]`);
  }
  const began = performance.now();
  assert.match(refusal(bomb.join('\n')).message, /aliases/);
  assert.match(refusal(`${HEAD}${CHECK}${TAIL}x: ${'['.repeat(60)}${']'.repeat(60)}`).message, /nested too deeply/);
  assert.match(refusal(`${HEAD}# ${'x'.repeat(300_000)}`).message, /at most/);
  assert.ok(performance.now() - began < 2000);
});

test('two kits of one name stop the start, each named', () => {
  const directory = mkdtempSync(join(tmpdir(), 'lastember-kits-'));
  after(() => rmSync(directory, { recursive: true, force: true }));
  for (const name of ['one', 'two']) {
    mkdirSync(join(directory, name));
    writeFileSync(join(directory, name, 'kit.yaml'), HEAD + CHECK + TAIL);
  }
  assert.throws(() => loadKits(directory), { code: 'KIT_DUPLICATE', message: /one\/kit\.yaml/ });
  assert.ok(existsSync(KITS_DIR));
});
