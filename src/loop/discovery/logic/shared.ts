import type { Identifier, SharedAddress, Sighting } from '../../../model/estate.ts';
import { type Decision, isMeasured, type KnownHost } from './reconcile.ts';
import { strong, textOf } from './strong.ts';
import type { Stood, Surroundings } from './surroundings.ts';

/** A machine's identity that was shown at an address while it was proven alive at another one. */
export interface Face {
  address: string;
  /** an identifier as `kind value` */
  identity: string;
  /** the record that stood for it at this address */
  recordId: string;
  /** the host that this record was merged into */
  mergedInto?: string | null;
  how: 'looked' | 'agent';
  firstAt: Date;
  lastAt: Date;
  quick: number;
}

export type Shown = Pick<Face, 'address' | 'identity' | 'recordId' | 'how'> & { at: Date };

/** Another machine shown so soon after the last is no failover. */
export const QUICK_MS = 15 * 60_000;
/** So often, and something in front of several machines answers. */
const QUICK_TIMES = 2;

/** What a machine is told by: always the same one of what it shows. Null: nothing. */
export const identityOf = (identifiers: readonly Identifier[]): string | null =>
  strong(identifiers)
    .filter(({ kind }) => kind === 'ssh-host-key' || kind === 'mac')
    .map(textOf)
    .toSorted()
    .at(-1) ?? null;

/**
 * What these decisions prove: one identity answered here and, at the same time, where that machine was known; or what
 * was shown here before is shown again. A machine that took over an address (DHCP) left its earlier one, so it never
 * counts.
 */
export function shownBy(
  decisions: readonly Decision[],
  sightings: readonly Sighting[],
  hosts: readonly KnownHost[],
  known: ReadonlyMap<string, readonly Face[]>,
): Shown[] {
  const byId = new Map(hosts.map((host) => [host.id, host]));
  const inBatch = Map.groupBy(sightings.keys(), (index) => decisions[index]!.hostId);
  const placesOf = (hostId: string): string[] => [
    ...(byId.get(hostId)?.addresses ?? []).flatMap(({ address, how }) => (how === 'measured' ? [address] : [])),
    ...(inBatch.get(hostId) ?? []).map((index) => sightings[index]!.address),
  ];
  const found = sightings.flatMap((sighting, index): Shown[] => {
    const { cloneOf, hostId, again: is } = decisions[index]!;
    if (!isMeasured(sighting)) return [];
    const at = { how: 'looked' as const, at: new Date(sighting.at) };
    const texts = new Set(sighting.identifiers.map(textOf));
    const again = (known.get(sighting.address) ?? []).find(({ identity }) => texts.has(identity));
    const identity = again?.identity ?? (cloneOf === null ? null : identityOf(sighting.identifiers));
    if (identity === null) return [];
    // A machine that has the address beside its own does not stand for itself there.
    const recordId = is === 'beside' && again ? again.recordId : hostId;
    const here = { ...at, address: sighting.address, identity, recordId };
    if (cloneOf === null) return [here];
    // Nobody knows yet which of the two is its own address: both showed it.
    return [here, ...placesOf(cloneOf).map((address) => ({ ...here, address, recordId: cloneOf }))];
  });
  return [...new Map(found.map((one) => [`${one.address} ${one.identity}`, one])).values()];
}

/** What a decision asks of faces. */
export function stoodFor(
  known: ReadonlyMap<string, readonly Face[]>,
): Required<Pick<Surroundings, 'stoodFor' | 'standsIn'>> {
  const shared = [...known.values()].filter((faces) => faces.length > 1).flat();
  const places = Map.groupBy(shared.filter(isLooked), ({ recordId }) => recordId);
  return {
    stoodFor(place, identifier): Stood | null {
      const faces = known.get(place) ?? [];
      const face = faces.find(({ identity }) => identity === textOf(identifier));
      if (!face) return null;
      const isBeside = Boolean(face.mergedInto) || face.how === 'agent';
      return { hostId: face.mergedInto ?? face.recordId, isBeside, isShared: faces.length > 1 };
    },
    standsIn: (hostId) => (places.get(hostId) ?? []).map(({ address }) => address),
  };
}

