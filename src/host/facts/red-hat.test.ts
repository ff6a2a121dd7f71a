import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { OsFacts } from '../../model/facts.ts';
import { newSshKey } from '../ssh/testing/keys.ts';
import { sshHost } from '../ssh/index.ts';
import { testSshServer } from '../ssh/testing/server.ts';
import { collectFacts } from './collect.ts';
import { enabledIn } from '../packages/red-hat-repositories.ts';
import { data, put, tree } from './testing.ts';

const RELEASE =
  'NAME="Red Hat Enterprise Linux"\nVERSION="9.2 (Plow)"\nID="rhel"\nID_LIKE="fedora"\nVERSION_ID="9.2"\n';

/** As subscription-manager writes `redhat.repo`. */
const repository = (id: string, enabled: 0 | 1, path: string): string => `[${id}]
name = Red Hat Enterprise Linux 9 for x86_64
baseurl = https://cdn.redhat.com/content/${path}/os
enabled = ${enabled}
gpgcheck = 1
gpgkey = file:///etc/pki/rpm-gpg/RPM-GPG-KEY-redhat-release
sslverify = 1
sslcacert = /etc/rhsm/ca/redhat-uep.pem
sslclientkey = /etc/pki/entitlement/1-key.pem
sslclientcert = /etc/pki/entitlement/1.pem
sslverifystatus = 1
metadata_expire = 86400
enabled_metadata = 1

`;
const MANAGED = `#
# Certificate-Based Repositories
# Managed by (rhsm) subscription-manager
#
# *** This file is auto-generated.  Changes made here will be over-written. ***
#

${repository('rhel-9-for-x86_64-baseos-rpms', 0, 'dist/rhel9/9.2/x86_64/baseos')}\
${repository('rhel-9-for-x86_64-baseos-eus-rpms', 1, 'eus/rhel9/9.2/x86_64/baseos')}\
${repository('rhel-9-for-x86_64-baseos-eus-debug-rpms', 0, 'eus/rhel9/9.2/x86_64/baseos/debug')}\
${repository('rhel-9-for-x86_64-appstream-eus-rpms', 1, 'eus/rhel9/9.2/x86_64/appstream')}`;

const updatesOf = async (root: string): Promise<OsFacts['updatesFrom']> => (await data(root, 'os')).updatesFrom;

test('3.2: Red Hat’s hosts tell which repositories of extended support they have, and which release they are held at', async () => {
  const root = tree({
    'etc/os-release': RELEASE,
    'etc/yum.repos.d/redhat.repo': MANAGED,
    'etc/yum.repos.d/epel.repo': '[epel]\nname=EPEL\nenabled=1\nbaseurl=https://user:secret@mirror.example/epel\n',
    'var/lib/rhsm/cache/releasever.json': '{"releaseVer": "9.2"}',
  });
  const repositories = ['rhel-9-for-x86_64-appstream-eus-rpms', 'rhel-9-for-x86_64-baseos-eus-rpms'];
  assert.deepEqual(await updatesOf(root), { pinned: '9.2', repositories });
  assert.doesNotMatch(JSON.stringify(await data(root, 'os')), /secret|mirror/);
  // Nothing is held there; in a cloud dnf's own variable says it, on 7 yum's.
  put(root, 'var/lib/rhsm/cache/releasever.json', '{"releaseVer": ""}');
  assert.equal((await updatesOf(root))!.pinned, null);
  put(root, 'etc/yum/vars/releasever', '7Server\n');
  assert.equal((await updatesOf(root))!.pinned, null);
  put(root, 'etc/yum/vars/releasever', '7.6\n');
  assert.equal((await updatesOf(root))!.pinned, '7.6');
  put(root, 'etc/dnf/vars/releasever', '8.6');
  assert.equal((await updatesOf(root))!.pinned, '8.6');
  put(root, 'var/lib/rhsm/cache/releasever.json', '{"releaseVer": null}');
  assert.equal((await updatesOf(root))!.pinned, '8.6');
});

test('3.2: what is absent, broken or another distribution’s tells nothing, and the rest of the section is there', async () => {
  assert.deepEqual(await updatesOf(tree({ 'etc/os-release': RELEASE })), { pinned: null, repositories: [] });
  for (const id of ['almalinux', 'centos', 'rocky', 'ol', 'debian']) {
    const os = RELEASE.replace('ID="rhel"', `ID="${id}"`);
    assert.equal(
      await updatesOf(tree({ 'etc/os-release': os, 'etc/yum.repos.d/redhat.repo': MANAGED })),
      undefined,
      id,
    );
  }
  const broken = tree({
    'etc/os-release': RELEASE,
    'etc/yum.repos.d/a.repo': `[${'x-eus-rpms'.repeat(100)}]\nenabled=1\n[]\n[b\nenabled\n=1\n\0[c-eus-rpms\n`,
    'var/lib/rhsm/cache/releasever.json': '{"releaseVer":',
    'etc/dnf/vars/releasever': '../../9.2',
  });
  const told = await updatesOf(broken);
  assert.equal(told!.pinned, null);
  assert.ok(told!.repositories.every((one) => one.length <= 200));
  // Where a file should be is something else.
  const odd = tree({ 'etc/os-release': RELEASE });
  fs.mkdirSync(join(odd, 'etc'), { recursive: true });
  put(odd, 'etc/yum.repos.d', 'no directory');
  assert.equal((await data(odd, 'os')).versionId, '9.2');
});

test('3.2: an agent of before does not say it, and is understood', async () => {
  const { updatesFrom: _, ...before } = await data(tree({ 'etc/os-release': RELEASE }), 'os');
  assert.equal(OsFacts.parse(before).updatesFrom, undefined);
  assert.equal(OsFacts.safeParse({ ...before, updatesFrom: { pinned: 9.2, repositories: [] } }).success, false);
  assert.equal(
    OsFacts.safeParse({ ...before, updatesFrom: { pinned: null, repositories: ['x'.repeat(201)] } }).success,
    false,
  );
});

test('a repository is enabled unless it is said not to be, as dnf reads it', () => {
  const text =
    '[a]\nname=a\n[b]\nenabled=0\n[c]\nenabled = yes\n[d] \nenabled=False\n[e]\nbaseurl=https://a\n [x]\n enabled=0\n#enabled=0\n[f]\nenabled=1\nenabled=0\n';
  assert.deepEqual(enabledIn(text), ['a', 'c', 'e']);
  assert.deepEqual(enabledIn('enabled=1\n'), []);
  assert.deepEqual(enabledIn('[a]\r\nenabled=0\r\n[b]\r\n'), ['b']);
});

test('3.2: over SSH the same is told as by an agent', async (t) => {
  const root = tree({
    'etc/os-release': RELEASE,
    'etc/yum.repos.d/redhat.repo': MANAGED,
    'var/lib/rhsm/cache/releasever.json': '{"releaseVer": "9.2"}',
  });
  const server = await testSshServer({ root, hostKey: newSshKey().private, username: 'ops', password: 'right' });
  t.after(() => server.close());
  const auth = { password: 'right' };
  const target = { address: '127.0.0.1', port: server.port, username: 'ops', auth, trust: server.fingerprint };
  const host = await sshHost(target);
  t.after(() => host.close());
  const [section] = await collectFacts(host, { names: ['os'] });
  assert.equal(section?.error, undefined);
  assert.deepEqual(OsFacts.parse(section?.data).updatesFrom, await updatesOf(root));
  assert.equal((await updatesOf(root))!.repositories.length, 2);
});
