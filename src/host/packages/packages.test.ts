import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { data, failure, put, tree } from '../facts/testing.ts';
import { localHost } from '../local.ts';
import { apksOfFiles, parseApk } from './apk.ts';
import { parseDpkgStatus } from './dpkg.ts';
import { parseArchives, parseNewer, parseOrigins } from './origins.ts';
import { parseRpm, rpmsOfFiles } from './rpm.ts';

const LISTS = `Package files:
 100 /var/lib/dpkg/status
     release a=now
 500 https://packages.example.test/apt stable/main amd64 Packages
     release o=Example,a=stable,n=stable,l=Example,c=main,b=amd64
     origin packages.example.test
 100 http://deb.debian.org/debian bookworm-backports/main amd64 Packages
     release o=Debian Backports,a=bookworm-backports,n=bookworm-backports,l=Debian Backports,c=main,b=amd64
     origin deb.debian.org
 500 http://deb.debian.org/debian-security bookworm-security/main amd64 Packages
     release v=12,o=Debian,a=oldstable-security,n=bookworm-security,l=Debian-Security,c=main,b=amd64
     origin deb.debian.org
 500 http://deb.debian.org/debian bookworm-updates/main amd64 Packages
     release v=12-updates,o=Debian,a=oldstable-updates,n=bookworm-updates,l=Debian,c=main,b=amd64
     origin deb.debian.org
 500 http://deb.debian.org/debian bookworm/main amd64 Packages
     release v=12.15,o=Debian,a=oldstable,n=bookworm,l=Debian,c=main,b=amd64
     origin deb.debian.org
Pinned packages:
`;
const list = (suite: string): string => `        500 http://deb.debian.org/debian ${suite}/main amd64 Packages\n`;
const SECURITY = '        500 http://deb.debian.org/debian-security bookworm-security/main amd64 Packages\n';
const FOREIGN = '        500 https://packages.example.test/apt stable/main amd64 Packages\n';
const STATUS = '        100 /var/lib/dpkg/status\n';
const policy = (name: string, installed: string, ...versions: [string, string][]): string =>
  `${name}:\n  Installed: ${installed}\n  Candidate: ${installed}\n  Version table:\n${versions
    .map(([version, lists]) => ` ${version === installed ? '***' : '   '} ${version} 500\n${lists}`)
    .join('')}`;

test('origins: by the archive that has the installed version', () => {
  const text = [
    policy('bash', '5.2.15-2+b8', ['5.2.15-2+b8', list('bookworm') + STATUS]),
    policy(
      'openssl',
      '3.0.17-1~deb12u3',
      ['3.0.17-1~deb12u3', SECURITY + list('bookworm') + STATUS],
      ['3.0.16-1', list('bookworm')],
    ),
    policy('tzdata', '2025b-0', ['2025b-0', list('bookworm-updates') + STATUS]),
    policy('cockpit', '337-1~bpo12+1', ['337-1~bpo12+1', list('bookworm-backports').replace('500', '100') + STATUS]),
    policy('agent', '7.1', ['7.2', FOREIGN], ['7.1', FOREIGN + STATUS]),
    policy('agent-old', '6.0', ['7.2', FOREIGN], ['6.0', STATUS]),
    policy('ours', '1.0', ['1.0', STATUS]),
    policy('superseded', '1.0', ['1.1', list('bookworm')], ['1.0', STATUS]),
    policy('absent', '(none)', ['1.1', list('bookworm')]),
  ].join('');
  assert.deepEqual(Object.fromEntries(parseOrigins(text, parseArchives(LISTS))), {
    bash: 'main',
    openssl: 'security',
    tzdata: 'updates',
    cockpit: 'backports',
    agent: 'foreign',
    'agent-old': 'foreign',
    ours: 'local',
    superseded: null,
  });
});

