import type { Exposure } from '../../../model/finding.ts';
import type { Endpoint } from '../../../model/estate.ts';
import type { KeyPlaceKind } from '../../../model/key.ts';
import { type CertificateInfo, chainsOf, type ProbeResult, tlsOf } from '../../../model/probe.ts';
import { type Evidence, nameOf } from './judge/context.ts';

/** The certificate that a key is used with. */
export type KeyCertificate = Pick<CertificateInfo, 'serial' | 'issuer' | 'fingerprint' | 'crlUrls'>;

/** One place where a key is: served by a listener, configured for one, or lying in a file. */
export interface KeyPlace {
  kind: KeyPlaceKind;
  hostId: string;
  hostName: string;
  /** address:port, or the path */
  place: string;
  endpointId: string | null;
  /** of an SSH key: its fingerprint */
  spki: string;
  certificate: KeyCertificate | null;
}

/** An exposure before it has an id. */
export type NewExposure = Omit<Exposure, 'id' | 'openedAt' | 'files'> & { hostName: string };
/** A key that is known to be burnt, with the listener that leaked it. */
export type Burnt = Pick<Exposure, 'spki' | 'endpoint' | 'cause' | 'crlUrls'>;

/** Every certificate that it shows, to whoever asks by whichever name. */
export const leavesOf = (probe: ProbeResult | null): CertificateInfo[] =>
  chainsOf(tlsOf(probe)).flatMap((chain) => chain.slice(0, 1));

const leafOf = (probe: ProbeResult | null): CertificateInfo | null => tlsOf(probe)?.chain[0] ?? null;

const certificateOf = ({ serial, issuer, fingerprint, crlUrls }: CertificateInfo): KeyCertificate => ({
  serial,
  issuer,
  fingerprint,
  crlUrls,
});

/** Every key that this host serves or holds. */
export function keysOf(evidence: Evidence): KeyPlace[] {
  const places = [...served(evidence), ...configured(evidence), ...files(evidence), ...ssh(evidence)];
  return [...new Map(places.map((one) => [`${one.kind} ${one.place} ${one.spki}`, one])).values()];
}

function served({ endpoints, host }: Evidence): KeyPlace[] {
  return endpoints.flatMap((endpoint) => {
    const leaves = endpoint.state === 'open' ? leavesOf(endpoint.probe) : [];
    const at = {
      kind: 'served' as const,
      hostId: host.id,
      hostName: host.name,
      place: nameOf(endpoint),
      endpointId: endpoint.id,
    };
    return leaves.map((leaf) => ({ ...at, spki: leaf.spki, certificate: certificateOf(leaf) }));
  });
}

/** What a unit names as its key and certificate belongs to the unit's listeners, even before it is seen served. */
function configured({ facts, endpoints, host }: Evidence): KeyPlace[] {
  const all = facts.certificates ?? [];
  return (facts.services ?? []).flatMap((service) => {
    const key = all.find((one) => one.kind === 'private-key' && one.path === service.privateKey);
    const certificate = all.find((one) => one.kind === 'certificate' && one.path === service.certificate);
    if (!key || certificate?.spki !== key.spki || !certificate.serial || !certificate.fingerprint) return [];
    const ports = new Set((facts.sockets ?? []).filter((one) => one.unit === service.name).map((one) => one.port));
    const { serial, fingerprint } = certificate;
    return endpoints
      .filter((one) => ports.has(one.port) && one.state === 'open' && tlsOf(one.probe) !== null)
      .map((endpoint) => ({
        kind: 'configured' as const,
        hostId: host.id,
        hostName: host.name,
        place: nameOf(endpoint),
        endpointId: endpoint.id,
        spki: key.spki,
        certificate: {
          serial: serial!,
          fingerprint: fingerprint!,
          ...servedCopy(endpoint, fingerprint!, certificate.issuer),
        },
      }));
  });
}

/** Names are written differently in a file's facts and in a probe; where both saw the certificate, the probe's count. */
function servedCopy(
  endpoint: Endpoint,
  fingerprint: string,
  issuer: string | null,
): { issuer: string; crlUrls: string[] } {
  const leaf = leafOf(endpoint.probe);
  return leaf?.fingerprint === fingerprint
    ? { issuer: leaf.issuer, crlUrls: leaf.crlUrls }
    : { issuer: issuer ?? '', crlUrls: [] };
}

