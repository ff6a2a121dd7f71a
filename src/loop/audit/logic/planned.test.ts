import assert from 'node:assert/strict';
import { test } from 'node:test';
import { versionOrder } from '../versions/registry.ts';
import { type PlannedUpgrade, plannedIn } from './planned.ts';

const upgrade = (changeId: string, ...packages: [string, string][]): PlannedUpgrade => ({
  hostId: 'h',
  changeId,
  packages: packages.map(([name, version]) => ({ name, version })),
});
const affected = (name: string, fix: string | null, { ecosystem = 'Debian', version = '0.1' } = {}) => ({
  ecosystem,
  name,
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

test('3.10: a binary package that is numbered otherwise than its source is in no change, whatever comes', () => {
  // dmsetup 2:1.02.185 is made of lvm2 2.03.16, and what is said of the fix is said of lvm2.
  const dmsetup = affected('dmsetup', '2.03.16-2+deb12u1', { version: '2:1.02.185-2' });
  assert.equal(of([upgrade('c', ['dmsetup', '2:1.02.185-2'])], dmsetup), null);
});
