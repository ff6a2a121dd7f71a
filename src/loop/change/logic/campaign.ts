import {
  FUNNEL,
  type Campaign,
  type CampaignEndpoint,
  type FireState,
  type FunnelState,
  type FunnelStep,
} from '../../../model/campaign.ts';
import type { Endpoint, Host } from '../../../model/estate.ts';
import type { CertificateFact, Facts, ProcessFact, SectionName, ServiceFact } from '../../../model/facts.ts';
import { BURNING, type Exposure, type Finding } from '../../../model/finding.ts';
import { chainsOf, tlsOf } from '../../../model/probe.ts';
import { certificateKey, normalSerial } from './inputs.ts';
import { holdersOfOldFiles, listenerOf, processesOf, type Listener } from './listeners.ts';

/** What we know of one listener whose key is burnt. */
export interface Burnt {
  endpoint: Endpoint;
  host: Pick<Host, 'id' | 'name' | 'management'>;
  facts: Partial<Facts>;
  /** when each section was last confirmed */
  factsAt: Partial<Record<SectionName, string>>;
  /** files of the host that hold or held a key which this very listener leaked or served burnt */
  heldBurnt: ReadonlySet<string>;
  exposures: readonly Exposure[];
  findings: readonly Finding[];
  /** certificate → what is known of its revocation; see `revocationKey` */
  revocations: ReadonlyMap<string, { asked: boolean; seen: boolean }>;
  /** last time that a key burnt here: what was done before does not count */
  since: string;
  /** every key of the kit's exposures, on whatever host it leaked */
  burntKeys: ReadonlySet<string>;
  /** when the host said, signed, that it ended the sessions; null: not since the key was burnt */
  sessionsAt: string | null;
  isAffected: (fact: { ecosystem: string; source: string }, version: string) => boolean;
  /** why the kit's ranges tell nothing of packages of that kind; null: they do */
  outOfReach: (ecosystem: string) => string | null;
}

export const revocationKey = certificateKey;

type Step = { state: FunnelState; why: string };
const done = (why: string): Step => ({ state: 'done', why });
const open = (why: string): Step => ({ state: 'open', why });
const unknown = (why: string): Step => ({ state: 'unknown', why });
const none = (why: string): Step => ({ state: 'not-applicable', why });

/** Where one listener stands in the funnel, judged by what was observed and never by what was ordered. */
export function judgeEndpoint(burnt: Burnt): CampaignEndpoint {
  const { endpoint, host, exposures, findings } = burnt;
  const steps = endpoint.state === 'gone' ? goneSteps(burnt) : liveSteps(burnt);
  const excepted = findings.some((finding) => finding.state === 'excepted');
  const first = exposures.find((exposure) => exposure.cause === 'vulnerable') ?? exposures[0]!;
  const rekindled = findings
    .filter((finding) => finding.rekindledAt !== null)
    .sort(byTime)
    .at(-1);
  return {
    endpointId: endpoint.id,
    endpoint: `${endpoint.address}:${endpoint.port}`,
    hostId: host.id,
    hostName: host.name,
    managed: host.management === 'managed',
    cause: first.cause,
    via: first.via,
    steps,
    // An accepted risk is counted by itself; it is never green.
    complete:
      !excepted && FUNNEL.every((step) => steps[step].state === 'done' || steps[step].state === 'not-applicable'),
    excepted,
    rekindled: rekindled
      ? { at: rekindled.rekindledAt!, cause: rekindled.rekindleCause ?? 'the finding came back' }
      : null,
  };
}

const byTime = (a: Finding, b: Finding): number => (a.rekindledAt! < b.rekindledAt! ? -1 : 1);

function liveSteps(burnt: Burnt): Record<FunnelStep, Step> {
  const listener = listenerOf(burnt.facts, burnt.endpoint);
  return {
    patched: patched(burnt, listener),
    restarted: restarted(burnt, listener),
    newKey: newKey(burnt, listener),
    reissued: reissued(burnt, listener),
    served: served(burnt),
    revoked: revoked(burnt),
    revocationVisible: visible(burnt),
    sessions: sessions(burnt, listener),
    proven: proven(burnt),
  };
}

