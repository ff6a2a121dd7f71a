import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Facts } from '../../../../model/facts.ts';
import { loadKits } from '../../kit-tools/parse.ts';
import { evidenceOf } from '../../kit-tools/evidence.ts';
import { FIXED, hostWith, image, OLD, pkg, TEST_KITS } from '../../testing/kernel.ts';
import type { Judgement, SectionMeta } from './context.ts';
import { judge } from './judge.ts';

const [kit] = loadKits(TEST_KITS);
const NOW = '2024-02-10T12:00:00.000Z';
const R17 = '6.1.0-17-amd64';
const R18 = '6.1.0-18-amd64';

function all(facts: Partial<Facts>, watched: string[] = [], meta: Partial<SectionMeta> = {}): Judgement[] {
  return judge(kit!, evidenceOf({ facts, endpoints: [], now: NOW, addresses: [], meta }), () => new Set(watched));
}
type Short = [verdict: string, proven: boolean, pending: string | null];
function only(facts: Partial<Facts>, watched: string[] = [], meta: Partial<SectionMeta> = {}): Short {
  const found = all(facts, watched, meta);
  assert.equal(found.length, 1, JSON.stringify(found));
  return [found[0]!.verdict, found[0]!.proven, found[0]!.pending];
}

test('one judgement a kernel, by the one that runs', () => {
  assert.deepEqual(only(hostWith(R17, '6.1.69-1', [OLD])), ['fail', false, null]);
  const reboot = 'runs 6.1.69-1, the fixed 6.1.76-1 is installed: reboot';
  assert.deepEqual(only(hostWith(R17, '6.1.69-1', [OLD, FIXED])), ['fail', false, reboot]);
  assert.deepEqual(only(hostWith(R18, '6.1.76-1', [FIXED])), ['pass', true, null]);
  const newer = image('6.1.0-20-amd64', '6.1.85-1');
  assert.deepEqual(only(hostWith(R17, '6.1.69-1', [newer, OLD, FIXED])), [
    'fail',
    false,
    'runs 6.1.69-1, the fixed 6.1.85-1 is installed: reboot',
  ]);
  const unpacked = { ...FIXED, status: 'unpacked' };
  assert.deepEqual(only(hostWith(R17, '6.1.69-1', [OLD, unpacked])), ['fail', false, null], 'it would not boot yet');
});

test('an update under the same release name counts when it runs, too', () => {
  const again = image(R17, '6.1.76-1');
  assert.deepEqual(only(hostWith(R17, '6.1.69-1', [again])), [
    'fail',
    false,
    'runs 6.1.69-1, the fixed 6.1.76-1 is installed: reboot',
  ]);
  assert.deepEqual(only(hostWith(R17, '6.1.76-1', [again])), ['pass', true, null]);
});

test('old images, headers and tools beside a running fixed kernel do no harm', () => {
  const more = [
    pkg('Debian', 'linux-headers-6.1.0-17-common', '6.1.69-1', 'linux'),
    pkg('Debian', 'linux-libc-dev', '6.1.69-1', 'linux'),
    pkg('Debian', 'linux-image-amd64', '6.1.76-1', 'linux-signed-amd64 (6.1.76+1)'),
  ];
  const [found] = all(hostWith(R18, '6.1.76-1', [OLD, FIXED, ...more]));
  assert.deepEqual([found?.verdict, found?.proven, found?.component], ['pass', true, 'linux']);
  assert.equal(found?.evidence['cleared'], 'linux-image-6.1.0-17-amd64 in range, installed but not running');
});

test('a fixed kernel that runs, but is not what would boot next, is not fixed', () => {
  assert.deepEqual(only(hostWith(R18, '6.1.76-1', [image(R18, '6.1.69-1')])), [
    'fail',
    false,
    'runs the fixed 6.1.76-1, but only 6.1.69-1 is installed: the next boot brings it back',
  ]);
});

