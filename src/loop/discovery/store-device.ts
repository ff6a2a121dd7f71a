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
  return { endpoints, macs: macs.map(({ value }) => value), system: presence?.system ?? null };
}

/** What the host itself says it runs. */
export async function saveSystem(db: DbOrTx, hostId: string, system: string): Promise<void> {
  await q(db).updateTable('discovery.presence').set({ system }).where('host_id', '=', hostId).execute();
}
