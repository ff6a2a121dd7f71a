import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { sql } from 'kysely';
import { systemActor } from '../../model/actor.ts';
import type { Sighting } from '../../model/estate.ts';
import { testPlatform, type TestPlatform } from '../../platform/testing.ts';
import { createDiscovery, type Discovery } from './index.ts';
import { splitHost } from './merge.ts';
import { decisionsOf } from './store-hosts.ts';
import { goneAmong, standNow } from './store-repeats.ts';
import { ChurnPlay } from './testing/churn-play.ts';
import { ChurnWorld } from './testing/churn-world.ts';

interface History {
  seed: number;
  size: number;
  /** sightings that are decided together */
  portion: number;
  /** hours between two scans */
  every: number;
}

const history = fc.record<History>({
  seed: fc.nat(),
  size: fc.integer({ min: 20, max: 35 }),
  portion: fc.constantFrom(12, 512),
  every: fc.constantFrom(2, 6, 24),
});

interface Played {
  platform: TestPlatform;
  discovery: Discovery;
  world: ChurnWorld;
  play: ChurnPlay;
}

async function played(
  { seed, size, portion, every }: History,
  judge: (after: Played) => Promise<void>,
  prepare: (world: ChurnWorld) => void = () => undefined,
): Promise<void> {
  const platform = await testPlatform();
  try {
    const discovery = createDiscovery(platform);
    const world = new ChurnWorld(seed, size);
    prepare(world);
    const play = new ChurnPlay(platform, discovery, world, portion);
    await play.round();
    for (let round = 0; round < 5; round++) {
      world.pass(every);
      await play.round();
    }
    await judge({ platform, discovery, world, play });
  } finally {
    await platform.close();
  }
}

function assertRight({ play: { verdict } }: Played): void {
  const { merged, duplicates, falseNew, falseOffline, unexplained } = verdict;
  const none = { merged: [], duplicates: [], falseNew: [], falseOffline: [], unexplained: [] };
  assert.deepEqual({ merged, duplicates, falseNew, falseOffline, unexplained }, none);
}

async function assertExplained({ platform, discovery }: Played): Promise<void> {
  for (const host of await discovery.hosts()) {
    const why = await decisionsOf(platform.db, host.id);
    assert.ok(why.length > 0 && why.every((one) => one.why.length > 0), `nothing says why ${host.id} is a host`);
  }
}

/** Both are there again with all addresses between them, each with one holder; and nothing joins them again. */
async function assertReversible(after: Played): Promise<number> {
  const { platform, discovery, world, play } = after;
  const { rows } = await sql<{ from_id: string; into_id: string }>`
    select from_id, into_id from discovery.merge where undone_at is null order by at desc, id desc`.execute(
    platform.db,
  );
  for (const { from_id: from, into_id: into } of rows) {
    const before = (await discovery.host(into))!.addresses;
    await splitHost(platform, systemActor('churn'), { id: into, from, reason: 'to see' });
    const both = [(await discovery.host(from))!, (await discovery.host(into))!];
    assert.deepEqual(
      both.map(({ presence }) => presence === 'superseded'),
      [false, false],
    );
    assert.deepEqual([...new Set(both.flatMap(({ addresses }) => addresses))].toSorted(), before.toSorted());
  }
  for (const { agent } of world.machines) if (agent) agent.isStale = true;
  await play.agents();
  for (const { from_id: from } of rows) assert.equal((await discovery.host(from))?.supersededBy, null);
  return rows.length;
}

test('M.11: a week of an estate: none merged, none counted twice, all explained, every merge taken back', async () => {
  let merges = 0;
  await fc.assert(
    fc.asyncProperty(history, (one) =>
      played(one, async (after) => {
        assertRight(after);
        await assertExplained(after);
        merges += await assertReversible(after);
      }),
    ),
    { numRuns: 3 },
  );
  assert.ok(merges > 0, 'no history had a merge');
});

/** Where somebody is that was measured there, as sightings. */
async function measured({ platform }: Played): Promise<{ sightings: Sighting[]; hosts: Map<number, string> }> {
  const { rows } = await sql<{ host_id: string; address: string; site: string }>`
    select a.host_id, a.address, a.site from discovery.address a join discovery.host h on h.id = a.host_id
    where a.current and a.how = 'measured' and h.superseded_by is null`.execute(platform.db);
  const sightings = rows.map(({ address, site }): Sighting => {
    return { source: 'scan', address, site, at: '2030-01-01T00:00:00.000Z', identifiers: [] };
  });
  return { sightings, hosts: new Map(rows.map(({ host_id }, index) => [index, host_id])) };
}

test('1.5, 1.7: whoever departs is known by it, whatever path it went: moved, displaced, replaced, merged, taken back', async () => {
  const textOf = ({ sightings, hosts }: Awaited<ReturnType<typeof measured>>, index: number): string =>
    `${hosts.get(index)} ${sightings[index]!.address}`;
  await played({ seed: 7, size: 40, portion: 12, every: 24 }, async (after) => {
    const { platform, world, play } = after;
    let departed = 0;
    const watch = async (happens: () => Promise<unknown>): Promise<void> => {
      const stand = await standNow(platform.db);
      const before = await measured(after);
      await happens();
      const now = await measured(after);
      const there = new Set([...now.hosts.keys()].map((index) => textOf(now, index)));
      const gone = [...before.hosts.keys()].filter((index) => !there.has(textOf(before, index)));
      const told = await goneAmong(platform.db, before.sightings, before.hosts, stand);
      assert.deepEqual(
        told.toSorted((a, b) => a - b),
        gone,
      );
      departed += gone.length;
    };
    for (let round = 0; round < 4; round++) {
      world.pass(24);
      await watch(() => play.round());
    }
    await watch(() => assertReversible(after));
    assert.ok(departed > 20, `${departed} departed`);
  });
});

test('who plays it sees what is wrong: a machine that moved and is taken for a copy is counted twice', async () => {
  const lying = (world: ChurnWorld): void => void (world.alive = () => true);
  await played(
    { seed: 3, size: 25, portion: 10, every: 24 },
    async ({ play: { verdict } }) => {
      assert.ok(verdict.duplicates.length > 0);
      assert.ok(verdict.falseNew.length > 0);
    },
    lying,
  );
});
