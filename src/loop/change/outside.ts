import type { Endpoint } from '../../model/estate.ts';
import { type CertificateInfo, tlsOf, type TlsSeen } from '../../model/probe.ts';
import type { Discovery } from '../discovery/index.ts';

/** What a fresh look from outside found, or why it found nothing. Old results do not count. */
export type Outside = { endpoint: Endpoint; tls: TlsSeen; leaf: CertificateInfo } | { why: string };

export async function lookAt(
  discovery: Discovery,
  { address, port }: { address: string; port: number },
  hostId: string,
): Promise<Outside> {
  try {
    const endpoint = await discovery.probeNow(address, port, { hostId });
    const tls = tlsOf(endpoint.probe);
    const leaf = tls?.chain[0];
    const answered = endpoint.state === 'open' && endpoint.lastError === null;
    if (answered && tls && leaf) return { endpoint, tls, leaf };
    return { why: `no TLS service answered: ${endpoint.lastError ?? `the port is ${endpoint.state}`}` };
  } catch (error) {
    return { why: `looking from outside did not work: ${(error as Error).message}` };
  }
}
