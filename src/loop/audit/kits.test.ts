import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { parse } from 'yaml';
import * as z from 'zod';
import { isAppError } from '../../model/errors/index.ts';
import { Endpoint } from '../../model/estate.ts';
import { Facts, SECTION_NAMES } from '../../model/facts.ts';
import { Verdict } from '../../model/finding.ts';
import { KITS_DIR, loadKits, parseKit } from './kits.ts';
import { evidenceOf } from './testing/evidence.ts';
import { judge } from './logic/judge/judge.ts';
import { KnownName } from './logic/served-names.ts';
import { sectionsOf } from './logic/kit/compile.ts';

const Case = z
  .object({
    /** `none`: the check finds nothing to judge */
    expect: z.union([Verdict, z.literal('none')]),
    component: z.string().optional(),
    /** that it is about has a finding which is open */
    open: z.string().optional(),
    /** taken out of the base before the rest is put in */
    without: z.string().optional(),
    facts: z.unknown().optional(),
    endpoint: z.unknown().optional(),
    /** by which the host is known */
    names: z.array(KnownName).optional(),
  })
  .strict();
type Case = z.infer<typeof Case>;
const NOW = '2025-03-01T12:00:00.000Z';

function merge(base: unknown, change: unknown): unknown {
  const plain = (value: unknown): value is Record<string, unknown> =>
    typeof value === 'object' && value !== null && !Array.isArray(value);
  if (change === undefined) return base;
  if (!plain(base) || !plain(change)) return change;
  const keys = new Set([...Object.keys(base), ...Object.keys(change)]);
  return Object.fromEntries([...keys].map((key) => [key, key in change ? merge(base[key], change[key]) : base[key]]));
}

function without(base: unknown, path: string | undefined): unknown {
  const copy = structuredClone(base) as Record<string, unknown>;
  const keys = path?.split('.') ?? [];
  // Names of kernel parameters have dots in them; no fixture takes one of those out by itself.
  let at = copy;
  for (const key of keys.slice(0, -1)) at = at[key] as Record<string, unknown>;
  if (keys.length > 0) delete at[keys.at(-1)!];
  return copy;
}

function evidenceFor(base: unknown, one: Case) {
  const whole = merge(without(base, one.without), { facts: one.facts, endpoint: one.endpoint }) as Record<
    string,
    unknown
  >;
  const facts = Facts.partial().parse(whole['facts'] ?? {}) as Partial<Facts>;
  const endpoints = whole['endpoint'] ? [Endpoint.parse(whole['endpoint'])] : [];
  return evidenceOf({
    facts,
    endpoints,
    now: NOW,
    addresses: endpoints.map((endpoint) => endpoint.address),
    names: one.names ?? [],
  });
}

for (const kit of loadKits(KITS_DIR)) {
  const folder = join(KITS_DIR, kit.kit.kit, 'fixtures');
  for (const { check } of kit.checks) {
    test(`kit ${kit.kit.kit}: ${check.id} judges its fixtures`, () => {
      const base = parse(readFileSync(join(folder, 'base.yaml'), 'utf8')) as unknown;
      const { cases } = z
        .object({ cases: z.array(Case) })
        .parse(parse(readFileSync(join(folder, `${check.id}.yaml`), 'utf8')));
      const seen = new Set(cases.map((one) => one.expect));
      assert.ok(seen.has('pass') && seen.has('fail'), 'a check has a case that passes and one that fails');
      assert.ok(seen.has('not-applicable') || seen.has('none'), 'a check has a case that it does not apply to');
      for (const [index, one] of cases.entries()) {
        const found = judge(kit, evidenceFor(base, one), () => new Set(one.open === undefined ? [] : [one.open]))
          .filter((each) => each.check.id === check.id)
          .filter((each) => one.component === undefined || each.component === one.component);
        const verdicts = found.map((each) => each.verdict);
        const told = `case ${index} of ${check.id}: ${JSON.stringify(found.map(({ component, verdict, pending }) => ({ component, verdict, pending })))}`;
        if (one.expect === 'none') assert.deepEqual(verdicts, [], told);
        else if (one.expect === 'fail') assert.ok(verdicts.includes('fail'), told);
        else assert.ok(verdicts.length > 0 && verdicts.every((verdict) => verdict === one.expect), told);
      }
    });
  }

  test(`kit ${kit.kit.kit}: every fixture is of a check, every check says why and names its sources`, () => {
    const ids = kit.checks.map(({ check }) => check.id);
    const files = readdirSync(folder).map((name) => name.replace(/\.yaml$/, ''));
    assert.deepEqual(files.toSorted(), [...ids, 'base'].toSorted());
    for (const { check } of kit.checks) {
      const sources = check.references.length + Object.keys(check.controls).length;
      assert.ok(check.why.length > 30 && sources > 0, check.id);
    }
  });

  test(`kit ${kit.kit.kit}: on a host of another kind, no check passes or fails`, () => {
    const other = evidenceOf({ facts: {}, endpoints: [], now: NOW, addresses: [] });
    for (const one of judge(kit, other, () => new Set(['x']))) assert.equal(one.verdict, 'unknown', one.check.id);
    assert.ok(SECTION_NAMES.length > 0);
  });
}

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