test('newer: a security update stays one under a still newer version of another suite', () => {
  const text = [
    policy('bash', '5.2-1', ['5.2-1', list('bookworm') + STATUS]),
    policy('openssl', '3.0-2', ['3.0-3', SECURITY], ['3.0-2', list('bookworm') + STATUS]),
    policy('curl', '7-1', ['7-3', list('bookworm-updates')], ['7-2', SECURITY], ['7-1', list('bookworm') + STATUS]),
    policy('tzdata', '2025a', ['2025b', list('bookworm-updates')], ['2025a', list('bookworm') + STATUS]),
    policy('newest', '3', ['3', STATUS], ['2', SECURITY]),
  ].join('');
  assert.deepEqual(Object.fromEntries(parseNewer(text, parseArchives(LISTS))), {
    bash: 'none',
    openssl: 'security',
    curl: 'security',
    tzdata: 'updates',
    newest: 'none',
  });
});

test('dpkg: what an administrator put on hold is said', () => {
  const status =
    'Package: a\nStatus: hold ok installed\nVersion: 1\n\nPackage: b\nStatus: install ok installed\nVersion: 1\n';
  assert.deepEqual(
    parseDpkgStatus(status, 'Debian').map(({ name, held }) => [name, held]),
    [
      ['a', true],
      ['b', undefined],
    ],
  );
});

test('origins: each package of this machine is in a list of the archive that we name', async (context) => {
  const facts = await data('/', 'packages').catch(() => []);
  const main = facts.filter((fact) => fact.origin === 'main' || fact.origin === 'security').slice(0, 40);
  if (main.length === 0) {
    context.skip('this machine has no apt lists');
    return;
  }
  const said = execFileSync('apt-cache', ['madison', ...main.map((fact) => fact.name)], { encoding: 'utf8' });
  for (const fact of main) {
    const lines = said
      .split('\n')
      .filter((line) => line.split('|')[0]?.trim() === fact.name && line.split('|')[1]?.trim() === fact.version);
    const isSecurity = lines.some((line) => line.includes('-security'));
    assert.ok(
      lines.length > 0 && isSecurity === (fact.origin === 'security'),
      `${fact.name} ${fact.origin}: ${lines.join()}`,
    );
  }
});

// As rpm -qa prints it on Rocky Linux 9.
const RPMS = `openssl-libs	1	3.0.7-27.el9	x86_64	openssl-3.0.7-27.el9.src.rpm
kernel-core	(none)	5.14.0-427.13.1.el9_4	x86_64	kernel-5.14.0-427.13.1.el9_4.src.rpm
kernel-core	(none)	5.14.0-362.8.1.el9_3	x86_64	kernel-5.14.0-362.8.1.el9_3.src.rpm
kernel	(none)	5.14.0-427.13.1.el9_4	x86_64	kernel-5.14.0-427.13.1.el9_4.src.rpm
gpg-pubkey	(none)	350d275d-6279464b	(none)	(none)
rocky-release	(none)	9.4-1.7.el9	noarch	rocky-release-9.4-1.7.el9.src.rpm
own	0	1.0-1	noarch	(none)
`;

test('rpm: source and epoch as advisories write them; imported keys are no packages', () => {
  assert.deepEqual(
    parseRpm(RPMS, 'Rocky Linux').map(
      (fact) => `${fact.name} ${fact.version} ${fact.arch} ${fact.source} ${fact.sourceVersion}`,
    ),
    [
      'openssl-libs 1:3.0.7-27.el9 x86_64 openssl 1:3.0.7-27.el9',
      'kernel-core 5.14.0-427.13.1.el9_4 x86_64 kernel 5.14.0-427.13.1.el9_4',
      'kernel-core 5.14.0-362.8.1.el9_3 x86_64 kernel 5.14.0-362.8.1.el9_3',
      'kernel 5.14.0-427.13.1.el9_4 x86_64 kernel 5.14.0-427.13.1.el9_4',
      'rocky-release 9.4-1.7.el9 noarch rocky-release 9.4-1.7.el9',
      'own 1.0-1 noarch own 1.0-1',
    ],
  );
});

