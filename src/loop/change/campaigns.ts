import { systemActor } from '../../model/actor.ts';
import type { Campaign, CampaignEndpoint } from '../../model/campaign.ts';
import { AppError } from '../../model/errors/index.ts';
import type { Endpoint, Host } from '../../model/estate.ts';
import type { Exposure, Finding } from '../../model/finding.ts';
import type { Tx } from '../../platform/context.ts';
import { chunks } from '../../platform/db/many.ts';
import { type HeldKey, outOfReach, rangesIn, versionOrder, type LoadedKit, type StoredFacts } from '../audit/index.ts';
import { issuerOf } from './authorities.ts';
import type { Deps } from './deps.ts';
import { isAffected } from './logic/affected.ts';
import { causeOf, judgeEndpoint, nextState, revocationKey, totalsOf } from './logic/campaign.ts';
import { listenerOf } from './logic/listeners.ts';
import { burntSince, sessionsOf, type Sessions } from './sessions.ts';
import { authorityRows, noteRevocation, revocations, type AuthorityRow } from './store-authorities.ts';
import { campaignRow, lockCampaign, putCampaign } from './store-campaigns.ts';

const ACTOR = systemActor('change.campaign');
/** Looked for by timer: a list that was fetched this short ago is as good. */
const LIST_AGE_MS = 50_000;
/** Listeners at a time: what is known of their hosts would not all fit into memory. */
const AT_ONCE = 500;
/** What the funnel is judged by. */
const SECTIONS = ['certificates', 'packages', 'processes', 'services', 'sockets'] as const;

function compromiseKit(deps: Deps, id: string): LoadedKit {
  const kit = deps.audit.kit(id);
  if (!kit) throw new AppError('NOT_FOUND', { what: 'kit', id, list: 'kit list' });
  if (!kit.kit.compromise) throw new AppError('CAMPAIGN_NONE', { kit: id });
  return kit;
}

export async function campaignOf(deps: Deps, id: string): Promise<Campaign> {
  const kit = compromiseKit(deps, id);
  const endpoints = await judgeAll(deps, kit);
  const row = await campaignRow(deps.platform.db, id);
  return {
    kit: id,
    title: kit.kit.title,
    state: row?.state ?? (endpoints.length > 0 ? 'burning' : 'none'),
    endpoints,
    totals: totalsOf(endpoints),
    openedAt: row?.openedAt.toISOString() ?? null,
    outAt: row?.outAt?.toISOString() ?? null,
  };
}

/** Those that ever burnt. */
export async function campaigns(deps: Deps): Promise<Campaign[]> {
  const kits = deps.audit.kits().filter((kit) => kit.kit.compromise);
  const all = await Promise.all(kits.map((kit) => campaignOf(deps, kit.kit.kit)));
  return all.filter((campaign) => campaign.endpoints.length > 0 || campaign.openedAt !== null);
}

async function judgeAll(deps: Deps, kit: LoadedKit): Promise<CampaignEndpoint[]> {
  const { audit, platform } = deps;
  const exposures = await audit.exposures({ kit: kit.kit.kit });
  const findings = await audit.findings({ kit: kit.kit.kit });
  const known = await revocations(platform.db);
  const shared = {
    revocations: new Map(
      known.map((one) => [revocationKey(one), { asked: one.askedAt !== null, seen: one.seenAt !== null }]),
    ),
    burntKeys: new Set(exposures.map((exposure) => exposure.spki)),
    isAffected: isAffected(kit.kit, versionOrder),
    outOfReach: (ecosystem: string) => outOfReach(rangesIn(kit.kit.checks), [ecosystem], versionOrder),
  };
  const about = Map.groupBy(findings, (finding) => finding.endpointId ?? behind(finding.hostId, finding.component));
  const judged: CampaignEndpoint[] = [];
  for (const some of chunks([...Map.groupBy(exposures, (exposure) => exposure.endpointId).values()], AT_ONCE)) {
    const estate = await estateOf(deps, some.flat());
    for (const own of some) {
      const gathered = gatherEndpoint(estate, own, about);
      if (gathered) judged.push(judgeEndpoint({ ...shared, ...gathered }));
    }
  }
  return judged.toSorted((a, b) => (a.hostName + a.endpoint < b.hostName + b.endpoint ? -1 : 1));
}

