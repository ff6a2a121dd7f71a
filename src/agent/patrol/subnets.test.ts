import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { isWithin } from './subnets.ts';

test('1.14: a bridge counts as a subnet only when something on it leads out of the machine', () => {
  const sys = mkdtempSync(join(tmpdir(), 'lastember-sys-'));
  const put = (...paths: string[]): void => paths.forEach((path) => mkdirSync(join(sys, path), { recursive: true }));
  put('eth0/device', 'eth1/device', 'veth1', 'tap0', 'wg0', 'bond0/lower_eth1', 'bond0.7/lower_bond0');
  put('docker0/brif/veth1', 'virbr0/brif/tap0', 'empty0/brif', 'br0/brif/eth0', 'br0/brif/tap0', 'br7/brif/bond0.7');
  const within = ['docker0', 'virbr0', 'empty0', 'br0', 'br7', 'eth0', 'wg0', 'nosuch'].filter((name) =>
    isWithin(name, sys),
  );
  assert.deepEqual(within, ['docker0', 'virbr0', 'empty0']);
  rmSync(sys, { recursive: true });
});

const isolated = ['unshare', '--net', '--mount', 'sh', '-ec'];
const skip =
  spawnSync(isolated[0]!, [...isolated.slice(1), 'mount -t sysfs none /sys && ip link add br9 type bridge']).status !==
  0;

test(
  '1.14: of a machine with a bridge of its own, that one is left out',
  { skip: skip && 'needs root and iproute2' },
  () => {
    const script = `
    mount -t sysfs none /sys
    ip link add docker0 type bridge
    ip link add inner type veth peer name guest
    ip link set inner master docker0
    ip link add out type veth peer name far
    ip addr add 172.17.0.1/16 dev docker0
    ip addr add 192.0.2.7/24 dev out
    for one in docker0 inner guest out far; do ip link set $one up; done
    exec "$0" -e "import('${join(import.meta.dirname, 'subnets.ts')}').then((m) => console.log(m.ownSubnets().join()))"`;
    const [command, ...args] = isolated;
    assert.equal(
      execFileSync(command!, [...args, script, process.execPath], { encoding: 'utf8' }).trim(),
      '192.0.2.7/24',
    );
  },
);