test('rpm: a host of it, with its kernels', async () => {
  const root = tree({
    'etc/os-release': 'ID="rocky"\nVERSION_ID="9.4"\n',
    'proc/sys/kernel/osrelease': '5.14.0-362.8.1.el9_3.x86_64\n',
    'var/lib/rpm/rpmdb.sqlite': '',
    'var/lib/dpkg/status': '',
    'usr/bin/rpm': `#!/bin/sh\n/bin/cat <<'END'\n${RPMS}END\n`,
  });
  const facts = await data(root, 'packages');
  assert.deepEqual(
    [facts.length, facts[0]?.ecosystem, facts[0]?.candidate, facts[0]?.origin],
    [6, 'Rocky Linux', undefined, undefined],
  );
  const kernel = await data(root, 'kernel');
  assert.deepEqual(
    [kernel.installed.map((one) => one.release), kernel.package],
    [['5.14.0-362.8.1.el9_3.x86_64', '5.14.0-427.13.1.el9_4.x86_64'], 'kernel-core'],
  );
  fs.writeFileSync(join(root, 'usr/bin/rpm'), '#!/bin/sh\necho "error: cannot open Packages database" >&2\nexit 1\n');
  assert.match(await failure(root, 'packages'), /cannot open Packages/);
});

const SPEC = `Name: lastember-sample
Epoch: 2
Version: 1.4
Release: 3
Summary: x
License: x
BuildArch: noarch
%description
x
%package tools
Summary: y
%description tools
y
%install
mkdir -p %{buildroot}/usr/lib/sample
echo a > %{buildroot}/usr/lib/sample/a.so
echo b > %{buildroot}/usr/lib/sample/b
%files
/usr/lib/sample/a.so
%files tools
/usr/lib/sample/b
`;