/** Nothing listens there any more; what leaked is still good until it is revoked. */
function goneSteps(burnt: Burnt): Record<FunnelStep, Step> {
  const away = none('nothing listens there any more');
  const rest = { patched: away, restarted: away, newKey: away, reissued: away, served: away, sessions: away };
  return { ...rest, revoked: revoked(burnt), revocationVisible: visible(burnt), proven: away };
}

/** Null when the inside can be judged. */
function cannotLook({ host, facts }: Burnt, section: keyof Facts): Step | null {
  if (host.management === 'lost') return unknown('its agent does not report any more');
  if (host.management !== 'managed') return unknown('it has no agent: nobody has looked inside');
  return facts[section] === undefined ? unknown(`its agent has not sent ${section} yet`) : null;
}

/** Only what was told since then counts for done: a machine built anew from an old image was told of in its old self's words. */
function onlySince(burnt: Burnt, sections: readonly SectionName[], step: Step): Step {
  const green = step.state === 'done' || step.state === 'not-applicable';
  const old = sections.find((section) => !isTold(burnt, section));
  return green && old ? unknown(`its agent has not sent ${old} since it burnt`) : step;
}
const isTold = ({ factsAt, since }: Burnt, section: SectionName): boolean => (factsAt[section] ?? '') >= since;
const isSeen = ({ endpoint, since }: Burnt): boolean => endpoint.probedAt !== null && endpoint.probedAt >= since;
const NOT_SINCE = 'it was not looked at since';

function patched(burnt: Burnt, listener: Listener): Step {
  return onlySince(burnt, ['packages', 'sockets'], onDisk(burnt, listener));
}

function onDisk(burnt: Burnt, listener: Listener): Step {
  const blind = cannotLook(burnt, 'packages') ?? cannotLook(burnt, 'sockets');
  if (blind) return blind;
  const pkg = listener.package;
  if (!pkg) return unknown('the program behind it belongs to no package that we know of');
  const name = `${pkg.name} ${pkg.version}`;
  const blindTo = burnt.outOfReach(pkg.ecosystem);
  if (blindTo !== null) return unknown(`${name}: ${blindTo}`);
  if (!burnt.isAffected(pkg, pkg.sourceVersion)) return done(`${name} is not affected`);
  const suspected = burnt.findings.some((f) => f.component === pkg.name && BURNING.includes(f.state));
  // The version is in the affected range, the build is not: looking from outside decides.
  if (!suspected && verdictOf(burnt) === 'safe')
    return done(`${name} is built without the hole, as a look from outside proved`);
  return open(`${name} is affected`);
}

function restarted(burnt: Burnt, listener: Listener): Step {
  return onlySince(burnt, ['processes', 'sockets'], running(burnt, listener));
}

/** Nothing old is mapped, and what is on the disk instead, and so what runs, is not affected. */
function running(burnt: Burnt, listener: Listener): Step {
  const { socket } = listener;
  const blind = cannotLook(burnt, 'processes') ?? cannotLook(burnt, 'sockets');
  if (blind) return blind;
  if (!socket?.unit) return unknown('it is not known which service listens there');
  const holding = holdersOfOldFiles(burnt.facts, socket.unit);
  if (holding.length > 0) {
    const files = [...new Set(holding.flatMap((process) => process.replaced.map((file) => file.path)))];
    return open(`${pids(holding)} (${socket.unit}) still maps the old ${files.slice(0, 3).join(', ')}`);
  }
  const processes = processesOf(burnt.facts, socket.unit);
  if (processes.length === 0) return unknown(`no process of ${socket.unit} was seen`);
  const disk = patched(burnt, listener);
  if (disk.state === 'open') return open(`${pids(processes)} (${socket.unit}) runs what is on the disk: ${disk.why}`);
  if (disk.state === 'unknown') return unknown(`it is not known what ${socket.unit} runs: ${disk.why}`);
  return done(`no process of ${socket.unit} maps a replaced file`);
}

