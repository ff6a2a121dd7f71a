import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Sighting } from '../../model/estate.ts';
import { MomentKind, type MomentKind as Kind } from '../../model/timeline.ts';
import { testPlatform, type TestPlatform } from '../../platform/testing.ts';
import { claimHost } from './claims.ts';
import { createDiscovery, type Discovery } from './index.ts';
import { recordLooks } from './looks.ts';
import { noteMisses } from './store-endpoints.ts';
import { markOffline } from './store-presence.ts';
import { OPERATOR } from './testing/index.ts';
import { timeline } from './timeline.ts';

let platform: TestPlatform;
let discovery: Discovery;
const START = Date.parse('2026-03-01T22:00:00Z');
const at = (minutes: number): Date => new Date(START + minutes * 60_000);
const since = at(-60).toISOString();
const until = at(10_000).toISOString();
before(async () => {
  platform = await testPlatform();
  discovery = createDiscovery(platform);
});
after(() => platform.close());

const saw = async (minutes: number, address: string, rest: Partial<Sighting> = {}): Promise<string> => {
  const sighting = { source: 'scan' as const, address, at: at(minutes).toISOString(), identifiers: [], ...rest };
  return (await platform.observe(OPERATOR, (tx) => discovery.recordSightings(tx, [sighting])))[0]!;
};
const silent = (minutes: number, id: string) =>
  platform.observe(OPERATOR, (tx) => markOffline(tx.db, [id], { since: at(minutes), at: at(minutes) }));
const served = (minutes: number, hostId: string, address: string) =>
  platform.observe(OPERATOR, (tx) =>
    recordLooks(platform, tx, hostId, [{ address, port: 22, at: at(minutes), result: null, error: 'silent' } as never]),
  );

test('hosts appear, go and come back, each once; looking again and seeing the same is no news', async () => {
  const flips = [true, true, false, false, true, false, true, true, true, false];
  const id = await saw(0, '10.71.0.1');
  const expected: [Kind, number][] = [['appeared', 0]];
  let up = true;
  for (const [index, now] of flips.entries()) {
    const minute = index + 1;
    if (now) await saw(minute, '10.71.0.1');
    else await silent(minute, id);
    if (now !== up) expected.push([now ? 'back' : 'offline', minute]);
    up = now;
  }
  const { items, days, next } = await timeline(platform, { since, until, hostId: id, limit: 100 });
  assert.deepEqual(
    items.toReversed().map((one) => [one.kind, (Date.parse(one.at) - START) / 60_000]),
    expected,
  );
  assert.equal(next, null);
  assert.deepEqual(days, [{ day: '2026-03-01', counts: { appeared: 1, back: 2, offline: 3 } }]);
});

test('what a host serves comes, goes and comes again', async () => {
  const id = await saw(20, '10.71.0.2');
  await served(20, id, '10.71.0.2');
  const [endpoint] = await discovery.endpoints({ hostId: id });
  const close = { id: endpoint!.id, misses: 3, since: at(30), gone: true, error: null };
  await platform.observe(OPERATOR, (tx) => noteMisses(tx.db, [close]));
  await platform.observe(OPERATOR, (tx) => noteMisses(tx.db, [{ ...close, misses: 4 }]));
  await served(40, id, '10.71.0.2');
  const { items } = await timeline(platform, { since, until, hostId: id, limit: 100 });
  const ports = items.filter(({ port }) => port !== null).toReversed();
  assert.deepEqual(
    ports.map(({ kind, address, port }) => [kind, address, port]),
    [
      ['port-opened', '10.71.0.2', 22],
      ['port-closed', '10.71.0.2', 22],
      ['port-back', '10.71.0.2', 22],
    ],
  );
});

test('what went over UDP is not what is there over TCP at the same port', async () => {
  const id = await saw(45, '10.71.0.4');
  const look = { address: '10.71.0.4', port: 53, at: at(45), result: null, error: 'silent' };
  await platform.observe(OPERATOR, (tx) => recordLooks(platform, tx, id, [look, { ...look, transport: 'udp' }]));
  const udp = (await discovery.endpoints({ hostId: id })).find(({ transport }) => transport === 'udp')!;
  await platform.observe(OPERATOR, (tx) =>
    noteMisses(tx.db, [{ id: udp.id, misses: 3, since: at(46), gone: true, error: null }]),
  );
  const { items } = await timeline(platform, { since, until, hostId: id, kinds: ['port-closed'], limit: 9 });
  assert.deepEqual(
    items.map(({ port, transport }) => [port, transport]),
    [[53, 'udp']],
  );
});

test('another machine at the same address: one left, one took its place, and it says why', async () => {
  const key = (value: string) => ({ identifiers: [{ kind: 'ssh-host-key' as const, value }] });
  const old = await saw(50, '10.71.0.3', key('SHA256:old'));
  const fresh = await saw(60, '10.71.0.3', key('SHA256:new'));
  assert.notEqual(fresh, old);
  const of = async (hostId: string): Promise<[string, boolean][]> =>
    (await timeline(platform, { since, until, hostId, limit: 9 })).items.map(({ kind, why }) => [kind, why !== null]);
  assert.deepEqual(await of(fresh), [['replaced', true]]);
  assert.deepEqual(await of(old), [
    ['left', true],
    ['appeared', true],
  ]);
});

test('pages hold everything once and in order, also what is of one instant; filters narrow them', async () => {
  const ids = await Promise.all(Array.from({ length: 12 }, (_, i) => saw(100 + (i % 3), `10.71.1.${i + 1}`)));
  await claimHost(platform, OPERATOR, ids[0]!, 'known', {});
  const all = await timeline(platform, { since, until, limit: 1000 });
  const paged: string[] = [];
  let before: string | undefined;
  do {
    const page = await timeline(platform, { since, until, limit: 5, before });
    paged.push(...page.items.map((one) => JSON.stringify(one)));
    before = page.next ?? undefined;
  } while (before);
  assert.deepEqual(
    paged,
    all.items.map((one) => JSON.stringify(one)),
  );
  assert.deepEqual(
    all.items.map((one) => one.at),
    all.items
      .map((one) => one.at)
      .toSorted()
      .toReversed(),
  );
  const known = await timeline(platform, { since, until, claim: 'known', limit: 1000 });
  assert.deepEqual([...new Set(known.items.map(({ host }) => host.id))], [ids[0]]);
  for (const kind of MomentKind.options) {
    const some = await timeline(platform, { since, until, kinds: [kind], limit: 1000 });
    assert.equal(some.items.length, all.items.filter((one) => one.kind === kind).length, kind);
    assert.equal(
      some.items.length,
      some.days.reduce((sum, { counts }) => sum + (counts[kind] ?? 0), 0),
    );
  }
});
