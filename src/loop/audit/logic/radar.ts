import type { Endpoint } from '../../../model/estate.ts';
import type { Facts } from '../../../model/facts.ts';
import type { Exposure } from '../../../model/finding.ts';
import type { CertificateInfo, ProbeResult } from '../../../model/probe.ts';
import { nameOf } from './judge/context.ts';

/** An exposure before it has an id. */
export type NewExposure = Omit<Exposure, 'id' | 'openedAt' | 'files'>;
/** A key that is known to be burnt, with the listener that leaked it. */
export type Burnt = Pick<Exposure, 'spki' | 'endpoint' | 'cause' | 'issuer' | 'crlUrls'>;

export const leafOf = (probe: ProbeResult | null): CertificateInfo | null =>
  probe?.protocol === 'tls' ? (probe.chain[0] ?? null) : null;

const exposureOf = (kit: string, endpoint: Endpoint, leaf: CertificateInfo): Omit<NewExposure, 'cause' | 'via'> => ({
  kit,
  hostId: endpoint.hostId,
  endpointId: endpoint.id,
  endpoint: nameOf(endpoint),
  spki: leaf.spki,
  serial: leaf.serial,
  issuer: leaf.issuer,
  fingerprint: leaf.fingerprint,
  crlUrls: leaf.crlUrls,
});

/** Keys that this listener handed out: what it served at every look that found it vulnerable. */
export function leaked(kit: string, endpoint: Endpoint, looks: readonly ProbeResult[], isVulnerable: (probe: ProbeResult) => boolean): NewExposure[] {
  const found = looks.flatMap((probe): NewExposure[] => {
    const leaf = leafOf(probe);
    return leaf && isVulnerable(probe) ? [{ ...exposureOf(kit, endpoint, leaf), cause: 'vulnerable', via: null }] : [];
  });
  return unique(found);
}

/** Listeners that serve a burnt key. A certificate that was reissued for the same key is another certificate to revoke. */
export function sharing(kit: string, endpoints: readonly Endpoint[], burnt: ReadonlyMap<string, Burnt>): NewExposure[] {
  const found = endpoints.flatMap((endpoint): NewExposure[] => {
    const leaf = leafOf(endpoint.probe);
    const source = leaf && endpoint.state === 'open' ? burnt.get(leaf.spki) : undefined;
    return leaf && source ? [joins(exposureOf(kit, endpoint, leaf), source)] : [];
  });
  return unique(found);
}

/**
 * A burnt key that lies in a file which a service names: the service's listeners join even before anybody saw them
 * serve it. Needs the certificate beside it, since that is what has to be revoked.
 */
export function holding(kit: string, facts: Partial<Facts>, endpoints: readonly Endpoint[], burnt: ReadonlyMap<string, Burnt>): NewExposure[] {
  const certificates = facts.certificates ?? [];
  const found = (facts.services ?? []).flatMap((service) => {
    const key = certificates.find((one) => one.kind === 'private-key' && one.path === service.privateKey && burnt.has(one.spki));
    const certificate = certificates.find((one) => one.kind === 'certificate' && one.path === service.certificate);
    if (!key || certificate?.spki !== key.spki || !certificate.serial || !certificate.fingerprint) return [];
    const ports = new Set((facts.sockets ?? []).filter((one) => one.unit === service.name).map((one) => one.port));
    const source = burnt.get(key.spki)!;
    return endpoints
      .filter((one) => ports.has(one.port) && one.state === 'open' && one.probe?.protocol === 'tls')
      .map((endpoint) => {
        const { serial, fingerprint, issuer } = certificate;
        const ids = { kit, hostId: endpoint.hostId, endpointId: endpoint.id, endpoint: nameOf(endpoint) };
        return joins({ ...ids, spki: key.spki, serial: serial!, fingerprint: fingerprint!, issuer: issuer ?? source.issuer, crlUrls: source.crlUrls }, source);
      });
  });
  return unique(found);
}

/** A listener that leaked the key itself stays the source of its own later certificates for it. */
function joins(exposure: Omit<NewExposure, 'cause' | 'via'>, source: Burnt): NewExposure {
  return source.endpoint === exposure.endpoint
    ? { ...exposure, cause: source.cause, via: null }
    : { ...exposure, cause: 'shared-key', via: source.endpoint };
}

export const exposureKey = (one: Pick<Exposure, 'kit' | 'endpoint' | 'fingerprint'>): string =>
  `${one.kit} ${one.endpoint} ${one.fingerprint}`;

export function unique(found: readonly NewExposure[]): NewExposure[] {
  // The first counts: what leaked by itself comes before what only shares a key.
  return [...new Map(found.toReversed().map((one) => [exposureKey(one), one])).values()].toReversed();
}
