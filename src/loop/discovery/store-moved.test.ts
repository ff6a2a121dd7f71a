import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { sql } from 'kysely';
import type { Tx } from '../../platform/context.ts';
import { testPlatform, type TestPlatform } from '../../platform/testing.ts';
import { recordAllLooks } from './looks.ts';
import { merge, splitHost } from './merge.ts';
import { recordSightings } from './sightings.ts';
import { findEndpoints, historyOf } from './store-endpoints.ts';
import { findHost, hostIdAt } from './store-hosts.ts';
import { OPERATOR } from './testing/index.ts';

let platform: TestPlatform;
before(async () => {
  platform = await testPlatform();
});
after(() => platform.close());

interface Seen {
  host: number;
  place: number;
  port: number;
}

const DAY = new Date(Date.UTC(2030, 0, 1)).toISOString();

async function record(tx: Tx, net: string, all: readonly Seen[]): Promise<void> {
  const decisions = await recordSightings(
    platform,
    tx,
    all.map(({ host, place }) => {
      const identifiers = [{ kind: 'ssh-host-key' as const, value: `${net} ${host}` }];
      return { source: 'scan' as const, address: `${net}.${place}`, at: DAY, identifiers };
    }),
  );
  const looks = all.map(({ host, place, port }, index) => {
    const result = { protocol: 'unknown' as const, banner: `${host}`.padStart(2, '0') };
    const look = { address: `${net}.${place}`, port, at: tx.now, result, error: null };
    return { hostId: decisions[index]!.hostId, looks: [look] };
  });
  await recordAllLooks(platform, tx, looks);
}

/** What is open, as `host@place:port`, in order. */
async function openIn(net: string): Promise<string[]> {
  const { rows } = await sql<{ text: string }>`
    select replace(i.value, ${`${net} `}, '') || '@' || replace(e.address, ${`${net}.`}, '') || ':' || e.port as text
    from discovery.endpoint e
    join discovery.identifier i on i.host_id = e.host_id and starts_with(i.value, ${`${net} `})
    where e.state = 'open'`.execute(platform.db);
  return rows.map(({ text }) => text).toSorted();
}

/** Where each machine is and what it serves, kept the simple way: who moves takes all along, whose place is taken has nothing. */
class World {
  readonly #places = new Map<number, number>();
  readonly #ports = new Map<number, Set<number>>();

  see(batch: readonly Seen[]): void {
    const seen = new Set(batch.map(({ host }) => host));
    const taken = new Set(batch.map(({ place }) => place));
    for (const [host, place] of this.#places) {
      if (seen.has(host) || !taken.has(place)) continue;
      this.#places.delete(host);
      this.#ports.delete(host);
    }
    for (const { host, place, port } of batch) {
      this.#places.set(host, place);
      this.#ports.set(host, (this.#ports.get(host) ?? new Set()).add(port));
    }
  }

  get open(): string[] {
    return [...this.#ports]
      .flatMap(([host, ports]) => [...ports].map((port) => `${host}@${this.#places.get(host)}:${port}`))
      .toSorted();
  }
}

let block = 0;

test('1.5: whoever moves, is displaced and comes back in whatever order, each serves what it serves where it is and nowhere else', async () => {
  const HOSTS = 5;
  const all = Array.from({ length: HOSTS }, (_, n) => n);
  const batch = fc
    .tuple(fc.shuffledSubarray(all, { minLength: 1 }), fc.shuffledSubarray(all, { minLength: HOSTS }))
    .chain(([hosts, places]) =>
      fc
        .array(fc.constantFrom(22, 80, 443), { minLength: hosts.length, maxLength: hosts.length })
        .map((ports) => hosts.map((host, n): Seen => ({ host, place: places[n]!, port: ports[n]! }))),
    );
  await fc.assert(
    fc.asyncProperty(fc.array(batch, { minLength: 3, maxLength: 10 }), async (batches) => {
      const net = `10.${11 + (block >> 8)}.${block++ & 255}`;
      const world = new World();
      for (const some of batches) {
        await platform.observe(OPERATOR, (tx) => record(tx, net, some));
        world.see(some);
        assert.deepEqual(await openIn(net), world.open);
      }
    }),
    { numRuns: 40 },
  );
});

test('1.10: of two records that become one, what both ever served at one address is open once, as it was seen last', async () => {
  const net = '10.30.0';
  const scan = (...all: Seen[]) => platform.observe(OPERATOR, (tx) => record(tx, net, all));
  await scan({ host: 1, place: 1, port: 22 });
  await scan({ host: 2, place: 1, port: 22 });
  await scan({ host: 1, place: 3, port: 80 });
  const [into, from] = await Promise.all(['3', '1'].map((place) => hostIdAt(platform.db, `${net}.${place}`)));
  await platform.observe(OPERATOR, (tx) =>
    merge(tx, { from: from!, into: into!, addresses: [`${net}.1`], why: 'a test' }),
  );
  const open = await findEndpoints(platform.db, { hostIds: [from!, into!], state: 'open' });
  assert.deepEqual(
    open.map(({ hostId, address, port, probe }) => [hostId === into, address, port, probe]),
    [
      [true, `${net}.1`, 22, { protocol: 'unknown', banner: '02' }],
      [true, `${net}.3`, 80, { protocol: 'unknown', banner: '01' }],
    ],
  );
  const again = open.find(({ port }) => port === 22)!;
  assert.deepEqual((await historyOf(platform.db, again.id)).at(-1)!.probe, again.probe);
  await splitHost(platform, OPERATOR, { id: into!, reason: 'they are two' });
  assert.equal((await findHost(platform.db, from!))!.supersededBy, null);
});

test('1.10: who moved on since two records became one keeps what it serves there when they are two again', async () => {
  const net = '10.31.0';
  const scan = (...all: Seen[]) => platform.observe(OPERATOR, (tx) => record(tx, net, all));
  await scan({ host: 1, place: 1, port: 22 }, { host: 2, place: 2, port: 80 });
  const [from, into] = await Promise.all(['1', '2'].map((place) => hostIdAt(platform.db, `${net}.${place}`)));
  await platform.observe(OPERATOR, (tx) =>
    merge(tx, { from: from!, into: into!, addresses: [`${net}.1`], why: 'a test' }),
  );
  await scan({ host: 1, place: 3, port: 22 });
  const open = async () =>
    (await findEndpoints(platform.db, { hostIds: [from!, into!], state: 'open' })).map(({ hostId, address, port }) => [
      hostId === into,
      address,
      port,
    ]);
  const served = [
    [true, `${net}.3`, 22],
    [true, `${net}.3`, 80],
  ];
  assert.deepEqual(await open(), served);
  await splitHost(platform, OPERATOR, { id: into!, reason: 'they are two' });
  assert.deepEqual(await open(), served);
});
