import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isFlavourOf, rpmKernelRelease } from './rpm-kernel.ts';

test('a kernel of Red Hat’s family runs under its package’s version with its architecture and flavour', () => {
  const told = [
    ['kernel-core', '5.14.0-427.13.1.el9_4', 'x86_64', '5.14.0-427.13.1.el9_4.x86_64'],
    ['kernel-rt-core', '5.14.0-427.13.1.el9_4', 'x86_64', '5.14.0-427.13.1.el9_4.x86_64+rt'],
    ['kernel-64k-core', '5.14.0-570.73.1.el9_6', 'aarch64', '5.14.0-570.73.1.el9_6.aarch64+64k'],
    ['kernel-rt-debug-core', '6.11.0-0.rc5.22.el10', 'x86_64', '6.11.0-0.rc5.22.el10.x86_64+rt-debug'],
    ['kernel-debug-core', '5.14.0-427.13.1.el9_4', 'x86_64', '5.14.0-427.13.1.el9_4.x86_64+debug'],
    // Before 9.3, of a source of its own.
    ['kernel-rt-core', '5.14.0-284.11.1.rt14.296.el9_2', 'x86_64', '5.14.0-284.11.1.rt14.296.el9_2.x86_64'],
    ['kernel-uek-core', '5.15.0-101.103.2.1.el9uek', 'x86_64', '5.15.0-101.103.2.1.el9uek.x86_64'],
  ] as const;
  for (const [name, version, arch, release] of told) {
    assert.equal(rpmKernelRelease({ name, version, arch }), release);
    assert.ok(isFlavourOf(release, { name, version }), release);
  }
  const plain = { name: 'kernel-core', version: '5.14.0-427.13.1.el9_4' };
  assert.ok(!isFlavourOf('5.14.0-427.13.1.el9_4.x86_64+rt', plain));
  assert.ok(!isFlavourOf('5.14.0-427.13.1.el9_4.x86_64', { ...plain, name: 'kernel-rt-core' }));
  assert.ok(isFlavourOf('3.10.0-1160.el7.x86_64.debug', { name: 'kernel-debug', version: '3.10.0-1160.el7' }));
});
