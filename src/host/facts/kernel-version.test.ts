import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Facts } from '../../model/facts.ts';
import { localHost } from '../local.ts';
import { testTree } from '../steps/testing.ts';
import { collectFacts } from './collect.ts';
import { debianKernel, ubuntuKernel } from './kernel-version.ts';

// All as machines printed them.
const BOOKWORM =
  'Linux version 6.1.0-32-amd64 (debian-kernel@lists.debian.org) (gcc-12 (Debian 12.2.0-14) 12.2.0, GNU ld (GNU Binutils for Debian) 2.40) #1 SMP PREEMPT_DYNAMIC Debian 6.1.129-1 (2025-03-06)';
const JAMMY =
  'Linux version 5.15.0-1066-aws (buildd@lcy02-amd64-037) (gcc (Ubuntu 9.4.0-1ubuntu1~20.04.2) 9.4.0, GNU ld (GNU Binutils for Ubuntu) 2.34) #72~20.04.1-Ubuntu SMP Thu Jul 18 10:41:27 UTC 2024';
const FOREIGN =
  'Linux version 6.18.44-fc-v595 (builder@sandboxing) (gcc (GCC) 15.3.0, GNU ld (GNU Binutils) 2.46) #1 SMP PREEMPT_DYNAMIC @0';
const REBUILT =
  'Linux version 5.10.179 (root@0f8a322422df) (arm-linux-gnueabi-gcc (Debian 10.2.1-6) 10.2.1 20210110, GNU ld (GNU Binutils for Debian) 2.35.2) #17 Wed Jun 14 17:41:29 UTC 2023';

test('Debian: the version of the kernel, never that of its compiler', () => {
  const said: [string, string | null][] = [
    [BOOKWORM, '6.1.129-1'],
    [
      'Linux version 5.6.0-1-amd64 (debian-kernel@lists.debian.org) (gcc version 9.3.0 (Debian 9.3.0-11)) #1 SMP Debian 5.6.7-1 (2020-04-29)',
      '5.6.7-1',
    ],
    [
      'Linux version 4.9.0-12-amd64 (debian-kernel@lists.debian.org) (gcc version 6.3.0 20170516 (Debian 6.3.0-18+deb9u1) ) #1 SMP Debian 4.9.210-1 (2020-01-20)',
      '4.9.210-1',
    ],
    [
      'Linux version 6.0.0-0.deb11.6-686-pae (debian-kernel@lists.debian.org) (gcc-10 (Debian 10.2.1-6) 10.2.1 20210110, GNU ld (GNU Binutils for Debian) 2.35.2) #1 SMP PREEMPT_DYNAMIC Debian 6.0.12-1~bpo11+1 (2022-12-19)',
      '6.0.12-1~bpo11+1',
    ],
    [
      'Linux version 5.10.0-3-sparc64 (debian-kernel@lists.debian.org) (gcc-10 (Debian 10.2.1-6) 10.2.1 20210110, GNU ld (GNU Binutils for Debian) 2.35.1) #1 Debian 5.10.12-1 (2021-01-30)',
      '5.10.12-1',
    ],
    [
      'Linux version 2.6.32-5-amd64 (Debian 2.6.32-48squeeze6) (jmm@debian.org) (gcc version 4.3.5 (Debian 4.3.5-4) ) #1 SMP Tue May 13 16:34:35 UTC 2014',
      '2.6.32-48squeeze6',
    ],
    [JAMMY, null],
    [FOREIGN, null],
    [REBUILT, null],
    ['', null],
  ];
  for (const [text, version] of said) assert.equal(debianKernel(`${text}\n`), version, text);
  // uname says these as the last part of the same line; wheezy had no date.
  const last = (text: string): string => BOOKWORM.replace(/#1 .*$/, text);
  assert.equal(debianKernel(last('#1 SMP Debian 3.2.65-1+deb7u1')), '3.2.65-1+deb7u1');
  assert.equal(debianKernel(last('#1 SMP PREEMPT_RT Debian 6.1.140-1 (2025-05-22)')), '6.1.140-1');
  assert.equal(debianKernel(last('#1 SMP PREEMPT_DYNAMIC Debian 6.12.74-2 (2026-03-08)')), '6.12.74-2');
  assert.equal(debianKernel(last('#1 SMP PREEMPT Debian 1:6.6.31-1+rpt1 (2024-05-29)')), '1:6.6.31-1+rpt1');
});

test('Ubuntu: the version without the flavour', () => {
  const said: [string, string | null][] = [
    ['Ubuntu 5.4.0-58.64-generic 5.4.73', '5.4.0-58.64'],
    ['Ubuntu 4.15.0-55.60~16.04.2-generic 4.15.18', '4.15.0-55.60~16.04.2'],
    ['Ubuntu 5.15.0-1066.72~20.04.1-aws 5.15.158', '5.15.0-1066.72~20.04.1'],
    ['Ubuntu 3.2.0-31.50-generic 3.2.28', '3.2.0-31.50'],
    ['Ubuntu 2.6.24-23.52-server', '2.6.24-23.52'],
    ['', null],
    ['Microsoft 4.4.0-19041.1237-Microsoft 4.4.35', null],
  ];
  for (const [text, version] of said) assert.equal(ubuntuKernel(`${text}\n`), version, text);
});

test('os: the kernel counts where the distribution is its own; in a container on another system it is not known', async () => {
  const kernel = async (files: Record<string, string>): Promise<string | null> => {
    const host = testTree();
    for (const [path, text] of Object.entries(files)) host.put(path, text);
    const [section] = await collectFacts(localHost({ root: host.root }), { names: ['os'] });
    host.remove();
    assert.equal(section?.error, undefined);
    return Facts.shape.os.parse(section?.data).kernelVersion;
  };
  const ubuntu = {
    'proc/version': `${JAMMY}\n`,
    'proc/version_signature': 'Ubuntu 5.15.0-1066.72~20.04.1-aws 5.15.158\n',
  };
  assert.equal(await kernel({ 'etc/os-release': 'ID=debian\n', 'proc/version': `${BOOKWORM}\n` }), '6.1.129-1');
  assert.equal(await kernel({ 'etc/os-release': 'ID=ubuntu\n', ...ubuntu }), '5.15.0-1066.72~20.04.1');
  assert.equal(await kernel({ 'etc/os-release': 'ID=debian\n', ...ubuntu }), null);
  assert.equal(await kernel({ 'etc/os-release': 'ID=ubuntu\n', 'proc/version': `${BOOKWORM}\n` }), null);
  assert.equal(await kernel({ 'etc/os-release': 'ID=debian\n', 'proc/version': `${FOREIGN}\n` }), null);
  assert.equal(await kernel({ 'etc/os-release': 'ID=debian\n' }), null);
});

test('os: facts of an agent that does not say the version still parse', async () => {
  const [section] = await collectFacts(localHost(), { names: ['os'] });
  const { kernelVersion: _, ...before } = Facts.shape.os.parse(section?.data);
  assert.equal(Facts.shape.os.parse(before).kernelVersion, null);
});
