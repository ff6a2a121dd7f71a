import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { sql } from 'kysely';
import { systemActor } from '../../model/actor.ts';
import type { TlsProbe } from '../../model/probe.ts';
import type { Tx } from '../../platform/context.ts';
import { testPlatform, type TestPlatform } from '../../platform/testing.ts';
import { createDiscovery, type Discovery } from './index.ts';
import { type HostLooks, recordAllLooks, recordLooks } from './looks.ts';
import { ageEndpoints, countOffline, DEFAULT_AGEING } from './results.ts';
import { historyOf } from './store-endpoints.ts';

let platform: TestPlatform;
let discovery: Discovery;
before(async () => {
  platform = await testPlatform();
  discovery = createDiscovery(platform);
});
after(() => platform.close());

const serving = (serial: string): TlsProbe => ({
  protocol: 'tls',
  versions: ['TLSv1.2'],
  chain: [
    {
      fingerprint: 'f'.repeat(64),
      spki: 'e'.repeat(64),
      serial,
      subject: 'CN=x',
      issuer: 'CN=ca',
      names: [],
      notBefore: '2026-01-01T00:00:00Z',
      notAfter: '2027-01-01T00:00:00Z',
      keyType: 'rsa',
      crlUrls: [],
      ocspUrls: [],
      pem: '',
    },
  ],
  heartbleed: { verdict: 'safe', extension: false, leakedBytes: 0, reason: '' },
});

test('who was last seen with a serial number is found by an index, however the number is written', async () => {
  await platform.observe(systemActor('test'), async (tx) => {
    for (const [n, serial] of ['0a:bc', 'ABC', '00abc', 'abcd', '0'].entries()) {
      const address = `10.4.0.${n + 1}`;
      const sighting = { source: 'scan' as const, address, at: tx.now.toISOString(), identifiers: [] };
      const [hostId] = await discovery.recordSightings(tx, [sighting]);
      await recordLooks(platform, tx, hostId!, [
        { address, port: 443, at: tx.now, result: serving(serial), error: null },
      ]);
    }
  });
  const found = async (serial: string): Promise<string[]> =>
    (await discovery.endpoints({ serial })).map((one) => one.address);
  assert.deepEqual(await found('0aBC'), ['10.4.0.1', '10.4.0.2', '10.4.0.3']);
  assert.deepEqual(await found('0:abcd'), ['10.4.0.4']);
  assert.deepEqual(await found('00'), ['10.4.0.5']);
  assert.deepEqual(await found('1'), []);
  const { rows } = await platform.db.transaction().execute(async (tx) => {
    await sql`set local enable_seqscan = off`.execute(tx);
    return sql<{ 'QUERY PLAN': string }>`explain select * from discovery.endpoint
      where upper(ltrim(replace(probe #>> '{chain,0,serial}', ':', ''), '0')) = 'ABC'`.execute(tx);
  });
  assert.match(rows.map((row) => row['QUERY PLAN']).join('\n'), /endpoint_by_serial/);
});

const HOUR = 3_600_000;
/** Goes on from one run to the next. */
let hour = 0;
let block = 0;
const later = (tx: Tx, now: Date): Tx => Object.assign(Object.create(tx) as Tx, { now });

async function saw(tx: Tx, address: string, at: Date): Promise<HostLooks> {
  const sighting = { source: 'scan' as const, address, at: at.toISOString(), identifiers: [] };
  const [hostId] = await discovery.recordSightings(tx, [sighting]);
  return { hostId: hostId!, looks: [{ address, port: 443, at, result: serving('77'), error: null }] };
}

test('1.9: whoever answers is not aged, however coarsely that was noted; whoever is silent is, after so many looks and so long', async () => {
  const { failures, minutes } = DEFAULT_AGEING;
  const Round = fc.record({
    gap: fc.constantFrom(1, 11, 13, 26, 24 * 9),
    up: fc.array(fc.boolean(), { minLength: 4, maxLength: 4 }),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(Round, { minLength: 5, maxLength: 9 }), async (rounds) => {
      const addresses = [1, 2, 3, 4].map((n) => `10.5.${block}.${n}`);
      block++;
      const missed = addresses.map(() => ({ times: 0, since: 0, isGone: false }));
      for (const [index, { gap, up }] of [{ gap: 1, up: addresses.map(() => true) }, ...rounds].entries()) {
        hour += gap;
        const at = new Date(platform.now().getTime() + hour * HOUR);
        const open = addresses.filter((_, n) => up[n]);
        await platform.observe(systemActor('test'), async (given) => {
          const tx = later(given, at);
          const looks: HostLooks[] = [];
          for (const address of open) looks.push(await saw(tx, address, at));
          await recordAllLooks(platform, tx, looks);
          await ageEndpoints(tx, DEFAULT_AGEING, {
            addresses,
            ports: [443],
            isOpen: ({ address }) => open.includes(address),
          });
          await countOffline(tx, { since: at, ports: [443], inScan: (address) => addresses.includes(address) });
        });
        for (const [n, one] of missed.entries()) {
          if (up[n]) missed[n] = { times: 0, since: 0, isGone: false };
          else if (!one.isGone) {
            const since = one.times === 0 ? hour : one.since;
            const times = one.times + 1;
            missed[n] = { times, since, isGone: times >= failures && (hour - since) * 60 >= minutes };
          }
          const host = (await discovery.hostByAddress(addresses[n]!))!;
          const [endpoint, ...others] = await discovery.endpoints({ hostId: host.id });
          assert.deepEqual(others, []);
          assert.equal(endpoint?.state, missed[n]!.isGone ? 'gone' : 'open', `round ${index}: ${addresses[n]}`);
          if (up[n]) assert.equal(host.presence, 'up');
          else assert.equal(host.presence, 'offline');
          if (up[n]) assert.equal(host.lastSeen, at.toISOString());
        }
      }
    }),
    { numRuns: 2 },
  );
});