/** The face that is shown now, as it is to be kept. Times that come late change nothing. */
export function turned(faces: readonly Face[], shown: Shown): Face {
  const { address, identity, recordId, how, at } = shown;
  const known = faces.find((face) => face.identity === identity);
  const others = faces.filter((face) => face.identity !== identity).map((face) => face.lastAt.getTime());
  const last = Math.max(-Infinity, ...others);
  const isQuick = last > (known?.lastAt.getTime() ?? -Infinity) && isSoon(at.getTime() - last);
  if (!known) return { address, identity, recordId, how, firstAt: at, lastAt: at, quick: isQuick ? 1 : 0 };
  return {
    ...known,
    recordId,
    firstAt: known.firstAt < at ? known.firstAt : at,
    lastAt: known.lastAt > at ? known.lastAt : at,
    quick: known.quick + (isQuick ? 1 : 0),
  };
}

const isSoon = (ms: number): boolean => ms >= 0 && ms <= QUICK_MS;

/**
 * Addresses that are several machines'. `holders`: records that have an identity; two identities that one record has are
 * one machine's. A single face may be a copy (or a second card), and is left to be a machine.
 */
export function sharedOf(
  all: ReadonlyMap<string, readonly Face[]>,
  holders: ReadonlyMap<string, readonly string[]>,
): Map<string, SharedAddress> {
  const machines = new Map([...all].map(([address, faces]) => [address, machinesOf(faces, holders)]));
  const several = [...all].filter(([address]) => machines.get(address)!.length > 1);
  // What stands for a machine at such an address is none itself.
  const records = new Set(several.flatMap(([, faces]) => faces.filter(isLooked).map(({ recordId }) => recordId)));
  return new Map(
    several.map(([address, faces]) => {
      const members = machines.get(address)!.flatMap((ids) => ids.filter((id) => !records.has(id)));
      return [address, { address, members: [...new Set(members)].toSorted(), ...verdict(address, faces) }];
    }),
  );
}

const isLooked = ({ how }: Face): boolean => how === 'looked';

/** Records of each machine that was shown. */
function machinesOf(faces: readonly Face[], holders: ReadonlyMap<string, readonly string[]>): string[][] {
  const groups: Set<string>[] = [];
  for (const { identity, recordId } of faces) {
    const ids = new Set([recordId, ...(holders.get(identity) ?? [])]);
    const same = groups.filter((group) => [...ids].some((id) => group.has(id)));
    for (const group of same) {
      groups.splice(groups.indexOf(group), 1);
      for (const id of group) ids.add(id);
    }
    groups.push(ids);
  }
  return groups.map((group) => [...group]);
}

function verdict(address: string, faces: readonly Face[]): Pick<SharedAddress, 'kind' | 'why'> {
  const quick = faces.reduce((sum, face) => sum + face.quick, 0);
  const proof = faces.some(isLooked)
    ? 'each of them was alive elsewhere at that time'
    : 'their own agents had it beside their own addresses';
  const showed = `${address} showed several machines in turn, and ${proof}`;
  return quick >= QUICK_TIMES
    ? {
        kind: 'load-balancer',
        why: `${showed}; ${quick} times another one answered within a quarter of an hour, so something in front of them shares it out`,
      }
    : { kind: 'vip', why: `${showed}; the address moves between them` };
}

/**
 * Is this record nothing but such addresses, and so no machine? `now`: where it is; `ever`: where it was; `isStranger`: it
 * shows an identity, and none that is a face of its addresses, so it is a machine that came to be there.
 */
export function isOnlyShared(
  host: { id: string; now: readonly string[]; ever: readonly string[]; isStranger?: boolean },
  shared: ReadonlyMap<string, SharedAddress>,
): SharedAddress | null {
  if (host.isStranger) return null;
  const places = host.now.length > 0 ? host.now : host.ever;
  const all = places.map((address) => shared.get(address));
  const first = all[0];
  if (!first || all.some((one) => one === undefined || one.members.includes(host.id))) return null;
  return first;
}

/** Addresses of one report that may be shared: beside another one of the same subnet, as an interface carries a VIP. */
export function besideOwn(addresses: readonly string[]): string[] {
  return addresses.filter((address) =>
    addresses.some((other) => other !== address && blockOf(other) === blockOf(address)),
  );
}

const blockOf = (address: string): string =>
  address.includes(':') ? address.split(':').slice(0, 4).join(':') : address.split('.').slice(0, 3).join('.');
