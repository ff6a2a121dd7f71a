import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { sql } from 'kysely';
import type { Sighting } from '../../model/estate.ts';
import type { Tx } from '../../platform/context.ts';
import { testPlatform, type TestPlatform } from '../../platform/testing.ts';
import { attachAgent, updateIdentity } from './agents.ts';
import { recordAllLooks } from './looks.ts';
import { merge } from './merge.ts';
import { ageEndpoints, countOffline } from './results.ts';
import { takeReport } from './patrol-report.ts';
import { patrolFor } from './patrols.ts';
import { recordSightings } from './sightings.ts';
import { noteAddress } from './store-addresses.ts';
import { findHost, hostIdAt, lockIdentities } from './store-hosts.ts';
import { holdHosts } from './store-presence.ts';
import { addScope, OPERATOR } from './testing/index.ts';

let platform: TestPlatform;
before(async () => {
  platform = await testPlatform();
});
after(() => platform.close());

interface Seen {
  address: string;
  key: string;
  /** port → what it says */
  ports?: Record<number, string>;
}

const DAY = new Date(Date.UTC(2030, 0, 1)).toISOString();
const sightingOf = ({ address, key }: Seen): Sighting => ({
  source: 'scan',
  address,
  at: DAY,
  identifiers: [{ kind: 'ssh-host-key', value: key }],
});

/** Who was seen, and what they serve. */
async function record(tx: Tx, all: readonly Seen[]): Promise<void> {
  const decisions = await recordSightings(platform, tx, all.map(sightingOf));
  const looks = all.map(({ address, ports = {} }) =>
    Object.entries(ports).map(([port, banner]) => {
      return { address, port: Number(port), at: tx.now, result: { protocol: 'unknown' as const, banner }, error: null };
    }),
  );
  await recordAllLooks(
    platform,
    tx,
    decisions.map(({ hostId }, index) => ({ hostId, looks: looks[index]! })),
  );
}

const scan = (...all: Seen[]): Promise<void> => platform.observe(OPERATOR, (tx) => record(tx, all));

/** A transaction that has written, and ends when it is let go. */
async function holding(write: (tx: Tx) => Promise<unknown>): Promise<{ end(): Promise<void> }> {
  const [written, gate] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const done = platform.observe(OPERATOR, async (tx) => {
    await write(tx);
    written.resolve();
    await gate.promise;
  });
  await Promise.race([written.promise, done]);
  return {
    end: async () => {
      gate.resolve();
      await done;
    },
  };
}

/** Until so many connections wait for a lock. */
async function waiting(count: number): Promise<void> {
  for (let tries = 0; tries < 500; tries++) {
    const { rows } = await sql<{ n: number }>`select count(*) as n from pg_stat_activity
      where datname = current_database() and wait_event_type = 'Lock'`.execute(platform.db);
    if (rows[0]!.n >= count) return;
    await sleep(10);
  }
  assert.fail(`fewer than ${count} wait for a lock`);
}

/**
 * What nobody may ever see, among addresses that begin so: services where their host is not, or of a record that is another
 * one now; two at one place.
 */
async function wrong(net = ''): Promise<unknown[]> {
  const { rows } = await sql`
    select 'left behind' as what, e.host_id, e.address from discovery.endpoint e
    where starts_with(e.address, ${net}) and e.state = 'open' and not exists (select from discovery.address a
      where a.host_id = e.host_id and a.address = e.address and a.current)
    union all
    select 'of a record that is another one', e.host_id, e.address from discovery.endpoint e
    join discovery.host h on h.id = e.host_id where starts_with(e.address, ${net}) and e.state = 'open' and h.superseded_by is not null
    union all
    select 'two hosts', min(host_id), address from discovery.address where starts_with(address, ${net}) and current and how = 'measured'
    group by address having count(*) > 1`.execute(platform.db);
  return rows;
}

const portsAt = async (address: string): Promise<number[]> => {
  const { rows } = await sql<{ port: number }>`select port from discovery.endpoint
    where address = ${address} and state = 'open' order by port`.execute(platform.db);
  return rows.map(({ port }) => port);
};

