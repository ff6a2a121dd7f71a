import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Affected } from '../../model/finding.ts';
import { snap } from '../../model/testing/snap.ts';
import {
  DEBIAN,
  debianHost,
  debianPackage,
  fixedIn,
  list,
  takeFeed,
  tracker,
  worlds,
} from './testing/vulnerabilities.ts';
import type { World } from './testing/world.ts';

const newWorld = worlds();
const CVE = 'CVE-2026-4711';
const ask = async (w: World): Promise<{ hosts: string[]; unknown: Map<string, string> }> => {
  const { hosts, unknown } = await w.call<Affected>('getAffected', { query: { q: CVE } });
  return { hosts: hosts.map(({ hostId }) => hostId), unknown: new Map(unknown.map((one) => [one.hostId, one.why])) };
};

test('3.2: a snap called like a package is judged by no statement of a distribution or an upstream, and its host is unknown', async () => {
  const w = await newWorld();
  await takeFeed(w, DEBIAN, tracker({ chromium: { [CVE]: fixedIn('140.0-1~deb12u1') } }));
  const range = { type: 'SEMVER', events: [{ introduced: '0' }, { fixed: '140.0.0' }] };
  const affected = [{ package: { ecosystem: 'npm', name: 'chromium' }, ranges: [range] }];
  await takeFeed(w, { name: 'npm', kind: 'osv', settings: { ecosystem: 'npm' } }, { id: CVE, affected });
  const snaps = (...all: ReturnType<typeof snap>[]): object => ({ snaps: { snaps: all, unread: [] } });
  const libraries = { inventories: { components: [], unread: [] } };
  const bash = debianPackage('bash', '5.2.15-2');
  const old = debianPackage('chromium', '100.0-1');
  const asSnap = await debianHost(w, 1, [bash], {
    ...libraries,
    ...snaps(snap({ name: 'chromium', version: '100.0' })),
  });
  const twice = await debianHost(w, 2, [bash], {
    ...libraries,
    ...snaps(snap({ name: 'chromium_test', version: null })),
  });
  const asPackage = await debianHost(w, 3, [bash, old], { ...libraries, ...snaps(snap({ name: 'chromium' })) });
  const otherSnap = await debianHost(w, 4, [bash], { ...libraries, ...snaps(snap({ name: 'core22' })) });
  await w.settle();

  const told = await ask(w);
  assert.deepEqual(told.hosts, [asPackage]);
  assert.deepEqual(
    told.unknown,
    new Map([
      [asSnap, 'chromium 100.0 is a snap: no feed speaks of snaps, so nobody judges it'],
      [twice, 'chromium_test is a snap: no feed speaks of snaps, so nobody judges it'],
    ]),
  );
  const totals = await Promise.all([asSnap, twice, asPackage, otherSnap].map((host) => list(w, { host })));
  assert.deepEqual(
    totals.map(({ total }) => total),
    [0, 0, 1, 0],
  );

  // The kits know openssl 1.0.1f by its package; as a snap it is none.
  w.later();
  await w.send(asSnap, snaps(snap({ name: 'openssl', version: '1.0.1f' })));
  await w.settle();
  const found = await w.audit.findings({ hostId: asSnap });
  assert.deepEqual(
    found.filter(({ kit }) => kit === 'heartbleed').map(({ check, component }) => [check, component]),
    [],
  );
  assert.deepEqual([...(await ask(w)).unknown.keys()], [twice], 'the snap is gone');
});
