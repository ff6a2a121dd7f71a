import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Statement } from '../../../../model/statement.ts';
import { own, statement } from '../../feeds/testing.ts';
import { versionOrder } from '../../versions/registry.ts';
import { type Installed, type Match, matchPackage } from './match.ts';

const CVE = 'CVE-2026-1';

const said = (release: string, fixed: string | null, rest: Partial<Statement> = {}): Statement =>
  statement(fixed, { ecosystem: 'Red Hat', release, name: 'openssl', id: CVE, ...rest });

const rpm = (release: string, version: string, ecosystem = 'Red Hat'): Installed => ({
  ecosystem,
  release,
  name: 'openssl-libs',
  version,
  source: 'openssl',
  sourceVersion: version,
});

const judged = (statements: readonly Statement[], installed: Installed): Match[] =>
  matchPackage(own(statements), installed, versionOrder);

const told = (statements: readonly Statement[], release: string, version: string): string =>
  judged(statements, rpm(release, version))
    .map(({ verdict, why, fix }) => `${verdict}${fix === null ? '' : ` → ${fix}`}: ${why}`)
    .join('; ');

const [V, F] = ['1:3.0.7-16.el9_2.9', '1:3.0.7-27.el9_4.2'];

test('3.2: a host with extended support is judged by its stream’s fix, and others by the main stream’s', () => {
  const both = [said('9', F), said('9.2-eus', V)];
  assert.equal(told(both, '9.2-eus', V), `fixed: fixed in ${V}`);
  assert.equal(told(both, '9.2-eus', '1:3.0.7-16.el9_2.8'), `affected → ${V}: fixed in ${V}`);
  assert.equal(told(both, '9', '1:3.0.7-25.el9_3.1'), `affected → ${F}: fixed in ${F}`);
  // What streams of a minor release began as holds for those that go on with it.
  assert.equal(told(both, '9.2-e4s', '1:3.0.7-16.el9_2.8'), `affected → ${V}: fixed in ${V}`);
  // Fixed once more for who stays longer.
  const later = '1:3.0.7-16.el9_2.12';
  assert.match(told([...both, said('9.2-e4s', later)], '9.2-e4s', V), /^affected → 1:3\.0\.7-16\.el9_2\.12: fixed in/);
  assert.equal(told([...both, said('9.2-e4s', later)], '9.2-eus', V), `fixed: fixed in ${V}`);
  assert.equal(
    told([said('9', F), said('9.2-e4s', later)], '9.2-eus', V),
    `affected → ${later}: fixed in ${later} (for 9.2 E4S; nothing is said of a fix in 9.2 EUS)`,
  );
});

test('3.2: where nothing is said of a stream, the main stream’s word is told for what it is', () => {
  const main = [said('9', F)];
  assert.equal(
    told(main, '9.2-eus', '1:3.0.7-16.el9_2.9'),
    `affected → ${F}: fixed in ${F} (of the main stream: nothing is said of a fix in 9.2 EUS)`,
  );
  // Fixed before, or while that minor release was the newest: its streams began with it.
  for (const early of ['1:3.0.7-16.el9_2.1', '1:3.0.1-47.el9_1.3'])
    assert.equal(told([said('9', early)], '9.2-eus', '1:3.0.1-43.el9_0'), `affected → ${early}: fixed in ${early}`);
  assert.equal(told([said('9', null)], '9.2-eus', V), 'affected: no fix is published');
  const none = said('9', null, { status: 'not-affected', ranges: [], reason: 'vulnerable code not present' });
  assert.equal(told([none], '9.2-eus', V), 'not-affected: vulnerable code not present');
  const open = said('9', null, { status: 'unassessed', ranges: [] });
  assert.match(told([open], '9.2-eus', V), /^unknown/);
  // The last minor release of a major has no later one.
  const last = '1:1.0.2k-26.el7_9';
  assert.equal(told([said('7', last)], '7-els', '1:1.0.2k-25.el7_9'), `affected → ${last}: fixed in ${last}`);
  const out = said('7', null, { status: 'end-of-life', reason: 'Out of support scope' });
  assert.match(told([out, said('7-els', last)], '7-els', last), /^fixed/);
  assert.match(told([out, said('7-els', last)], '7', '1:1.0.2k-25.el7_9'), /^affected: the distribution no longer/);
});

