import { normalAddress, tellsMachinesApart } from '../../../../scan/logic/address.ts';
import { oneLine } from '../../../../model/text.ts';
import type { Device, Row } from './session.ts';

/** What stands next to a device, and how it knows. */
export interface Neighbour {
  how: 'LLDP' | 'CDP' | 'BGP' | 'ARP';
  addresses: string[];
  mac: string | null;
  name: string | null;
  /** of the neighbour, as it says itself */
  system: string | null;
  /** of the neighbour */
  port: string | null;
}

export interface DeviceTold {
  name: string | null;
  system: string | null;
  addresses: string[];
  neighbours: Neighbour[];
}

/** RFC 3418. */
const SYSTEM = { descr: '1.3.6.1.2.1.1.1.0', name: '1.3.6.1.2.1.1.5.0' };
/** RFC 4293: the older, IPv4-only tables, which every device still has, and the newer ones for both families. */
const IP = {
  own: '1.3.6.1.2.1.4.20.1.1',
  ownBoth: '1.3.6.1.2.1.4.34.1.4',
  arp: '1.3.6.1.2.1.4.22.1.2',
  arpKind: '1.3.6.1.2.1.4.22.1.4',
  both: '1.3.6.1.2.1.4.35.1.4',
  bothKind: '1.3.6.1.2.1.4.35.1.6',
};
/** IEEE 802.1AB, LLDP-MIB: lldpRemTable and lldpRemManAddrTable. */
const LLDP = {
  chassisKind: '1.0.8802.1.1.2.1.4.1.1.4',
  chassis: '1.0.8802.1.1.2.1.4.1.1.5',
  port: '1.0.8802.1.1.2.1.4.1.1.8',
  name: '1.0.8802.1.1.2.1.4.1.1.9',
  system: '1.0.8802.1.1.2.1.4.1.1.10',
  address: '1.0.8802.1.1.2.1.4.2.1.3',
};
/** CISCO-CDP-MIB: cdpCacheTable. */
const CDP = {
  address: '1.3.6.1.4.1.9.9.23.1.2.1.1.4',
  system: '1.3.6.1.4.1.9.9.23.1.2.1.1.8',
  name: '1.3.6.1.4.1.9.9.23.1.2.1.1.6',
  port: '1.3.6.1.4.1.9.9.23.1.2.1.1.7',
};
/** RFC 4273: bgpPeerState, indexed by the peer's address; 6 is an established session. */
const BGP_STATE = '1.3.6.1.2.1.15.3.1.2';
const ESTABLISHED = 6;
const CHASSIS_IS_MAC = 4;
const IS_INVALID = 2;
const IS_LOCAL = 5;

/** What one device says of itself and of those next to it. */
export async function readDevice(device: Pick<Device, 'get' | 'column'>): Promise<DeviceTold> {
  const [descr, name] = await device.get([SYSTEM.descr, SYSTEM.name]);
  const own = (await device.column(IP.own)).map(({ index }) => ipv4(index));
  const ownBoth = (await device.column(IP.ownBoth)).map(({ index }) => sizedAddress(index));
  return {
    name: text(name),
    system: text(descr),
    addresses: [...new Set([...own, ...ownBoth].filter((address) => address !== null).filter(tellsMachinesApart))],
    neighbours: [...(await lldp(device)), ...(await cdp(device)), ...(await bgp(device)), ...(await arp(device))],
  };
}

type Columns = Pick<Device, 'column'>;

async function lldp(device: Columns): Promise<Neighbour[]> {
  const chassis = await device.column(LLDP.chassis);
  if (chassis.length === 0) return [];
  const kinds = byIndex(await device.column(LLDP.chassisKind));
  const names = byIndex(await device.column(LLDP.name));
  const systems = byIndex(await device.column(LLDP.system));
  const ports = byIndex(await device.column(LLDP.port));
  // Time mark, local port and number as in the other table; then what kind of address, how long, and the address.
  const addresses = Map.groupBy(await device.column(LLDP.address), ({ index }) => index.slice(0, 3).join('.'));
  return chassis.map(({ index, value }) => {
    const key = index.join('.');
    const told = (addresses.get(key) ?? []).map((row) => sizedAddress(row.index.slice(3)));
    return {
      how: 'LLDP',
      addresses: told.filter((address) => address !== null).filter(tellsMachinesApart),
      mac: kinds.get(key) === CHASSIS_IS_MAC ? mac(value) : null,
      name: text(names.get(key)),
      system: text(systems.get(key)),
      port: text(ports.get(key)),
    };
  });
}

