/** The traps that were found in real data (those about versions, matching and feeds), one test each. */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import type { Statement } from '../../../model/statement.ts';
import { matchHost } from '../logic/advisories/host.ts';
import { type FeedStatement, type Installed, type Match, matchPackage } from '../logic/advisories/match.ts';
import { whyNotOffered } from '../logic/advisories/offered.ts';
import { releaseOf } from '../logic/advisories/release.ts';
import { versionOrder } from '../versions/registry.ts';
import { debianList } from './debian-list.ts';
import { debianTracker } from './debian-tracker.ts';
import { kev } from './kev.ts';
import { osv } from './osv.ts';
import { debian, dpkgStatus, own, shared, sharedRecords, statement } from './testing.ts';

const match = (statements: readonly Statement[], installed: Installed): Match[] =>
  matchPackage(own(statements), installed, versionOrder);

function one(statements: readonly Statement[], installed: Installed, id: string): Match {
  const found = match(statements, installed).filter((each) => each.id === id);
  assert.equal(found.length, 1, `${id} of ${installed.name}: ${found.length}`);
  return found[0]!;
}

function lists(t: TestContext): Statement[] {
  const bytes = shared(t, 'tracker-cases.list');
  return bytes ? debianList.parse(bytes, {}).statements : [];
}

const about = (rest: Partial<Statement>): Statement => statement(rest.fixed ?? null, { status: 'fixed', ...rest });

test('trap 1: a rebuild sorts below the fix and has it all the same', (t: TestContext) => {
  const fixed = [about({ name: 'python-xmltodict', fixed: '0.13.0-1.1', id: 'CVE-2025-9375' })];
  const verdict = (version: string): string =>
    one(fixed, debian('python3-xmltodict', version, 'python-xmltodict'), 'CVE-2025-9375').verdict;
  assert.equal(verdict('0.13.0-1.1~deb12u1'), 'fixed');
  assert.equal(verdict('0.13.0-1.1~bpo12+1'), 'fixed');
  assert.equal(verdict('0.13.0-1'), 'affected');
  assert.equal(verdict('0.13.0-1.1~rc1'), 'affected');
  const bytes = shared(t, 'debian-tracker-subset.json');
  if (!bytes) return;
  const tracker = debianTracker.parse(bytes, {}).statements;
  const real = debian('python3-xmltodict', '0.13.0-1.1~deb12u1', 'python-xmltodict');
  assert.equal(one(tracker, real, 'CVE-2025-9375').verdict, 'fixed');
});

