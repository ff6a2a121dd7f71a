import { netnsPath, type Place } from '../place.ts';
import { run } from '../command.ts';
import type { Said, Truth } from './judge.ts';
import { addressOf } from './start.ts';

/** What `nmap -sV` calls the protocols of the table; it has other words for some. */
export const NMAP_NAMES: Readonly<Record<string, readonly string[]>> = {
  amqp: ['amqp'],
  dns: ['domain'],
  etcd: ['etcd-client', 'http'],
  http: ['http-proxy', 'ipp', 'https'],
  imap: ['imap', 'imaps'],
  ipmi: ['asf-rmcp'],
  ldap: ['ldap', 'ldapssl'],
  // The name that a script of its own puts there when it has found a broker.
  mqtt: ['mqtt'],
  mysql: ['mysql'],
  pop3: ['pop3', 'pop3s'],
  rdp: ['ms-wbt-server'],
  rpc: ['rpcbind'],
  smb: ['netbios-ssn', 'microsoft-ds'],
  smtp: ['smtp', 'smtps'],
  xmpp: ['xmpp-client', 'xmpp-server', 'jabber'],
};

/** Its own default settings for versions, all addresses in one run as one would, TCP and UDP apart. */
export async function nmapInside(
  place: Place,
  truths: readonly Truth[],
): Promise<{ ms: number; said: Map<string, Said> }> {
  const began = performance.now();
  const said = new Map<string, Said>();
  for (const udp of [false, true]) {
    const part = truths.filter((truth) => (truth.udp ?? false) === udp);
    if (part.length === 0) continue;
    const addresses = [...new Set(part.map(({ server }) => addressOf(server)))];
    const ports = [...new Set(part.map(({ port }) => port))].join(',');
    const argv = ['nmap', udp ? '-sU' : '-sS', '-sV', '-Pn', '-n', '-T4', '-p', ports, '-oX', '-', ...addresses];
    const { code, stdout, stderr } = await run(['nsenter', `--net=${netnsPath(place.name)}`, ...argv]);
    if (code !== 0) throw new Error(`nmap ended with ${code}: ${stderr.slice(-400)}`);
    for (const [key, one] of readReport(stdout)) said.set(udp ? `${key}/udp` : key, one);
  }
  return { ms: performance.now() - began, said };
}

/** Only what it found out by asking; a name from its table of ports is a guess and counts for nothing. */
export function readReport(xml: string): Map<string, Said> {
  const said = new Map<string, Said>();
  for (const host of xml.split('<host ').slice(1)) {
    const address = /<address addr="([^"]+)" addrtype="ipv4"/.exec(host)?.[1];
    for (const [, port, rest] of host.matchAll(/<port protocol="\w+" portid="(\d+)">(.*?)<\/port>/gs)) {
      const service = /<service ([^>]*)>/.exec(rest!)?.[1];
      if (address && service?.includes('method="probed"')) said.set(`${address}:${port}`, serviceOf(service));
    }
  }
  return said;
}

function serviceOf(attributes: string): Said {
  const [protocol, product, version] = ['name', 'product', 'version'].map((name) =>
    unescaped(new RegExp(`\\b${name}="([^"]*)"`).exec(attributes)?.[1] ?? null),
  ) as [string | null, string | null, string | null];
  const script = /^(mosquitto) version ([\d.]+)/.exec(protocol ?? '');
  return script ? { protocol: 'mqtt', product: script[1]!, version: script[2]! } : { protocol, product, version };
}

const unescaped = (text: string | null): string | null =>
  text
    ?.replace(/&quot;/g, '"')
    .replace(/&lt;/g, '<')
    .replace(/&gt;/g, '>')
    .replace(/&amp;/g, '&') ?? null;
