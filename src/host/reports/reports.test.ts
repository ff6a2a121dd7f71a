import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { Facts } from '../../model/facts.ts';
import { data, put, tree } from '../facts/testing.ts';
import { readLynis } from './lynis.ts';
import { sharedScap } from './testing.ts';
import { readXccdf } from './xccdf.ts';

const counts = (all: readonly { result: string }[]): Record<string, number> =>
  Object.fromEntries([...Map.groupBy(all, ({ result }) => result)].map(([result, same]) => [result, same.length]));

test('results of oscap, plain and as ARF, are read rule by rule, with titles and severities', async (t) => {
  const [plain, arf] = [
    sharedScap(t, 'xccdf-results-cis_level1_server.xml.xz'),
    sharedScap(t, 'arf-anssi_bp28_minimal.xml.xz'),
  ];
  if (plain === null || arf === null) return;
  const cis = await readXccdf(plain);
  assert.deepEqual(counts(cis.rules), { pass: 128, fail: 15, 'not-applicable': 258, unknown: 2 });
  assert.deepEqual(cis.about, {
    content: 'DEBIAN-12 0.1.83',
    profile: 'cis_level1_server',
    endedAt: '2026-11-23T04:53:12.000Z',
    fits: true,
  });
  // A second reader: the lines of the file itself.
  const failed = [
    ...plain.matchAll(
      /idref="xccdf_org\.ssgproject\.content_rule_([\w-]+)"[^>]*severity="(\w+)"[^>]*>\s*<result>fail/g,
    ),
  ];
  assert.deepEqual(
    cis.rules.filter(({ result }) => result === 'fail').map(({ rule, severity }) => [rule, severity]),
    failed.map(([, rule, severity]) => [rule, severity === 'unknown' ? 'info' : severity]),
  );
  for (const { rule, title } of cis.rules) assert.notEqual(title, rule);
  assert.deepEqual(counts((await readXccdf(arf)).rules), { pass: 16, fail: 15, 'not-applicable': 3, unknown: 1 });
});

test('trap 13: content that fits no rule to the system says so', async () => {
  const result = (text: string): string =>
    `<Benchmark><Rule id="r"><title>T &amp; t</title></Rule><TestResult end-time="2026-11-23T04:53:12+00:00" version="1"><rule-result idref="r" severity="high"><result>${text}</result></rule-result></TestResult></Benchmark>`;
  const [none, one] = [await readXccdf(result('notapplicable')), await readXccdf(result('pass'))];
  assert.deepEqual([none.about.fits, one.about.fits], [false, true]);
  assert.equal(one.rules[0]!.title, 'T & t');
});

test('hostile XML: entities, document types, depth, what is cut off: an error in words, and at once', async () => {
  const lol = `<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "${'&a;'.repeat(100)}">]><x>&b;</x>`;
  await assert.rejects(readXccdf(lol), /document type/);
  await assert.rejects(readXccdf('<!DOCTYPE x SYSTEM "file:///etc/shadow"><x/>'), /document type/);
  await assert.rejects(readXccdf('<x>&secret;</x>'), /no XML/);
  await assert.rejects(readXccdf('<x>'.repeat(100_000)), /nested too deep/);
  await assert.rejects(readXccdf('<Benchmark><TestResult end-time="2026-11-23T04:53:12Z">'), /cut off/);
  await assert.rejects(readXccdf('<Benchmark><TestResult/></Benchmark>'), /broken off/);
  await assert.rejects(readXccdf('<Benchmark/>'), /no results/);
  await fc.assert(
    fc.asyncProperty(
      fc.string({ unit: fc.constantFrom(...'<>/&;"= ![]CDATA', 'TestResult', 'rule-result', 'Rule', 'title') }),
      async (text) => {
        await readXccdf(text).catch((error: unknown) => assert.ok((error as Error).message.length > 5));
      },
    ),
  );
});

test('hostile XML: words that JavaScript knows, and results of no rule, are none', async () => {
  const rule = (result: string): string =>
    `<rule-result idref="r" severity="constructor"><result>${result}</result></rule-result>`;
  const whole = (...inner: string[]): string =>
    `<Benchmark><TestResult end-time="2026-01-01T00:00:00Z">${inner.join('')}</TestResult></Benchmark>`;
  const { rules } = await readXccdf(whole(rule('constructor'), rule('fail'), `<x>${rule('pass')}</x>`));
  assert.deepEqual(rules, [{ rule: 'r', title: 'r', severity: 'info', result: 'fail' }]);
  await assert.rejects(readXccdf(`<Benchmark>${rule('pass')}</Benchmark>`), /no results of an evaluation/);
});

test('the report of Lynis: warnings, suggestions, what passed and what was skipped', (t) => {
  const text = sharedScap(t, 'lynis-report.dat');
  if (text === null) return;
  const { about, rules } = readLynis(text);
  assert.deepEqual(about, { content: 'Lynis 3.0.8', profile: null, endedAt: '2026-11-23T04:52:06.000Z', fits: true });
  const of = (rule: string): unknown => rules.find((one) => one.rule === rule);
  assert.deepEqual(of('PKGS-7392'), {
    rule: 'PKGS-7392',
    title: 'Found one or more vulnerable packages.',
    severity: 'medium',
    result: 'fail',
  });
  const ids = new Set([...text.matchAll(/^(?:warning|suggestion)\[\]=([A-Z]{3,4}-\d{4})\|/gm)].map(([, id]) => id));
  assert.deepEqual(new Set(rules.filter(({ result }) => result === 'fail').map(({ rule }) => rule)), ids);
  assert.equal(new Set(rules.map(({ rule }) => rule)).size, rules.length);
  assert.throws(() => readLynis(text.replace(/^finish=true$/m, '')), /did not come to its end/);
  assert.throws(() => readLynis('#!/bin/sh'), /no report of Lynis/);
});

