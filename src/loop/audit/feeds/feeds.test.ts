import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { FEED_KINDS } from '../../../model/feed.ts';
import { Statement } from '../../../model/statement.ts';
import { alpineSecdb } from './alpine-secdb.ts';
import { debianTracker } from './debian-tracker.ts';
import { epss } from './epss.ts';
import { kev } from './kev.ts';
import { osv } from './osv.ts';
import { FEEDS } from './registry.ts';
import { shared, sharedRecords, stored, zip } from './testing.ts';
import { LIMITS, textOf, zipEntries } from './unpack.ts';

const text = (value: unknown): Buffer => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value));

test('3.1: Debian’s tracker and the same as OSV say the same, line by line', (t: TestContext) => {
  const [tracker, archive] = [shared(t, 'debian-tracker-subset.json'), shared(t, 'osv-debian12-subset.zip')];
  if (!tracker || !archive) return;
  const one = debianTracker.parse(tracker, {});
  const other = osv.parse(archive, { ecosystem: 'Debian' });
  for (const statement of [...one.statements, ...other.statements]) Statement.parse(statement);
  const lines = (all: readonly Statement[]): Set<string> =>
    new Set(all.map(({ name, id, release, fixed }) => [name, id, release, fixed].join(' ')));
  // OSV leaves out what never was affected.
  const known = one.statements.filter(({ status }) => status !== 'not-affected');
  const [wanted, told] = [lines(known), lines(other.statements)];
  const missing = [...wanted].filter((line) => !told.has(line));
  const extra = [...told].filter((line) => !wanted.has(line));
  assert.deepEqual(extra, []);
  assert.ok(missing.length <= 12, missing.join('\n'));
  assert.ok(one.statements.length > 6000 && other.statements.length > 6000);
});

test('3.1: ranges that do not begin at 0 are kept (Alpaquita), and so are a record’s several releases', (t: TestContext) => {
  const bytes = sharedRecords(t, 'alpaquita-osv-5005275d.tar.xz');
  if (!bytes) return;
  const { statements } = osv.parse(bytes, { ecosystem: 'Alpaquita' });
  const found = statements.filter(({ id, release }) => id === 'CVE-2026-9698' && release === '25');
  assert.deepEqual(found[0]!.ranges, [{ introduced: '1.647-r0', fixed: '1.647-r1' }]);
  assert.deepEqual(found[0]!.aliases, ['BELL-CVE-2026-9698']);
  assert.ok(statements.some(({ ranges }) => ranges.some(({ introduced }) => introduced !== '0')));
});

test('3.1: extended support for old Debians is read, errors and all', (t: TestContext) => {
  const bytes = sharedRecords(t, 'debian-elts-osv-a76cfd6.tar.xz');
  if (!bytes) return;
  const { statements, skipped } = osv.parse(bytes, {});
  assert.ok(statements.length > 1500);
  assert.ok(skipped!.length > 0 && skipped!.length < 10, skipped!.join('\n'));
  assert.match(skipped![0]!, /ELA-\d+-\d+\) is no OSV record: affected\.0\.ranges/);
});

test('KEV and EPSS are read, and a catalogue that lost entries is not', (t: TestContext) => {
  const scores = '#model_version:v2025.03.14,score_date:2026-11-20T00:00:00+0000\ncve,epss,percentile\n';
  const told = epss.parse(gzipSync(`${scores}CVE-2014-0160,0.94464,0.99995\n`), {});
  assert.deepEqual(told, {
    time: '2026-11-20T00:00:00.000Z',
    statements: [],
    signals: [{ kind: 'epss', cve: 'CVE-2014-0160', score: 0.94464, percentile: 0.99995 }],
  });
  assert.throws(() => epss.parse(text(`${scores}CVE-2014-0160,94,0.9`), {}), /line 3 is no score/);
  const bytes = shared(t, 'kev-2025-08-25.json.xz');
  if (!bytes) return;
  const { signals, time } = kev.parse(bytes, {});
  assert.equal(signals.length, 1404);
  assert.equal(time, '2025-08-25T17:04:19.9796Z');
  const catalog = JSON.parse(bytes.toString()) as { vulnerabilities: unknown[] };
  catalog.vulnerabilities.pop();
  assert.throws(() => kev.parse(text(catalog), {}), /has 1404 vulnerabilities, and has 1403/);
});

