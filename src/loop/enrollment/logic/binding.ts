import ipaddr from 'ipaddr.js';
import { isOnce } from './once.ts';

/** Where a login may be used. Hosts stand in it by id: a name may be anybody's tomorrow. */
export type Bound = { kind: 'range'; text: string } | { kind: 'tag'; text: string } | { kind: 'host'; text: string };

/** What somebody wrote behind `--for`: an address or CIDR, a tag as key=value, else a host's id or name. */
export function readBound(text: string): Bound {
  if (text.includes('=')) return { kind: 'tag', text };
  return rangeOf(text) ? { kind: 'range', text } : { kind: 'host', text };
}

type Range = ReturnType<typeof ipaddr.parseCIDR>;

/** An address or a CIDR as a range, or null when it is neither. */
export function rangeOf(text: string): Range | null {
  if (ipaddr.isValidCIDR(text)) return ipaddr.parseCIDR(text);
  if (!ipaddr.IPv4.isValidFourPartDecimal(text) && !(text.includes(':') && ipaddr.IPv6.isValid(text))) return null;
  const address = ipaddr.process(text);
  return [address, address.kind() === 'ipv4' ? 32 : 128];
}

/** The server that is about to be logged in to, by the address that is connected to and nothing it says of itself. */
export interface Place {
  hostId: string;
  address: string;
  tags: Readonly<Record<string, string>>;
}

/** No bounds: everywhere. */
export function covers(bounds: readonly string[], place: Place): boolean {
  return bounds.length === 0 || rulesOf(bounds).some((matches) => matches(place));
}

type Matches = (place: Place) => boolean;
/** Read once: whole estates are held against the same bounds. */
const READ = new WeakMap<readonly string[], Matches[]>();

function rulesOf(bounds: readonly string[]): Matches[] {
  const known = READ.get(bounds);
  if (known) return known;
  const read = bounds.map((text) => matcherOf(readBound(text)));
  READ.set(bounds, read);
  return read;
}

function matcherOf({ kind, text }: Bound): Matches {
  if (kind === 'host') return ({ hostId }) => text === hostId;
  if (kind === 'tag') {
    const [key = '', ...rest] = text.split('=');
    const value = rest.join('=');
    return ({ tags }) => Object.hasOwn(tags, key) && tags[key] === value;
  }
  const range = rangeOf(text);
  return ({ address }) => {
    const at = parsed(address);
    return range !== null && at.kind() === range[0].kind() && at.match(range);
  };
}

const MOST_KEPT = 200_000;
const ADDRESSES = new Map<string, ReturnType<typeof ipaddr.process>>();

function parsed(address: string): ReturnType<typeof ipaddr.process> {
  const known = ADDRESSES.get(address);
  if (known) return known;
  const at = ipaddr.process(address);
  if (ADDRESSES.size >= MOST_KEPT) ADDRESSES.clear();
  ADDRESSES.set(address, at);
  return at;
}

interface Login {
  name?: string;
  kind: 'password' | 'private-key' | 'ssh-agent';
  become_id: string | null;
  bound_to: readonly string[];
}

/**
 * May a login be tried that nobody named? A key tells a server nothing it could use elsewhere. A password, of the login or
 * of sudo, is handed over: only to servers that somebody said it is for. One that is for one deployment is for no other.
 */
export function mayBeTriedUnnamed(login: Login): boolean {
  if (login.name !== undefined && isOnce(login.name)) return false;
  return login.bound_to.length > 0 || (login.kind !== 'password' && login.become_id === null);
}