const pids = (processes: readonly ProcessFact[]): string => processes.map(({ pid }) => `PID ${pid}`).join(', ');

const leafOf = ({ endpoint }: Burnt) => tlsOf(endpoint.probe)?.chain[0];
const verdictOf = ({ endpoint }: Burnt) => tlsOf(endpoint.probe)?.heartbleed.verdict ?? 'unknown';
const short = (hash: string): string => hash.slice(0, 16);

/** On the disk or on the wire: the key, never the certificate, says whether it is new. */
function newKey(burnt: Burnt, { service }: Listener): Step {
  const leaf = leafOf(burnt);
  const isNew = leaf !== undefined && !burnt.burntKeys.has(leaf.spki);
  if (isNew && isSeen(burnt)) return done(`key ${short(leaf.spki)} is none that leaked`);
  const file = fileOf(burnt, service, 'private-key');
  if (file && !burnt.burntKeys.has(file.spki)) return done(`${file.path} holds the new key ${short(file.spki)}`);
  if (!leaf) return unknown('its certificate was never seen');
  return isNew ? unknown(NOT_SINCE) : open(`the key is still ${short(leaf.spki)}, which leaked`);
}

/**
 * The service's file, if it is the one that what burnt here lay in, or lies beside. A service has more than one site, and
 * one file that never held anything burnt says nothing about the others.
 */
function fileOf(
  burnt: Burnt,
  service: ServiceFact | null,
  kind: 'private-key' | 'certificate',
): CertificateFact | null {
  if (!service || burnt.host.management !== 'managed' || !isTold(burnt, 'certificates')) return null;
  const at = (path: string | null, what: CertificateFact['kind']): CertificateFact | null =>
    burnt.facts.certificates?.find((fact) => fact.path === path && fact.kind === what) ?? null;
  const [key, certificate] = [at(service.privateKey, 'private-key'), at(service.certificate, 'certificate')];
  const [file, other] = kind === 'private-key' ? [key, certificate] : [certificate, key];
  const own = new Set(burnt.exposures.map((exposure) => exposure.spki));
  const isOwn = file !== null && (burnt.heldBurnt.has(file.path) || (other !== null && own.has(other.spki)));
  return isOwn ? file : null;
}

function reissued(burnt: Burnt, { service }: Listener): Step {
  const old = new Set(burnt.exposures.map(certificateKey));
  const leaf = leafOf(burnt);
  const isNew = leaf !== undefined && !old.has(certificateKey(leaf));
  if (isNew && isSeen(burnt)) return done(`certificate ${leaf.serial} was issued since`);
  const file = fileOf(burnt, service, 'certificate');
  const oldSerials = new Set(burnt.exposures.map((exposure) => normalSerial(exposure.serial)));
  if (file?.serial && !oldSerials.has(normalSerial(file.serial)))
    return done(`${file.path} holds the new certificate ${file.serial}`);
  if (!leaf) return unknown('its certificate was never seen');
  return isNew ? unknown(NOT_SINCE) : open(`certificate ${leaf.serial} is still the old one`);
}

function served(burnt: Burnt): Step {
  const leaf = leafOf(burnt);
  if (!leaf) return unknown('its certificate was never seen');
  // To whoever asks by whichever name.
  const keys = chainsOf(tlsOf(burnt.endpoint.probe)).flatMap(([one]) => one?.spki ?? []);
  const leaked = keys.find((spki) => burnt.burntKeys.has(spki));
  if (leaked !== undefined) return open(`key ${short(leaked)}, which leaked, is served`);
  return isSeen(burnt) ? done(`key ${short(leaf.spki)} is served`) : unknown(NOT_SINCE);
}

type Revocation = { serial: string; crl: boolean; asked: boolean; seen: boolean };

function revocationsOf(burnt: Burnt): Revocation[] {
  const all = burnt.exposures.map((exposure): [string, Revocation] => {
    const known = burnt.revocations.get(revocationKey(exposure));
    const crl = exposure.crlUrls.length > 0;
    const state = { serial: exposure.serial, crl, asked: known?.asked ?? false, seen: known?.seen ?? false };
    return [revocationKey(exposure), state];
  });
  return [...new Map(all).values()];
}

