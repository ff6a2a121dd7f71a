import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { addressOf } from './spec.ts';
import { HOSTS } from './hosts.ts';
import { netnsPath } from './place.ts';
import { namespacesInUse, skip, TestLab } from './testing/lab.ts';
import type { Status } from './status.ts';

const UP = ['web1', 'web2', 'old1', 'sudo1', 'bastion1', 'hidden1'];
const lab = new TestLab('a');
let traces: Awaited<ReturnType<TestLab['traces']>>;

before(async () => {
  if (skip) return;
  traces = await lab.traces();
  await lab.lab('up', '--only', UP.join(','));
});
after(async () => {
  if (!skip) await lab.lab('down');
});

const address = (name: string): string => addressOf(HOSTS.find((spec) => spec.name === name)!);
const bootId = async (host: string): Promise<string> =>
  (await lab.exec(host, 'cat', '/proc/sys/kernel/random/boot_id')).stdout.trim();

test('each host is its release, sees only its own processes, and all services started', { skip }, async () => {
  const status = JSON.parse(await lab.lab('status', '--json')) as Status;
  for (const host of status.hosts.filter(({ name }) => UP.includes(name))) {
    assert.deepEqual([host.state, host.failed], ['up', []], host.name);
    assert.match((await lab.exec(host.name, 'cat', '/etc/os-release')).stdout, new RegExp(`CODENAME=${host.release}`));
    assert.equal((await lab.exec(host.name, 'hostname')).stdout, `${host.name}\n`);
    const processes = (await lab.exec(host.name, 'ps', '-e', '-o', 'pid=,args=')).stdout.trim().split('\n');
    assert.match(processes[0]!, /^\s*1 .*init$/);
    assert.ok(processes.length < 15 && processes.some((line) => line.includes('sshd')), processes.join('\n'));
  }
});

test('exec ends with the exit code of its command, and says when there is no such host up', { skip }, async () => {
  assert.deepEqual(await lab.exec('web1', 'sh', '-c', 'echo out; echo err >&2; exit 3'), {
    code: 3,
    stdout: 'out\n',
    stderr: 'err\n',
  });
  await assert.rejects(lab.exec('db1', 'id'), /db1 is not up/);
});

test('SSH: the key, passwords, sudo with a password, and no root login where there is none', { skip }, async () => {
  const id = { username: 'root', command: 'id -un; hostname' };
  for (const name of ['web1', 'web2', 'old1'])
    assert.equal((await lab.login({ ...id, host: address(name) })).stdout, `root\n${name}\n`, name);
  assert.equal((await lab.login({ ...id, host: address('old1'), password: 'old1-root' })).stdout, 'root\nold1\n');
  assert.match((await lab.login({ ...id, host: address('web1'), password: 'web1-root' })).error!, /authentication/);
  assert.match((await lab.login({ ...id, host: address('sudo1') })).error!, /authentication/);
  const ops = { host: address('sudo1'), username: 'ops', password: 'sudo1-ops' };
  assert.equal((await lab.login({ ...ops, command: 'sudo -n id -un' })).code, 1);
  const sudo = await lab.login({ ...ops, command: "sudo -S -p '' id -un", input: 'sudo1-ops\n' });
  assert.equal(sudo.stdout, 'root\n');
});

test('a host behind the bastion is reached through it and not without', { skip }, async () => {
  const hidden = { host: address('hidden1'), username: 'root', command: 'hostname' };
  assert.ok((await lab.login(hidden)).error);
  assert.equal((await lab.login({ ...hidden, through: address('bastion1') })).stdout, 'hidden1\n');
});

test('no route leads out', { skip }, async () => {
  for (const name of ['web1', 'bastion1', 'hidden1'])
    assert.doesNotMatch((await lab.exec(name, 'ip', 'route')).stdout, /default/);
});

test('apt shows pending security updates on each release', { skip }, async () => {
  for (const name of ['old1', 'web1', 'web2', 'hidden1']) {
    assert.equal((await lab.exec(name, 'apt-get', '-q', 'update')).code, 0, name);
    const pending = (await lab.exec(name, 'apt-get', '-s', 'upgrade')).stdout;
    assert.match(pending, /^Inst .*Debian-Security/m, name);
  }
});

test('an upgrade restarts the service as it does anywhere', { skip }, async () => {
  const master = async (): Promise<string> => (await lab.exec('web2', 'cat', '/run/nginx.pid')).stdout.trim();
  const pid = await master();
  const upgraded = await lab.exec('web2', 'sh', '-c', 'DEBIAN_FRONTEND=noninteractive apt-get -q -y upgrade');
  assert.equal(upgraded.code, 0, upgraded.stderr);
  assert.doesNotMatch(upgraded.stderr, /policy-rc\.d missing/);
  assert.notEqual(await master(), pid);
  assert.equal((await lab.exec('web2', 'dpkg', '--audit')).stdout, '');
});

const BEAT = `[Unit]
Description=Beat
[Service]
Environment="WHAT=a beat"
ExecStart=/bin/sh -c 'while :; do echo "$WHAT"; sleep 1; done'
Restart=on-failure
RestartSec=100ms
[Install]
WantedBy=multi-user.target
`;