test('1.5: a look at the place that a host leaves at that moment leaves nothing of it behind', async () => {
  const there = { address: '10.7.0.1', key: 'moves' };
  await scan({ ...there, ports: { 22: 'aa' } });
  const moves = await holding((tx) => record(tx, [{ ...there, address: '10.7.0.2' }]));
  const repeats = scan({ ...there, ports: { 22: 'aa', 443: 'bb' } });
  await waiting(1);
  await moves.end();
  await repeats;
  assert.deepEqual(await wrong(), []);
  // It was seen there after it had been seen elsewhere: it is back.
  assert.deepEqual([await portsAt('10.7.0.1'), await portsAt('10.7.0.2')], [[22, 443], []]);
});

test('1.5: who moves a host waits for a look at it that is being written, and takes along what that found', async () => {
  const there = { address: '10.7.1.1', key: 'followed' };
  await scan({ ...there, ports: { 22: 'aa' } });
  const id = (await hostIdAt(platform.db, there.address))!;
  const held = await holding(({ db }) =>
    sql`select from discovery.presence where host_id = ${id} for update`.execute(db),
  );
  const repeats = scan({ ...there, ports: { 22: 'cc', 443: 'bb' } });
  await waiting(1);
  const moves = scan({ ...there, address: '10.7.1.2' });
  await waiting(2);
  await held.end();
  // Neither waits for what the other has: PostgreSQL would end one of them after a second.
  await Promise.all([repeats, moves]);
  assert.deepEqual(await wrong(), []);
  assert.deepEqual([await portsAt('10.7.1.1'), await portsAt('10.7.1.2')], [[], [22, 443]]);
});

test('1.7: what is seen of a host that is merged at that moment is seen of the one that it is now', async () => {
  await scan({ address: '10.7.2.1', key: 'merged', ports: { 22: 'aa' } }, { address: '10.7.2.2', key: 'stays' });
  const [from, into] = [await hostIdAt(platform.db, '10.7.2.1'), await hostIdAt(platform.db, '10.7.2.2')];
  const merges = await holding((tx) =>
    merge(tx, { from: from!, into: into!, addresses: ['10.7.2.1'], why: 'a test says so' }),
  );
  const repeats = scan({ address: '10.7.2.1', key: 'merged', ports: { 22: 'aa', 443: 'bb' } });
  await waiting(1);
  await merges.end();
  await repeats;
  assert.deepEqual(await wrong(), []);
  assert.equal(await hostIdAt(platform.db, '10.7.2.1'), into);
  assert.deepEqual(await portsAt('10.7.2.1'), [22, 443]);
});

/** Rows of presence are held, in this order, as a batch of repeats holds them; between them somebody else goes on. */
const hold = ({ db }: Tx, id: string) =>
  sql`select from discovery.presence where host_id = ${id} for update`.execute(db);

/** Ids of hosts at these addresses, each with a service, the lowest first; in the table they lie the other way round. */
async function hostsAt(...addresses: string[]): Promise<string[]> {
  await scan(...addresses.map((address) => ({ address, key: `of ${address}`, ports: { 22: 'aa' } })));
  const ids = await Promise.all(addresses.map((address) => hostIdAt(platform.db, address)));
  const inOrder = (ids as string[]).toSorted();
  for (const id of inOrder.toReversed())
    await sql`update discovery.presence set last_seen = last_seen where host_id = ${id}`.execute(platform.db);
  return inOrder;
}

/** Of a host: how many looks missed what it serves, and whether it is gone; since when it is silent. */
async function stateOf(id: string) {
  const { rows } = await sql<{ misses: number; state: string; silent: boolean }>`
    select e.misses, e.state, p.offline_since is not null as silent from discovery.endpoint e
    join discovery.presence p using (host_id) where host_id = ${id}`.execute(platform.db);
  return rows[0]!;
}

/** `crosses` waits for what somebody holds, who then wants what `crosses` may hold by now. */
async function crossing(
  holds: (tx: Tx) => Promise<unknown>,
  wants: (tx: Tx) => Promise<unknown>,
  crosses: (tx: Tx) => Promise<unknown>,
): Promise<void> {
  const [written, gate] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const other = platform.observe(OPERATOR, async (tx) => {
    await holds(tx);
    written.resolve();
    await gate.promise;
    await wants(tx);
  });
  await Promise.race([written.promise, other]);
  const own = platform.observe(OPERATOR, crosses);
  await Promise.race([waiting(1), own]);
  gate.resolve();
  // PostgreSQL would end one of two that wait in a circle.
  await Promise.all([other, own]);
}

