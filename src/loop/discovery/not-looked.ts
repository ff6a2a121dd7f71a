import { endpointName } from '../../model/endpoint-name.ts';
import type { Host } from '../../model/estate.ts';
import type { Site } from '../../model/site.ts';
import type { NotLooked } from '../../model/source.ts';
import type { Platform } from '../../platform/context.ts';
import { SITE_TIMES, type SiteTimes } from './sites/lease.ts';
import { listSites } from './sites/lists.ts';
import { addressSpace } from './space.ts';
import { listSources } from './sources.ts';
import { findEndpoints } from './store-endpoints.ts';
import { findHosts } from './store-hosts.ts';
import { type Nowhere, unplaced } from './store-unplaced.ts';

/** Everything that we failed to look at, and why: unknown is not clean (row 1.18). */
export async function notLooked(platform: Platform, times: SiteTimes = SITE_TIMES): Promise<NotLooked[]> {
  const [sources, sites, space, nowhere, hosts, endpoints] = await Promise.all([
    listSources(platform),
    listSites(platform, times),
    addressSpace(platform),
    unplaced(platform.db),
    findHosts(platform.db),
    findEndpoints(platform.db, { state: 'open', isFailing: true }),
  ]);
  const failing = sources.filter(({ state }) => state === 'failing');
  const blindScopes = new Map(
    space.items.flatMap((one) => (one.scope && one.blind ? [[one.scope, one] as const] : [])),
  );
  return [
    ...failing.map(({ name, lastError, lastOkAt }) => ({
      what: 'source' as const,
      name,
      hostId: null,
      why: lastError ?? 'it could not be read',
      lastAt: lastOkAt,
    })),
    ...sites.flatMap(unwatched),
    ...[...blindScopes].map(([name, { blind, scannedAt }]) => ({
      what: 'scope' as const,
      name,
      hostId: null,
      why: blind!,
      lastAt: scannedAt,
    })),
    ...space.empty.map(({ scope, why, scannedAt }) => ({
      what: 'scope' as const,
      name: scope,
      hostId: null,
      why,
      lastAt: scannedAt,
    })),
    ...space.items
      .filter(({ scope }) => scope === null)
      .map(({ block, blind, hosts: known }) => ({
        what: 'space' as const,
        name: block,
        hostId: null,
        why: `${blind}; ${known} known there`,
        lastAt: null,
      })),
    ...nowhere.map(unknownTo),
    ...hosts.flatMap(unreported),
    ...endpoints.map(({ hostId, lastError, probedAt, ...at }) => ({
      what: 'endpoint' as const,
      name: endpointName(at),
      hostId,
      why: lastError!,
      lastAt: probedAt,
    })),
  ];
}

const unwatched = ({ name, blind, lastSeen }: Site): NotLooked[] =>
  blind === null ? [] : [{ what: 'site', name, hostId: null, why: blind, lastAt: lastSeen }];

/** On a bill or a list, and no host of ours: somewhere it runs. */
const unknownTo = ({ source, record, name, what }: Nowhere): NotLooked => ({
  what: 'machine',
  name: name ?? record,
  hostId: null,
  why: `${source} tells of it without an address${what === null ? '' : ` (${what})`}, and no host is known to be it`,
  lastAt: null,
});

function unreported(host: Host): NotLooked[] {
  const { id, name, management, note, lastSeen } = host;
  if (host.shared) return [];
  const base = { what: 'host' as const, name, hostId: id };
  if (management === 'lost') return [{ ...base, why: note ?? 'its agent does not report any more', lastAt: lastSeen }];
  if (management === 'unmanageable') return [{ ...base, why: note ?? 'it could not be managed', lastAt: null }];
  return [];
}
