import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { ALL_HOSTS, HOSTS } from './hosts.ts';
import { addressOf } from './spec.ts';
import { skip, TestLab } from './testing/lab.ts';

const lab = new TestLab('t');
before(async () => {
  if (!skip) await lab.lab('up', '--only', 'db1,app1,web1,drop1,full1,brokenapt1');
});
after(async () => {
  if (!skip) await lab.lab('down');
});

test('names and addresses are unique, and names fit an interface', () => {
  const addresses = ALL_HOSTS.flatMap(({ legs }) => legs.map(({ segment, number }) => `${segment}.${number}`));
  assert.equal(new Set(addresses).size, addresses.length);
  assert.equal(new Set(ALL_HOSTS.map(({ name }) => name)).size, ALL_HOSTS.length);
  for (const { name, legs } of ALL_HOSTS) assert.match(legs.length > 1 ? `${name}.1` : name, /^[a-z][a-z0-9.]{0,14}$/);
});

test('app1 keeps connections to db1 and talks to web1', { skip }, async () => {
  const ask = 'import urllib.request as u; print(u.urlopen("http://127.0.0.1:8000/").read().decode())';
  for (let tries = 0; ; tries++) {
    const { stdout } = await lab.exec('app1', 'python3', '-c', ask);
    if (/'database': [1-9]/.test(stdout) && /'site': [1-9]/.test(stdout)) break;
    assert.ok(tries < 40, stdout);
    await sleep(250);
  }
  const { stdout } = await lab.exec('app1', 'ss', '-tnH', 'state', 'established', 'dst', '10.61.0.15:5432');
  assert.equal(stdout.trim().split('\n').length, 3, stdout);
});

test('drop1 answers as Dropbear, with the key, and has no SFTP', { skip }, async () => {
  const drop1 = { host: addressOf(HOSTS.find(({ name }) => name === 'drop1')!), username: 'root' };
  const { stdout } = await lab.login({
    ...drop1,
    command: 'hostname; pgrep -o dropbear; ls /usr/lib/openssh/sftp-server',
  });
  assert.match(stdout, /^drop1\n\d+\n$/);
  assert.notEqual((await lab.exec('drop1', 'dpkg', '-s', 'openssh-server')).code, 0);
});

test('full1 has no room', { skip }, async () => {
  const written = await lab.exec('full1', 'dd', 'if=/dev/zero', 'of=/root/big', 'bs=1M', 'count=20');
  assert.match(written.stderr, /No space left on device/);
  await lab.exec('full1', 'rm', '/root/big');
  assert.equal((await lab.exec('full1', 'sh', '-c', 'echo small >/root/small')).code, 0);
});

test('brokenapt1 cannot install anything until somebody looks', { skip }, async () => {
  assert.match((await lab.exec('brokenapt1', 'dpkg', '--audit')).stdout, /inventory-agent/);
  assert.equal((await lab.exec('brokenapt1', 'apt-mark', 'showhold')).stdout, 'nginx-light\n');
  assert.equal((await lab.exec('brokenapt1', 'apt-get', '-q', 'update')).code, 0);
  const installed = await lab.exec('brokenapt1', 'apt-get', '-q', '-y', 'upgrade');
  assert.notEqual(installed.code, 0);
  assert.match(installed.stdout + installed.stderr, /cannot reach the inventory server/);
});