const serials = (all: readonly Revocation[]): string => all.map((one) => one.serial).join(', ');

function revoked(burnt: Burnt): Step {
  const all = revocationsOf(burnt);
  const missing = all.filter((one) => !one.asked && !one.seen);
  return missing.length === 0
    ? done(`${serials(all)} is revoked`)
    : open(`${serials(missing)} is not known to be revoked`);
}

function visible(burnt: Burnt): Step {
  const all = revocationsOf(burnt);
  const missing = all.filter((one) => !one.seen);
  if (missing.length === 0) return done(`${serials(all)} is in the signed revocation list`);
  const silent = missing.find((one) => !one.crl);
  if (silent) return unknown(`certificate ${silent.serial} names no revocation list`);
  return open(`${serials(missing)} is not in the revocation list`);
}

function sessions(burnt: Burnt, listener: Listener): Step {
  return onlySince(burnt, ['services', 'sockets'], ended(burnt, listener));
}

function ended(burnt: Burnt, { service }: Listener): Step {
  const blind = cannotLook(burnt, 'services');
  if (blind) return blind;
  if (!service) return unknown('it is not known which service listens there');
  if (service.sessionSecret === null) return none(`${service.name} names no session secret`);
  if (burnt.sessionsAt !== null) return done(`the host replaced the session secret at ${burnt.sessionsAt}`);
  return open(`the session secret of ${service.name} is as old as the leak`);
}

function proven(burnt: Burnt): Step {
  const { endpoint } = burnt;
  if (endpoint.probe?.protocol !== 'tls') return unknown('it could not be looked at from outside');
  const { verdict, reason } = endpoint.probe.heartbleed;
  if (verdict === 'vulnerable') return open(reason);
  if (endpoint.lastError !== null) return unknown(`the last look from outside failed: ${endpoint.lastError}`);
  if (!isSeen(burnt)) return unknown(NOT_SINCE);
  return verdict === 'safe' ? done(reason) : unknown(reason);
}

export function totalsOf(endpoints: readonly CampaignEndpoint[]): Campaign['totals'] {
  const counted = endpoints.filter((endpoint) => !endpoint.excepted);
  const complete = endpoints.filter((endpoint) => endpoint.complete).length;
  const green = (step: FunnelStep): number =>
    counted.filter(({ steps }) => steps[step].state === 'done' || steps[step].state === 'not-applicable').length;
  return {
    endpoints: endpoints.length,
    complete,
    excepted: endpoints.length - counted.length,
    byStep: Object.fromEntries(FUNNEL.map((step) => [step, green(step)])) as Record<FunnelStep, number>,
    share: counted.length === 0 ? 0 : complete / counted.length,
  };
}

/** Out at 100 %; a fire that was out and burns again is rekindled. What merely cannot be seen does not rekindle it. */
export function nextState(before: FireState | null, endpoints: readonly CampaignEndpoint[]): FireState {
  const counted = endpoints.filter((endpoint) => !endpoint.excepted);
  if (counted.length > 0 && counted.every((endpoint) => endpoint.complete)) return 'out';
  if (before !== 'out') return before ?? 'burning';
  return counted.some(isOpen) ? 'rekindled' : 'out';
}

const isOpen = (endpoint: CampaignEndpoint): boolean => FUNNEL.some((step) => endpoint.steps[step].state === 'open');

/** What set it on fire again, in words. */
export function causeOf(endpoints: readonly CampaignEndpoint[]): string {
  const burning = endpoints.filter((endpoint) => !endpoint.excepted && isOpen(endpoint));
  return burning
    .map((endpoint) => {
      const step = FUNNEL.find((one) => endpoint.steps[one].state === 'open')!;
      return `${endpoint.hostName} (${endpoint.endpoint}): ${endpoint.rekindled?.cause ?? endpoint.steps[step].why}`;
    })
    .join('; ');
}
