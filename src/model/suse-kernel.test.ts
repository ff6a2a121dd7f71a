import assert from 'node:assert/strict';
import { test } from 'node:test';
import { suseKernelRelease } from './suse-kernel.ts';

test('a kernel of SUSE runs under the version of its package without the count of rebuilds, and with its flavour', () => {
  // As SUSE's knowledge base and libzypp's own tests of purge-kernels have them.
  const told = [
    ['4.4.114-92.64.1', 'default', '4.4.114-92.64-default'],
    ['5.3.18-150300.59.43.1', 'default', '5.3.18-150300.59.43-default'],
    ['5.14.21-150500.55.88.1', 'azure', '5.14.21-150500.55.88-azure'],
    ['6.11.0-1.1', 'default', '6.11.0-1-default'],
    ['5.8.0-3.1.gd4e7682', 'default', '5.8.0-3.gd4e7682-default'],
    ['5.13~rc7-17.1', 'default', '5.13.0-rc7-17-default'],
  ] as const;
  for (const [version, flavour, release] of told) assert.equal(suseKernelRelease(version, flavour), release);
});
