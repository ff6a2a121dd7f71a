import { AppError } from '../../model/errors/index.ts';
import type { Endpoint, Host } from '../../model/estate.ts';
import type { Exposure, Finding } from '../../model/finding.ts';
import { BURNING } from '../../model/finding.ts';
import { type CertificateInfo, tlsOf } from '../../model/probe.ts';
import { versionOrder, type LoadedKit } from '../audit/index.ts';
import { authorityOf, issuerOf } from './authorities.ts';
import type { Deps } from './deps.ts';
import { holdersOf } from './holders.ts';
import { certificateKey, type BurntCertificate, type ServedCertificate } from './logic/inputs.ts';
import { isAffected } from './logic/affected.ts';
import { listenerOf } from './logic/listeners.ts';
import type { PlannedHost, PlannedListener, PlannerInput } from './logic/planner.ts';
import { burntSince, sessionsOf, type Sessions } from './sessions.ts';
import { authorityRows, revocations, type AuthorityRow, type Revocation } from './store-authorities.ts';
import type { Asked } from './store.ts';

export interface Gathered {
  input: PlannerInput;
  kit: LoadedKit;
  findings: Finding[];
}

/** All that the planner has to know, as the estate is now. */
export async function gather(
  deps: Deps,
  wish: { kit: string; asked: Asked; changeId: string; busyHosts: ReadonlyMap<string, string> },
): Promise<Gathered> {
  const { audit, discovery } = deps;
  const kit = audit.kit(wish.kit);
  if (!kit) throw new AppError('NOT_FOUND', { what: 'kit', id: wish.kit, list: 'kit list' });
  const findings = (await wantedFindings(deps, wish)).filter((f) => !wish.busyHosts.has(f.hostId));
  const excepted = await audit.findings({ kit: wish.kit, states: ['excepted'] });
  const spared = new Set(excepted.flatMap((finding) => finding.endpointId ?? []));
  // Every listener that served a burnt key, planned or not, has an exposure: no others can hold its certificates.
  const everywhere = kit.kit.compromise ? await audit.exposures({ kit: wish.kit }) : [];
  const exposures = await wantedExposures(deps, wish, spared, everywhere);
  const ids = [...new Set([...findings, ...everywhere].map((one) => one.hostId))];
  const hosts = new Map((ids.length > 0 ? await discovery.hosts({ ids }) : []).map((host) => [host.id, host]));
  const endpoints = await discovery.endpoints({ hostIds: [...hosts.keys()] });
  const wanted = new Set([...findings, ...exposures].map((one) => one.hostId));
  const knowledge: Knowledge = {
    rows: await authorityRows(deps.platform.db),
    revoked: new Map((await revocations(deps.platform.db)).map((one) => [certificateKey(one), one])),
    sessions: await sessionsOf(deps.platform.db, [...wanted]),
    endpoints: Map.groupBy(endpoints, (endpoint) => endpoint.hostId),
    findings: Map.groupBy(findings, (finding) => finding.hostId),
    exposures: Map.groupBy(exposures, (exposure) => exposure.hostId),
  };
  const planned: PlannedHost[] = [];
  for (const host of hosts.values()) if (wanted.has(host.id)) planned.push(await plannedHost(deps, host, knowledge));
  const input: PlannerInput = {
    kit: kit.kit,
    kitDigest: kit.digest,
    hosts: planned,
    holders: holdersOf(endpoints, hosts),
    copies: copiesOf(exposures),
    isAffected: isAffected(kit.kit, versionOrder),
  };
  return { input, kit, findings };
}

async function wantedFindings(deps: Deps, wish: { kit: string; asked: Asked; changeId: string }): Promise<Finding[]> {
  const { findings: ids, hosts } = wish.asked;
  const found = await deps.audit.findings({ kit: wish.kit, states: [...BURNING], ...(ids ? { ids } : {}) });
  return found.filter((finding) => {
    const taken = finding.state === 'planned' && finding.changeId !== null && finding.changeId !== wish.changeId;
    return !taken && (!hosts || hosts.includes(finding.hostId));
  });
}

/** Burnt keys of listeners that are still there; a listener with an accepted risk is left alone. */
async function wantedExposures(
  deps: Deps,
  wish: { kit: string; asked: Asked; busyHosts: ReadonlyMap<string, string> },
  spared: ReadonlySet<string>,
  found: readonly Exposure[],
): Promise<Exposure[]> {
  const { findings: ids, hosts } = wish.asked;
  const named = ids ? new Set((await deps.audit.findings({ ids })).map((finding) => finding.hostId)) : null;
  return found.filter(
    (exposure) =>
      !spared.has(exposure.endpointId) &&
      !wish.busyHosts.has(exposure.hostId) &&
      (!hosts || hosts.includes(exposure.hostId)) &&
      (!named || named.has(exposure.hostId)),
  );
}