test('3.2: a package that was built for a stream has its fix, wherever it is; one that is newer than the stream is none of it', () => {
  const both = [said('9', F), said('9.2-eus', V)];
  // Nobody knows of extended support there: a mirror of its own, or an agent of before.
  assert.equal(told(both, '9', V), `fixed: fixed in ${V}, for 9.2 EUS`);
  assert.equal(told(both, '9', '1:3.0.7-16.el9_2.8'), `affected → ${F}: fixed in ${F}`);
  assert.equal(
    told(both, '9', '1:3.0.7-17.el9'),
    `affected → ${F}: fixed in ${F}`,
    'it does not say what it was built for',
  );
  assert.equal(told(both, '9', '1:3.0.7-18.el9_3'), `affected → ${F}: fixed in ${F}`);
  // Held at the next one, and not updated yet.
  const next = [...both, said('9.4-eus', '1:3.0.7-27.el9_4.5')];
  assert.match(told(next, '9.4-eus', V), /^fixed: fixed in .*, for 9\.2 EUS$/);
  assert.match(told(next, '9.4-eus', '1:3.0.7-16.el9_2.8'), /^affected → 1:3\.0\.7-27\.el9_4\.5/);
  // From a later minor release, and not fixed there.
  assert.equal(told(both, '9.2-eus', '1:3.0.7-27.el9_4.1'), `affected → ${F}: fixed in ${F}`);
  assert.ok(told(both, '9.2-eus', '1:3.0.7-27.el9').startsWith(`affected → ${F}`), 'nor one that does not say it');
  assert.equal(told(both, '9.2-eus', F), `fixed: fixed in ${F}`);
});

test('3.2: an erratum of the main stream is none of a stream that has its own for the same (OSV)', () => {
  const erratum = (id: string, release: string, fixed: string, aliases: string[]): Statement =>
    said(release, fixed, { id, aliases });
  const main = erratum('RHSA-2026:2', '9', F, [CVE]);
  const eus = erratum('RHSA-2026:1', '9.2-eus', V, [CVE]);
  const verdicts = (all: readonly Statement[], release: string, version: string): string[] =>
    judged(all, rpm(release, version)).map(({ id, verdict }) => `${id} ${verdict}`);
  assert.deepEqual(verdicts([main, eus], '9.2-eus', V), ['RHSA-2026:1 fixed', 'RHSA-2026:2 fixed']);
  const older = '1:3.0.7-16.el9_2.8';
  assert.deepEqual(verdicts([main, eus], '9.2-eus', older), ['RHSA-2026:1 affected', 'RHSA-2026:2 not-affected']);
  assert.deepEqual(verdicts([main, eus], '9', V), ['RHSA-2026:2 fixed']);
  // Another hole in it is fixed in the main stream alone.
  const more = { ...main, aliases: [CVE, 'CVE-2026-2'] };
  assert.deepEqual(verdicts([more, eus], '9.2-eus', V), ['RHSA-2026:1 fixed', 'RHSA-2026:2 affected']);
  // While 9.2 was the newest its fix was for both.
  const early = erratum('RHSA-2026:0', '9', V, [CVE]);
  assert.deepEqual(verdicts([main, early], '9.2-eus', V).toSorted(), ['RHSA-2026:0 fixed', 'RHSA-2026:2 not-affected']);
  // What mends or adds something is for who has the main stream.
  const mend = erratum('RHBA-2026:3', '9', F, []);
  assert.deepEqual(verdicts([mend], '9.2-eus', V), ['RHBA-2026:3 not-affected']);
  assert.deepEqual(verdicts([mend], '9', V), ['RHBA-2026:3 affected']);
});

test('3.2: of modules a stream’s fix of one is none of another, nor of the plain package', () => {
  const range = (number: string, fixed: string) => ({ introduced: `1:${number}`, fixed });
  const [a, b] = ['1:16.20.2-8.module+el9.2.0+1+a', '1:18.20.4-1.module+el9.4.0+2+b'];
  const main = said('9', b, { ranges: [range('16', '1:16.20.2-9.module+el9.4.0+3+c'), range('18', b)] });
  const eus = said('9.2-eus', a, { ranges: [range('16', a)] });
  const of = (version: string): string => told([main, eus], '9.2-eus', version);
  assert.match(of(a), /^fixed/);
  assert.match(of('1:16.20.2-7.module+el9.2.0+1+a'), /^affected → 1:16\.20\.2-8/);
  assert.match(of('1:18.19.0-1.module+el9.2.0+1+a'), /^affected → 1:18\.20\.4-1.*nothing is said of a fix in 9\.2 EUS/);
  assert.match(told([main, eus], '9', '1:18.19.0-1.module+el9.2.0+1+a'), /^affected → 1:18\.20\.4-1/);
  const plain = [said('9', F), said('9.2-eus', a, { ranges: [range('16', a)] })];
  assert.match(told(plain, '9.2-eus', V), /^affected .*nothing is said of a fix in 9\.2 EUS/);
});

