import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Finding } from '../../../model/finding.ts';
import { KITS_DIR, loadKits } from '../kit-tools/parse.ts';
import { withdrawn } from './held.ts';
import { policies } from './policy.ts';

const kits = loadKits(KITS_DIR);
const finding = (more: object) =>
  ({ id: 'f', hostId: 'new', kit: 'heartbleed', check: 'heartbleed-package', state: 'open', ...more }) as Finding;
const [profile, tags] = [{ name: 'p', title: '', exclude: ['heartbleed'], severity: {}, slaDays: {} }, { env: 'lab' }];
const inForce = policies({ profiles: [profile], policies: [{ name: 'lab', profile: 'p', hosts: 'env=lab' }] })({
  tags,
  owner: null,
});
const why = (one: Finding, hosts = ['new', 'old']): string | undefined =>
  withdrawn([one], inForce, { kits, unread: new Set(['unreadable']) }, new Set(hosts))[0]?.reason;

test('what no check in force is about is withdrawn, also where it was found on the machine that stood here before', () => {
  assert.match(why(finding({}))!, /^not applicable by policy: .*profile of lab, which is for this host$/);
  assert.match(why(finding({ hostId: 'old' }))!, /by policy/);
  assert.equal(why(finding({ hostId: 'elsewhere' })), undefined);
  assert.equal(why(finding({ kit: 'gone' })), 'the kit gone is not installed any more');
  assert.equal(why(finding({ check: 'x' })), 'the kit heartbleed has no check x any more');
  assert.equal(why(finding({ kit: 'unreadable' })), undefined, 'nobody knows what it would say');
  for (const state of ['planned', 'fixed', 'not-applicable']) assert.equal(why(finding({ state })), undefined, state);
  assert.equal(why(finding({ kit: 'kernel', check: 'kernel-not-running' })), undefined);
});
