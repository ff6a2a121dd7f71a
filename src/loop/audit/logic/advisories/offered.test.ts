import assert from 'node:assert/strict';
import { test } from 'node:test';
import { versionOrder } from '../../versions/registry.ts';
import { type Offered, whyNotOffered } from './offered.ts';

const XZ = { ecosystem: 'Debian', name: 'xz-utils', version: '5.4.1-1', source: 'xz-utils', sourceVersion: '5.4.1-1' };
const FIX = '5.4.1-1+deb12u2';

function told(candidate: string | null | undefined, wanted: object = {}, rest: Partial<Offered> = {}): string | null {
  const offered = { candidate, archives: null, listsAgeDays: 0, ...rest };
  return whyNotOffered({ ...XZ, fix: FIX, why: `fixed in ${FIX}`, ...wanted }, offered, versionOrder);
}

test('3.1, trap 4: a fix that the host’s own archives do not have is told as such, and no other', () => {
  assert.equal(told(FIX), null);
  assert.equal(told('5.4.1-1+deb12u3'), null, 'something newer has it as well');
  assert.match(told('5.4.1-1')!, /do not offer it yet: 5\.4\.1-1 is the newest there$/);
  assert.match(told('5.4.1-1+deb12u1')!, /5\.4\.1-1\+deb12u1 is the newest/);
  assert.match(told(null)!, /no archive of this host has the package/);
  assert.equal(told(undefined), null, 'nobody asked');
  assert.equal(told('5.4.1-1', { fix: null }), null);
  assert.match(told('5.4.1-1', {}, { listsAgeDays: 9 })!, /, as of 9 days ago$/);
});

test('3.1, trap 2: where the binary is numbered otherwise than its source, only that nothing newer is there tells', () => {
  const dmsetup = {
    name: 'dmsetup',
    version: '2:1.02.185-2',
    source: 'lvm2',
    sourceVersion: '2.03.16-2',
    fix: '2.03.16-3',
  };
  assert.match(told('2:1.02.185-2', dmsetup)!, /do not offer it yet/);
  assert.equal(told('2:1.02.185-3', dmsetup), null);
  const rebuilt = { name: 'bash', version: '5.2.15-2+b13', source: 'bash', sourceVersion: '5.2.15-2', fix: '5.2.15-4' };
  assert.match(told('5.2.15-3+b1', rebuilt)!, /5\.2\.15-3\+b1 is the newest/);
  assert.equal(told('5.2.15-4+b1', rebuilt), null);
});

test('a kernel’s fix is a package of another name', () => {
  const image = {
    name: 'linux-image-6.1.0-18-amd64',
    version: '6.1.76-1',
    source: 'linux-signed-amd64',
    sourceVersion: '6.1.76+1',
  };
  assert.equal(told('6.1.76-1', { ...image, fix: '6.1.90-1' }), null);
});

test('3.2: whether a fix of Ubuntu Pro can be had, the host’s own archives decide', () => {
  const wanted = { ecosystem: 'Ubuntu', fix: '5.4.1-1+esm1', why: 'fixed in 5.4.1-1+esm1 (with Ubuntu Pro)' };
  const plain = ['Ubuntu jammy main', 'Ubuntu jammy-security main'];
  const attached = [...plain, 'UbuntuESM jammy-infra-security main', 'UbuntuESMApps jammy-apps-security main'];
  assert.match(told('5.4.1-1', wanted, { archives: plain })!, /Ubuntu Pro, to which this host is not attached/);
  assert.equal(told('5.4.1-1+esm1', wanted, { archives: attached }), null);
  assert.match(told('5.4.1-1', wanted, { archives: attached })!, /do not offer it yet/);
  assert.match(told('5.4.1-1', wanted, { archives: null })!, /do not offer it yet/, 'nobody knows its archives');
  assert.equal(told(undefined, wanted), null);
});

test('3.2: a fix that was built for a later release than the host is held at is told as another stream’s', () => {
  const why = (fix: string): string => `fixed in ${fix} (of the main stream: nothing is said of a fix in 9.2 EUS)`;
  const wanted = (fix: string): object => ({ ecosystem: 'Red Hat', fix, why: why(fix) });
  assert.equal(told(undefined, wanted('5.4.1-3.el9_4')), 'it is of another stream than this host’s');
  assert.equal(told(undefined, wanted('5.4.1-3.el9')), null, 'it does not say what it was built for');
  assert.equal(told(undefined, { ...wanted('5.4.1-3.el9_2'), why: 'fixed in 5.4.1-3.el9_2' }), null);
  // Its own archives say it better.
  assert.match(told('5.4.1-1', wanted('5.4.1-3.el9_4'))!, /do not offer it yet/);
  assert.equal(told('5.4.1-3.el9_4', wanted('5.4.1-3.el9_4')), null);
});