test('rpm: the stream of a module by its label, and no package lost where rpm does not know labels', async (context) => {
  const root = tree({
    'build/one.spec': SPEC.replace(
      'Release: 3',
      'Release: 3.module+el8\nModularityLabel: php:7.4:8060020220725:c2b9a8d3',
    ),
    'build/two.spec': SPEC.replaceAll('lastember-sample', 'lastember-plain'),
    'etc/os-release': 'ID="rocky"\nVERSION_ID="8.10"\n',
    'var/lib/rpm/.keep': '',
  });
  const run = (...argv: string[]): string =>
    execFileSync(argv[0]!, argv.slice(1), { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  const database = ['--root', root, '--dbpath', '/var/lib/rpm'];
  try {
    for (const spec of ['one', 'two'])
      run('rpmbuild', '-bb', '--define', `_topdir ${root}/build`, join(root, `build/${spec}.spec`));
    const built = fs.readdirSync(join(root, 'build/RPMS/noarch')).map((name) => join(root, 'build/RPMS/noarch', name));
    run('rpm', ...database, '-i', '--nodeps', '--justdb', '--noscripts', ...built);
  } catch (error) {
    context.skip(`no rpm and rpmbuild on this machine: ${(error as Error).message.split('\n')[0]}`);
    return;
  }
  const real = `exec /usr/bin/rpm ${database.join(' ')} "$@"\n`;
  const streams = async () => (await data(root, 'packages')).map(({ name, stream }) => `${name} ${stream ?? '–'}`);
  put(root, 'usr/bin/rpm', `#!/bin/sh\n${real}`);
  const names = ['lastember-plain', 'lastember-plain-tools', 'lastember-sample', 'lastember-sample-tools'];
  assert.deepEqual(
    await streams(),
    names.map((name) => `${name} ${name.includes('sample') ? 'php:7.4' : '–'}`),
  );
  // As rpm 4.11 of release 7 answers.
  const older = 'case "$*" in *MODULARITYLABEL*) echo "error: incorrect format: unknown tag" >&2; exit 1;; esac';
  put(root, 'usr/bin/rpm', `#!/bin/sh\n${older}\n${real}`);
  assert.deepEqual(
    await streams(),
    names.map((name) => `${name} –`),
  );
});

test('rpm: packages and owners as the real rpm tells them of a real database', async (context) => {
  const root = tree({ 'build/sample.spec': SPEC, 'etc/os-release': 'ID=fedora\n', 'var/lib/rpm/.keep': '' });
  const run = (...argv: string[]): string =>
    execFileSync(argv[0]!, argv.slice(1), { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  const database = ['--root', root, '--dbpath', '/var/lib/rpm'];
  try {
    run('rpmbuild', '-bb', '--define', `_topdir ${root}/build`, join(root, 'build/sample.spec'));
    const built = fs.readdirSync(join(root, 'build/RPMS/noarch')).map((name) => join(root, 'build/RPMS/noarch', name));
    run('rpm', ...database, '-i', '--nodeps', '--justdb', '--noscripts', ...built);
  } catch (error) {
    context.skip(`no rpm and rpmbuild on this machine: ${(error as Error).message.split('\n')[0]}`);
    return;
  }
  put(root, 'usr/bin/rpm', `#!/bin/sh\nexec /usr/bin/rpm ${database.join(' ')} "$@"\n`);
  const facts = await data(root, 'packages');
  const ours = facts.map((fact) => `${fact.name} ${fact.version} ${fact.source} ${fact.sourceVersion} ${fact.arch}`);
  assert.deepEqual(ours, [
    'lastember-sample 2:1.4-3 lastember-sample 2:1.4-3 noarch',
    'lastember-sample-tools 2:1.4-3 lastember-sample 2:1.4-3 noarch',
  ]);
  const oracle = run('rpm', ...database, '-qa', '--qf', '%{NAME} %{EPOCHNUM}:%{VERSION}-%{RELEASE}\n')
    .trim()
    .split('\n');
  assert.deepEqual(
    facts.map((fact) => `${fact.name} ${fact.version}`),
    oracle.sort(),
  );
  const files = ['/usr/lib/sample/a.so', '/usr/lib/sample/b', '/usr/lib/sample/nobody'];
  assert.deepEqual(Object.fromEntries(await rpmsOfFiles(localHost({ root }), files)), {
    '/usr/lib/sample/a.so': 'lastember-sample',
    '/usr/lib/sample/b': 'lastember-sample-tools',
  });
});

// As /lib/apk/db/installed has it on Alpine 3.19.
const APK = `C:Q1cFEbGOAmTXcRcWa1JIfOIWSMwqo=
P:libcrypto3
V:3.1.4-r5
A:x86_64
S:1803059
I:4460544
T:Crypto library from openssl
U:https://www.openssl.org/
L:Apache-2.0
o:openssl
m:Ariadne Conill <ariadne@dereferenced.org>
t:1706556789
c:b784a22cad0c452586b438cb7a597d846fc09ff4
D:so:libc.musl-x86_64.so.1
p:so:libcrypto.so.3=3
F:etc
F:lib
R:libcrypto.so.3
a:0:0:755
Z:Q1Vty2IZxJ7Ff6nZ2tBcFpWQKNvLg=
F:usr/lib/engines-3
R:afalg.so
Z:Q1nd1Nq9IuxqGGrAHtYXJrcLuOSl8=

C:Q1qKcZ+j23xssAXmgQhkOO8dHnbWw=
P:alpine-baselayout
V:3.4.3-r2
A:x86_64
o:alpine-baselayout
F:etc
R:motd

P:linux-lts
V:6.6.30-r0
A:x86_64
o:linux-lts

`;

test('apk: names, sources and owners', async () => {
  assert.deepEqual(
    parseApk(APK, 'Alpine').map((fact) => `${fact.name} ${fact.version} ${fact.arch} ${fact.source}`),
    [
      'libcrypto3 3.1.4-r5 x86_64 openssl',
      'alpine-baselayout 3.4.3-r2 x86_64 alpine-baselayout',
      'linux-lts 6.6.30-r0 x86_64 linux-lts',
    ],
  );
  const root = tree({
    'etc/os-release': 'ID=alpine\nVERSION_ID=3.19.1\n',
    'proc/sys/kernel/osrelease': '6.6.30-0-lts\n',
    'lib/apk/db/installed': APK,
  });
  assert.deepEqual(
    (await data(root, 'packages')).map((fact) => fact.name),
    ['alpine-baselayout', 'libcrypto3', 'linux-lts'],
  );
  assert.equal((await data(root, 'kernel')).package, 'linux-lts');
  const files = ['/lib/libcrypto.so.3', '/usr/lib/engines-3/afalg.so', '/etc/motd', '/etc/none'];
  assert.deepEqual(Object.fromEntries(await apksOfFiles(localHost({ root }), files)), {
    '/lib/libcrypto.so.3': 'libcrypto3',
    '/usr/lib/engines-3/afalg.so': 'libcrypto3',
    '/etc/motd': 'alpine-baselayout',
  });
});

test('packages: without a database that we read, what is installed is unknown, not nothing', async () => {
  assert.match(await failure(tree({ 'etc/os-release': 'ID=arch\n' }), 'packages'), /dpkg, rpm or apk/);
});
