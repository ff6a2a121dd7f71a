import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { own, statement } from '../../feeds/testing.ts';
import type { Statement } from '../../../../model/statement.ts';
import { versionOrder } from '../../versions/registry.ts';
import { isErratum } from './errata.ts';
import { type Match, matchPackage } from './match.ts';
import { WITH_PRO, whyNotOffered } from './offered.ts';

const about = (id: string, fixed: string | null, aliases: string[] = [], rest: Partial<Statement> = {}): Statement =>
  statement(fixed, { ecosystem: 'Ubuntu', release: '22.04', id, aliases, ...rest });

function judged(statements: readonly Statement[], version: string): Match[] {
  const x = { ecosystem: 'Ubuntu', release: '22.04', name: 'x', version, source: 'x', sourceVersion: version };
  return matchPackage(own(statements), x, versionOrder);
}
const lines = (matches: readonly Match[]): string[] =>
  matches.map(({ id, verdict, fix }) => `${id} ${verdict} ${fix}`).toSorted();

const [ONE, TWO] = ['CVE-2026-0001', 'CVE-2026-0002'] as const;

test('3.1: an advisory whose CVEs are all judged by themselves is no further vulnerability', () => {
  const usn = about('USN-1-1', '2', [ONE, TWO]);
  assert.deepEqual(lines(judged([usn, about(ONE, '2'), about(TWO, '1')], '1')), [
    `${ONE} affected 2`,
    `${TWO} fixed null`,
    'USN-1-1 bundled 2',
  ]);
  // One that nothing else tells of, one that names none, and one that burns although nothing that it names does.
  assert.deepEqual(lines(judged([usn, about(ONE, '2')], '1')), [`${ONE} affected 2`, 'USN-1-1 affected 2']);
  assert.deepEqual(lines(judged([about('DSA-1-1', '2'), about(ONE, '2')], '1')), [
    `${ONE} affected 2`,
    'DSA-1-1 affected 2',
  ]);
  assert.deepEqual(lines(judged([about('DSA-1-2', '3', [ONE]), about(ONE, '2')], '2')), [
    `${ONE} fixed null`,
    'DSA-1-2 affected 3',
  ]);
  // What is no distribution's advisory is a hole of its own.
  assert.deepEqual(lines(judged([about('GHSA-aaaa-bbbb-cccc', '2', [ONE]), about(ONE, '2')], '1')), [
    `${ONE} affected 2`,
    'GHSA-aaaa-bbbb-cccc affected 2',
  ]);
});

test('3.1, trap 3: a fix that only the advisory knows goes to the CVEs that it names', () => {
  const [cve, ...others] = judged(
    [about(ONE, null), about('DSA-1-1', '2', [ONE]), about('DSA-1-2', '3', [ONE])],
    '1',
  ).filter(({ verdict }) => verdict === 'affected');
  assert.equal(others.length, 0);
  assert.equal(cve!.fix, '3');
  assert.equal(cve!.why, 'no fix is published; DSA-1-2 says 3');
});

test('3.1: a number of which nobody can tell is told of by the advisory, which stands for itself', () => {
  const unassessed = about(TWO, null, [], { status: 'unassessed' });
  assert.deepEqual(lines(judged([about('DSA-1-1', '2', [ONE, TWO]), about(ONE, '2'), unassessed], '1')), [
    `${ONE} affected 2`,
    `${TWO} unknown null`,
    'DSA-1-1 affected 2',
  ]);
});

test('3.2: a fix that an advisory brings with Ubuntu Pro is told so under its CVEs, too', () => {
  const usn = about('USN-1-1', '2', [ONE], { reason: WITH_PRO });
  const cve = judged([about(ONE, null), usn], '1').find(({ id }) => id === ONE)!;
  const installed = { ecosystem: 'Ubuntu', name: 'x', version: '1', source: 'x', sourceVersion: '1' };
  const plain = { candidate: undefined, archives: ['Ubuntu jammy main'], listsAgeDays: 0 };
  assert.equal(cve.fix, '2');
  assert.match(whyNotOffered({ ...installed, ...cve }, plain, versionOrder) ?? '', /comes with Ubuntu Pro/);
});

const CVES = [1, 2, 3, 4, 5].map((at) => `CVE-2026-000${at}`);
const fixed = fc.option(fc.constantFrom('1', '2', '3', '4'), { nil: null });
const rest = fc.constantFrom<Partial<Statement>>(
  {},
  {},
  {},
  { status: 'not-affected', ranges: [] },
  { status: 'unassessed' },
);
const world = fc.record({
  version: fc.constantFrom('0.5', '1', '2.5', '3'),
  cves: fc.uniqueArray(
    fc.record({ id: fc.constantFrom(...CVES), fixed, rest }).map((one) => about(one.id, one.fixed, [], one.rest)),
    { selector: ({ id }) => id },
  ),
  errata: fc.uniqueArray(
    fc
      .record({
        id: fc.constantFrom('USN-1-1', 'DSA-1-1', 'RHSA-2026:1', 'ALSA-2026:1'),
        fixed,
        names: fc.subarray(CVES),
      })
      .map((one) => about(one.id, one.fixed, one.names)),
    { selector: ({ id }) => id },
  ),
});

test('3.1, property: against counting both nothing is missed, and nothing that is one hole is counted twice', () => {
  let bundles = 0;
  fc.assert(
    fc.property(world, ({ version, cves, errata }) => {
      const all = [...cves, ...errata];
      // Each by itself, as if nothing else were said: both are counted.
      const both = new Map(all.flatMap((one) => judged([one], version)).map((one) => [one.id, one]));
      const once = new Map(judged(all, version).map((one) => [one.id, one]));
      assert.deepEqual([...once.keys()].toSorted(), [...both.keys()].toSorted());
      const burns = (told: ReadonlyMap<string, Match>): Match[] =>
        [...told.values()].filter(({ verdict }) => verdict === 'affected');
      const holes = (match: Match): string[] => (isErratum(match.id) ? match.statement.aliases : [match.id]);
      assert.equal(burns(once).length > 0, burns(both).length > 0, 'a package that burns goes on burning');
      for (const match of burns(both)) {
        const now = once.get(match.id)!;
        if (now.verdict === 'affected') assert.ok(match.fix === null || now.fix === match.fix);
        else {
          bundles += 1;
          assert.equal(now.verdict, 'bundled');
          // Each number that it names has a verdict of its own, as it had before.
          for (const id of holes(match)) {
            assert.equal(once.get(id)?.verdict, both.get(id)!.verdict);
            assert.notEqual(once.get(id)!.verdict, 'unknown');
          }
          assert.ok(holes(match).some((id) => once.get(id)!.verdict === 'affected'));
        }
      }
      for (const [id, { verdict }] of once)
        if (verdict !== 'bundled') assert.equal(verdict, both.get(id)!.verdict, 'nothing else is judged otherwise');
      for (const match of burns(once).filter(({ id }) => isErratum(id)))
        assert.ok(
          !holes(match).every((id) => once.has(id) && once.get(id)!.verdict !== 'unknown') ||
            !holes(match).some((id) => once.get(id)!.verdict === 'affected'),
          `${match.id} is told twice`,
        );
      assert.deepEqual(lines(judged(all.toReversed(), version)), lines([...once.values()]), 'in any order');
    }),
    { numRuns: 2000 },
  );
  assert.ok(bundles > 50, `${bundles}`);
});
