import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KernelFacts, ProcessFact } from './facts.ts';
import { outOfForce, sayOutOfForce, unitsToRestart } from './in-force.ts';
import { mayRestart } from './units.ts';

const LIBC = { path: '/usr/lib/x86_64-linux-gnu/libc.so.6', package: 'libc6' };
const process = (pid: number, unit: string | null, more: Partial<ProcessFact> = {}): ProcessFact => ({
  pid,
  ppid: 1,
  user: 'root',
  command: `/usr/sbin/x${pid}`,
  exe: `/usr/sbin/x${pid}`,
  unit,
  startedAt: null,
  replaced: [LIBC],
  packages: [],
  ...more,
});
const kernel = (more: Partial<KernelFacts>): KernelFacts => ({
  release: '6.1.0-26',
  version: '6.1.112-1',
  package: 'linux-image-6.1.0-26',
  installed: [{ release: '6.1.0-26', package: 'linux-image-6.1.0-26', version: '6.1.112-1' }],
  newest: '6.1.0-26',
  boots: null,
  modules: [],
  rebootRequired: false,
  rebootPackages: [],
  ...more,
});

test('3.4: each process that runs what was replaced needs what ends it: a restart, a boot, a person, or our agent itself', () => {
  const cases: [ProcessFact, string][] = [
    [process(700, 'ssh.service'), 'restart'],
    [process(1, null), 'boot'],
    [process(400, 'dbus.service'), 'boot'],
    [process(401, 'systemd-logind.service'), 'boot'],
    [process(500, 'getty@tty1.service'), 'person'],
    [process(501, 'user@1000.service'), 'person'],
    [process(900, null, { command: 'SCREEN -S work' }), 'person'],
    [process(950, 'lastember-agent.service'), 'agent'],
    [process(951, null, { command: '/opt/lastember/lastember-agent run --config /etc/lastember/agent.json' }), 'agent'],
    [process(952, null, { command: 'less /var/log/lastember-agent.log' }), 'person'],
  ];
  const left = outOfForce({ processes: cases.map(([one]) => one) });
  assert.deepEqual(
    left.processes.map(({ pid, needs }) => [pid, needs]),
    cases.map(([{ pid }, needs]) => [pid, needs]),
  );
  const units = unitsToRestart(left);
  assert.deepEqual(units, ['ssh.service']);
  assert.ok(units.every(mayRestart));
  const told = sayOutOfForce(left);
  for (const { pid, unit } of left.processes) assert.match(told, new RegExp(`PID ${pid} \\(${unit ?? '/|[A-Z]|less'}`));
});

test('3.4: what runs as it is installed needs nothing; what is no file of a package does not count', () => {
  assert.deepEqual(outOfForce({ processes: [process(1, null, { replaced: [] })], kernel: kernel({}) }).needs, []);
  const own = ['/opt/shop/shop', '/usr/local/lib/libx.so', '/home/me/tool', '/srv/app'];
  for (const path of own)
    assert.deepEqual(
      outOfForce({ processes: [process(9, 'x.service', { replaced: [{ path, package: null }] })] }).needs,
      [],
    );
  // Third parties put packages below /opt, and an update may take a library's very name away.
  for (const file of [
    { path: '/opt/db/bin/db', package: 'db' },
    { path: '/usr/lib/libdns-9.18.so', package: null },
  ])
    assert.deepEqual(outOfForce({ processes: [process(9, 'x.service', { replaced: [file] })] }).needs, ['restart']);
});

test('3.4: a kernel that is installed and does not run needs a boot, unless the boot loader stays with the old one', () => {
  const needs = (more: Partial<KernelFacts>): unknown => outOfForce({ kernel: kernel(more) }).kernel;
  assert.deepEqual(needs({ newest: '6.1.0-28' }), { running: '6.1.0-26', installed: '6.1.0-28' });
  assert.equal(needs({ newest: '6.1.0-28', boots: '6.1.0-26' }), null);
  assert.equal(needs({ newest: null, installed: [] }), null, 'a container has the kernel of its host');
  assert.deepEqual(needs({ version: '6.1.99-1' }), {
    running: '6.1.0-26 (6.1.99-1)',
    installed: '6.1.0-26 (6.1.112-1)',
  });
  assert.equal(needs({ version: null }), null, 'nobody can tell the build');
});