async function cdp(device: Columns): Promise<Neighbour[]> {
  const addresses = await device.column(CDP.address);
  if (addresses.length === 0) return [];
  const names = byIndex(await device.column(CDP.name));
  const systems = byIndex(await device.column(CDP.system));
  const ports = byIndex(await device.column(CDP.port));
  return addresses.map(({ index, value }) => {
    const key = index.join('.');
    const address = Buffer.isBuffer(value) ? bytesAddress([...value]) : null;
    return {
      how: 'CDP',
      addresses: address !== null && tellsMachinesApart(address) ? [address] : [],
      mac: null,
      name: text(names.get(key)),
      system: text(systems.get(key)),
      port: text(ports.get(key)),
    };
  });
}

const bare = { mac: null, name: null, system: null, port: null };

async function bgp(device: Columns): Promise<Neighbour[]> {
  return (await device.column(BGP_STATE)).flatMap(({ index, value }) => {
    const address = ipv4(index);
    if (value !== ESTABLISHED || address === null || !tellsMachinesApart(address)) return [];
    return [{ ...bare, how: 'BGP' as const, addresses: [address] }];
  });
}

/** The newer table where there is one. What a device gave itself, or holds for wrong, is nobody next to it. */
async function arp(device: Columns): Promise<Neighbour[]> {
  const both = await device.column(IP.both);
  const isNew = both.length > 0;
  const rows = isNew ? both : await device.column(IP.arp);
  const kinds = byIndex(await device.column(isNew ? IP.bothKind : IP.arpKind));
  return rows.flatMap(({ index, value }) => {
    const kind = kinds.get(index.join('.'));
    // Before the address stands the interface.
    const address = isNew ? sizedAddress(index.slice(1)) : ipv4(index.slice(1));
    if (kind === IS_INVALID || (isNew && kind === IS_LOCAL) || address === null || !tellsMachinesApart(address))
      return [];
    const own = mac(value);
    return own === null ? [] : [{ ...bare, how: 'ARP' as const, addresses: [address], mac: own }];
  });
}

const byIndex = (rows: readonly Row[]): Map<string, Row['value']> =>
  new Map(rows.map(({ index, value }) => [index.join('.'), value]));

/** How RFC 4001 writes an address into an index: its kind (1 IPv4, 2 IPv6), its length, its bytes. */
function sizedAddress([kind, length, ...bytes]: readonly number[]): string | null {
  if (kind !== 1 && kind !== 2) return null;
  return bytes.length === length ? bytesAddress(bytes) : null;
}

const ipv4 = (index: readonly number[]): string | null => (index.length === 4 ? bytesAddress(index) : null);

function bytesAddress(bytes: readonly number[]): string | null {
  if (bytes.some((byte) => !(byte >= 0 && byte < 256))) return null;
  if (bytes.length === 4) return normalAddress(bytes.join('.'));
  if (bytes.length !== 16) return null;
  const groups = Array.from({ length: 8 }, (_, at) => ((bytes[at * 2]! << 8) | bytes[at * 2 + 1]!).toString(16));
  return normalAddress(groups.join(':'));
}

function mac(value: Row['value']): string | null {
  if (!Buffer.isBuffer(value) || value.length !== 6) return null;
  const written = value.toString('hex').match(/../g)!.join(':');
  return written === '00:00:00:00:00:00' || (value[0]! & 1) === 1 ? null : written;
}

function text(value: Row['value'] | null | undefined): string | null {
  if (value === null || value === undefined) return null;
  const said = oneLine(String(value), 200).trim();
  return said === '' ? null : said;
}
