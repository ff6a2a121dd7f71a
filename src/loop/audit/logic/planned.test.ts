import assert from 'node:assert/strict';
import { test } from 'node:test';
import { versionOrder } from '../versions/registry.ts';
import { type PlannedUpgrade, plannedIn } from './planned.ts';

const upgrade = (changeId: string, ...packages: [string, string][]): PlannedUpgrade => ({
  hostId: 'h',
  changeId,
  packages: packages.map(([name, version]) => ({ name, version })),
});
const affected = (name: string, fix: string | null, { ecosystem = 'Debian', version = '0.1', source = name } = {}) => ({
  ecosystem,
  name,
  source,
  version,
  fix,
});
const of = (upgrades: PlannedUpgrade[], ...packages: ReturnType<typeof affected>[]) =>
  plannedIn(upgrades, packages, versionOrder);

test('3.10: planned in the change that brings every affected package to its fix or beyond, and in no other', () => {
  const ssl = affected('libssl3', '3.0.11-1~deb12u2');
  assert.equal(of([upgrade('c', ['libssl3', '3.0.11-1~deb12u2'])], ssl), 'c');
  assert.equal(of([upgrade('c', ['libssl3', '3.0.15-1'])], ssl), 'c', 'newer than the fix');
  assert.equal(of([upgrade('c', ['libssl3', '3.0.11-1~deb12u1'])], ssl), null, 'older than the fix');
  assert.equal(of([upgrade('c', ['openssl', '3.0.15-1'])], ssl), null, 'another package');
  const both = [ssl, affected('openssl', '3.0.11-1~deb12u2')];
  assert.equal(of([upgrade('c', ['libssl3', '3.0.15-1'])], ...both), null, 'half is not fixed');
  const whole = upgrade('d', ['libssl3', '3.0.15-1'], ['openssl', '3.0.15-1']);
  assert.equal(of([upgrade('c', ['libssl3', '3.0.15-1']), whole], ...both), 'd');
  assert.equal(of([upgrade('c', ['libssl3', '9'])], affected('libssl3', null)), null, 'nothing is known to fix it');
  assert.equal(
    of([upgrade('c', ['x', '9'])], affected('x', '1', { ecosystem: 'Nothing' })),
    null,
    'an order that nobody knows',
  );
  assert.equal(of([upgrade('c', ['x', '9'])]), null);
});

test('3.10: a kernel is planned in the change that brings a fixed image of its flavour and series, by whichever name', () => {
  const image = (name: string, fix = '6.1.90-1') => affected(name, fix, { source: 'linux-signed-amd64' });
  const amd64 = image('linux-image-6.1.0-18-amd64');
  const planned = (one: ReturnType<typeof affected>, name: string, version: string) =>
    of([upgrade('c', [name, version])], one);
  for (const [name, version, told] of [
    ['linux-image-amd64', '6.1.90-1', 'c'],
    ['linux-image-6.1.0-21-amd64', '6.1.90-1', 'c'],
    ['linux-image-6.1.0-22-amd64', '6.1.94+1', 'c'],
    ['linux-image-6.1.0-18-amd64', '6.1.90-1', 'c'],
    ['linux-image-amd64', '6.1.85-1', null],
    // Newer than the fix of this series, and maybe older than that of its own.
    ['linux-image-6.5.0-0.deb12.4-amd64', '6.5.10-1~bpo12+1', null],
    ['linux-image-cloud-amd64', '6.1.90-1', null],
    ['linux-image-rt-amd64', '6.1.90-1', null],
    ['linux-image-amd64-dbg', '6.1.90-1', null],
    ['linux-headers-amd64', '6.1.90-1', null],
    ['linux-libc-dev', '6.1.90-1', null],
  ] as const)
    assert.equal(planned(amd64, name, version), told, `${name} ${version}`);
  assert.equal(planned(image('linux-image-6.1.0-18-cloud-amd64'), 'linux-image-cloud-amd64', '6.1.90-1'), 'c');
  assert.equal(planned(image('linux-image-6.1.0-18-686-pae'), 'linux-image-686-pae', '6.1.90-1'), 'c');
  assert.equal(planned(image('linux-image-6.1.0-18-686-pae'), 'linux-image-686', '6.1.90-1'), null);
  assert.equal(planned(image('linux-image-6.12.38+deb13-amd64', '6.12.43-1'), 'linux-image-amd64', '6.12.43-1'), 'c');
  const ubuntu = affected('linux-image-5.15.0-90-generic', '5.15.0-91.101', {
    ecosystem: 'Ubuntu',
    source: 'linux-signed',
  });
  assert.equal(planned(ubuntu, 'linux-image-5.15.0-91-generic', '5.15.0-91.101'), 'c');
  assert.equal(planned(ubuntu, 'linux-image-generic', '5.15.0.92.89'), 'c');
  assert.equal(
    planned(ubuntu, 'linux-image-generic', '5.15.0.91.88'),
    null,
    'which upload of 91 it is, it does not say',
  );
  const both = [amd64, affected('openssl', '3.0.11-1')];
  assert.equal(of([upgrade('c', ['linux-image-amd64', '6.1.90-1'])], ...both), null, 'half is not fixed');
});

test('3.10: a binary package that is numbered otherwise than its source is in no change, whatever comes', () => {
  // dmsetup 2:1.02.185 is made of lvm2 2.03.16, and what is said of the fix is said of lvm2.
  const dmsetup = affected('dmsetup', '2.03.16-2+deb12u1', { version: '2:1.02.185-2' });
  assert.equal(of([upgrade('c', ['dmsetup', '2:1.02.185-2'])], dmsetup), null);
});
