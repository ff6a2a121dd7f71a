/** What records of rpm distributions call packages, and which of a host's kernels they are about. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Statement } from '../../../model/statement.ts';
import { matchHost } from '../logic/advisories/host.ts';
import { type Installed, matchPackage } from '../logic/advisories/match.ts';
import { releaseOf, splitEcosystem } from '../logic/advisories/release.ts';
import { versionOrder } from '../versions/registry.ts';
import { osv } from './osv.ts';
import { own } from './testing.ts';

const read = (
  id: string,
  affected: { ecosystem: string; name: string; fixed: string }[],
  summary?: string,
): Statement[] => {
  const record = {
    id,
    summary,
    modified: '2026-11-01T00:00:00Z',
    affected: affected.map(({ fixed, ...one }) => ({
      package: one,
      ranges: [{ type: 'ECOSYSTEM', events: [{ introduced: '0' }, { fixed }] }],
    })),
  };
  return osv.parse(Buffer.from(JSON.stringify(record)), {}).statements;
};

function rpm(
  ecosystem: string,
  versionId: string,
  name: string,
  version: string,
  source = name,
  sourceVersion = version,
): Installed {
  return { ecosystem, release: releaseOf(ecosystem, versionId), name, version, source, sourceVersion };
}

const verdicts = (statements: readonly Statement[], installed: Installed): string[] =>
  matchPackage(own(statements), installed, versionOrder).map(({ id, verdict }) => `${id} ${verdict}`);

test('3.1: a record that names the source is found on a host that has its other packages only (SUSE, Rocky and their like)', () => {
  const cases = [
    ['SUSE:Linux Enterprise Server 15 SP5', '15.5', 'openssl-1_1', '1.1.1l-150500.17.22.1', 'libopenssl1_1'],
    ['openSUSE:Leap 15.6', '15.6', 'openssl-3', '3.1.4-150600.5.7.1', 'libopenssl3'],
    ['Rocky Linux:9', '9.5', 'openssl', '1:3.0.7-28.el9_4', 'openssl-libs'],
    ['openEuler:22.03-LTS-SP3', '22.03', 'openssl', '1:1.1.1wa-6.oe2203sp3', 'openssl-libs'],
    ['Mageia:9', '9', 'openssl', '3.0.15-1.mga9', 'lib64openssl3'],
    ['Azure Linux:3', '3.0', 'openssl', '3.3.0-2.azl3', 'openssl-libs'],
  ] as const;
  for (const [text, versionId, source, fixed, name] of cases) {
    const { ecosystem } = splitEcosystem(text);
    const statements = read('SA-1', [{ ecosystem: text, name: source, fixed }]);
    const at = (version: string): string[] =>
      verdicts(statements, rpm(ecosystem, versionId, name, version, source, version));
    assert.deepEqual(at('0.9-1'), ['SA-1 affected'], text);
    assert.deepEqual(at(fixed), ['SA-1 fixed'], text);
    assert.deepEqual(verdicts(statements, rpm(ecosystem, versionId, 'zlib', '0.9-1')), [], text);
  }
});

test('3.1: a record that names binary packages is about those, where records may name either (Rocky)', () => {
  const statements = read('RLSA-1', [{ ecosystem: 'Rocky Linux:9', name: 'openssl-libs', fixed: '1:3.0.7-28.el9_4' }]);
  const libs = rpm('Rocky Linux', '9.5', 'openssl-libs', '1:3.0.7-27.el9', 'openssl');
  assert.deepEqual(verdicts(statements, libs), ['RLSA-1 affected']);
  assert.deepEqual(verdicts(statements, { ...libs, name: 'openssl' }), []);
  // Where a package is called as its source is, its own version counts.
  const named = read('RLSA-2', [{ ecosystem: 'Rocky Linux:9', name: 'perl', fixed: '4:5.32.1-481.el9' }]);
  const perl = rpm('Rocky Linux', '9.5', 'perl', '4:5.32.1-480.el9', 'perl', '4:5.32.1-481.el9');
  assert.deepEqual(verdicts(named, perl), ['RLSA-2 affected']);
});

test('3.1, trap 2: a package with a version of its own tells nothing of its source’s epoch (perl-Errno of perl)', () => {
  const fixed = '4:5.26.3-423.el8';
  const statements = read('RLSA-1', [{ ecosystem: 'Rocky Linux:8', name: 'perl', fixed }]);
  const errno = (release: string, epoch = ''): string[] => {
    const [own, source] = [`${epoch}1.28-${release}.el8`, `${epoch}5.26.3-${release}.el8`];
    return verdicts(statements, rpm('Rocky Linux', '8.10', 'perl-Errno', own, 'perl', source));
  };
  assert.deepEqual(errno('423'), ['RLSA-1 fixed']);
  assert.deepEqual(errno('422'), ['RLSA-1 affected']);
  assert.deepEqual(errno('422', '9:'), ['RLSA-1 affected']);
  // Whose version is its source's has its epoch, too.
  const libs = (version: string): string[] =>
    verdicts(statements, rpm('Rocky Linux', '8.10', 'perl-libs', version, 'perl', version));
  assert.deepEqual(libs('5.30.0-1.el8'), ['RLSA-1 affected']);
  assert.deepEqual(libs(fixed), ['RLSA-1 fixed']);
});

test('3.2: fixes of Red Hat’s extended support are their streams’, and not the main one’s (OSV)', () => {
  const eus = read('RHSA-2', [
    { ecosystem: 'Red Hat:rhel_eus:9.4::baseos', name: 'kernel-tools', fixed: '5.14.0-427.50.1.el9_4' },
    { ecosystem: 'Red Hat:enterprise_linux:9::baseos', name: 'openssl-libs', fixed: '1:3.0.7-28.el9_4' },
  ]);
  const tools = rpm('Red Hat', '9.4', 'kernel-tools', '5.14.0-427.13.1.el9_4');
  assert.deepEqual(verdicts(eus, tools), []);
  assert.deepEqual(verdicts(eus, { ...tools, release: '9.4-eus' }), ['RHSA-2 affected']);
  const mended = { ...tools, release: '9.4-eus', version: '5.14.0-427.50.1.el9_4' };
  assert.deepEqual(verdicts(eus, mended), ['RHSA-2 fixed']);
  assert.deepEqual(verdicts(eus, { ...tools, release: '9.2-eus' }), []);
  assert.deepEqual(verdicts(eus, rpm('Red Hat', '9.4', 'openssl-libs', '1:3.0.7-27.el9')), ['RHSA-2 affected']);
});

const said = (statements: readonly Statement[], installed: readonly Installed[], running: string | null): string[] => {
  const { kernel, packages } = matchHost(own(statements), installed, versionOrder, running);
  return [...kernel, ...packages].map(({ verdict, packages: names, why }) =>
    verdict === 'unknown' ? `unknown: ${why}` : `${verdict} ${names.join()}`,
  );
};

test('3.4, trap 9 for rpm: of the kernels that are installed beside each other the running one is judged, and no headers', () => {
  const fixed = '5.14.0-611.54.6.el9_7';
  const names = ['kernel', 'kernel-core', 'kernel-headers', 'kernel-modules', 'kernel-tools'];
  const statements = read(
    'ALSA-1',
    names.map((name) => ({ ecosystem: 'AlmaLinux:9', name, fixed })),
  );
  const kernel = (name: string, version: string): Installed =>
    rpm('AlmaLinux', '9.7', name, version, 'kernel', version);
  const [older, newer] = ['5.14.0-611.54.5.el9_7', fixed];
  const both = names.slice(1).flatMap((name) => [kernel(name, older), kernel(name, newer)]);
  assert.deepEqual(said(statements, both, `${older}.x86_64`), ['affected kernel-core']);
  assert.deepEqual(said(statements, both, `${newer}.x86_64`), ['fixed kernel-core']);
  // Beside each other in one version, one of them runs.
  const large = (version: string): Installed => kernel('kernel-64k-core', version);
  const flavours = [kernel('kernel-core', older), large(older), large(newer)];
  const named = read(
    'ALSA-1',
    ['kernel-core', 'kernel-64k-core'].map((name) => ({ ecosystem: 'AlmaLinux:9', name, fixed })),
  );
  assert.deepEqual(said(named, flavours, `${older}.aarch64+64k`), ['affected kernel-64k-core']);
  assert.deepEqual(said(named, flavours, `${older}.aarch64`), ['affected kernel-core']);
  assert.match(said(named, [kernel('kernel-core', older)], `${older}.aarch64+64k`)[0]!, /^unknown/);
  // Gone, or another's: then none tells.
  const gone = said(statements, both, '5.14.0-503.el9.x86_64');
  assert.deepEqual(
    new Set(gone),
    new Set(['unknown: the kernel that runs, 5.14.0-503.el9.x86_64, is of no installed package']),
  );
  assert.deepEqual(said(statements, [kernel('kernel-headers', older)], '6.8.0-31-generic'), []);
  // A version that only begins alike runs elsewhere.
  assert.match(said(statements, [kernel('kernel-core', '5.14.0-611')], `${older}.x86_64`)[0]!, /^unknown/);
});

test('3.4: SUSE’s, Azure’s and Alpine’s kernels are known by what they call themselves', () => {
  const suse = read('SUSE-1', [
    { ecosystem: 'openSUSE:Leap 15.5', name: 'kernel-default', fixed: '5.14.21-150500.55.94.1' },
  ]);
  const image = (version: string): Installed => rpm('openSUSE', '15.5', 'kernel-default', version);
  const running = '5.14.21-150500.55.88-default';
  const both = [image('5.14.21-150500.55.88.1'), image('5.14.21-150500.55.94.1')];
  assert.deepEqual(said(suse, both, running), ['affected kernel-default']);
  assert.deepEqual(said(suse, both, '5.14.21-150500.55.94-default'), ['fixed kernel-default']);
  // The first kernel of a service pack is not every later one whose version goes on.
  assert.match(said(suse, both, '5.14.21-150500.55-default')[0]!, /^unknown/);
  const longterm = (version: string): Installed => rpm('openSUSE', '20260101', 'kernel-longterm', version);
  const slow = read('SUSE-3', [{ ecosystem: 'openSUSE:Tumbleweed', name: 'kernel-longterm', fixed: '6.12.10-1.1' }]);
  assert.deepEqual(said(slow, [longterm('6.12.9-1.1'), longterm('6.12.10-1.1')], '6.12.10-1-longterm'), [
    'fixed kernel-longterm',
  ]);
  const debug = rpm('AlmaLinux', '9.7', 'kernel-64k-debug-core', '5.14.0-611.el9', 'kernel', '5.14.0-611.el9');
  const rhel = read('ALSA-1', [{ ecosystem: 'AlmaLinux:9', name: debug.name, fixed: '5.14.0-612.el9' }]);
  assert.deepEqual(said(rhel, [debug], '5.14.0-611.el9.aarch64+64k-debug'), [`affected ${debug.name}`]);
  // Built from a commit, or a candidate: libzypp’s own examples.
  for (const [version, itself] of [
    ['5.8.0-3.1.gd4e7682', '5.8.0-3.gd4e7682-default'],
    ['5.13~rc7-17.1', '5.13.0-rc7-17-default'],
  ] as const)
    assert.deepEqual(said(suse, [image(version)], itself), ['affected kernel-default']);
  const azure = read('AZL-1', [{ ecosystem: 'Azure Linux:3', name: 'kernel', fixed: '6.6.64.2-1.azl3' }]);
  assert.deepEqual(said(azure, [rpm('Azure Linux', '3.0', 'kernel', '6.6.57.1-2.azl3')], '6.6.57.1-2.azl3'), [
    'affected kernel',
  ]);
  const alpine = read('ALPINE-1', [{ ecosystem: 'Alpine:v3.20', name: 'linux-lts', fixed: '6.6.32-r0' }]);
  const lts = (version: string): Installed => rpm('Alpine', '3.20.1', 'linux-lts', version);
  assert.deepEqual(said(alpine, [lts('6.6.31-r0')], '6.6.31-0-lts'), ['affected linux-lts']);
  assert.deepEqual(said(alpine, [lts('6.6.32-r0')], '6.6.32-0-lts'), ['fixed linux-lts']);
  // Upgraded, and not booted since: what runs is not what is installed.
  assert.deepEqual(said(alpine, [lts('6.6.32-r0')], '6.6.31-0-lts'), [
    'unknown: the kernel that runs, 6.6.31-0-lts, is of no installed package',
  ]);
  const firmware = read('SUSE-2', [{ ecosystem: 'openSUSE:Leap 15.5', name: 'kernel-firmware', fixed: '20260101-1' }]);
  assert.deepEqual(said(firmware, [rpm('openSUSE', '15.5', 'kernel-firmware', '20250101-1')], running), [
    'affected kernel-firmware',
  ]);
});

test('3.2: what mends a stream of a module says nothing of the plain package, nor of another stream', () => {
  const of = (name: string, version: string): Installed => rpm('AlmaLinux', '8.10', name, version);
  const node = read(
    'ALSA-1',
    [{ ecosystem: 'AlmaLinux:8', name: 'nodejs', fixed: '1:18.20.4-1.module_el8.10.0+3879+a0bd9d64' }],
    'Important: nodejs:18 security update',
  );
  assert.deepEqual(verdicts(node, of('nodejs', '1:18.19.1-1.module_el8.9.0+3768+1111')), ['ALSA-1 affected']);
  assert.deepEqual(verdicts(node, of('nodejs', '1:18.20.4-1.module_el8.10.0+3879+a0bd9d64')), ['ALSA-1 fixed']);
  assert.deepEqual(verdicts(node, of('nodejs', '1:16.20.2-8.module_el8.9.0+3768+2222')), ['ALSA-1 not-affected']);
  const perl = read(
    'ALSA-2',
    [{ ecosystem: 'AlmaLinux:8', name: 'perl-libs', fixed: '4:5.32.1-473.module_el8.10.0+3839+c7a1e1a5' }],
    'Moderate: perl:5.32 security update',
  );
  // Every host of that release has it, and no update would ever end the alarm.
  assert.deepEqual(verdicts(perl, of('perl-libs', '4:5.26.3-422.el8')), ['ALSA-2 not-affected']);
  const plain = read('ALSA-3', [{ ecosystem: 'AlmaLinux:8', name: 'perl-libs', fixed: '4:5.26.3-423.el8' }]);
  assert.deepEqual(verdicts(plain, of('perl-libs', '4:5.26.3-422.el8')), ['ALSA-3 affected']);
  assert.deepEqual(verdicts(plain, of('perl-libs', '4:5.24.4-404.module_el8+1+a')), ['ALSA-3 not-affected']);
  // Numbered otherwise than its stream, and with nothing beside it that is numbered so: then all of the module's are asked.
  const zip = read(
    'ALSA-4',
    [{ ecosystem: 'AlmaLinux:8', name: 'php-pecl-zip', fixed: '1.18.2-1.module_el8.3.0+2009+b272fdef' }],
    'Moderate: php:7.3 security update',
  );
  assert.deepEqual(verdicts(zip, of('php-pecl-zip', '1.15.4-1.module_el8.3.0+1+a')), ['ALSA-4 affected']);
});

test('3.2: a companion that is numbered otherwise than its stream alarms in no other; what the stream is told by still does', () => {
  const of = (name: string, version: string): Installed => rpm('AlmaLinux', '8.10', name, version);
  const companion = { ecosystem: 'AlmaLinux:8', name: 'php-pecl-zip', fixed: '1.18.2-1.module_el8.6.0+2750+78feabcb' };
  const lead = { ecosystem: 'AlmaLinux:8', name: 'php-common', fixed: '7.4.30-1.module_el8.6.0+3131+d8e5edd7' };
  const php = read('ALSA-1', [companion, lead], 'Moderate: php:7.4 security update');
  assert.deepEqual(verdicts(php, of('php-pecl-zip', '1.15.4-1.module_el8.3.0+1+a')), ['ALSA-1 unknown']);
  assert.deepEqual(verdicts(php, of('php-pecl-zip', companion.fixed)), ['ALSA-1 fixed']);
  assert.deepEqual(verdicts(php, of('php-pecl-zip', '1.15.4-1.el8')), ['ALSA-1 not-affected']);
  assert.deepEqual(verdicts(php, of('php-common', '7.4.19-1.module_el8.5.0+1+a')), ['ALSA-1 affected']);
  assert.deepEqual(verdicts(php, of('php-common', '7.2.24-1.module_el8.3.0+1+a')), ['ALSA-1 not-affected']);
  // A module called by a version has no other stream.
  const python = read(
    'ALSA-2',
    [
      { ecosystem: 'AlmaLinux:8', name: 'python38-pip', fixed: '19.3.1-7.module_el8.9.0+3633+e453b53a' },
      { ecosystem: 'AlmaLinux:8', name: 'python38', fixed: '3.8.17-2.module_el8.9.0+3633+e453b53a' },
    ],
    'Moderate: python38:3.8 and python38-devel:3.8 security update',
  );
  assert.deepEqual(verdicts(python, of('python38-pip', '19.3.1-1.module_el8.3.0+1+a')), ['ALSA-2 affected']);
});

test('3.4: SUSE’s kernel with few modules is judged by the one that runs, whether its version has the kernel’s in front or is it', () => {
  const base = (version: string, source = 'kernel-default-base'): Installed => ({
    ...rpm('openSUSE', '15.5', 'kernel-default-base', version),
    source,
  });
  const [older, newer] = ['5.14.21-150500.55.88.1.150500.6.40.1', '5.14.21-150500.55.94.1.150500.6.43.2'];
  const own = read('SUSE-1', [{ ecosystem: 'openSUSE:Leap 15.5', name: 'kernel-default-base', fixed: newer }]);
  const both = [base(older), base(newer)];
  assert.deepEqual(said(own, both, '5.14.21-150500.55.88-default'), ['affected kernel-default-base']);
  assert.deepEqual(said(own, both, '5.14.21-150500.55.94-default'), ['fixed kernel-default-base']);
  // The first kernel of a service pack, and one that runs without its package.
  assert.match(said(own, both, '5.14.21-150500.55-default')[0]!, /^unknown/);
  assert.match(said(own, both, '5.14.21-150500.55.97-default')[0]!, /^unknown/);
  for (const [version, running] of [
    ['5.3.18-lp152.75.1.lp152.8.32.1', '5.3.18-lp152.75-default'],
    ['5.3.18-24.43.2.9.17.2', '5.3.18-24.43-default'],
  ] as const)
    assert.deepEqual(said(own, [base(version)], running), ['affected kernel-default-base'], version);
  // In 12 it is a part of kernel-default, and has its version.
  const part = read('SUSE-2', [{ ecosystem: 'openSUSE:Leap 15.5', name: 'kernel-default', fixed: '4.4.121-92.129.1' }]);
  const small = base('4.4.121-92.125.1', 'kernel-default');
  assert.deepEqual(said(part, [small], '4.4.121-92.125-default'), ['affected kernel-default-base']);
});

test('3.4: Mageia’s kernels are judged by the one that runs, whether their names have its version or not', () => {
  const of = (name: string, version: string, source: string, sourceVersion = version): Installed => ({
    ...rpm('Mageia', '9', name, version),
    source,
    sourceVersion,
  });
  const fixed = '6.6.120-1.mga9';
  const older = '6.6.116-1.mga9';
  const statements = [
    ...read('MGASA-1', [{ ecosystem: 'Mageia:9', name: 'kernel', fixed }]),
    ...read('MGASA-2', [{ ecosystem: 'Mageia:9', name: 'kernel-linus', fixed }]),
  ];
  const packages = [older, fixed].flatMap((version) =>
    ['kernel-desktop', 'kernel-desktop-devel', 'kernel-desktop-latest', 'kernel-userspace-headers', 'perf'].map(
      (name) => of(name, version, 'kernel'),
    ),
  );
  assert.deepEqual(said(statements, packages, '6.6.116-desktop-1.mga9'), ['affected kernel-desktop']);
  assert.deepEqual(said(statements, packages, '6.6.120-desktop-1.mga9'), ['fixed kernel-desktop']);
  assert.match(said(statements, packages, '6.6.116-server-1.mga9')[0]!, /^unknown/);
  assert.match(said(statements, packages, '6.6.11-desktop-1.mga9')[0]!, /^unknown/);
  const linus = [older, fixed].map((version) => of('kernel-linus', version, 'kernel-linus'));
  for (const running of ['6.6.116-1.mga9', '6.6.116-linus-1.mga9'])
    assert.deepEqual(said(statements, linus, running), ['affected kernel-linus'], running);
  const named = [older, fixed].map((version) => of(`kernel-server-${version}`, '1-1.mga9', 'kernel', version));
  assert.deepEqual(said(statements, named, '6.6.116-server-1.mga9'), ['affected kernel-server-6.6.116-1.mga9']);
  assert.deepEqual(said(statements, named, '6.6.120-server-1.mga9'), ['fixed kernel-server-6.6.120-1.mga9']);
});