interface Estate {
  endpoints: ReadonlyMap<string, Endpoint>;
  hosts: ReadonlyMap<string, Host>;
  facts: ReadonlyMap<string, StoredFacts>;
  /** host → files that hold or held a key which burnt, with that key */
  held: ReadonlyMap<string, HeldKey[]>;
  sessions: Sessions;
}

/** Findings about the package behind a host's listeners. */
const behind = (hostId: string, component: string): string => `${hostId}\n${component}`;

/** What is known of these listeners and the hosts that have them now, in one question each. */
async function estateOf({ audit, discovery, platform }: Deps, exposures: readonly Exposure[]): Promise<Estate> {
  const endpoints = await discovery.endpoints({ ids: [...new Set(exposures.map((exposure) => exposure.endpointId))] });
  const ids = [...new Set(endpoints.map((endpoint) => endpoint.hostId))];
  const hosts = ids.length > 0 ? await discovery.hosts({ ids }) : [];
  const facts = await audit.factsOf(ids, SECTIONS);
  const held = await audit.filesThatHeld(ids, [...new Set(exposures.map((exposure) => exposure.spki))]);
  return {
    endpoints: new Map(endpoints.map((endpoint) => [endpoint.id, endpoint])),
    hosts: new Map(hosts.map((host) => [host.id, host])),
    facts: new Map(facts.map((stored) => [stored.hostId, stored])),
    held: Map.groupBy(held, (file) => file.hostId),
    sessions: await sessionsOf(platform.db, ids),
  };
}

/** What could not be collected again was not told since. */
const toldAt = (meta: StoredFacts['meta']): Record<string, string> =>
  Object.fromEntries(SECTIONS.map((name) => [name, meta[name]?.error === null ? (meta[name].receivedAt ?? '') : '']));

function gatherEndpoint(estate: Estate, exposures: Exposure[], about: ReadonlyMap<string, Finding[]>) {
  const endpoint = estate.endpoints.get(exposures[0]!.endpointId);
  const host = endpoint && estate.hosts.get(endpoint.hostId);
  if (!endpoint || !host) return null;
  const stored = estate.facts.get(host.id);
  const facts = stored?.sections ?? {};
  const factsAt = toldAt(stored?.meta ?? {});
  const listener = listenerOf(facts, endpoint);
  // The endpoint's own findings, and those of the package behind it.
  const keys = [endpoint.id, ...(listener.package ? [behind(host.id, listener.package.name)] : [])];
  const findings = keys.flatMap((key) => about.get(key) ?? []);
  const since = burntSince(exposures, findings)!;
  const sessionsAt = estate.sessions(host.id, listener.service?.name ?? null, since);
  const own = new Set(exposures.map((exposure) => exposure.spki));
  const heldBurnt = new Set((estate.held.get(host.id) ?? []).filter((one) => own.has(one.spki)).map((one) => one.path));
  return { endpoint, host, facts, factsAt, heldBurnt, exposures, findings, since, sessionsAt };
}

/** Something that the campaign counts changed: looks into revocation lists, and says when the fire is out or back. */
export async function updateCampaign(deps: Deps, id: string): Promise<void> {
  const kit = deps.audit.kit(id);
  // A change of another kit says so too when it moves on; nothing is counted for those.
  if (!kit?.kit.compromise) return;
  await lookForRevocations(deps, await deps.audit.exposures({ kit: id }));
  const endpoints = await judgeAll(deps, kit);
  if (endpoints.length === 0) return;
  await deps.platform.observe(ACTOR, (tx) => settle(tx, kit, endpoints));
}

