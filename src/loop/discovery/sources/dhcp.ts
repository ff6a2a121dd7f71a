import { macOf, optional, type PushedSource, type SourceRecord } from './contract.ts';

interface Lease {
  address: string;
  mac?: string | undefined;
  name?: string | undefined;
  /** ms since 1970; null: it never ends */
  until: number | null;
  isGivenOut: boolean;
}

/** The lease files of dnsmasq, ISC dhcpd and Kea (memfile), told apart by what stands in them. */
export const dhcp: PushedSource = {
  kind: 'dhcp',
  of: 'addresses',
  how: 'pushed',
  title: 'DHCP leases',
  needs:
    'The lease file of dnsmasq (dnsmasq.leases), ISC dhcpd (dhcpd.leases) or Kea (kea-leases4.csv), pushed by a timer on the DHCP server.',
  isList: false,
  fields: [
    {
      ...optional('format', 'dnsmasq, isc or kea, where it cannot be told by itself'),
      choices: ['dnsmasq', 'isc', 'kea'],
    },
  ],
  parse: (text, { settings, now, skip }) => {
    const leases = new Map<string, Lease>();
    // These files are journals: what stands last about an address counts.
    for (const lease of READERS[formatOf(text, settings['format'])](text)) leases.set(lease.address, lease);
    return [...leases.values()].flatMap((lease) => {
      if (lease.isGivenOut && (lease.until === null || lease.until > now.getTime())) return [recordOf(lease)];
      skip('lease that has ended');
      return [];
    });
  },
};

type Format = 'dnsmasq' | 'isc' | 'kea';

function formatOf(text: string, said: string | undefined): Format {
  if (said === 'dnsmasq' || said === 'isc' || said === 'kea') return said;
  if (said !== undefined) throw new Error(`the format "${said}" is not known; it is dnsmasq, isc or kea`);
  if (/^address,/m.test(text)) return 'kea';
  if (/^[ \t]*lease[ \t]+[0-9a-f.:]+[ \t]*\{/im.test(text) || /^# .*isc-dhcp/im.test(text)) return 'isc';
  if (text.trim() === '' || /^(?:\d+ \S+ [0-9a-f.:]+ |duid )/im.test(text)) return 'dnsmasq';
  throw new Error('this is no lease file of dnsmasq, ISC dhcpd or Kea');
}

const READERS: Record<Format, (text: string) => Lease[]> = { dnsmasq, isc, kea: keaFile };

function recordOf({ address, mac, name }: Lease): SourceRecord {
  return { id: mac ?? address, name, addresses: [address], identifiers: macOf(mac) };
}

/** `<end> <MAC or IAID> <address> <name or *> <client id>`, an end of 0 being never; from `duid` on, DHCPv6. */
function dnsmasq(text: string): Lease[] {
  return text.split('\n').flatMap((line, index) => {
    const [end, mac, address, name] = line.trim().split(/\s+/);
    if (end === '' || end === 'duid') return [];
    if (!address || !/^\d+$/.test(end!)) throw new Error(`line ${index + 1} is no lease of dnsmasq`);
    const until = end === '0' ? null : Number(end) * 1000;
    return [{ address, mac, name: name === '*' ? undefined : name, until, isGivenOut: true }];
  });
}

/** dhcpd.leases(5). Times are UTC unless they are `epoch`. */
function isc(text: string): Lease[] {
  return [...text.matchAll(/^[ \t]*lease[ \t]+([0-9a-f.:]+)[ \t]*\{([^}]*)\}/gim)].map(([, address, body]) => {
    const of = (pattern: RegExp): string | undefined => pattern.exec(body!)?.[1];
    const ends = of(/^[ \t]*ends[ \t]+([^;]+);/m);
    return {
      address: address!,
      mac: of(/^[ \t]*hardware[ \t]+ethernet[ \t]+([0-9a-f:]+);/im),
      name: of(/^[ \t]*client-hostname[ \t]+"([^"]*)";/m),
      until: ends === undefined || ends === 'never' ? null : timeOf(ends),
      isGivenOut: (of(/^[ \t]*binding[ \t]+state[ \t]+(\w+);/m) ?? 'active') === 'active',
    };
  });
}

function timeOf(ends: string): number {
  const epoch = /^epoch\s+(\d+)/.exec(ends)?.[1];
  if (epoch) return Number(epoch) * 1000;
  const [, date, time] = /^\d\s+(\d{4}\/\d\d\/\d\d)\s+(\d\d:\d\d:\d\d)/.exec(ends) ?? [];
  if (!date) throw new Error(`a lease ends "${ends}", which is no time`);
  return Date.parse(`${date.replaceAll('/', '-')}T${time}Z`);
}

/** Kea escapes commas within values as `&#x2c`, so that a line splits at each. */
function keaFile(text: string): Lease[] {
  const [head, ...lines] = text.split('\n').filter((line) => line.trim() !== '');
  const columns = head!.trim().split(',');
  const column = (cells: string[], name: string): string => cells[columns.indexOf(name)] ?? '';
  return lines.map((line) => {
    const cells = line.trim().split(',');
    if (cells.length < columns.length - 3) throw new Error(`"${line.slice(0, 60)}" is no line of Kea's leases`);
    return {
      address: column(cells, 'address'),
      mac: column(cells, 'hwaddr') || undefined,
      name: column(cells, 'hostname').replaceAll('&#x2c', ',').replace(/\.$/, '') || undefined,
      until: column(cells, 'expire') === '' ? null : Number(column(cells, 'expire')) * 1000,
      isGivenOut: (column(cells, 'state') || '0') === '0' && column(cells, 'valid_lifetime') !== '0',
    };
  });
}
