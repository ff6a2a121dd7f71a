/** A host that is a machine: its own kernel, boot loader and systemd; and the checks that take one. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { GroupResult } from './checks/spec.ts';
import { MACHINE } from './checks/tables/machine.ts';
import { testGroups, tryAll } from './checks/testing.ts';
import { hasKvm, whyNoMachine } from './machine/why-not.ts';
import { findInit } from './start.ts';
import type { Status } from './status.ts';
import { skip as noLab, TestLab } from './testing/lab.ts';

const skip = noLab || (whyNoMachine(process.env) ?? false);
const NAME = 'kernel1';
const lab = new TestLab('m');
const results = new Map<string, GroupResult>();
let traces: Awaited<ReturnType<TestLab['traces']>>;

before(async () => {
  if (skip) return;
  traces = await lab.traces();
  await lab.lab('up', '--only', NAME);
});
after(async () => {
  if (!skip) await lab.lab('down');
});

test('it has a kernel of its own, which GRUB has started, and systemd', { skip }, async (t) => {
  t.diagnostic(hasKvm(process.env) ? 'run by the processor' : 'played by QEMU');
  const status = JSON.parse(await lab.lab('status', '--json')) as Status;
  assert.equal(status.hosts.find(({ name }) => name === NAME)?.state, 'up');
  const ask = 'cat /proc/1/comm; uname -r; cat /proc/cmdline; systemctl is-system-running --wait; ip route; exit 3';
  const { code, stdout } = await lab.exec(NAME, 'sh', '-c', ask);
  const [first, kernel, options, state, ...routes] = stdout.trim().split('\n');
  assert.deepEqual([code, first, state], [3, 'systemd', 'running'], stdout);
  assert.match(kernel!, /-cloud-amd64$/);
  assert.match(options!, /^BOOT_IMAGE=\/vmlinuz(?:\.old)? /);
  assert.doesNotMatch(routes.join('\n'), /default/);
});

test('what it takes is tried on it', { skip }, async () => {
  for (const [title, result] of await tryAll(lab, NAME)) results.set(title, result);
});

testGroups(MACHINE, results, skip);

test('down leaves nothing of it, also where up was killed as it started', { skip }, async () => {
  await lab.lab('down');
  assert.deepEqual(await lab.traces(), traces);
  const up = lab.start('up', '--only', NAME);
  const ended = once(up, 'exit');
  while (findInit(lab.place, NAME) === null && up.exitCode === null) await sleep(20);
  up.kill('SIGKILL');
  await ended;
  assert.notEqual(findInit(lab.place, NAME), null);
  await lab.lab('down');
  assert.deepEqual(await lab.traces(), traces);
});
