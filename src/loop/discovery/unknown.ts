import { systemActor } from '../../model/actor.ts';
import type { Host } from '../../model/estate.ts';
import type { UnknownHost } from '../../model/unknown.ts';
import type { Platform } from '../../platform/context.ts';
import { Owners, type Owned } from './logic/owner.ts';
import { findEndpoints } from './store-endpoints.ts';
import { findHosts, updateHost } from './store-hosts.ts';
import { endedIgnores, viaOf } from './store-unknown.ts';
import { rejudge } from './rejudge.ts';

/** Hosts that nobody claimed, the newest first, each with what speaks for whose it is. */
export async function unknownHosts(platform: Platform): Promise<UnknownHost[]> {
  const all = await findHosts(platform.db);
  const unknown = all.filter(({ claim, shared }) => claim === 'unknown' && !shared);
  const ids = unknown.map(({ id }) => id);
  const [via, endpoints] = await Promise.all([
    viaOf(platform.db, ids),
    findEndpoints(platform.db, { hostIds: ids, state: 'open' }),
  ]);
  const named = new Map(all.map(({ id, name }) => [id, name]));
  const owners = new Owners(all.map(ownedOf));
  const served = Map.groupBy(endpoints, ({ hostId }) => hostId);
  return unknown
    .toSorted((a, b) => (a.firstSeen < b.firstSeen ? 1 : -1))
    .map((host) => {
      const seenBy = (via.get(host.id) ?? []).filter((id) => named.has(id));
      return {
        host,
        seenByAgents: seenBy.map((id) => ({ id, name: named.get(id)! })),
        services: (served.get(host.id) ?? []).map(({ port, service }) => `${port} ${service}`),
        owners: owners.of(ownedOf(host), seenBy),
      };
    });
}

const ownedOf = (host: Host): Owned => ({
  id: host.id,
  name: host.name,
  owner: host.owner,
  addresses: host.addresses,
  tlsKeys: host.identifiers.filter(({ kind }) => kind === 'tls-key').map(({ value }) => value),
});

/** Timer: what was set aside until now is unknown again. */
export async function endIgnores(platform: Platform): Promise<void> {
  const ended = await endedIgnores(platform.db, platform.now());
  for (const { id, name } of ended) {
    await platform.observe(systemActor('discovery.schedule'), async (tx) => {
      await updateHost(tx.db, id, { claim: 'unknown', ignored_until: null });
      await tx.record({
        type: 'discovery.host.changed',
        subject: { kind: 'host', id, name },
        detail: { before: { claim: 'ignored' }, after: { claim: 'unknown' }, why: 'it was set aside until now' },
      });
      await rejudge(tx, id);
      await tx.publish('hosts', { hostId: id });
    });
  }
}
