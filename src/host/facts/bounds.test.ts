import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Facts } from '../../model/facts.ts';
import type { Host } from '../host.ts';
import { localHost } from '../local.ts';
import { collectFacts } from './collect.ts';
import { elsewhere, guarded } from './guarded.ts';
import { put, tree } from './testing.ts';

const never = new Promise<never>(() => {});
const PASSWD = 'root:x:0:0::/root:/bin/sh\nann:x:1000:1000::/home/ann:/bin/sh\nbob:x:1001:1001::/srv/bob:/bin/sh\n';
const KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIE8gxNwkE3gYnGiXUnMZ3mdlMZJFJFrMB1FCFI+9wTq3 ops@laptop\n';

/** A host on which whatever lies below a path is never answered. */
function hanging(root: string, below: string): Host {
  const host = localHost({ root });
  const or = <T>(path: string, work: () => Promise<T>): Promise<T> => (path.startsWith(below) ? never : work());
  return {
    ...host,
    read: (path, options) => or(path, () => host.read(path, options)),
    list: (path) => or(path, () => host.list(path)),
    stat: (path) => or(path, () => host.stat(path)),
    readlink: (path) => or(path, () => host.readlink(path)),
  };
}

test('a look: what lies on file systems of others is named, and never asked for', async () => {
  const root = tree({
    'etc/passwd': PASSWD,
    'proc/mounts': '/dev/vda / ext4 rw 0 0\nfiler:/home /home nfs4 rw,hard 0 0\nproc /proc proc rw 0 0\n',
    'home/ann/.ssh/authorized_keys': KEY,
    'root/.ssh/authorized_keys': KEY,
    // Nor by a link, or two.
    'srv/bob/.ssh': '-> /srv/other',
    'srv/other': '-> ../home/bob/ssh',
    'srv/loop': '-> /srv/loop/x',
    'etc/sudoers': 'bob ALL=(ALL) ALL\n@include /srv/loop/y\n',
  });
  const [section] = await collectFacts(hanging(root, '/home'), { names: ['users'], seconds: { section: 20 } });
  assert.equal(section?.error, undefined);
  const { authorizedKeys, unread } = section!.data as Facts['users'];
  assert.deepEqual(
    authorizedKeys.map((key) => key.user),
    ['root'],
  );
  const names = ['authorized_keys', 'authorized_keys2'];
  assert.deepEqual(
    unread.filter((path) => !path.startsWith('/srv/loop')),
    ['/home/ann/.ssh', '/srv/bob/.ssh'].flatMap((at) => names.map((name) => `${at}/${name}`)),
  );
});

test('a look: which file systems are others’', async () => {
  const table = [
    'nfs / nfs rw',
    'x /home nfs4 rw',
    'y /mnt/a\\040b cifs rw',
    'z /srv fuse.sshfs rw',
    'l /var/lib/lxcfs fuse.lxcfs rw',
    'm /auto autofs rw',
    'boot /boot autofs rw',
    'n /data nfs rw',
    '/dev/sdb /data ext4 rw',
    'p /proc/sys/fs/binfmt_misc autofs rw',
  ];
  assert.deepEqual(elsewhere(table.join('\n')), ['/home', '/mnt/a b', '/srv', '/auto']);
  const host = guarded(hanging(tree({ 'proc/mounts': table.join('\n'), 'home2/x': 'y' }), '/home/'));
  await assert.rejects(host.read('/home/../home/./x'), /\/home is a file system of another/);
  await assert.rejects(host.list('/home'), /of another/);
  assert.equal(Buffer.from((await host.read('/home2/x'))!).toString(), 'y');
});

test('a look ends, whatever hangs: each section says so, and what others wait for is not waited for again', async () => {
  const root = tree({ 'etc/passwd': PASSWD, 'etc/os-release': 'ID=debian\n' });
  put(root, 'proc/mounts', '/dev/vda / ext4 rw 0 0\n');
  const before = performance.now();
  const sections = await collectFacts(hanging(root, '/etc/passwd'), { seconds: { section: 2, whole: 60 } });
  assert.ok(performance.now() - before < 50_000);
  const failed = sections.filter((section) => /did not end within 2 s/.test(section.error ?? ''));
  assert.ok(failed.length >= 2);
  assert.equal(sections.find((section) => section.name === 'mounts')?.error, undefined);
  const cut = await collectFacts(hanging(root, '/etc/'), { seconds: { section: 2, whole: 3 } });
  assert.match(cut.at(-1)!.error ?? '', /no time left for inventories/);
  assert.equal(cut.length, sections.length);
});