test('3.2: a companion of a module is judged by the main stream’s word where its support stream speaks of another module’s stream', () => {
  const [old, seven, eight] = ['2-1', '3-1', '5-1'].map((one) => `${one}.module+el8.6.0+1+a`) as [
    string,
    string,
    string,
  ];
  const newer = '5-2.module+el8.8.0+2+b';
  const range = (stream: string, fixed: string) => ({ introduced: '0', fixed, stream });
  const eus = said('8.6-eus', seven, { ranges: [range('php:7.4', seven)] });
  const main = said('8', newer, { ranges: [range('php:7.4', '3-2.module+el8.8.0+2+b'), range('php:8.0', newer)] });
  const of = (stream: string | null, version: string, statements = [main, eus]): string =>
    judged(statements, { ...rpm('8.6-eus', version), stream })
      .map(({ verdict, fix, why }) => `${verdict} → ${fix}: ${why}`)
      .join('; ');
  assert.match(of('php:7.4', old), /^affected → 3-1/);
  assert.match(of('php:7.4', seven), /^fixed/);
  assert.match(of('php:8.0', eight), /^affected → 5-2\..*nothing is said of a fix in 8\.6 EUS/);
  assert.match(of(null, old), /^unknown.*php:7\.4/, 'where nobody tells which it is');
  assert.match(of('php:8.0', eight, [{ ...eus, release: '8' }]), /^not-affected.*another stream of its module/);
  // An erratum for another module’s stream is not its own.
  const erratum = (id: string, one: Statement): Statement => ({ ...one, id, aliases: [CVE] });
  const errata = [erratum('RHSA-2026:2', main), erratum('RHSA-2026:1', eus)];
  assert.match(of('php:8.0', eight, errata), /affected → 5-2\./);
});

test('3.2: a stream that Red Hat only looks into burns by the main stream’s word, and else is not known to be safe', () => {
  const looked = said('9.2-eus', null, { status: 'unassessed', ranges: [], reason: 'Red Hat is looking into it' });
  const older = '1:3.0.7-16.el9_2.8';
  assert.equal(told([looked, said('9', null)], '9.2-eus', older), 'affected: no fix is published');
  assert.match(told([looked, said('9', F)], '9.2-eus', older), /^affected → .*nothing is said of a fix in 9\.2 EUS/);
  const none = said('9', null, { status: 'not-affected', ranges: [] });
  for (const some of [[looked], [looked, none]]) assert.match(told(some, '9.2-eus', older), /^unknown: [^;]*$/);
  // Nor is the main stream’s erratum one for which it has its own.
  const erratum = { ...said('9', F), id: 'RHSA-2026:2', aliases: [CVE] };
  assert.match(told([looked, erratum], '9.2-eus', older), /affected → 1:3\.0\.7-27/);
  // What depends on a module’s stream is something that is said.
  const doubt = { ...looked, reason: 'it depends on the stream: php:7.4 affected' };
  assert.match(told([doubt, said('9', F)], '9.2-eus', older), /^unknown/);
});

test('3.2: of a major release that documents name under ELS alone, hosts without it burn by that word, and have no fix of it', () => {
  const [older, last] = ['1:1.0.2k-25.el7_9', '1:1.0.2k-26.el7_9'];
  const fix = said('7-els', last);
  assert.equal(
    told([fix], '7', older),
    `affected → ${last}: fixed in ${last} (for 7 ELS; nothing is said of a fix in the main stream)`,
  );
  assert.match(told([fix], '7', last), /^fixed/);
  assert.equal(
    told([fix], '7.7-aus', '1:1.0.2k-19.el7_7'),
    `affected → ${last}: fixed in ${last} (for 7 ELS; nothing is said of a fix in 7.7 AUS)`,
  );
  const wont = said('7-els', null, { status: 'wont-fix', reason: 'Will not fix' });
  assert.match(told([wont], '7', older), /^affected: the distribution will not fix it/);
  assert.match(told([said('7-els', null, { status: 'not-affected', ranges: [] })], '7', older), /^not-affected/);
  // The main stream’s own word is before it, and so is its own erratum for the same.
  assert.match(told([said('7', null, { status: 'not-affected', ranges: [] }), fix], '7', older), /^not-affected/);
  const erratum = (id: string, release: string, fixed: string): Statement =>
    said(release, fixed, { id, aliases: [CVE] });
  const both = [erratum('RHSA-2026:1', '7', older), erratum('RHSA-2026:2', '7-els', last)];
  assert.deepEqual(
    judged(both, rpm('7', older)).map(({ id, verdict }) => `${id} ${verdict}`),
    ['RHSA-2026:1 fixed'],
  );
  assert.deepEqual(
    judged([erratum('RHSA-2026:2', '7-els', last)], rpm('7', older)).map(({ id, verdict }) => `${id} ${verdict}`),
    ['RHSA-2026:2 affected'],
  );
  assert.equal(
    told([said('7-els', last, { id: 'RHBA-2026:3' })], '7', older),
    '',
    'what mends nothing else is not for it',
  );
});

