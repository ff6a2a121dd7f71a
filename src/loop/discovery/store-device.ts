import { sql } from 'kysely';
import type { DbOrTx } from '../../platform/context.ts';
import type { DeviceEvidence } from '../../scan/logic/device.ts';
import { q } from './tables.ts';

/** What is known of a host that tells what it is: what it serves, its network cards, and what it says itself. */
export async function deviceEvidence(db: DbOrTx, hostId: string): Promise<DeviceEvidence> {
  const endpoints = await q(db)
    .selectFrom('discovery.endpoint')
    .select(['port', 'transport', 'probe'])
    .where('host_id', '=', hostId)
    .where('state', '=', 'open')
    .orderBy('port')
    .orderBy('transport')
    .execute();
  const macs = await q(db)
    .selectFrom('discovery.identifier')
    .select('value')
    .where('host_id', '=', hostId)
    .where('kind', '=', 'mac')
    .orderBy('value')
    .execute();
  const presence = await q(db)
    .selectFrom('discovery.presence')
    .select('system')
    .where('host_id', '=', hostId)
    .executeTakeFirst();
  const seen = await q(db)
    .selectFrom('discovery.sighting')
    .select('evidence')
    .where('host_id', '=', hostId)
    .where(sql<boolean>`evidence ? 'up'`)
    .orderBy('at', 'desc')
    .limit(1)
    .executeTakeFirst();
  const { mac, ttl } = (seen?.evidence ?? {}) as { mac?: string; ttl?: number };
  const cards = new Set([...macs.map(({ value }) => value), ...(mac === undefined ? [] : [mac])]);
  return { endpoints, macs: [...cards], ttl, system: presence?.system ?? null };
}

/** What the host itself says it runs. */
export async function saveSystem(db: DbOrTx, hostId: string, system: string): Promise<void> {
  await q(db).updateTable('discovery.presence').set({ system }).where('host_id', '=', hostId).execute();
}
