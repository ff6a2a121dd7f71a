import { sql } from 'kysely';
import type { DbOrTx } from '../../../platform/context.ts';
import { subnetOf } from '../../../scan/logic/subnets.ts';
import { muteAmong, TRAP_ADDRESSES } from '../../../scan/logic/traps.ts';
import type { Look } from '../../../scan/look.ts';
import { spokenAt } from '../store-endpoints.ts';
import { q } from '../tables.ts';

/**
 * Of these looks, the addresses that something answers for in their stead, judged as the server's own scans are. What was
 * met of a scan is kept in the database: its scanners are several, and so may we be. Whoever calls holds the scan.
 */
export async function bogusIn(
  db: DbOrTx,
  { scanId, site }: { scanId: string; site: string },
  looks: readonly Look[],
): Promise<Set<string>> {
  const silent = muteAmong(looks);
  if (silent.length === 0) return new Set();
  const spoken = await spokenAt(db, silent, site);
  const mute = silent.filter((address) => !spoken.has(address));
  const met = await metIn(db, scanId, [...new Set(mute.map(subnetOf))]);
  const fresh = mute.filter((address) => {
    const there = met.get(subnetOf(address)) ?? new Set();
    // Enough is enough: a subnet takes a few rows, however large the trap.
    if (there.size >= TRAP_ADDRESSES || there.has(address)) return false;
    met.set(subnetOf(address), there.add(address));
    return true;
  });
  await noteTraps(db, scanId, fresh);
  return new Set(mute.filter((address) => met.get(subnetOf(address))!.size >= TRAP_ADDRESSES));
}

async function metIn(db: DbOrTx, scanId: string, subnets: readonly string[]): Promise<Map<string, Set<string>>> {
  const met = new Map<string, Set<string>>();
  if (subnets.length === 0) return met;
  const rows = await q(db)
    .selectFrom('discovery.site_trap')
    .select(['subnet', 'address'])
    .where('scan_id', '=', scanId)
    .where('subnet', 'in', [...subnets])
    .execute();
  for (const { subnet, address } of rows) met.set(subnet, (met.get(subnet) ?? new Set()).add(address));
  return met;
}

async function noteTraps(db: DbOrTx, scanId: string, addresses: readonly string[]): Promise<void> {
  if (addresses.length === 0) return;
  await sql`insert into discovery.site_trap (scan_id, subnet, address)
    select ${scanId}, * from unnest(${addresses.map(subnetOf)}::text[], ${[...addresses]}::text[])
    on conflict do nothing`.execute(db);
}

/** Its scan is over. */
export async function forgetTraps(db: DbOrTx, scanId: string): Promise<void> {
  await q(db).deleteFrom('discovery.site_trap').where('scan_id', '=', scanId).execute();
}
