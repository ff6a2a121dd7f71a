/** Kernels with the holes of Dirty Pipe and Dirty COW, which no archive has: built, tried, and left for newer ones. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { GroupResult } from './checks/spec.ts';
import { DIRTY_COW, DIRTY_PIPE, tryHole } from './checks/tables/holed-kernels.ts';
import { testGroups, tryAll } from './checks/testing.ts';
import { hasKvm, whyNoMachine } from './machine/why-not.ts';
import { skip as noLab, TestLab } from './testing/lab.ts';

const ON_DEMAND = 'LASTEMBER_LAB_KERNELS=1 runs it: it builds three kernels, which takes minutes';
const wanted = process.env['LASTEMBER_LAB_KERNELS'] === '1' ? false : ON_DEMAND;
const skip = noLab || (whyNoMachine(process.env) ?? wanted);
const HOLES = ['dirty-pipe', 'dirty-cow'];
const HOSTS = { pipe1: 'dirty-pipe', cow1: 'dirty-cow' };
const lab = new TestLab('h');
const results = new Map<string, GroupResult>();

before(async () => {
  if (!skip) await lab.lab('up', '--only', Object.keys(HOSTS).join(','));
});
after(async () => {
  if (!skip) await lab.lab('down');
});

test('3.12: each machine runs a kernel that has the one hole and not the other', { skip }, async (t) => {
  t.diagnostic(hasKvm(process.env) ? 'run by the processor' : 'played by QEMU');
  for (const [host, own] of Object.entries(HOSTS)) {
    const { stdout } = await lab.exec(host, 'sh', '-c', 'uname -rv; systemctl is-system-running --wait');
    t.diagnostic(stdout.trim());
    assert.match(stdout, /^\d[^ ]*-amd64 #\d+ (?:[A-Z]+ )*Debian \d[^ ]*-\d+ \([-\d]+\)\nrunning\n$/);
    await lab.exec(host, 'sh', '-c', `${DIRTY_PIPE.trials[0]!.bad}`);
    for (const hole of HOLES) {
      const { code, stderr } = await lab.exec(host, 'sh', '-c', tryHole(hole));
      assert.equal(code, hole === own ? 0 : 1, `${hole} on ${host}: ${stderr}`);
    }
  }
});

test('they are tried', { skip }, async () => {
  const tried = await Promise.all(Object.keys(HOSTS).map((host) => tryAll(lab, host)));
  for (const [title, result] of tried.flatMap((one) => [...one])) results.set(title, result);
});

testGroups([DIRTY_PIPE, DIRTY_COW], results, skip);

test('3.12: what was a hole of the kernel is none in the one that was booted', { skip }, async () => {
  for (const host of Object.keys(HOSTS))
    for (const hole of HOLES) {
      const { code, stderr } = await lab.exec(host, 'sh', '-c', tryHole(hole));
      assert.equal(code, 1, `${hole} on ${host}: ${stderr}`);
    }
});