async function shown(host: string, unit: string): Promise<Record<string, string>> {
  const { stdout } = await lab.exec(host, 'systemctl', 'show', '--no-pager', unit);
  return Object.fromEntries(stdout.split('\n').map((line) => [line.split('=')[0]!, line.slice(line.indexOf('=') + 1)]));
}

test('systemctl shows and controls services, and keeps a unit that was put there', { skip }, async () => {
  for (const name of ['web1', 'web2', 'old1']) {
    const ssh = await shown(name, 'sshd.service');
    assert.deepEqual([ssh['Id'], ssh['ActiveState'], ssh['UnitFileState']], ['ssh.service', 'active', 'enabled'], name);
    assert.equal((await lab.exec(name, 'systemctl', 'restart', 'ssh.service')).code, 0, name);
    assert.notEqual((await shown(name, 'ssh.service'))['MainPID'], ssh['MainPID']);
    assert.equal((await lab.exec(name, 'systemctl', 'restart', 'nothing')).code, 5);

    await lab.exec(name, 'sh', '-c', `cat >/etc/systemd/system/beat.service <<'END'\n${BEAT}END`);
    assert.equal((await lab.exec(name, 'systemctl', 'enable', '--now', 'beat.service')).code, 0, name);
    const beat = await shown(name, 'beat');
    assert.deepEqual([beat['ActiveState'], beat['UnitFileState']], ['active', 'enabled'], name);
    await lab.exec(name, 'kill', '-9', beat['MainPID']!);
    await sleep(1000);
    const again = await shown(name, 'beat');
    assert.equal(again['ActiveState'], 'active');
    assert.notEqual(again['MainPID'], beat['MainPID']);
    assert.match((await lab.exec(name, 'cat', '/var/log/beat.log')).stdout, /^a beat$/m);
  }
});

test(
  'settings of the machine cannot be written from inside; those of the network and played ones can',
  { skip },
  async () => {
    const write = async (setting: string): Promise<number> => (await lab.exec('web1', 'sysctl', '-w', setting)).code;
    assert.notEqual(await write('kernel.panic=7'), 0);
    assert.notEqual(await write('vm.swappiness=7'), 0);
    assert.equal(await write('net.ipv4.tcp_syncookies=0'), 0);
    assert.equal(await write('kernel.randomize_va_space=1'), 0);
    assert.notEqual((await lab.exec('web1', 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt')).code, 0);
    assert.notEqual((await lab.exec('web1', 'mknod', '/root/disk', 'b', '8', '0')).code, 0);
  },
);

test('reboot: every process ends, services start again, the boot id is another, files stay', { skip }, async () => {
  const before = { web1: await bootId('web1'), old1: await bootId('old1') };
  const sshd = (await lab.exec('web1', 'cat', '/run/sshd.pid')).stdout;
  await lab.exec('web1', 'sh', '-c', 'echo kept >/root/kept; echo gone >/run/gone; sleep 600 >/dev/null 2>&1 &');
  const asked = await lab.login({ host: address('web1'), username: 'root', command: 'reboot' });
  assert.equal(asked.code, 0);
  for (let tries = 0; (await bootId('web1')) === before.web1; tries++) {
    assert.ok(tries < 60, 'it comes back');
    await sleep(250);
  }
  for (let tries = 0; (await lab.exec('web1', 'test', '-e', '/run/lab/ready')).code !== 0; tries++) {
    assert.ok(tries < 60, 'services come back');
    await sleep(250);
  }
  assert.notEqual((await lab.exec('web1', 'cat', '/run/sshd.pid')).stdout, sshd);
  assert.equal((await lab.exec('web1', 'cat', '/root/kept')).stdout, 'kept\n');
  assert.notEqual((await lab.exec('web1', 'cat', '/run/gone')).code, 0);
  assert.notEqual((await lab.exec('web1', 'pgrep', '-x', '-f', 'sleep 600')).code, 0);
  assert.equal((await lab.exec('web1', 'systemctl', 'is-active', 'beat')).stdout, 'active\n');
  assert.equal(await bootId('old1'), before.old1);
  assert.equal((await lab.login({ host: address('web1'), username: 'root', command: 'hostname' })).stdout, 'web1\n');
});

test('up again leaves what is up as it is', { skip }, async () => {
  const before = await bootId('web2');
  await lab.lab('up', '--only', 'web2');
  assert.equal(await bootId('web2'), before);
});

test('down leaves nothing, and may be said twice', { skip }, async () => {
  const inodes = [lab.place.name, ...UP.map((name) => `${lab.place.name}-${name}`)].map(
    (name) => statSync(netnsPath(name)).ino,
  );
  assert.equal((await lab.traces()).namespaces.length, UP.length + 1);
  await lab.lab('down');
  assert.deepEqual(await lab.traces(), traces);
  const used = namespacesInUse();
  assert.deepEqual(
    inodes.filter((inode) => used.has(inode)),
    [],
  );
  assert.match(await lab.lab('down'), /nothing was up/);
});