/** A package in minor releases 0 to 4: of each the first build, untagged, and those after it. */
const MINORS = [0, 1, 2, 3, 4];
const build = (minor: number, update: number): string =>
  update === 0 ? `1.${minor}-1.el9` : `1.${minor}-1.el9_${minor}.${update}`;

interface Line {
  /** the update with the fix, by minor release; null: it never came */
  fixes: (number | null)[];
  /** the minor release that is the newest */
  newest: number;
}
const line: fc.Arbitrary<Line> = fc.record({
  fixes: fc.tuple(...MINORS.map(() => fc.option(fc.integer({ min: 1, max: 3 })))),
  newest: fc.constantFrom(...MINORS),
});
const made = fc.record({ minor: fc.constantFrom(...MINORS), update: fc.nat(4) });

/** Later minor releases begin with what the newest one had. */
const hasFix = ({ fixes, newest }: Line, { minor, update }: { minor: number; update: number }): boolean =>
  minor > newest ? fixes[newest] !== null : fixes[minor] !== null && update >= fixes[minor]!;

/** What Red Hat says of it: of the main stream, and of each minor release before that has the fix. */
function statementsOf({ fixes, newest }: Line, asErrata: boolean): Statement[] {
  const one = (release: string, minor: number): Statement[] => {
    const [update, id] = [fixes[minor] ?? null, asErrata ? `RHSA-2026:${minor}` : CVE];
    if (update === null && asErrata) return [];
    return [said(release, update === null ? null : build(minor, update), { id, aliases: asErrata ? [CVE] : [] })];
  };
  const before = MINORS.filter((minor) => minor < newest && fixes[minor] !== null);
  return [...one('9', newest), ...before.flatMap((minor) => one(`9.${minor}-eus`, minor))];
}

test('3.2, property: on a host of any stream nothing is told fixed that is not, and nothing burns that has the fix', () => {
  const seen = { fixed: 0, burning: 0 };
  fc.assert(
    fc.property(line, made, fc.constantFrom(...MINORS), fc.boolean(), (world, its, held, asErrata) => {
      const statements = statementsOf(world, asErrata);
      const matches = judged(statements, rpm(`9.${held}-eus`, build(its.minor, its.update)));
      const burns = matches.some(({ verdict }) => verdict === 'affected');
      const isFixed = hasFix(world, its);
      if (burns) seen.burning += 1;
      if (isFixed) seen.fixed += 1;
      // What is unfixed everywhere no erratum speaks of; a first build that is newer than the stream is judged by the main one.
      const isTold =
        !asErrata ||
        world.fixes[world.newest] !== null ||
        (its.minor <= held && world.fixes[held] !== null && held < world.newest);
      if (isFixed) assert.ok(!burns, JSON.stringify(matches));
      else if (isTold) assert.ok(burns, JSON.stringify(matches));
    }),
    { numRuns: 5000 },
  );
  assert.ok(seen.fixed > 500 && seen.burning > 500, JSON.stringify(seen));
});

test('3.2, property: without extended support everything is judged as if streams were not spoken of', () => {
  let cleared = 0;
  fc.assert(
    fc.property(line, made, fc.boolean(), (world, its, asErrata) => {
      const statements = statementsOf(world, asErrata);
      const main = statements.filter(({ release }) => release === '9');
      const version = build(its.minor, its.update);
      const now = judged(statements, rpm('9', version));
      const before = judged(main, rpm('9', version));
      // Only who has extended support has what was built for a stream, and with the fix there it has the fix.
      const stream = its.minor < world.newest ? world.fixes[its.minor]! : null;
      if (stream === null || its.update < stream) assert.deepEqual(now, before);
      else {
        cleared += 1;
        assert.deepEqual(
          now.map(({ verdict }) => verdict),
          before.map(({ verdict }) => (verdict === 'affected' ? 'fixed' : verdict)),
        );
      }
    }),
    { numRuns: 3000 },
  );
  assert.ok(cleared > 100);
  // Those built of it have no such streams, whatever a feed calls its releases.
  for (const ecosystem of ['AlmaLinux', 'Rocky Linux', 'ol', 'centos']) {
    const both = [said('9', F), said('9.2-eus', V)].map((one) => ({ ...one, ecosystem }));
    assert.deepEqual(judged(both, rpm('9', V, ecosystem)), judged(both.slice(0, 1), rpm('9', V, ecosystem)));
    assert.notEqual(judged(both, rpm('9', V, ecosystem))[0]!.verdict, 'fixed');
  }
});
