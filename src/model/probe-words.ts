import type { Access, ServiceBase, ProbeResult, TlsProbe } from './probe.ts';

const ACCESS: Record<Access, string> = {
  open: 'answers without credentials',
  refused: 'asks for credentials',
  unknown: 'access not known',
};

/** `redis: Redis 7.0.15, answers without credentials` */
export function serviceInWords({ protocol, product, version, access }: ServiceBase): string {
  const name = [product, version].filter((part) => part !== undefined).join(' ');
  return `${protocol}${name ? `: ${name}` : ''}, ${ACCESS[access]}`;
}

/** What a look within TLS brought; empty where it brought nothing. */
export function insideInWords({ inside, clientCertificate }: TlsProbe): string {
  if (inside) return `inside ${serviceInWords(inside)}`;
  return clientCertificate ? 'asks for a client certificate' : '';
}

/** What a port serves, in a plain line; null where no look has succeeded or nothing is known beyond the service's name. */
export function endpointInWords(probe: ProbeResult | null): string | null {
  if (probe?.protocol === 'tls') {
    return [`Heartbleed ${probe.heartbleed.verdict}`, insideInWords(probe)].filter((part) => part !== '').join(', ');
  }
  return probe && 'access' in probe ? serviceInWords(probe) : null;
}
