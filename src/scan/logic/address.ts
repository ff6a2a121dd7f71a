import ipaddr from 'ipaddr.js';

/** An inclusive run of addresses of one family, as numbers. */
export interface Interval {
  family: 4 | 6;
  first: bigint;
  last: bigint;
}

export interface ParsedAddress {
  family: 4 | 6;
  value: bigint;
}

const OCTET = '(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])';
const NORMAL_V4 = new RegExp(`^(?:${OCTET}\\.){3}${OCTET}$`);
const ZERO = 48;

/** Strict: four decimal parts or RFC 4291 text. IPv4 mapped into IPv6 is the IPv4 address it means. */
export function parseAddress(text: string): ParsedAddress | null {
  // Nearly all are, and a scan asks for each.
  if (NORMAL_V4.test(text)) return { family: 4, value: BigInt(ipv4Value(text)) };
  if (!text.includes(':') || text.includes('%') || !ipaddr.IPv6.isValid(text)) return null;
  const v6 = ipaddr.IPv6.parse(text);
  return fromIp(v6.isIPv4MappedAddress() ? v6.toIPv4Address() : v6);
}

/** Of four decimal parts, and of nothing else: a scan reads each address many times. */
export function ipv4Value(text: string): number {
  let [value, part] = [0, 0];
  for (let at = 0; at < text.length; at++) {
    const digit = text.charCodeAt(at) - ZERO;
    if (digit >= 0) part = part * 10 + digit;
    else [value, part] = [value * 256 + part, 0];
  }
  return value * 256 + part;
}

function fromIp(ip: ipaddr.IPv4 | ipaddr.IPv6): ParsedAddress {
  const value = ip.toByteArray().reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
  return { family: ip.kind() === 'ipv4' ? 4 : 6, value };
}

export function formatAddress(family: 4 | 6, value: bigint): string {
  if (family === 4) {
    const number = Number(value);
    return `${number >>> 24}.${(number >>> 16) & 255}.${(number >>> 8) & 255}.${number & 255}`;
  }
  const length = 16;
  const bytes = Array.from({ length }, (_, i) => Number((value >> BigInt(8 * (length - 1 - i))) & 0xffn));
  return ipaddr.fromByteArray(bytes).toString();
}

/** The one spelling of an address that we store and compare; null for what is no address. */
export function normalAddress(text: string): string | null {
  if (NORMAL_V4.test(text)) return text;
  const parsed = parseAddress(text);
  return parsed ? formatAddress(parsed.family, parsed.value) : null;
}

/** Loopback's own name, unspecified, link-local, multicast: every machine has them, so they identify none. */
export function tellsMachinesApart(address: string): boolean {
  if (!normalAddress(address)) return false;
  const range = ipaddr.process(address).range();
  if (address === '127.0.0.1' || address === '::1') return false;
  return !['unspecified', 'linkLocal', 'multicast', 'broadcast'].includes(range);
}