test('what cannot be told is unknown, never green; what is installed may still be enough to open', () => {
  const told = 'the version of the running kernel cannot be told';
  assert.deepEqual(only(hostWith(R18, null, [OLD, FIXED])), [
    'unknown',
    false,
    `fixed on disk (linux-image-6.1.0-18-amd64 6.1.76-1), but ${told}`,
  ]);
  assert.deepEqual(only(hostWith(R17, null, [OLD])), ['fail', false, told]);
  // Agents of before did not say it at all.
  const { os, packages } = hostWith(R18, null, [FIXED]);
  const { kernelVersion: _, ...before } = os!;
  assert.equal(only({ os: before as Facts['os'], packages: packages! })[0], 'unknown');
  assert.equal(only({ packages: packages! })[0], 'unknown');
  // A kernel of the distribution's kind, but of none of the packages here.
  const from = 'which package the running kernel (6.5.10-1) is from cannot be told';
  assert.deepEqual(only(hostWith('6.5.0-4-amd64', '6.5.10-1', [FIXED])), [
    'unknown',
    false,
    `fixed on disk (linux-image-6.1.0-18-amd64 6.1.76-1), but ${from}`,
  ]);
  // Removed while it runs: older than the fixed one it is all the same.
  assert.equal(only(hostWith(R17, '6.1.69-1', [FIXED]))[2], 'runs 6.1.69-1, the fixed 6.1.76-1 is installed: reboot');
  // Another archive's numbers.
  const other = pkg('Debian', 'linux-image-6.6.31+rpt-rpi-v8', '1:6.6.31-1+rpt1', 'linux');
  assert.equal(only(hostWith('6.6.31+rpt-rpi-v8', '1:6.6.31-1+rpt1', [other]))[0], 'unknown');
});

test('stale facts prove nothing fixed', () => {
  const stale = { receivedAt: '2024-02-01T00:00:00.000Z' };
  const [verdict, proven, pending] = only(hostWith(R18, '6.1.76-1', [FIXED]), ['linux'], stale);
  assert.deepEqual([verdict, proven], ['unknown', false]);
  assert.match(pending!, /^cannot be proven fixed: os were last confirmed at/);
  assert.match(only(hostWith(R17, '6.1.69-1', [OLD, FIXED]), [], stale)[2]!, /: reboot; not known to be current: os/);
});

test('a kernel whose packages are all gone closes only when another one is known to run', () => {
  const bash = pkg('Debian', 'bash', '5.2.15-2', 'bash');
  assert.deepEqual(all(hostWith(R17, '6.1.69-1', [bash])), []);
  assert.equal(only(hostWith(R17, '6.1.69-1', [bash]), ['linux'])[0], 'unknown');
  const other = pkg('Debian', 'linux-image-6.5.0-0.deb12.4-amd64', '6.5.10-1', 'linux-signed-6.5-amd64 (6.5.10+1)');
  assert.deepEqual(only(hostWith('6.5.0-0.deb12.4-amd64', '6.5.10-1', [other]), ['linux']), [
    'not-applicable',
    true,
    null,
  ]);
});

test('Ubuntu: flavours have ranges of their own, and numbers of meta packages are not mistaken for versions', () => {
  const ubuntu = (name: string, version: string, source: string) => pkg('Ubuntu', name, version, source);
  const aws = (abi: string, version: string) => [
    ubuntu(`linux-image-5.15.0-${abi}-aws`, `5.15.0-${version}`, 'linux-signed-aws'),
    ubuntu(`linux-modules-5.15.0-${abi}-aws`, `5.15.0-${version}`, 'linux-aws'),
  ];
  const meta = ubuntu('linux-image-aws', '5.15.0.1056.60', 'linux-meta-aws');
  const generic = ubuntu('linux-image-5.15.0-91-generic', '5.15.0-91.101', 'linux-signed');
  const firmware = ubuntu('linux-firmware', '20220329.git681281e4-0ubuntu3.23', 'linux-firmware');
  const installed = [...aws('1052', '1052.57'), ...aws('1056', '1056.61'), meta, generic, firmware];
  const told = (kernel: string, version: string): unknown[] =>
    all(hostWith(kernel, version, installed)).map(({ component, verdict, proven, pending }) => [
      component,
      verdict,
      proven,
      pending,
    ]);
  assert.deepEqual(told('5.15.0-1052-aws', '5.15.0-1052.57'), [
    ['linux', 'not-applicable', true, null],
    ['linux-aws', 'fail', false, 'runs 5.15.0-1052.57, the fixed 5.15.0-1056.61 is installed: reboot'],
  ]);
  assert.deepEqual(told('5.15.0-1056-aws', '5.15.0-1056.61'), [
    ['linux', 'not-applicable', true, null],
    ['linux-aws', 'pass', true, null],
  ]);
  assert.deepEqual(told('5.15.0-91-generic', '5.15.0-91.101'), [
    ['linux', 'fail', false, null],
    ['linux-aws', 'not-applicable', true, null],
  ]);
});
