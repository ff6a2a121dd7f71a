import type { Exposure } from '../../model/finding.ts';
import type { Platform } from '../../platform/context.ts';
import type { Discovery } from '../discovery/index.ts';
import type { Audit } from './face.ts';
import { judgeHost, type Judge } from './judge-host.ts';
import { KITS_DIR, loadKits } from './kit-tools/parse.ts';
import { type Agentless, ask, collectDue, collectOne } from './collect.ts';
import { retainFacts } from './retention.ts';
import { askDue, revokedAmong } from './revocation/index.ts';
import { auditAgentRoutes, auditRoutes } from './routes.ts';
import { kitRoutes } from './routes-kits.ts';
import { createShelf, type Shelf } from './shelf.ts';
import { filesThatHeld, readFacts, readFactsOf, readLooked, takeRequest } from './store-facts.ts';
import { coveredByExceptions, findFindings, plainFinding, setStates } from './store-findings.ts';
import { accept, acceptNoMore, coveredByAccepted, knowsAdvisory, listedUnder } from './store-accepted.ts';
import { exposureRows, placesOfKeys } from './store-keys.ts';
import { feedRoutes } from './routes-feeds.ts';
import { exportRoutes } from './routes-export.ts';
import { complianceRoutes } from './routes-compliance.ts';
import { policyRoutes } from './routes-policies.ts';
import { keyRoutes } from './routes-keys.ts';
import { vulnerabilityRoutes } from './routes-vulnerabilities.ts';
import { rollUp } from './compliance.ts';
import { sweep } from './sweep.ts';
import { recount } from './recount.ts';
import { syncDue, syncFeed } from './take-feed.ts';

export type { PlannedUpgrade } from './logic/planned.ts';
export type { Accepted } from './store-accepted.ts';
export type { Audit, FindingFilter, HeldKey, LoadedKit, LookedAt, StoredFacts } from './face.ts';
export { outOfReach, rangesIn } from './logic/ecosystems.ts';
export { type VersionOrder, versionOrder } from './versions/registry.ts';

export interface AuditOptions {
  kitsDir?: string;
  /** facts older than this prove nothing any more */
  staleAfterMs?: number;
  /** between two questions about certificates */
  askPauseMs?: number;
  /** which upgrades are planned; without it, none are told */
  plannedUpgrades?: Judge['plannedUpgrades'];
  /** until when exceptions stand; without it, exports do not say */
  exceptionEnds?: Judge['exceptionEnds'];
  /** how hosts without an agent are looked at; without it, they are not */
  agentless?: Agentless;
}

const DAY_MS = 24 * 3_600_000;

const SCHEDULES: Audit['schedules'] = [
  { job: 'audit.collect-due', cron: '* * * * *' },
  { job: 'audit.sweep', cron: '* * * * *' },
  { job: 'audit.revocations', cron: '* * * * *' },
  { job: 'audit.feeds-due', cron: '23 * * * *' },
  { job: 'audit.recount', cron: '* * * * *' },
  { job: 'audit.compliance', cron: '11 * * * *' },
  { job: 'audit.retention', cron: '47 3 * * *' },
];

