import { sql } from 'kysely';
import type { DbOrTx } from '../../platform/context.ts';
import { anyOf } from '../../platform/db/many.ts';
import type { DeviceEvidence } from '../../scan/logic/device.ts';
import { q } from './tables.ts';

/** What is known of hosts that tells what they are: what each serves, its network cards, and what it says itself. */
export async function deviceEvidence(db: DbOrTx, hostIds: readonly string[]): Promise<Map<string, DeviceEvidence>> {
  const endpoints = await q(db)
    .selectFrom('discovery.endpoint')
    .select(['host_id', 'port', 'transport', 'probe'])
    .where('host_id', '=', anyOf(hostIds))
    .where('state', '=', 'open')
    .orderBy('port')
    .orderBy('transport')
    .execute();
  const macs = await q(db)
    .selectFrom('discovery.identifier')
    .select(['host_id', 'value'])
    .where('host_id', '=', anyOf(hostIds))
    .where('kind', '=', 'mac')
    .orderBy('value')
    .execute();
  const presence = await q(db)
    .selectFrom('discovery.presence')
    .select(['host_id', 'system'])
    .where('host_id', '=', anyOf(hostIds))
    .execute();
  const seen = await q(db)
    .selectFrom('discovery.sighting')
    .distinctOn('host_id')
    .select(['host_id', 'evidence'])
    .where('host_id', '=', anyOf(hostIds))
    .where(sql<boolean>`evidence ? 'up'`)
    .orderBy('host_id')
    .orderBy('at', 'desc')
    .execute();
  const served = Map.groupBy(endpoints, ({ host_id }) => host_id);
  const cards = Map.groupBy(macs, ({ host_id }) => host_id);
  const systems = new Map(presence.map(({ host_id, system }) => [host_id, system]));
  const up = new Map(seen.map(({ host_id, evidence }) => [host_id, evidence as { mac?: string; ttl?: number } | null]));
  return new Map(
    hostIds.map((id): [string, DeviceEvidence] => {
      const { mac, ttl } = up.get(id) ?? {};
      const own = new Set([...(cards.get(id) ?? []).map(({ value }) => value), ...(mac === undefined ? [] : [mac])]);
      const plain = (served.get(id) ?? []).map(({ port, transport, probe }) => ({ port, transport, probe }));
      return [id, { endpoints: plain, macs: [...own], ttl, system: systems.get(id) ?? null }];
    }),
  );
}

/** What the host itself says it runs. */
export async function saveSystem(db: DbOrTx, hostId: string, system: string): Promise<void> {
  await q(db).updateTable('discovery.presence').set({ system }).where('host_id', '=', hostId).execute();
}
