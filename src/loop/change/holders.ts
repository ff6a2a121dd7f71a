import type { Endpoint, Host } from '../../model/estate.ts';
import { type CertificateInfo, chainsOf, tlsOf } from '../../model/probe.ts';
import type { Discovery } from '../discovery/index.ts';
import { certificateKey } from './logic/inputs.ts';

/** A certificate by its serial number, of an authority that may have several names. */
interface Certificate {
  serial: string;
  issuers: ReadonlySet<string>;
}

/** All that it serves, to whoever asks by whichever name. */
const leavesOf = (endpoint: Endpoint): CertificateInfo[] =>
  chainsOf(tlsOf(endpoint.probe)).flatMap((chain) => chain.slice(0, 1));

/**
 * A listener that does not answer may come back with what it served before, so it counts as serving it. Only where its
 * host was built anew, or a person set it aside, is silence an answer.
 */
const isRetired = (endpoint: Endpoint, host: Host | null | undefined): boolean =>
  endpoint.state === 'gone' && (!host || Boolean(host.supersededBy) || host.claim === 'ignored');

/** certificate → listeners that were last seen to serve it, as `address:port`. */
export function holdersOf(endpoints: readonly Endpoint[], hosts: ReadonlyMap<string, Host>): Record<string, string[]> {
  const holders: Record<string, string[]> = {};
  for (const endpoint of endpoints) {
    if (isRetired(endpoint, hosts.get(endpoint.hostId))) continue;
    for (const key of new Set(leavesOf(endpoint).map(certificateKey)))
      (holders[key] ??= []).push(`${endpoint.address}:${endpoint.port}`);
  }
  return holders;
}

/**
 * Who would be cut off if this certificate were revoked now, in words; null when no listener was last seen with it, or each
 * was just seen with another one. Revoking cannot be taken back, so this looks at all that is known, and looks again.
 */
export async function holderNow(discovery: Discovery, { serial, issuers }: Certificate): Promise<string | null> {
  const keys = new Set([...issuers].map((issuer) => certificateKey({ issuer, serial })));
  const serves = (endpoint: Endpoint): boolean => leavesOf(endpoint).some((leaf) => keys.has(certificateKey(leaf)));
  for (const endpoint of (await discovery.endpoints({ serial })).filter(serves)) {
    if (endpoint.state === 'gone' && isRetired(endpoint, await discovery.host(endpoint.hostId))) continue;
    const now = await discovery
      .probeNow(endpoint.address, endpoint.port, { hostId: endpoint.hostId })
      .catch(() => null);
    const at = `${endpoint.address}:${endpoint.port}`;
    if (now === null || now.state !== 'open' || now.lastError !== null || leavesOf(now).length === 0) {
      return `${at} does not answer, and served this certificate when it was last seen`;
    }
    if (serves(now)) return `${at} still serves this certificate`;
  }
  return null;
}