function files({ facts, host }: Evidence): KeyPlace[] {
  return (facts.certificates ?? []).map((fact) => ({
    kind: 'file',
    hostId: host.id,
    hostName: host.name,
    place: fact.path,
    endpointId: null,
    spki: fact.spki,
    certificate:
      fact.serial && fact.fingerprint
        ? { serial: fact.serial, issuer: fact.issuer ?? '', fingerprint: fact.fingerprint, crlUrls: [] }
        : null,
  }));
}

/** Host keys that its servers prove and that lie on it, and keys that its accounts let in. */
function ssh({ endpoints, facts, host }: Evidence): KeyPlace[] {
  const at = { hostId: host.id, hostName: host.name, endpointId: null, certificate: null };
  const proven = endpoints.flatMap((endpoint): KeyPlace[] =>
    endpoint.state === 'open' && endpoint.probe?.protocol === 'ssh'
      ? endpoint.probe.hostKeys.map(({ fingerprint: spki }) => ({
          ...at,
          kind: 'ssh-served',
          place: nameOf(endpoint),
          endpointId: endpoint.id,
          spki,
        }))
      : [],
  );
  const lying = (facts.settings?.sshHostKeys ?? []).map(({ path, fingerprint: spki }): KeyPlace => ({
    ...at,
    kind: 'ssh-file',
    place: path,
    spki,
  }));
  const admitted = (facts.users?.authorizedKeys ?? []).map(({ path, fingerprint: spki }): KeyPlace => ({
    ...at,
    kind: 'ssh-authorized',
    place: path,
    spki,
  }));
  return [...proven, ...lying, ...admitted];
}

/** Keys that this listener handed out: what it served at every look that found it vulnerable. */
export function leaked(
  kit: string,
  hostName: string,
  endpoint: Endpoint,
  looks: readonly ProbeResult[],
  isVulnerable: (probe: ProbeResult) => boolean,
): NewExposure[] {
  const at = { kit, hostId: endpoint.hostId, hostName, endpointId: endpoint.id, endpoint: nameOf(endpoint) };
  const found = looks.flatMap((probe): NewExposure[] => {
    const leaves = leavesOf(probe);
    if (leaves.length === 0 || !isVulnerable(probe)) return [];
    // One process has them all in its memory.
    return leaves.map((leaf) => ({ ...at, spki: leaf.spki, ...certificateOf(leaf), cause: 'vulnerable', via: null }));
  });
  return unique(found);
}

/**
 * Listeners that serve a burnt key, or are set up to. A certificate that was reissued for the same key is another
 * certificate to revoke, so each counts by itself.
 */
export function joining(kit: string, keys: readonly KeyPlace[], burnt: ReadonlyMap<string, Burnt>): NewExposure[] {
  const found = keys.flatMap((key): NewExposure[] => {
    const source = burnt.get(key.spki);
    if (!source || !key.certificate || key.endpointId === null) return [];
    const { place: endpoint, endpointId, hostId, hostName, spki, certificate } = key;
    const crlUrls = certificate.crlUrls.length > 0 ? certificate.crlUrls : source.crlUrls;
    const own = source.endpoint === endpoint;
    const cause = own ? source.cause : 'shared-key';
    return [
      {
        kit,
        hostId,
        hostName,
        endpointId,
        endpoint,
        spki,
        ...certificate,
        crlUrls,
        cause,
        via: own ? null : source.endpoint,
      },
    ];
  });
  return unique(found);
}

export const exposureKey = (one: Pick<Exposure, 'kit' | 'endpoint' | 'fingerprint'>): string =>
  `${one.kit} ${one.endpoint} ${one.fingerprint}`;

/** The first of each counts. */
function unique(found: readonly NewExposure[]): NewExposure[] {
  return [...new Map(found.toReversed().map((one) => [exposureKey(one), one])).values()].toReversed();
}

/** By key; what leaked by itself comes before what only shared the key. */
export function burntByKey(exposures: readonly Burnt[]): Map<string, Burnt> {
  const sorted = exposures.toSorted((a, b) => Number(a.cause === 'vulnerable') - Number(b.cause === 'vulnerable'));
  return new Map(sorted.map((one) => [one.spki, one]));
}