interface Knowledge {
  rows: readonly AuthorityRow[];
  /** by certificate */
  revoked: ReadonlyMap<string, Revocation>;
  sessions: Sessions;
  /** these three by host */
  endpoints: ReadonlyMap<string, Endpoint[]>;
  findings: ReadonlyMap<string, Finding[]>;
  exposures: ReadonlyMap<string, Exposure[]>;
}

async function plannedHost(deps: Deps, host: Host, knowledge: Knowledge): Promise<PlannedHost> {
  const { enrollment, audit, platform } = deps;
  const findings = knowledge.findings.get(host.id) ?? [];
  const exposures = knowledge.exposures.get(host.id) ?? [];
  const carrier = await carrierOf(enrollment, host.id);
  const { sections } = await audit.facts(host.id);
  const wanted = new Set([...findings, ...exposures].flatMap((one) => one.endpointId ?? []));
  // Health and verification connect, which is TCP.
  const endpoints = (knowledge.endpoints.get(host.id) ?? []).filter(
    ({ state, transport }) => state === 'open' && transport === 'tcp',
  );
  const listeners: PlannedListener[] = [];
  for (const endpoint of endpoints.filter((one) => wanted.has(one.id))) {
    const own = exposures.filter((exposure) => exposure.endpointId === endpoint.id);
    const service = listenerOf(sections, endpoint).service?.name ?? null;
    const since = burntSince(
      own,
      findings.filter((finding) => finding.endpointId === endpoint.id),
    );
    listeners.push({
      ...plannedListener(endpoint, knowledge),
      burnt: await burntOf(deps, endpoint, own, knowledge),
      sessionsDone: since !== null && knowledge.sessions(host.id, service, since) !== null,
    });
  }
  return {
    id: host.id,
    name: host.name,
    taskId: platform.newId('task'),
    ...carrier,
    facts: sections,
    findings,
    listeners,
    ...(host.tags['role'] ? { role: host.tags['role'] } : {}),
  };
}

type Carrier = Pick<PlannedHost, 'agentId' | 'over' | 'whyNobody'>;

/** Its agent; without one, the server itself over SSH, if approvers were pinned to that access. */
async function carrierOf(enrollment: Deps['enrollment'], hostId: string): Promise<Carrier> {
  const agent = await enrollment.agentOfHost(hostId);
  if (agent?.state === 'active') return { agentId: agent.id };
  const access = await enrollment.sshAccess(hostId);
  if (!access) return { agentId: null };
  if (access.approverKeyIds.length > 0 && access.checkpointKey !== null) return { agentId: access.id, over: 'ssh' };
  const whyNobody =
    'it is looked after over SSH, and no approver was pinned when that began: adopt it again (lastember deploy --agentless --force)';
  return { agentId: null, whyNobody };
}

function plannedListener(endpoint: Endpoint, { rows }: Knowledge): Omit<PlannedListener, 'burnt' | 'sessionsDone'> {
  const probe = tlsOf(endpoint.probe);
  const leaf = probe?.chain[0];
  return {
    endpointId: endpoint.id,
    address: endpoint.address,
    port: endpoint.port,
    verdict: probe ? probe.heartbleed.verdict : 'unknown',
    served: leaf ? servedCertificate(leaf, rows) : null,
  };
}

function servedCertificate(leaf: CertificateInfo, rows: readonly AuthorityRow[]): ServedCertificate {
  return {
    spki: leaf.spki,
    serial: leaf.serial,
    issuer: leaf.issuer,
    names: leaf.names,
    crlUrl: leaf.crlUrls[0] ?? null,
    authority: authorityOf(rows, leaf.pem),
  };
}

async function burntOf(
  deps: Deps,
  endpoint: Endpoint,
  exposures: Exposure[],
  knowledge: Knowledge,
): Promise<BurntCertificate[]> {
  const burnt: BurntCertificate[] = [];
  for (const exposure of exposures) {
    const known = knowledge.revoked.get(certificateKey(exposure));
    burnt.push({
      spki: exposure.spki,
      serial: exposure.serial,
      issuer: exposure.issuer,
      crlUrl: exposure.crlUrls[0] ?? null,
      authority: await issuerOf(deps.discovery, endpoint, exposure, knowledge.rows),
      revoked: known ? known.askedAt !== null || known.seenAt !== null : false,
      seen: known ? known.seenAt !== null : false,
    });
  }
  return burnt;
}

/** Private keys have no serial number; copies of certificates are no secret. */
function copiesOf(exposures: readonly Exposure[]): PlannerInput['copies'] {
  const keys = exposures.flatMap((exposure) => exposure.files ?? []).filter((file) => file.serial === null);
  const found = keys.map(({ hostId, hostName, path }) => ({ hostId, hostName, path }));
  return [...new Map(found.map((file) => [`${file.hostId}\n${file.path}`, file])).values()];
}
