import { sql, type Transaction } from 'kysely';
import type { Sighting } from '../../model/estate.ts';
import type { DbOrTx, NoTables } from '../../platform/context.ts';
import { atPlace } from './logic/place.ts';
import { isMeasured } from './logic/reconcile.ts';
import { mayRename } from './names.ts';
import { type HostAround, hostsAround } from './store-around.ts';
import { goneAmong, repeatsAmong } from './store-repeats.ts';
import { noteSeen, type Seen } from './store-seen.ts';
import { facesAt } from './store-shared.ts';

/** A batch, by what there is to decide. */
export interface Sorted {
  /** what has to be decided: indices of sightings */
  open: number[];
  /** hosts that these decisions can touch: none that only repeats itself in this batch */
  hosts: HostAround[];
}

/** `repeats`: what need not be decided, as `repeatsIn` has it; those that a decision can touch are taken out of it. */
export async function sortOut(
  db: DbOrTx,
  sightings: readonly Sighting[],
  repeats: Map<number, string>,
): Promise<Sorted> {
  for (;;) {
    const open = [...sightings.keys()].filter((index) => !repeats.has(index));
    const hosts = await hostsAround(
      db,
      open.map((index) => sightings[index]!),
    );
    const touched = new Set(hosts.map(({ id }) => id));
    const drawnIn = [...repeats].filter(([, hostId]) => touched.has(hostId));
    if (drawnIn.length === 0) return { open, hosts };
    for (const [index] of drawnIn) repeats.delete(index);
  }
}

/** Most of what is seen was seen before. Index of each sighting that only repeats what stands at this moment → its host. */
export async function repeatsIn(db: DbOrTx, sightings: readonly Sighting[]): Promise<Map<number, string>> {
  return new Map((await simpleRepeats(db, sightings)).map(({ index, hostId }) => [index, hostId]));
}

export const seenOf = (sightings: readonly Sighting[], repeats: ReadonlyMap<number, string>): Seen[] =>
  [...repeats].map(([index, hostId]) => ({ hostId, sighting: sightings[index]! }));

/**
 * A batch that only repeats what stands waits for no other but one that changes the very same hosts (decision 0096). False:
 * one did, so that there is something to decide; then nothing was written, nor is anything held that it may wait for.
 * `stand`: how things stood before the repeats were told apart.
 */
export async function noteRepeats(
  db: Transaction<NoTables>,
  sightings: readonly Sighting[],
  repeats: ReadonlyMap<number, string>,
  stand: string,
): Promise<boolean> {
  await sql`savepoint repeats`.execute(db);
  await noteSeen(db, seenOf(sightings, repeats));
  const holds = (await goneAmong(db, sightings, repeats, stand)).length === 0;
  if (!holds) await sql`rollback to savepoint repeats`.execute(db);
  await sql`release savepoint repeats`.execute(db);
  return holds;
}

async function simpleRepeats(db: DbOrTx, sightings: readonly Sighting[]) {
  const measured = sightings.flatMap((sighting, index) => (isMeasured(sighting) ? [{ ...sighting, index }] : []));
  const times = new Map<string, number>();
  for (const { address } of sightings) times.set(address, (times.get(address) ?? 0) + 1);
  const once = measured.filter(({ address }) => times.get(address) === 1);
  // What was shown at an address that several machines have counts there each time.
  const faces = await facesAt(
    db,
    once.map((sighting) => atPlace(sighting).address),
  );
  const plain = faces.size === 0 ? once : once.filter((sighting) => !faces.has(atPlace(sighting).address));
  return (await repeatsAmong(db, plain)).filter(({ index, name, nameRank }) => {
    const { hostname } = sightings[index]!;
    return !hostname || hostname === name || !mayRename(sightings[index]!, nameRank);
  });
}
