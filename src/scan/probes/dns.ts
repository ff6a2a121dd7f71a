import { CLASS, dnsQuery, type DnsAnswer, readDnsAnswer, TYPE } from '../logic/dns.ts';
import { productBy, type Signature } from '../logic/products.ts';
import type { ServiceProbe } from '../../model/probe.ts';
import type { Conversation } from '../scanner/conversation.ts';
import type { Probe } from './contract.ts';
import { serviceResult, stopped, talk } from './service-result.ts';

const DEADLINE_MS = 5000;
const ID = 0x6c65;

const PRODUCTS: readonly Signature[] = [
  ['Unbound', /^unbound(?: ([\d.]+))?/i],
  ['dnsmasq', /^dnsmasq-([\d.]+\w*)/],
  ['PowerDNS', /^PowerDNS[^\d]*([\d.]+)?/i],
  ['NSD', /^NSD ([\d.]+)/i],
  ['Knot', /^Knot (?:DNS|Resolver)\s*([\d.]+)?/i],
  ['Microsoft DNS', /^Microsoft DNS ([\d.]+)/],
  ['BIND', /^(?:BIND )?(9\.\d+\.\d+[\w.]*)/],
];

/** Who it is, as it says itself. */
export const VERSION_QUERY = dnsQuery({
  id: ID,
  name: 'version.bind',
  type: TYPE.TXT,
  class: CLASS.CHAOS,
  recursion: false,
});
/** A name that every resolver answers by itself (RFC 6303): nobody else is asked on our behalf. */
export const RECURSION_QUERY = dnsQuery({
  id: ID,
  name: '1.0.0.127.in-addr.arpa',
  type: TYPE.PTR,
  class: CLASS.IN,
  recursion: true,
});

export function dnsResult(version: DnsAnswer | null, recursion: DnsAnswer | null): ServiceProbe {
  const verdict = !recursion
    ? { access: 'unknown' as const, what: 'whether it resolves for us was not answered' }
    : recursion.recursion && recursion.code !== 5
      ? { access: 'open' as const, what: 'it offers recursion to whoever asks' }
      : { access: 'refused' as const, what: 'it offers no recursion to us' };
  return serviceResult('dns', {
    ...productBy(PRODUCTS, version?.text ?? ''),
    ...verdict,
    details: { versionBind: version?.text },
  });
}

export const isOurAnswer = (answer: DnsAnswer | null): answer is DnsAnswer => answer?.id === ID;

const framed = (query: Buffer): Buffer => Buffer.concat([Buffer.from([0, query.length]), query]);

async function ask(conversation: Conversation, query: Buffer): Promise<DnsAnswer | null> {
  conversation.write(framed(query));
  const length = (await conversation.read(2)).readUInt16BE(0);
  const answer = readDnsAnswer(await conversation.read(length));
  return isOurAnswer(answer) ? answer : null;
}

/** Names over TCP: version and recursion. */
export const dnsProbe: Probe = {
  protocol: 'dns',
  ports: [53, 853],
  asks: {
    opening: () => framed(VERSION_QUERY),
    knows: (answer) => isOurAnswer(readDnsAnswer(answer.subarray(2))),
  },
  recognises: () => false,
  probe: async (target) => {
    const version = await talk(target, 'dns', DEADLINE_MS, (c) => ask(c, VERSION_QUERY));
    if (!version) throw stopped(target, 'dns', 'the answer was not DNS');
    return dnsResult(version, await talk(target, 'dns', DEADLINE_MS, (c) => ask(c, RECURSION_QUERY)));
  },
};