test('Alpine’s secdb: version 0 was never affected, and one entry may hold several names', () => {
  const secfixes = { '0': ['CVE-2020-1 GHSA-aaaa-bbbb-cccc'], '1.2.3-r4': ['CVE-2026-1234567'] };
  const { statements } = alpineSecdb.parse(
    text({ distroversion: 'v3.22', packages: [{ pkg: { name: 'x', secfixes } }] }),
    {},
  );
  assert.deepEqual(
    statements.map(({ id, status, fixed, release }) => [id, status, fixed, release]),
    [
      ['CVE-2020-1', 'not-affected', null, 'v3.22'],
      ['GHSA-aaaa-bbbb-cccc', 'not-affected', null, 'v3.22'],
      ['CVE-2026-1234567', 'fixed', '1.2.3-r4', 'v3.22'],
    ],
  );
});

test('Debian’s statuses are told apart', () => {
  const cases = [
    [{ status: 'open' }, 'affected'],
    [{ status: 'open', nodsa: 'Minor issue', nodsa_reason: '' }, 'deferred'],
    [{ status: 'open', nodsa: 'Minor issue', nodsa_reason: 'postponed' }, 'deferred'],
    [{ status: 'open', nodsa: 'Minor issue', nodsa_reason: 'ignored' }, 'wont-fix'],
    [{ status: 'open', urgency: 'end-of-life' }, 'end-of-life'],
    [{ status: 'undetermined' }, 'unassessed'],
    [{ status: 'resolved', fixed_version: '0' }, 'not-affected'],
    [{ status: 'resolved', fixed_version: '1.0-1' }, 'fixed'],
  ] as const;
  for (const [told, wanted] of cases) {
    const { statements } = debianTracker.parse(text({ x: { 'CVE-2026-1': { releases: { bookworm: told } } } }), {});
    assert.equal(statements[0]!.status, wanted, JSON.stringify(told));
    assert.equal(statements[0]!.release, '12');
  }
});

const record = (events: object[]): Buffer =>
  text({ id: 'X-1', affected: [{ package: { ecosystem: 'npm', name: 'x' }, ranges: [{ type: 'SEMVER', events }] }] });

test('OSV: several ranges, events in any order, last_affected, and what was withdrawn', () => {
  const ranges = (events: object[]): unknown => osv.parse(record(events), {}).statements[0]?.ranges;
  const several = [{ introduced: '2.0.0' }, { fixed: '1.5.0' }, { introduced: '0' }, { last_affected: '2.3.0' }];
  assert.deepEqual(ranges(several), [
    { introduced: '0', fixed: '1.5.0' },
    { introduced: '2.0.0', lastAffected: '2.3.0' },
  ]);
  assert.deepEqual(ranges([{ introduced: '0' }, { fixed: '10.0.0' }]), [{ introduced: '0', fixed: '10.0.0' }]);
  const gone = JSON.parse(record([{ introduced: '0' }]).toString()) as object;
  assert.deepEqual(osv.parse(text({ ...gone, withdrawn: '2026-01-01T00:00:00Z' }), {}).statements, []);
});

test('3.2: OSV of Ubuntu: a fix that Pro alone brings says so, one that everybody gets is before it', () => {
  const of = (ecosystem: string, fixed: string | null): object => ({
    package: { ecosystem, name: 'x' },
    ranges: [{ type: 'ECOSYSTEM', events: [{ introduced: '0' }, ...(fixed === null ? [] : [{ fixed }])] }],
  });
  const told = (...affected: object[]): unknown[] =>
    osv
      .parse(text({ id: 'UBUNTU-CVE-2026-1', modified: '2026-11-01T00:00:00Z', upstream: ['CVE-2026-1'], affected }), {
        ecosystem: 'Ubuntu',
      })
      .statements.map(({ release, status, fixed, reason }) => [release, status, fixed, reason]);
  const [plain, pro] = ['Ubuntu:22.04:LTS', 'Ubuntu:Pro:22.04:LTS'];
  assert.deepEqual(told(of(plain, null), of(pro, '1+esm1')), [['22.04', 'fixed', '1+esm1', 'with Ubuntu Pro']]);
  assert.deepEqual(told(of(pro, '1+esm1'), of(plain, '1')), [['22.04', 'fixed', '1', null]]);
  assert.deepEqual(told(of(plain, null), of(pro, null)), [['22.04', 'affected', null, null]]);
  assert.deepEqual(told(of('Ubuntu:Pro:16.04:LTS', '1+esm1'), of(plain, '2')), [
    ['16.04', 'fixed', '1+esm1', 'with Ubuntu Pro'],
    ['22.04', 'fixed', '2', null],
  ]);
  assert.deepEqual(
    told(of('Ubuntu:Pro:FIPS:22.04:LTS', '1+fips1'), of(plain, '2')).map((one) => (one as unknown[])[0]),
    ['Pro:FIPS:22.04', '22.04'],
  );
});