test('1.7: whoever holds several hosts takes them in one order, however they lie in the table', async () => {
  const [low, high] = await hostsAt('10.7.3.1', '10.7.3.2');
  await crossing(
    (tx) => hold(tx, low!),
    (tx) => hold(tx, high!),
    (tx) => holdHosts(tx.db, [low!, high!]),
  );
});

const AGEING = { failures: 1, minutes: 0 };
const aged = (tx: Tx, ...addresses: string[]) =>
  ageEndpoints(tx, AGEING, { addresses, ports: [22], isOpen: () => false });
const age = (address: string) => platform.observe(OPERATOR, (tx) => aged(tx, address));

test('1.9: who ages what was not found waits in no circle with a look that is being written', async () => {
  const write = ({ db }: Tx, id: string) =>
    sql`update discovery.endpoint set last_seen = last_seen where host_id = ${id}`.execute(db);
  // In whatever order the one goes, one of these is the other way round.
  for (const isUp of [true, false]) {
    const addresses = ['1', '2'].map((n) => `10.7.${isUp ? 4 : 11}.${n}`);
    const ids = await hostsAt(...addresses);
    const [first, second] = isUp ? ids : ids.toReversed();
    await crossing(
      async (tx) => {
        await holdHosts(tx.db, ids);
        await write(tx, first!);
      },
      (tx) => write(tx, second!),
      (tx) => aged(tx, ...addresses),
    );
  }
});

test('1.9: what is seen at the very moment that a look misses it is there', async () => {
  const [id] = await hostsAt('10.7.5.1');
  const seen = { address: '10.7.5.1', key: 'of 10.7.5.1', ports: { 22: 'aa' } };
  const looks = await holding((tx) => record(tx, [seen]));
  const ages = age('10.7.5.1');
  await Promise.race([waiting(1), ages]);
  await looks.end();
  await ages;
  assert.deepEqual(await stateOf(id!), { misses: 0, state: 'open', silent: false });
  await age('10.7.5.1');
  assert.deepEqual(await stateOf(id!), { misses: 1, state: 'gone', silent: false });
});

const silence = (address: string) => (tx: Tx) =>
  countOffline(tx, { since: new Date('2030-01-02T00:00:00Z'), ports: [22], inScan: (one) => one === address });

test('1.12: a host that is seen while a scan ends is not offline, and two scans that end at once count it once', async () => {
  const [id] = await hostsAt('10.7.6.1');
  const later = { ...sightingOf({ address: '10.7.6.1', key: 'of 10.7.6.1' }), at: '2030-01-02T00:00:01.000Z' };
  const looks = await holding((tx) => recordSightings(platform, tx, [later]));
  const ends = platform.observe(OPERATOR, silence('10.7.6.1'));
  await Promise.race([waiting(1), ends]);
  await looks.end();
  assert.equal(await ends, 0);
  assert.equal((await stateOf(id!)).silent, false);

  const [other] = await hostsAt('10.7.6.2');
  const counts: number[] = [];
  const one = await holding(async (tx) => counts.push(await silence('10.7.6.2')(tx)));
  const another = platform.observe(OPERATOR, silence('10.7.6.2'));
  await Promise.race([waiting(1), another]);
  await one.end();
  counts.push(await another);
  assert.deepEqual(counts, [1, 0]);
  assert.equal((await stateOf(other!)).silent, true);
});

const showing = (address: string) => ({ kind: 'ssh-host-key' as const, value: `of ${address}` });

test('1.10: facts that make two records one wait in no circle with whom repeats both', async () => {
  const [low, high] = await hostsAt('10.7.7.1', '10.7.7.2');
  const [addresses, system] = [['10.7.7.1', '10.7.7.2'], 'a system'];
  const facts = { hostname: 'told', identifiers: addresses.map(showing), addresses, system };
  await crossing(
    (tx) => hold(tx, low!),
    (tx) => hold(tx, high!),
    (tx) => updateIdentity(tx, high!, facts),
  );
  assert.equal((await findHost(platform.db, low!))?.supersededBy, high);
});

test('1.10: facts that make two records one wait in no circle with whom decides', async () => {
  const [low, high] = await hostsAt('10.7.8.1', '10.7.8.2');
  const addresses = ['10.7.8.1', '10.7.8.2'];
  await crossing(
    (tx) => lockIdentities(tx.db),
    async (tx) => {
      for (const address of addresses) await noteAddress(tx.db, high!, address, 'claimed', tx.now);
    },
    (tx) => updateIdentity(tx, high!, { hostname: 'locked', identifiers: addresses.map(showing), addresses }),
  );
  assert.equal((await findHost(platform.db, low!))?.supersededBy, high);
});

