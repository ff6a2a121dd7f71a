import { productBy, type Signature } from '../logic/products.ts';
import type { Conversation } from '../scanner/conversation.ts';
import type { Probe, ProbeTarget } from './contract.ts';
import { readUntil, serviceResult, stopped, talk } from './service-result.ts';
import { xmppAnswered, xmppOpening, xmppStarttls } from './starttls/dialogues.ts';
import { withTls } from './starttls/index.ts';

const DEADLINE_MS = 4000;
const LOOKED_THROUGH = 4096;
const SERVERS = new Set([5269, 5270]);

/** What servers say and leave out in their own way: the namespace of an error's text, the form of a stream's id. */
const PRODUCTS: readonly Signature[] = [
  ['ejabberd', /<stream:stream id='\d{15,20}'|ejabberd/],
  [
    'Prosody',
    /This server does not serve|<stream:stream[^>]{0,500}\bid='[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}'/,
  ],
  ['Openfire', /xmlns:stream="http:\/\/etherx\.jabber\.org\/streams"[^>]{0,500}\bid="[0-9a-z]{8,10}"/],
];

/** Who says so at the beginning of what it says. */
export const productOfStream = (said: readonly string[]): ReturnType<typeof productBy> =>
  productBy(PRODUCTS, said.map((one) => one.slice(0, LOOKED_THROUGH)).join('\n'));

const kindOf = (target: Pick<ProbeTarget, 'port'>): 'client' | 'server' =>
  SERVERS.has(target.port) ? 'server' : 'client';

async function open(conversation: Conversation, to: string, kind: 'client' | 'server'): Promise<string> {
  conversation.write(xmppOpening(to, kind));
  return (await readUntil(conversation, xmppAnswered)).toString('utf8');
}

/** Chat: who it is, how one logs in, TLS behind STARTTLS. A server that does not serve its address is asked as `localhost`. */
export const xmppProbe: Probe = {
  protocol: 'xmpp',
  ports: [5222, 5223, 5269, 5270],
  asks: {
    opening: (target) => xmppOpening(target.address, kindOf(target)),
    knows: (answer) => answer.includes('etherx.jabber.org/streams'),
  },
  recognises: (greeting) => greeting.includes('http://etherx.jabber.org/streams'),
  probe: async (target) => {
    const kind = kindOf(target);
    const tried: { to: string; said: string }[] = [];
    for (const to of [target.address, 'localhost']) {
      tried.push({ to, said: await talk(target, 'xmpp', DEADLINE_MS, (c) => open(c, to, kind)) });
      if (tried.at(-1)!.said.includes('<stream:features')) break;
    }
    const { to, said } = tried.at(-1)!;
    if (!said.includes('etherx.jabber.org/streams')) throw stopped(target, 'xmpp', 'the answer was no stream');
    const mechanisms = [...said.matchAll(/<mechanism>([^<]{1,60})<\/mechanism>/g)].map((match) => match[1]);
    const isWhole = /<\/stream:features>|<stream:features\s{0,9}\/>/.test(said);
    const offered = isWhole ? said.includes('urn:ietf:params:xml:ns:xmpp-tls') : null;
    const required = /xmpp-tls['"]><required\s*\/>/.test(said);
    const anonymous = mechanisms.includes('ANONYMOUS');
    const result = serviceResult('xmpp', {
      ...productOfStream(tried.map((one) => one.said)),
      ...accessOf(kind, anonymous, said),
      details: {
        for: kind === 'server' ? 'servers' : 'clients',
        mechanisms: mechanisms.join(', '),
        tls: offered === null ? null : required ? 'required' : offered ? 'offered' : 'not offered',
      },
    });
    return withTls(result, target, { offered, dialogue: xmppStarttls(to, kind) });
  },
};

function accessOf(
  kind: string,
  anonymous: boolean,
  said: string,
): { access: 'open' | 'refused' | 'unknown'; what: string } {
  if (kind === 'server') return { access: 'unknown', what: 'it is for other servers; none was played' };
  if (anonymous) return { access: 'open', what: 'it offers a login as nobody (ANONYMOUS)' };
  if (said.includes('<stream:features')) return { access: 'refused', what: 'it wants a login before anything else' };
  return { access: 'unknown', what: 'it serves names that we do not know' };
}