async function settle(tx: Tx, kit: LoadedKit, endpoints: CampaignEndpoint[]): Promise<void> {
  const id = kit.kit.kit;
  const before = await lockCampaign(tx.db, id);
  const state = nextState(before?.state ?? null, endpoints);
  await tx.publish('campaigns', { kit: id });
  if (before?.state === state) return;
  const outAt = state === 'out' ? tx.now : (before?.outAt ?? null);
  await putCampaign(tx.db, { kit: id, state, openedAt: before?.openedAt ?? tx.now, outAt });
  const verb = state === 'burning' ? 'opened' : state;
  await tx.record({
    type: `change.campaign.${verb}`,
    subject: { kind: 'campaign', id, name: kit.kit.title },
    related: [
      ...new Map(endpoints.map((e) => [e.hostId, { kind: 'host' as const, id: e.hostId, name: e.hostName }])).values(),
    ],
    detail: {
      kit: id,
      totals: totalsOf(endpoints),
      endpoints: endpoints.map(({ endpoint, hostName, complete, excepted }) => ({
        endpoint,
        host: hostName,
        complete,
        excepted,
      })),
      ...(state === 'rekindled' ? { cause: causeOf(endpoints) } : {}),
    },
  });
  await tx.enqueue('trail.document', { kind: 'campaign', id }, { singletonKey: `campaign ${id}` });
}

/**
 * Whoever revoked them: a burnt certificate that a signed list holds is revoked. Certificates come from anywhere, and so do
 * the addresses in them: we go only where a certificate points that a configured authority did sign.
 */
async function lookForRevocations(deps: Deps, exposures: Exposure[]): Promise<void> {
  const { platform, lists } = deps;
  const known = new Map((await revocations(platform.db)).map((one) => [revocationKey(one), one]));
  const unseen = exposures.filter((exposure) => !known.get(revocationKey(exposure))?.seenAt);
  // What the audit has heard from an authority, of ours or not, need not be looked for.
  const heard = await deps.audit.revokedAmong(unseen.map((exposure) => exposure.fingerprint));
  const missing = unseen.filter((exposure) => !heard.has(exposure.fingerprint));
  if (missing.length < unseen.length) {
    await platform.observe(ACTOR, async (tx) => {
      for (const exposure of unseen)
        if (heard.has(exposure.fingerprint)) await noteRevocation(tx.db, exposure, 'seen', tx.now);
    });
  }
  const rows = await authorityRows(platform.db);
  const issuers = rows.flatMap((row) => row.issuers);
  const urls = await listsOf(deps, missing, rows);
  const now = platform.now();
  const read = await lists.readAll(urls, issuers, now, new Date(now.getTime() - LIST_AGE_MS));
  for (const [url, list] of read) {
    const signer = issuers.find((issuer) => issuer.spki === list.issuerSpki)?.subject;
    const found = missing.filter((one) => one.crlUrls[0] === url && one.issuer === signer && list.has(one.serial));
    if (found.length === 0) continue;
    await platform.observe(ACTOR, async (tx) => {
      for (const exposure of found) await noteRevocation(tx.db, exposure, 'seen', tx.now);
    });
  }
}

/** Addresses of lists in certificates that a configured authority signed. */
async function listsOf(deps: Deps, missing: readonly Exposure[], rows: readonly AuthorityRow[]): Promise<string[]> {
  const subjects = new Set(rows.flatMap((row) => row.issuers.map((issuer) => issuer.subject)));
  const urls = new Set<string>();
  for (const exposure of missing) {
    const [url] = exposure.crlUrls;
    // The name first, which costs nothing; then the signature, which is what counts.
    if (url === undefined || urls.has(url) || !subjects.has(exposure.issuer)) continue;
    const endpoint = await deps.discovery.endpoint(exposure.endpointId);
    if (endpoint && (await issuerOf(deps.discovery, endpoint, exposure, rows))) urls.add(url);
  }
  return [...urls];
}

/** By timer, for what nobody announces: a revocation list that was published late, a certificate revoked by hand. */
export async function enqueueCampaigns(deps: Deps): Promise<void> {
  for (const { kit } of deps.audit.kits().filter((one) => one.kit.compromise)) {
    await deps.platform.queue.enqueue('change.campaign', { kit: kit.kit }, { singletonKey: kit.kit });
  }
}