export function createAudit(platform: Platform, discovery: Discovery, options: AuditOptions = {}): Audit {
  const shelf = createShelf(platform, loadKits(options.kitsDir ?? KITS_DIR));
  const context: Judge = {
    platform,
    discovery,
    get kits() {
      return shelf.all();
    },
    get unread() {
      return shelf.unread();
    },
    refreshKits: () => shelf.refresh(),
    staleAfterMs: options.staleAfterMs ?? DAY_MS,
    agentless: options.agentless ?? null,
    plannedUpgrades: options.plannedUpgrades ?? (async () => []),
    exceptionEnds: options.exceptionEnds ?? (async () => new Map()),
  };
  const face: Answering = {
    facts: async (hostId) => ({ hostId, ...(await readFacts(platform.db, hostId)) }),
    factsOf: async (hostIds, names) =>
      [...(await readFactsOf(platform.db, hostIds, names))].map(([hostId, facts]) => ({ hostId, ...facts })),
    lookedAt: (hostIds, names) => readLooked(platform.db, hostIds, names),
    kits: () => [...shelf.all()],
    kit: (id) => shelf.all().find(({ kit }) => kit.kit === id) ?? null,
    findings: async (filter) => (await findFindings(platform.db, filter)).map(plainFinding),
    ...exceptionsOf(platform),
    exposures: async (filter) => withFiles(context, await exposureRows(platform.db, filter)),
    revokedAmong: (fingerprints) => revokedAmong(platform, fingerprints),
    filesThatHeld: (hostIds, spkis) => filesThatHeld(platform.db, hostIds, spkis),
    setFindingState: (tx, ids, state, link) => setStates(tx.db, ids, state, link),
    requestFacts: (tx, hostId) => ask(context, tx, [hostId]),
    takeFactsRequest: (hostId) => takeRequest(platform.db, hostId),
    auditHost: (hostId) => judgeHost(context, hostId),
  };
  return {
    ...face,
    routes: routesOf(context, shelf, face),
    agentRoutes: auditAgentRoutes(context),
    jobs: {
      'audit.host': ({ hostId }) => judgeHost(context, hostId),
      'audit.collect': ({ hostId }) => collectOne(context, hostId),
      'audit.collect-due': () => collectDue(context),
      'audit.sweep': () => sweep(context),
      'audit.feed': ({ feed }) => syncFeed(platform, feed),
      'audit.feeds-due': () => syncDue(platform),
      'audit.recount': () => recount(platform, discovery),
      'audit.compliance': () => rollUp(context),
      'audit.revocations': () => askDue({ platform, discovery, pauseMs: options.askPauseMs ?? 500 }),
      'audit.retention': () => retainFacts(platform),
    },
    schedules: SCHEDULES,
  };
}

const exceptionsOf = ({ db }: Platform) => ({
  coveredByExceptions: async () => new Map([...(await coveredByExceptions(db)), ...(await coveredByAccepted(db))]),
  knowsAdvisory: (advisory: string) => knowsAdvisory(db, advisory),
  listedUnder: (advisory: string) => listedUnder(db, advisory),
  acceptAdvisory: accept,
  acceptNoMore,
});

type Answering = Omit<Audit, 'routes' | 'agentRoutes' | 'jobs' | 'schedules'>;

function routesOf(context: Judge, shelf: Shelf, face: Answering): Audit['routes'] {
  const { platform, discovery } = context;
  return [
    ...kitRoutes(platform, shelf),
    ...auditRoutes(context, face),
    ...exportRoutes(context),
    ...feedRoutes(platform),
    ...keyRoutes(platform, discovery),
    ...policyRoutes(context),
    ...complianceRoutes(context),
    ...vulnerabilityRoutes(context),
  ];
}

/** Where copies of the burnt keys lie is told as it is now. */
async function withFiles({ platform, discovery }: Judge, exposures: Exposure[]): Promise<Exposure[]> {
  const places = await placesOfKeys(platform.db, [...new Set(exposures.map((one) => one.spki))]);
  const files = places.filter((place) => place.kind === 'file');
  const hosts = files.length > 0 ? await discovery.hosts({ ids: [...new Set(files.map((one) => one.hostId))] }) : [];
  const names = new Map(hosts.map((host) => [host.id, host.name]));
  const bySpki = Map.groupBy(files, (file) => file.spki);
  return exposures.map((exposure) => ({
    ...exposure,
    files: (bySpki.get(exposure.spki) ?? []).map((file) => ({
      hostId: file.hostId,
      hostName: names.get(file.hostId) ?? file.hostId,
      path: file.place,
      serial: file.certificate?.serial ?? null,
    })),
  }));
}
