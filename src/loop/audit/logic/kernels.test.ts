import assert from 'node:assert/strict';
import { test } from 'node:test';
import { kernelOf, kernelRanges } from './kernels.ts';

test('sources of a kernel, by its own source', () => {
  const of = (ecosystem: string, source: string): string | null => kernelOf({ ecosystem, source });
  const debian = ['linux', 'linux-signed-amd64', 'linux-signed-arm64', 'linux-6.1', 'linux-signed-6.1-amd64'];
  assert.deepEqual(
    debian.map((source) => of('Debian:12', source)),
    ['linux', 'linux', 'linux', 'linux-6.1', 'linux-6.1'],
  );
  const ubuntu = ['linux', 'linux-signed', 'linux-meta', 'linux-aws', 'linux-signed-aws-5.15', 'linux-meta-hwe-6.5'];
  assert.deepEqual(
    ubuntu.map((source) => of('Ubuntu', source)),
    ['linux', 'linux', 'linux', 'linux-aws', 'linux-aws-5.15', 'linux-hwe-6.5'],
  );
  const others = [
    'linux-base',
    'linux-firmware',
    'linux-firmware-raspi',
    'linux-atm',
    'linuxptp',
    'linux-restricted-modules-aws',
    'util-linux',
    'openssl',
  ];
  for (const source of others) assert.deepEqual([of('Debian', source), of('Ubuntu', source)], [null, null], source);
  assert.equal(of('Alpine', 'linux'), null);
});

test('ranges in versions of packages that sign or name a kernel are read as versions of the kernel', () => {
  const range = (ecosystem: string, name: string, fixed?: string) =>
    kernelRanges([{ ecosystem, name, introduced: '0', ...(fixed ? { fixed } : {}) }]).map((one) => [
      one.name,
      one.fixed,
    ]);
  assert.deepEqual(range('Debian:12', 'linux', '6.1.76-1'), [['linux', '6.1.76-1']]);
  assert.deepEqual(range('Debian:12', 'linux-signed-amd64', '6.1.76+1'), [['linux', '6.1.76-1']]);
  assert.deepEqual(range('Debian:12', 'linux-signed-amd64', '6.5.10+1~bpo12+1'), [['linux', '6.5.10-1~bpo12+1']]);
  assert.deepEqual(range('Ubuntu', 'linux-meta-aws', '5.15.0.1056.60'), [['linux-aws', '5.15.0-1056']]);
  assert.deepEqual(range('Ubuntu', 'linux-signed', '5.15.0-101.111'), [['linux', '5.15.0-101.111']]);
  assert.deepEqual(range('Ubuntu', 'linux'), [['linux', undefined]]);
  assert.deepEqual(range('Ubuntu', 'openssl', '1'), []);
});
