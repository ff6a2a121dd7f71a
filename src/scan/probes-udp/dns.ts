import { readDnsAnswer } from '../logic/dns.ts';
import { dnsResult, isOurAnswer, RECURSION_QUERY, VERSION_QUERY } from '../probes/dns.ts';
import type { UdpProbe, UdpTarget } from './contract.ts';

const ask = async (target: UdpTarget, query: Buffer) =>
  (await target.ask(query)).map(readDnsAnswer).find(isOurAnswer) ?? null;

/** Names, the same two questions as over TCP. */
export const dnsUdpProbe: UdpProbe = {
  protocol: 'dns',
  ports: [53],
  probe: async (target) => {
    const version = await ask(target, VERSION_QUERY);
    return version && dnsResult(version, await ask(target, RECURSION_QUERY));
  },
};