test('the section: files of root alone count, the newest for each rule, and what is not taken says why', async (t) => {
  if (process.getuid!() !== 0) return t.skip('files of root can be made by root alone');
  const results = (result: string, at: string): string =>
    `<b><TestResult end-time="${at}" version="1"><rule-result idref="r" severity="low"><result>${result}</result></rule-result></TestResult></b>`;
  const root = tree();
  assert.deepEqual(await data(root, 'reports'), { reports: [], rules: [], unread: [] });
  put(root, '/var/log/openscap/new.xml', results('pass', '2026-11-20T00:00:00Z'));
  put(root, '/var/log/openscap/old.xml', results('fail', '2026-11-19T00:00:00Z'));
  put(root, '/var/log/openscap/cut.xml', results('fail', '2026-11-21T00:00:00Z').slice(0, 60));
  put(root, '/var/log/openscap/forged.xml', results('pass', '2026-11-22T00:00:00Z'));
  fs.chmodSync(join(root, '/var/log/openscap/forged.xml'), 0o666);
  put(root, '/var/log/lynis-report.dat', 'lynis_version=3\n');
  fs.chownSync(join(root, '/var/log/lynis-report.dat'), 33, 33);
  const facts = Facts.shape.reports.parse(await data(root, 'reports'));
  assert.deepEqual(
    facts.rules.map(({ rule, result, path }) => [rule, result, path]),
    [['r', 'pass', '/var/log/openscap/new.xml']],
  );
  assert.equal(facts.reports.length, 2);
  const why = Object.fromEntries(facts.unread.map((one) => [one.path.replace(/.*\//, ''), one.why]));
  assert.match(why['cut.xml']!, /cut off/);
  assert.match(why['forged.xml']!, /others than root may write it/);
  assert.match(why['lynis-report.dat']!, /not root’s/);
});

test('3.21: results that do not fit the system hide none that do, and of a profile only the newest count', async (t) => {
  if (process.getuid!() !== 0) return t.skip('files of root can be made by root alone');
  const results = (profile: string, day: number, rules: Record<string, string>, version = '1'): string => {
    const told = Object.entries(rules).map(
      ([id, result]) => `<rule-result idref="${id}" severity="low"><result>${result}</result></rule-result>`,
    );
    const end = `2026-11-${day}T00:00:00Z`;
    return `<TestResult end-time="${end}" version="${version}"><benchmark id="D"/><profile idref="${profile}"/>${told.join('')}</TestResult>`;
  };
  const root = tree();
  const rules = async (): Promise<string[]> =>
    Facts.shape.reports
      .parse(await data(root, 'reports'))
      .rules.map(({ rule, result, path }) => `${rule} ${result} ${path.replace(/.*\//, '')}`);
  const file = (name: string, ...tests: string[]): void =>
    put(root, `/var/log/openscap/${name}.xml`, `<b>${tests.join('')}</b>`);
  file('alien', results('cis', 25, { a: 'notapplicable', b: 'notapplicable' }));
  assert.deepEqual(await rules(), [], 'it says nothing');
  file('old', results('cis', 20, { a: 'fail', gone: 'fail' }));
  file('new', results('cis', 21, { a: 'pass', b: 'fail' }, '2'));
  file('other', results('stig', 19, { a: 'fail', c: 'fail' }));
  assert.deepEqual(await rules(), ['a pass new.xml', 'b fail new.xml', 'c fail other.xml']);
  file('new', results('cis', 21, { a: 'pass', b: 'fail' }), results('cis', 24, { b: 'notapplicable' }));
  assert.deepEqual(await rules(), ['a pass new.xml', 'b fail new.xml', 'c fail other.xml'], 'nor within a file');
});

test('oracle: what oscap itself says of an evaluation is what is read of its results', async (t) => {
  const content = '/usr/share/xml/scap/ssg/content/ssg-debian11-ds.xml';
  if (spawnSync('oscap', ['--version']).status !== 0 || !fs.existsSync(content))
    return t.skip('oscap and ssg-debian are not on this machine');
  const root = tree({ '/var/log/openscap/.keep': '' });
  const file = join(root, '/var/log/openscap/results.xml');
  const profile = 'xccdf_org.ssgproject.content_profile_anssi_np_nt28_minimal';
  const run = spawnSync('oscap', ['xccdf', 'eval', '--profile', profile, '--results', file, content], {
    encoding: 'utf8',
    maxBuffer: 32 * 1024 * 1024,
    timeout: 120_000,
  });
  assert.ok(run.status === 0 || run.status === 2, run.stderr);
  const said = [...run.stdout.matchAll(/^Rule\s+(\S+)[\s\S]*?^Result\s+(\S+)/gm)];
  assert.ok(said.length > 10, run.stdout.slice(0, 500));
  const { rules, about } = await readXccdf(fs.readFileSync(file, 'utf8'));
  const words: Record<string, string> = {
    notapplicable: 'not-applicable',
    notchecked: 'unknown',
    error: 'unknown',
    fixed: 'pass',
  };
  assert.deepEqual(
    rules.map(({ rule, result }) => `${rule} ${result}`).toSorted(),
    said.map(([, id, result]) => `${id!.replace(/^.*_rule_/, '')} ${words[result!] ?? result}`).toSorted(),
  );
  assert.equal(
    about.fits,
    rules.some(({ result }) => result !== 'not-applicable'),
  );
});