test('looks that are written together are what they are one by one: twice in one window, changed, and the same', async () => {
  const start = platform.now().getTime() + hour * HOUR;
  const at = (n: number) => new Date(start + n * HOUR);
  const look = (address: string, serial: string, n: number) => ({
    address,
    port: 443,
    at: at(n),
    result: { ...serving(serial), chain: [{ ...serving(serial).chain[0]!, fingerprint: serial.padStart(64, '0') }] },
    error: null,
  });
  await platform.observe(systemActor('test'), async (tx) => {
    const [a, b] = [await saw(tx, '10.6.0.1', at(0)), await saw(tx, '10.6.0.2', at(0))];
    const all = (some: [HostLooks, string, number][]): HostLooks[] =>
      some.map(([{ hostId, looks }, serial, n]) => ({ hostId, looks: [look(looks[0]!.address, serial, n)] }));
    assert.deepEqual(
      await recordAllLooks(
        platform,
        tx,
        all([
          [a, '1', 1],
          [a, '1', 2],
          [b, '1', 2],
        ]),
      ),
      [['new'], ['same'], ['new']],
    );
    assert.deepEqual(
      await recordAllLooks(
        platform,
        tx,
        all([
          [b, '1', 3],
          [a, '2', 3],
          [a, '1', 4],
          [a, '1', 5],
        ]),
      ),
      [['same'], ['changed'], ['changed'], ['same']],
    );
  });
  const [one] = await discovery.endpoints({ hostId: (await discovery.hostByAddress('10.6.0.1'))!.id });
  const [other] = await discovery.endpoints({ hostId: (await discovery.hostByAddress('10.6.0.2'))!.id });
  assert.deepEqual([one?.lastSeen, other?.lastSeen], [at(5).toISOString(), at(3).toISOString()]);
  assert.equal((await historyOf(platform.db, one!.id)).length, 3);
  assert.equal((await historyOf(platform.db, other!.id)).length, 1);
});

/** The same transaction; `count` is called for each statement, and for each time that something is put on the trail. */
function counting(tx: Tx, count: () => void): Tx {
  const db = tx.db.withPlugin({
    transformQuery: ({ node }) => {
      count();
      return node;
    },
    transformResult: async ({ result }) => result,
  });
  return Object.assign(Object.create(tx) as Tx, {
    db,
    record: (entry: Parameters<Tx['record']>[0]) => (count(), tx.record(entry)),
    recordAll: (entries: Parameters<Tx['recordAll']>[0]) => (count(), tx.recordAll(entries)),
  });
}

test('what is new, changed or failed at many hosts is written in as many statements as at a few', async () => {
  const statements = async (net: string, hosts: number): Promise<number[]> => {
    const places = Array.from({ length: hosts }, (_, n) => `${net}.${n}`);
    const sightings = places.map((address) => {
      return { source: 'scan' as const, address, at: platform.now().toISOString(), identifiers: [] };
    });
    const rounds: number[] = [];
    await platform.observe(systemActor('test'), async (tx) => {
      const ids = await discovery.recordSightings(tx, sightings);
      for (const [round, serial] of ['1', '2', '2'].entries()) {
        const looks = ids.map((hostId, n): HostLooks => {
          const chain = [
            { ...serving(serial).chain[0]!, fingerprint: `${n}${serial}`, names: [`m${n}.${net}.example`] },
          ];
          const result = round < 2 ? { ...serving(serial), chain } : null;
          const at = { address: places[n]!, at: tx.now, result, error: result ? null : 'it hung up' };
          return { hostId, looks: [443, 8443, 9443].map((port) => ({ ...at, port })) };
        });
        let count = 0;
        await recordAllLooks(
          platform,
          counting(tx, () => count++),
          looks,
        );
        rounds.push(count);
      }
    });
    const [one] = await discovery.endpoints({ hostId: (await discovery.hostByAddress(places.at(-1)!))!.id });
    assert.deepEqual([one?.probe?.protocol, one?.lastError], ['tls', 'it hung up']);
    assert.equal((await historyOf(platform.db, one!.id)).length, 2);
    return rounds;
  };
  assert.deepEqual(await statements('10.7.1', 60), await statements('10.7.2', 2));
  const host = (await discovery.hostByAddress('10.7.1.7'))!;
  assert.equal(host.name, 'm7.10.7.1.example');
});