test('bad archives are refused by name: cut off, bomb, oversize, altered, no record', () => {
  const good = zip({ 'A.json': record([{ introduced: '0' }]), 'README.md': 'x' });
  assert.equal(osv.parse(good, {}).statements.length, 1);
  assert.throws(() => osv.parse(good.subarray(0, good.length - 30), {}), /no zip file, or was cut off/);
  const bomb = zip({ 'B.json': Buffer.alloc(8 * 1024 * 1024) }, 1000);
  assert.throws(() => osv.parse(bomb, {}), /B\.json unpacks to more than it may/);
  assert.throws(() => osv.parse(zip({ 'C.json': '{"id":' }), {}), /no JSON, or was cut off/);
  assert.throws(
    () => osv.parse(zip({ 'D.json': '{"id":"X-1","affected":7}' }), {}),
    /D\.json \(X-1\) is no OSV record: affected/,
  );
  const altered = Buffer.from(good);
  altered.fill(0xff, 36, 50);
  assert.throws(() => osv.parse(altered, {}), /is damaged or was cut off|size that it says/);
  // One digit of a version, in a file that was stored without being packed: it still is a record.
  const quiet = stored('E.json', record([{ introduced: '0' }, { fixed: '1.0.1' }]));
  assert.equal(osv.parse(quiet, {}).statements[0]!.fixed, '1.0.1');
  quiet.write('2', quiet.indexOf('1.0.1'));
  assert.throws(() => osv.parse(quiet, {}), /E\.json in the archive was altered: its checksum is another/);
  const small = { ...LIMITS, all: 1500, file: 1000 };
  const many = zip({ a: Buffer.alloc(900), b: Buffer.alloc(900) });
  assert.throws(() => [...zipEntries(many, small)].map((one) => one.read()), /b in the archive is too large/);
  assert.throws(() => textOf(gzipSync(Buffer.alloc(5000)), small), /unpacks to more than it may/);
  assert.throws(() => textOf(Buffer.alloc(5000), small), /too large/);
  assert.throws(() => [...zipEntries(many, { ...LIMITS, files: 1 })], /2 files, which is too many/);
});

test('property: no reader takes nonsense, and none breaks otherwise than with an error in words', () => {
  const nonsense = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc.json().map((one) => new Uint8Array(Buffer.from(one))),
    fc.uint8Array({ maxLength: 100 }).map((one) => new Uint8Array([0x50, 0x4b, ...one, 0x50, 0x4b, 5, 6, ...one])),
  );
  fc.assert(
    fc.property(nonsense, fc.constantFrom(...FEED_KINDS), (bytes, kind) => {
      try {
        const { statements, signals } = FEEDS[kind].parse(bytes, {});
        assert.equal(statements.length + signals.length, 0);
      } catch (error) {
        assert.ok(error instanceof Error && error.constructor === Error, String((error as Error).stack));
      }
    }),
    { numRuns: 600 },
  );
});

test('every kind is there, says what it needs, and where it is published', () => {
  assert.deepEqual(Object.keys(FEEDS), [...FEED_KINDS]);
  for (const [kind, { info, url }] of Object.entries(FEEDS)) {
    assert.equal(info.kind, kind);
    const settings = Object.fromEntries(Object.keys(info.needs).map((name) => [name, 'x y']));
    assert.ok(url(settings) === null || URL.canParse(url(settings)!), kind);
  }
});