test('3.2: a backport is judged by the release that it was made from, a package of somebody else by nobody', () => {
  const fixes = [
    about({ name: 'openssl', release: '12', fixed: '3.0.13-1~deb12u1' }),
    about({ name: 'openssl', release: '13', fixed: '3.2.2-1' }),
    about({ name: 'openssl', release: '12', id: 'CVE-2026-2', fixed: '3.0.13-1~deb12u1' }),
  ];
  const on12 = (version: string, rest: Partial<Installed> = {}): Installed => ({
    ...debian('openssl', version),
    release: '12',
    ...rest,
  });
  const said = (installed: Installed, id = 'CVE-2026-1'): string => {
    const { verdict, why } = one(fixes, installed, id);
    return `${verdict}: ${why}`;
  };
  assert.match(said(on12('3.0.11-1~deb12u2')), /^affected: fixed in 3\.0\.13-1~deb12u1$/);
  assert.match(said(on12('3.0.14-1~deb12u1')), /^fixed: fixed in 3\.0\.13-1~deb12u1$/);
  // Newer than what bookworm has it fixed in, and all the same of a line that has the hole.
  assert.match(said(on12('3.2.1-3~bpo12+1')), /^affected: fixed in 3\.2\.2-1 \(a backport, judged as Debian 13/);
  assert.match(said(on12('3.2.2-1~bpo12+1')), /^fixed: 3\.2\.2-1~bpo12\+1 is a rebuild of 3\.2\.2-1/);
  assert.match(said(on12('3.5.1-1~bpo12+1+b1')), /^fixed: /);
  // A backport that came along from the release before is what this release has.
  assert.match(said(on12('3.0.11-1~bpo11+1')), /^affected: fixed in 3\.0\.13-1~deb12u1$/);
  assert.match(said(on12('3.2.1-3~bpo12+1'), 'CVE-2026-2'), /^fixed: /, 'where the other release says nothing');
  assert.match(said(on12('3.2.1-3~bpo12+1', { foreign: true })), /^unknown: it is not the distribution/);
  assert.equal(
    match(fixes, { ...on12('3.2.1-3'), release: '11' }).length,
    0,
    'no backport: other releases say nothing',
  );
});

test('3.2: Raspbian’s own builds of a version are that version, and not newer than its fix', () => {
  const fixed = [about({ name: 'x', release: '12', fixed: '1.2-3+deb12u1' })];
  const verdict = (version: string): string =>
    one(fixed, { ...debian('x', version), release: '12' }, 'CVE-2026-1').verdict;
  assert.equal(verdict('1.2-3+rpi1'), 'affected');
  assert.equal(verdict('1.2-3+rpi1+deb12u1'), 'fixed');
  assert.equal(verdict('1.2-3+deb12u1+rpt2'), 'fixed');
  assert.equal(verdict('1.2-3'), 'affected');
  assert.equal(verdict('1.2-4+rpi1'), 'fixed');
});

test('trap 2: statements of sources are asked by the source’s name and version, which need not be the binary’s', (t) => {
  const bash = [about({ name: 'bash', fixed: '5.2.15-2' })];
  assert.equal(one(bash, debian('bash', '5.2.15-2+b13', 'bash', '5.2.15-2'), 'CVE-2026-1').verdict, 'fixed');
  const libbpf = [about({ name: 'libbpf', fixed: '1.1.2-0+deb12u1' })];
  const older = debian('libbpf1', '1:1.1.2-0+deb12u0', 'libbpf', '1.1.2-0+deb12u0');
  assert.equal(one(libbpf, older, 'CVE-2026-1').verdict, 'affected');
  const bytes = shared(t, 'lab-12.15.dpkg-status.xz');
  if (!bytes) return;
  const packages = dpkgStatus(bytes.toString());
  const source = (name: string): string => {
    const found = packages.find((each) => each.name === name)!;
    return `${found.source} ${found.sourceVersion}`;
  };
  assert.equal(source('libcap2').split(' ')[0], 'libcap2');
  assert.equal(source('bash'), 'bash 5.2.15-2');
});

test('trap 3: a fix that only an advisory list knows (CVE-2024-6387, DSA-5724-1)', (t) => {
  const statements = lists(t);
  if (statements.length === 0) return;
  const found = (version: string): Match =>
    one(statements, debian('openssh-server', version, 'openssh'), 'CVE-2024-6387');
  assert.deepEqual(
    [found('1:9.2p1-2+deb12u2').verdict, found('1:9.2p1-2+deb12u2').fix],
    ['affected', '1:9.2p1-2+deb12u3'],
  );
  assert.equal(found('1:9.2p1-2+deb12u3').verdict, 'fixed');
  assert.deepEqual(found('1:9.2p1-2+deb12u3').statement.aliases, ['DSA-5724-1']);
});

test('trap 4: a claimed fix that the archive never had is no fix (CVE-2026-34743)', (t) => {
  const told = (repositories: object): object => ({
    'xz-utils': {
      'CVE-2026-34743': {
        releases: { bookworm: { status: 'resolved', fixed_version: '5.4.1-1+deb12u1', repositories } },
      },
    },
  });
  const feed = (repositories: object): Statement[] =>
    debianTracker.parse(Buffer.from(JSON.stringify(told(repositories))), {}).statements;
  const xz = debian('xz-utils', '5.4.1-1');
  const archive = one(feed({ bookworm: '5.4.1-1' }), xz, 'CVE-2026-34743');
  assert.deepEqual([archive.verdict, archive.fix], ['affected', null]);
  assert.match(
    archive.why,
    /claimed fix not in the archive: 5\.4\.1-1\+deb12u1 is named, 5\.4\.1-1 is the newest there/,
  );
  assert.equal(one(feed({ bookworm: '5.4.1-1+deb12u1' }), xz, 'CVE-2026-34743').fix, '5.4.1-1+deb12u1');
  const bytes = shared(t, 'debian-tracker-subset.json');
  if (!bytes) return;
  // Where the feed does not say what the archive has, the host's own archives do.
  const { verdict, fix, why } = one(debianTracker.parse(bytes, {}).statements, xz, 'CVE-2026-34743');
  assert.equal(verdict, 'affected');
  const has = (candidate: string) => ({ candidate, archives: null, listsAgeDays: null });
  assert.match(whyNotOffered({ ...xz, fix, why }, has('5.4.1-1'), versionOrder)!, /do not offer it yet: 5\.4\.1-1 is/);
  assert.equal(whyNotOffered({ ...xz, fix, why }, has(fix!), versionOrder), null);
});

test('trap 5: what a changelog names is no fix: only a statement says so (gnutls28 deb12u7)', (t) => {
  const statements = lists(t);
  if (statements.length === 0) return;
  const gnutls = debian('libgnutls30', '3.7.9-2+deb12u7', 'gnutls28');
  // The advisory of deb12u7 does not name it, whatever the changelog does.
  assert.equal(one(statements, gnutls, 'CVE-2026-3832').verdict, 'affected');
  assert.equal(one(statements, gnutls, 'CVE-2026-3833').verdict, 'fixed');
});

test('trap 6: ids are whatever they are: GHSA, temporary, six and seven digits', (t) => {
  const ids = ['GHSA-5qpq-xqfv-j9pg', 'TEMP-0841856-B18BAF', 'CVE-2026-123456', 'CVE-2026-1234567', 'ALSA-2026:A009'];
  for (const id of ids) assert.equal(one([about({ id })], debian('x', '1'), id).verdict, 'affected');
  const bytes = shared(t, 'osv-debian12-subset.zip');
  if (!bytes) return;
  const found = new Set(osv.parse(bytes, {}).statements.map(({ id }) => id));
  assert.ok(found.has('GHSA-5qpq-xqfv-j9pg') && found.has('CAN-2026-2034440'));
});

test('trap 7: one CVE, many packages and statuses; KEV knows it by its number only (CVE-2023-44487)', (t) => {
  const statements = lists(t);
  if (statements.length === 0) return;
  const verdict = (source: string, version: string): string => {
    const { verdict: told, statement } = one(statements, debian(source, version), 'CVE-2023-44487');
    return `${told}, ${statement.urgency ?? statement.status}`;
  };
  assert.equal(verdict('haproxy', '2.6.12-1+deb12u1'), 'fixed, fixed');
  assert.equal(verdict('grpc', '1.51.1-3'), 'affected, deferred');
  assert.equal(verdict('varnish', '7.1.1-1.1'), 'affected, wont-fix');
  assert.equal(verdict('nginx', '1.22.1-9'), 'affected, unimportant');
  const bytes = shared(t, 'kev-2025-08-25.json.xz');
  if (!bytes) return;
  const known = kev.parse(bytes, {}).signals.filter(({ cve }) => cve === 'CVE-2023-44487');
  assert.equal(known.length, 1);
});

test('trap 8: a later fix takes the place of "left for later", whichever suite it comes by', () => {
  const list = (lines: string): Statement[] => debianList.parse(Buffer.from(`CVE-2026-1 (x)\n${lines}`), {}).statements;
  const before = list('\t- x 2.0-1\n\t[bookworm] - x <no-dsa> (Minor issue)\n');
  const after = list('\t- x 2.0-1\n\t[bookworm] - x 1.0-1+deb12u1\n');
  const x = debian('x', '1.0-1');
  assert.equal(one(before, x, 'CVE-2026-1').why, 'the distribution leaves it for later (Minor issue)');
  assert.equal(one(after, x, 'CVE-2026-1').fix, '1.0-1+deb12u1');
  assert.equal(one(after, debian('x', '1.0-1+deb12u1'), 'CVE-2026-1').verdict, 'fixed');
});

test('trap 9: a kernel is the image that runs; headers, libc-dev and perf are none, and it has its own view', (t) => {
  const statements = own([about({ name: 'linux', id: 'CVE-2024-1086', release: '12', fixed: '6.1.76-1' }), about({})]);
  const version = '6.1.69-1';
  const packages = [
    debian('linux-image-6.1.0-17-amd64', version, 'linux-signed-amd64', '6.1.69+1'),
    debian('linux-image-6.1.0-18-amd64', '6.1.76-1', 'linux-signed-amd64', '6.1.76+1'),
    ...['linux-libc-dev', 'linux-headers-6.1.0-17-amd64', 'linux-perf'].map((name) => debian(name, version, 'linux')),
    debian('x', '1'),
  ];
  const told = (running: string | null): string[] =>
    matchHost(statements, packages, versionOrder, running).kernel.map(
      (each) => `${each.verdict} ${each.packages.join()}`,
    );
  assert.deepEqual(told('6.1.0-17-amd64'), ['affected linux-image-6.1.0-17-amd64']);
  assert.deepEqual(told('6.1.0-18-amd64'), ['fixed linux-image-6.1.0-18-amd64']);
  const unsigned = debian('linux-image-6.1.0-17-amd64-unsigned', version, 'linux');
  const [burning, ...rest] = matchHost(statements, [unsigned, packages[1]!], versionOrder, '6.1.0-17-amd64').kernel;
  assert.deepEqual([burning?.verdict, burning?.packages, rest], ['affected', [unsigned.name], []]);
  // Of a kernel whose package is gone, or that nobody knows, the others say nothing.
  const unproven = ['unknown linux-image-6.1.0-17-amd64,linux-image-6.1.0-18-amd64'];
  assert.deepEqual(told('6.1.0-13-amd64'), unproven);
  assert.deepEqual(told(null), unproven);
  const others = matchHost(statements, packages, versionOrder, '6.1.0-17-amd64').packages;
  assert.deepEqual(
    others.map(({ id, packages: names }) => [id, names]),
    [['CVE-2026-1', ['x']]],
  );
  const [status, tracker] = [shared(t, 'lab-12.15.dpkg-status.xz'), shared(t, 'debian-tracker-subset.json')];
  if (!status || !tracker) return;
  const installed = dpkgStatus(status.toString());
  const all = own(debianTracker.parse(tracker, {}).statements);
  const { packages: found } = matchHost(all, installed, versionOrder, null);
  assert.ok(found.length > 100 && found.every(({ statement }) => statement.name !== 'linux'));
});

test('trap 11: errata name binary packages and only know what is fixed: nothing is said of what they do not name', (t) => {
  const bytes = sharedRecords(t, 'almalinux-osv-948f47aa.tar.xz');
  if (!bytes) return;
  const { statements, time } = osv.parse(bytes, { ecosystem: 'AlmaLinux' });
  assert.ok(statements.length > 50_000 && statements.every(({ of, fixed }) => of === 'binary' && fixed !== null));
  assert.deepEqual(new Set(statements.map(({ release }) => release)), new Set(['8', '9', '10']));
  assert.ok(statements.filter(({ aliases }) => aliases.some((id) => id.startsWith('CVE-'))).length > 40_000);
  assert.match(time!, /^20\d\d-/);
  const kernel = (version: string): Installed => ({
    ecosystem: 'AlmaLinux',
    release: releaseOf('AlmaLinux', '9.7'),
    name: 'kernel-core',
    version,
    source: 'kernel',
    sourceVersion: version,
  });
  const found = (version: string): Match => one(statements, kernel(version), 'ALSA-2026:A009');
  assert.deepEqual(
    [found('5.14.0-611.54.5.el9_7').verdict, found('5.14.0-611.54.6.el9_7').verdict],
    ['affected', 'fixed'],
  );
  assert.deepEqual(match(statements, { ...kernel('1'), name: 'not-named', source: 'not-named' }), []);
});

test('an upstream’s versions are never compared with a distribution’s, and the distribution’s own feed wins', () => {
  const upstream = {
    ...about({ ecosystem: 'PyPI', name: 'requests', fixed: '2.31.0' }),
    feed: 'osv-pypi',
    own: false,
    time: 0,
  };
  const package_ = debian('python3-requests', '2.28.1+dfsg-1', 'requests');
  assert.deepEqual(matchPackage([upstream], package_, versionOrder), []);
  const osvSays = { ...about({ name: 'requests', status: 'affected' }), feed: 'osv-debian', own: false, time: 0 };
  const debianSays = {
    ...about({ name: 'requests', status: 'not-affected', ranges: [] }),
    feed: 'debian',
    own: true,
    time: 0,
  };
  for (const both of [
    [osvSays, debianSays],
    [debianSays, osvSays],
  ])
    assert.deepEqual(
      matchPackage(both, package_, versionOrder).map(({ verdict, statement }) => [verdict, statement.feed]),
      [['not-affected', 'debian']],
    );
});

test('of two own feeds the newer one wins, and of two of one time the worse verdict, in any order', () => {
  const [fixed] = own([about({ fixed: '2.0' })], 'tracker');
  const [never] = own([about({ status: 'not-affected', ranges: [] })], 'list');
  const told = (...all: FeedStatement[]): string[] =>
    [all, all.toReversed()]
      .flatMap((each) => matchPackage(each, debian('x', '1.5'), versionOrder))
      .map((one) => one.verdict);
  assert.deepEqual(told(fixed!, never!), ['affected', 'affected']);
  assert.deepEqual(told({ ...fixed!, time: 1 }, { ...never!, time: 2 }), ['not-affected', 'not-affected']);
  assert.deepEqual(told({ ...fixed!, time: 2 }, { ...never!, time: 1 }), ['affected', 'affected']);
});

test('vulnerabilities that have no number yet are several, and are all found by their placeholder', () => {
  const list = ['CVE-2026-XXXX [one]', '\t- x 2.0', 'CVE-2026-XXXX [other]', '\t- x <not-affected> (never)', ''];
  const { statements } = debianList.parse(Buffer.from(list.join('\n')), {});
  assert.deepEqual(
    statements.map(({ status, aliases }) => [status, aliases]),
    [
      ['fixed', ['CVE-2026-XXXX']],
      ['not-affected', ['CVE-2026-XXXX']],
    ],
  );
  assert.equal(new Set(statements.map(({ id }) => id)).size, 2);
});

test('unassessed, foreign and incomparable are unknown, with the reason', () => {
  const x = debian('x', '1.0-1');
  const why = (statement: Partial<Statement>, installed = x): string => {
    const found = one([about(statement)], installed, 'CVE-2026-1');
    return `${found.verdict}: ${found.why}`;
  };
  assert.equal(why({ status: 'unassessed' }), 'unknown: the distribution has not assessed it yet');
  assert.match(why({ fixed: '2' }, { ...x, foreign: true }), /^unknown: it is not the distribution/);
  assert.equal(why({ fixed: '2 or so' }), 'unknown: 1.0-1 cannot be compared with the versions of the statement');
  assert.equal(why({ status: 'end-of-life' }), 'affected: the distribution no longer looks after it');
  assert.equal(
    why({ ranges: [{ introduced: '2.0-1' }], status: 'affected' }),
    'not-affected: its version is in no affected range',
  );
  assert.equal(
    why({ ranges: [{ introduced: '0', lastAffected: '1.0-1' }], status: 'affected' }),
    'affected: no fix is published',
  );
  assert.equal(why({ ranges: [], versions: ['1.0-1'], status: 'affected' }), 'affected: no fix is published');
  const several = {
    ranges: [
      { introduced: '0', fixed: '0.5-1' },
      { introduced: '1.0-1', fixed: '1.0-9' },
    ],
    fixed: '1.0-9',
  };
  assert.equal(why(several), 'affected: fixed in 1.0-9');
  assert.equal(why(several, debian('x', '0.7-1')), 'not-affected: its version is in no affected range');
});
