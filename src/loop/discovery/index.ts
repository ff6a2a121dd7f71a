import { AppError } from '../../model/errors/index.ts';
import { LOCAL_SITE } from '../../model/site.ts';
import type { Platform } from '../../platform/context.ts';
import { attachAgent, setManagement, updateIdentity } from './agents.ts';
import { addTags, importHosts, readList } from './claims.ts';
import type { Discovery } from './face.ts';
import { follow, followFrom } from './follow.ts';
import { scheduleScans } from './jobs.ts';
import { normalAddress } from '../../scan/logic/address.ts';
import { patrolFor } from './patrols.ts';
import { probeNow } from './probe-now.ts';
import { reachOf } from './reach.ts';
import { type Ageing, DEFAULT_AGEING } from './results.ts';
import { rematch } from './rematch.ts';
import { retain } from './retention.ts';
import { patrolAgentRoutes } from './routes-patrols.ts';
import { discoveryRoutes } from './routes.ts';
import { runScan } from './run-scan.ts';
import { runSource } from './run-source.ts';
import type { Pair } from '../../scan/scanner/sweep.ts';
import { Buckets } from './scopes.ts';
import { SITE_TIMES, type Sites, type SiteTimes } from './sites/lease.ts';
import { addScanner } from './sites/lists.ts';
import { scannerRoutes, siteRoutes } from './sites/routes.ts';
import { endScanner } from './sites/store.ts';
import { recordSightings } from './sightings.ts';
import { findEndpoint, findEndpoints, historyOf } from './store-endpoints.ts';
import { loggedCertificates } from './store-logged.ts';
import {
  addressesAway,
  briefHosts,
  findHost,
  findHosts,
  hostIdAt,
  hostsOwnedBy,
  siteOfAddress,
} from './store-hosts.ts';
import { homeBlocks, homesIn, homesOf } from './store-map.ts';
import { namesOf } from './store-names.ts';
import { findScopes } from './store-scans.ts';

export type { ReadRow } from './claims.ts';
export type { DbOrTx, Discovery } from './face.ts';
export type { HostBrief } from './store-hosts.ts';

export interface DiscoveryOptions {
  /** when a silent endpoint is taken for gone */
  ageing?: Ageing;
  /** how often scanners at remote sites call, and how soon one that does not is given up */
  sites?: SiteTimes;
}

const mapOf = ({ db }: Platform): Discovery['map'] => ({
  blocks: (most) => homeBlocks(db, most),
  homesOf: (ids) => homesOf(db, ids),
  homesIn: (block, most) => homesIn(db, block, most),
});

export function createDiscovery(platform: Platform, options: DiscoveryOptions = {}): Discovery {
  const buckets = new Buckets();
  const scanner = { buckets, ageing: options.ageing ?? DEFAULT_AGEING };
  const sites: Sites = { platform, times: options.sites ?? SITE_TIMES, walks: new Map() };
  const look = (at: Pair, judge = true) => probeNow(platform, buckets, { ...at, judge });
  return {
    host: (id) => findHost(platform.db, id),
    hosts: (filter) => findHosts(platform.db, filter),
    briefs: (filter) => briefHosts(platform.db, filter),
    ownedBy: hostsOwnedBy,
    scopes: () => findScopes(platform.db),
    reach: () => reachOf(platform),
    map: mapOf(platform),
    away: (hostId) => addressesAway(platform.db, hostId),
    namesOf: (hostId) => namesOf(platform.db, hostId),
    hostByAddress: async (text) => {
      const address = normalAddress(text);
      const id = address ? await hostIdAt(platform.db, address) : null;
      return id ? findHost(platform.db, id) : null;
    },
    endpoint: (id) => findEndpoint(platform.db, id),
    endpoints: (filter) => findEndpoints(platform.db, filter),
    loggedCertificates: (serials) => loggedCertificates(platform.db, serials),
    endpointHistory: (id) => historyOf(platform.db, id),
    recordSightings: async (tx, sightings) =>
      (await recordSightings(platform, tx, sightings)).map((decision) => decision.hostId),
    attachAgent: (tx, agent) => attachAgent(platform, tx, agent),
    followFrom,
    setManagement,
    addTags,
    readList,
    importList: (actor, text) => importHosts(platform, actor, text),
    updateIdentity,
    probeNow: async (text, port, how) => {
      const address = normalAddress(text);
      if (!address) throw new AppError('TARGET_INVALID', { target: text, why: 'it is no address' });
      const site = how?.hostId === undefined ? LOCAL_SITE : await siteOfAddress(platform.db, how.hostId, address);
      if (site !== LOCAL_SITE) throw new AppError('ADDRESS_ELSEWHERE', { address, site });
      return look({ address, port }, how?.judge);
    },
    addScanner,
    endScanner: (tx, id) => endScanner(tx.db, id, tx.now),
    routes: [...discoveryRoutes(platform, sites.times, look), ...siteRoutes(sites)],
    patrolFor: (agent, subnets) => patrolFor(platform, agent, subnets),
    agentRoutes: [...patrolAgentRoutes(platform, scanner.ageing), ...scannerRoutes(sites, scanner.ageing)],
    jobs: {
      'discovery.scan': ({ scanId }) => runScan(platform, scanner, scanId),
      'discovery.schedule': () => scheduleScans(platform),
      'discovery.follow': ({ hostId }) => follow(platform, buckets, hostId),
      'discovery.source': ({ sourceId }) => runSource(platform, buckets, sourceId),
      'discovery.retention': () => retain(platform),
      'discovery.rematch': async () => void (await rematch(platform)),
    },
    schedules: [
      { job: 'discovery.schedule', cron: '* * * * *' },
      { job: 'discovery.retention', cron: '17 3 * * *' },
      { job: 'discovery.rematch', cron: '47 3 * * *' },
    ],
  };
}
