import type { DbOrTx } from '../../platform/context.ts';
import { chunks } from '../../platform/db/many.ts';
import { q } from './tables.ts';

export async function insertToFollow(
  db: DbOrTx,
  hostId: string,
  addresses: readonly string[],
  at: Date,
): Promise<void> {
  for (const some of chunks(addresses)) {
    await q(db)
      .insertInto('discovery.to_follow')
      .values(some.map((address) => ({ host_id: hostId, address, reported_at: at })))
      .onConflict((c) => c.doNothing())
      .execute();
  }
}

export async function toFollow(db: DbOrTx, hostId: string): Promise<{ address: string; begun: boolean }[]> {
  return q(db)
    .selectFrom('discovery.to_follow')
    .select(['address', 'begun'])
    .where('host_id', '=', hostId)
    .orderBy('address')
    .execute();
}

export async function beginFollowing(db: DbOrTx, hostId: string, address: string): Promise<void> {
  await q(db)
    .updateTable('discovery.to_follow')
    .set({ begun: true })
    .where('host_id', '=', hostId)
    .where('address', '=', address)
    .execute();
}

export async function endFollowing(db: DbOrTx, hostId: string, address: string): Promise<void> {
  await q(db).deleteFrom('discovery.to_follow').where('host_id', '=', hostId).where('address', '=', address).execute();
}

/** Hosts whose reports have waited since `before`: whoever should have followed them did not come to it. */
export async function hostsToFollow(db: DbOrTx, before: Date): Promise<string[]> {
  const rows = await q(db)
    .selectFrom('discovery.to_follow')
    .select('host_id')
    .distinct()
    .where('reported_at', '<', before)
    .execute();
  return rows.map((row) => row.host_id);
}

/** Reserves the look at this address; false when somebody looked within the last minutes. */
export async function reserveLook(
  db: DbOrTx,
  look: { address: string; via: string; now: Date; again: Date },
): Promise<boolean> {
  const { address, via, now, again } = look;
  const done = await q(db)
    .insertInto('discovery.followed')
    .values({ address, via, at: now })
    .onConflict((c) => c.column('address').doUpdateSet({ via, at: now }).where('discovery.followed.at', '<', again))
    .executeTakeFirst();
  return (done.numInsertedOrUpdatedRows ?? 0n) > 0n;
}