test('1.10, 2.1: an agent that enrols where two records are one waits in no circle', async () => {
  for (const expects of [true, false]) {
    const addresses = ['1', '2'].map((n) => `10.7.${expects ? 9 : 10}.${n}`);
    const [low, high] = await hostsAt(...addresses);
    const agent = {
      agentId: `agent_${expects}`,
      version: '1.0.0',
      hostname: `enrols ${expects}`,
      identifiers: addresses.map(showing),
      addresses,
      expectedHostId: expects ? high! : null,
    };
    await crossing(
      (tx) => hold(tx, low!),
      (tx) => hold(tx, high!),
      (tx) => attachAgent(platform, tx, agent),
    );
    const both = await Promise.all([low, high].map((id) => findHost(platform.db, id!)));
    assert.equal(both.filter((one) => one!.supersededBy !== null).length, 1);
  }
});

test('1.14: what an agent tells of a host that it sees waits in no circle with what that one tells of itself', async () => {
  const legs = ['10.7.12.4', '10.7.12.5'];
  const [looks, hostId] = await Promise.all(
    [['10.7.12.2'], legs].map((addresses, n) =>
      platform.observe(OPERATOR, (tx) => {
        const identifiers = [{ kind: 'agent-key' as const, value: `legs ${n}` }];
        const agent = { agentId: `legs_${n}`, version: '1.0.0', hostname: `legs ${n}`, identifiers, addresses };
        return attachAgent(platform, tx, { ...agent, expectedHostId: null });
      }),
    ),
  );
  // Claims are told again from hour to hour.
  await sql`update discovery.address set last_seen = last_seen - interval '2 hours' where host_id = ${hostId}`.execute(
    platform.db,
  );
  await addScope(platform, { cidrs: ['10.7.12.0/28'], ports: '22', agents: true });
  const agent = { agentId: 'legs_0', hostId: looks! };
  const order = (await patrolFor(platform, agent, ['10.7.12.2/28']))!;
  const seen = legs.map((address, n) => ({ address, mac: `02:00:00:00:0c:0${n}`, looks: [] }));
  const claim = (tx: Tx, address: string) => noteAddress(tx.db, hostId!, address, 'claimed', tx.now);
  await crossing(
    async (tx) => {
      await holdHosts(tx.db, [hostId!]);
      await claim(tx, legs[1]!);
    },
    (tx) => claim(tx, legs[0]!),
    () => takeReport(platform, AGEING, agent, { id: order.id, window: 0, seen, ended: null }),
  );
});

let block = 3;

test('1.5, 1.7: batches that repeat and batches that move, at once and in any order, end each other never', async () => {
  const HOSTS = 40;
  const Batch = fc.record({
    order: fc.shuffledSubarray(
      Array.from({ length: HOSTS }, (_, host) => host),
      { minLength: HOSTS / 2 },
    ),
    /** so many of them have swapped their places with the next one */
    swapped: fc.constantFrom(0, 0, 1, 4),
    port: fc.constantFrom(22, 80, 443),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(Batch, { minLength: 4, maxLength: 12 }), async (batches) => {
      const net = `10.8.${block++}`;
      const seen = (place: number, host: number, port: number): Seen => {
        return { address: `${net}.${place}`, key: `${net} ${host}`, ports: { [port]: `${host}`.padStart(2, '0') } };
      };
      await scan(...Array.from({ length: HOSTS }, (_, host) => seen(host, host, 22)));
      await Promise.all(
        batches.map(({ order, swapped, port }) => {
          const places = order.map((host, index) => (index < swapped * 2 ? order[index ^ 1]! : host));
          return scan(...order.map((host, index) => seen(places[index]!, host, port)));
        }),
      );
      assert.deepEqual(await wrong(`${net}.`), []);
      const { rows } = await sql<{ n: number }>`select count(*) as n from discovery.identifier i
        join discovery.host h on h.id = i.host_id where starts_with(i.value, ${`${net} `}) and h.superseded_by is null`.execute(
        platform.db,
      );
      assert.equal(rows[0]!.n, HOSTS, 'each machine is one host');
    }),
    { numRuns: 8 },
  );
});
