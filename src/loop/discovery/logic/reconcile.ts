import type { Identifier, IdentifierKind, Management, Sighting } from '../../../model/estate.ts';
import { LISTS } from '../../../model/seen.ts';
import { Index } from './indexed.ts';
import { Meanwhile } from './meanwhile.ts';
import { addressOfPlace } from './place.ts';
import { isAt, isNowhere, isOnlyAfar, isTwinOf, measuredFirst, rank, sharesSpace, standsIn } from './standing.ts';
import { same, STRONG, strong, type StrongKind, textOf } from './strong.ts';
import type { Stood, Surroundings } from './surroundings.ts';

/**
 * A new key at the same place: a re-enrolled agent is still the same machine, so this kind never contradicts. Nor does
 * what a list calls a machine: two lists call it differently.
 */
const MAY_CHANGE: ReadonlySet<StrongKind> = new Set<StrongKind>(['agent-key', 'inventory-id']);

/** `listed`: nobody but lists has told it. */
export type KnownIdentifier = Identifier & { listed?: boolean };

export interface KnownHost {
  id: string;
  name: string;
  management: Management;
  identifiers: KnownIdentifier[];
  /** where it is now (a place, see place.ts); `claimed` ones are hearsay until something answers there */
  addresses: { address: string; how: 'measured' | 'claimed' }[];
}

export interface Decision {
  hostId: string;
  /** `listed`: a list gives the host this address as well */
  kind: 'new' | 'seen' | 'moved' | 'listed' | 'clone' | 'replaced';
  why: string;
  /** it is that host, and not at the sighting's address, whatever a list says */
  isElsewhere?: boolean;
  /** it was shown here before, while it was alive elsewhere; `beside`: and is that host, which is elsewhere as well */
  again?: 'record' | 'beside';
  /** hosts that are no longer at the sighting's address */
  displaced: string[];
  /** the host that this one took the place of: same address, every identifier different, the old ones nowhere */
  replaces: string | null;
  /** `moved`: where it was measured before this batch */
  from: string[];
  /** the host that shows the same identity elsewhere at the same time */
  cloneOf: string | null;
}

/**
 * Decides for each sighting which host it is. Pure; what one sighting decides the next one sees. `meanwhile`: how
 * things stand at that time, with what is decided already or later.
 */
export function reconcile(
  hosts: readonly KnownHost[],
  sightings: readonly Sighting[],
  around: Surroundings,
  meanwhile = new Meanwhile(sightings),
): Decision[] {
  const state = new Estate(hosts, meanwhile, around);
  const decisions: Decision[] = Array.from({ length: sightings.length });
  for (const index of strongestFirst(sightings)) decisions[index] = state.decide(sightings[index]!);
  return decisions;
}

/**
 * Addresses whose present holder must be asked before `reconcile` can tell a machine that moved from a copy of it. Who is
 * seen where it is known to be is that one, wherever else its identity is: of hundreds with one key nobody is asked.
 */
export function questions(
  hosts: readonly KnownHost[],
  sightings: readonly Sighting[],
): { address: string; identifier: Identifier }[] {
  const here = new Set(sightings.map((s) => s.address));
  const seen = new Meanwhile(sightings);
  const holders = new Index<KnownHost>();
  for (const host of hosts) for (const one of host.identifiers) holders.add(textOf(one), host);
  return sightings
    .filter((sighting) => !isListed(sighting))
    .flatMap((sighting) =>
      strong(sighting.identifiers).flatMap((identifier) => {
        const all = holders.of(textOf(identifier));
        const isHere = (host: KnownHost): boolean => isAt(host, sighting.address);
        if (all.some((host) => isHere(host) && staysAt(host, sighting, identifier, seen))) return [];
        return (
          all
            .filter((host) => !isHere(host))
            .flatMap((host) => host.addresses)
            // Nobody here can ask at another site, and what answers there says nothing about this one.
            .filter(
              ({ address, how }) => how === 'measured' && !here.has(address) && sharesSpace(address, sighting.address),
            )
            .map(({ address }) => ({ address, identifier }))
        );
      }),
    );
}

/** It is who is seen there, and nothing else that is seen takes it elsewhere first, or tells more of it. */
function staysAt(host: KnownHost, sighting: Sighting, { kind }: Identifier, seen: Meanwhile): boolean {
  if (contradiction(host, sighting, kind) !== null) return false;
  if (host.addresses.some(({ address }) => address !== sighting.address && seen.at(address))) return false;
  return strong(host.identifiers).every(
    (one) => sighting.identifiers.some((shown) => same(shown, one)) || seen.placesOf(textOf(one)).length === 0,
  );
}

class Estate {
  readonly #hosts = new Map<string, KnownHost>();
  /** identifier, and address → the hosts that have it, in the order of all hosts */
  readonly #holders = new Index<KnownHost>((host) => this.#order.get(host.id)!);
  readonly #places = new Index<KnownHost>((host) => this.#order.get(host.id)!);
  readonly #order = new Map<string, number>();
  readonly #around: Surroundings;
  readonly #meanwhile: Meanwhile;
  readonly #before: Map<string, string[]>;

  constructor(hosts: readonly KnownHost[], meanwhile: Meanwhile, around: Surroundings) {
    for (const host of hosts)
      this.#add({ ...host, identifiers: [...host.identifiers], addresses: [...host.addresses] });
    this.#around = around;
    this.#meanwhile = meanwhile;
    this.#before = new Map(
      hosts.map((h) => [h.id, h.addresses.filter((a) => a.how === 'measured').map((a) => a.address)]),
    );
  }

  #add(host: KnownHost): void {
    this.#hosts.set(host.id, host);
    this.#order.set(host.id, this.#order.size);
    for (const one of host.identifiers) this.#holders.add(textOf(one), host);
    for (const { address } of host.addresses) this.#places.add(address, host);
  }

  decide(sighting: Sighting): Decision {
    const decision = this.#again(sighting) ?? this.#byIdentity(sighting) ?? this.#byAddress(sighting);
    this.#apply(sighting, decision);
    return decision;
  }

  /** What several machines answer in turn shows who was there before: no new copy of it at every turn. */
  #again(sighting: Sighting): Decision | null {
    const { address } = sighting;
    if (!isMeasured(sighting)) return null;
    for (const identifier of strong(sighting.identifiers)) {
      const stood = this.#around.stoodFor?.(address, identifier);
      const host = stood && this.#hosts.get(stood.hostId);
      const holders = this.#holders.of(textOf(identifier));
      if (!host || !holders.includes(host) || this.#contradicts(host, sighting, identifier.kind)) continue;
      if (holders.some((one) => isAt(one, address))) return null;
      const again = this.#isAgain(host, sighting, { stood, identifier, holders });
      if (!again) return null;
      const why = `${identifier.kind} ${identifier.value} was shown at ${address} before while it was alive elsewhere, and is again: ${again === 'beside' ? `${host.name} has this address beside its own` : 'the record that stood for it there, not a new copy'}`;
      return { ...decided('seen', host, why), again };
    }
    return null;
  }

  #isAgain(
    host: KnownHost,
    sighting: Sighting,
    { stood, identifier, holders }: { stood: Stood; identifier: Identifier; holders: readonly KnownHost[] },
  ): Decision['again'] | null {
    const isAlive = (one: KnownHost): boolean => this.#aliveAt(one, sighting, identifier) !== null;
    if (stood.isBeside) return isAlive(host) ? 'beside' : null;
    if (!isNowhere(host)) return null;
    // One copy that is gone, and the machine itself comes to where that was: it moved.
    return stood.isShared || holders.some((one) => one !== host && isAlive(one)) ? 'record' : null;
  }

  #byIdentity(sighting: Sighting): Decision | null {
    let cloneOf: { host: KnownHost; why: string } | null = null;
    for (const identifier of strong(sighting.identifiers)) {
      const holders = this.#holders.of(textOf(identifier));
      const candidates = this.#movable(holders, sighting).filter(
        (host) => !this.#contradicts(host, sighting, identifier.kind),
      );
      const here = candidates.find((host) => isAt(host, sighting.address));
      if (here) return decided('seen', here, `same ${identifier.kind} at ${sighting.address}`);
      if (isListed(sighting)) {
        if (candidates[0]) return this.#listed(candidates[0], sighting, identifier);
        continue;
      }
      const afar = candidates.find((host) => isOnlyAfar(host, sighting.address) && !isTwinOf(host, sighting));
      if (afar) return decided('seen', afar, `same ${identifier.kind}, seen at ${sighting.address} as well`);
      for (const host of candidates) {
        const elsewhere = isTwinOf(host, sighting) ? 'another site' : this.#aliveAt(host, sighting, identifier);
        if (elsewhere === null) return this.#move(host, sighting, identifier);
        cloneOf ??= {
          host,
          why: `${identifier.kind} ${identifier.value} is also alive at ${elsewhere} (${host.name})`,
        };
      }
    }
    return cloneOf && this.#copy(sighting, cloneOf);
  }

  /** Who is somewhere moves sooner than who is nowhere; what stands for somebody at a shared address stays there. */
  #movable(holders: readonly KnownHost[], { address }: Sighting): KnownHost[] {
    if (holders.length < 2) return [...holders];
    const own = holders.filter((host) => !standsIn(host, this.#around.standsIn?.(host.id) ?? [], address));
    const some = own.length > 0 ? own : holders;
    return some.toSorted((a, b) => Number(isNowhere(a)) - Number(isNowhere(b)));
  }

  #contradicts(host: KnownHost, sighting: Sighting, besides?: IdentifierKind): boolean {
    return contradiction(host, sighting, besides) !== null || this.#isAnother(host, sighting);
  }

  /** One list calls this host otherwise, and means two machines: it told of both in the same breath. */
  #isAnother(host: KnownHost, sighting: Sighting): boolean {
    const own = sighting.identifiers.find(({ kind }) => kind === 'inventory-id')?.value;
    if (own === undefined) return false;
    const source = own.slice(0, own.indexOf('/') + 1);
    const ids = host.identifiers.filter(({ kind, value }) => kind === 'inventory-id' && value.startsWith(source));
    if (ids.some(({ value }) => value === own)) return false;
    return ids.some(({ value }) => this.#around.told?.(value) ?? true);
  }

  /** A list says where a machine is, too: it has that address by that word, unless something else was measured there. */
  #listed(host: KnownHost, { address, source }: Sighting, { kind, value }: Identifier): Decision {
    if (this.#places.of(address).some((other) => rank(other, address) === 0)) {
      const why = `${source} gives ${address} to ${kind} ${value}, where another machine was measured`;
      return { ...decided('seen', host, why), isElsewhere: true };
    }
    return decided('listed', host, `${source} gives ${address} to ${kind} ${value}, which is ${host.name}`);
  }

  #move(host: KnownHost, sighting: Sighting, identifier: Identifier): Decision {
    const from = (this.#before.get(host.id) ?? []).filter(
      (address) => address !== sighting.address && sharesSpace(address, sighting.address),
    );
    const was = from.length > 0 ? `; it no longer answers at ${from.join(', ')}` : '';
    const why = `${identifier.kind} ${identifier.value} of ${host.name} now answers at ${sighting.address}${was}`;
    return { ...decided('moved', host, why), from };
  }

  /** Another address where this host's identity is alive right now, or null. */
  #aliveAt(host: KnownHost, sighting: Sighting, identifier: Identifier): string | null {
    // Its own agent says where the machine is; nobody else has that key.
    if (identifier.kind === 'agent-key') return null;
    if (this.#around.reports?.(host.id)) return host.addresses[0]?.address ?? 'another place';
    const other = host.addresses.find(({ address, how }) => {
      if (how !== 'measured' || address === sighting.address || !sharesSpace(address, sighting.address)) return false;
      const seen = this.#meanwhile.at(address);
      return seen ? seen.identifiers.some((i) => same(i, identifier)) : this.#around.alive(address, identifier);
    });
    return other?.address ?? null;
  }

  #copy(sighting: Sighting, original: { host: KnownHost; why: string }): Decision {
    const holder = this.#places.of(sighting.address).find((host) => !this.#contradicts(host, sighting));
    const why = `cloned identity: ${original.why}; two live machines are two hosts`;
    if (holder) return { ...decided('seen', holder, why), cloneOf: original.host.id };
    return { ...this.#fresh('clone', why), cloneOf: original.host.id };
  }

  #byAddress(sighting: Sighting): Decision {
    const holders = this.#places.of(sighting.address).toSorted(measuredFirst(sighting.address));
    const holder = holders.find((host) => !this.#contradicts(host, sighting));
    if (holder) return decided('seen', holder, `same address ${sighting.address}, and no identifier contradicts`);
    const old = holders[0] ?? this.#claimant(sighting);
    if (old && holders.length === 0)
      return decided('seen', old, `${old.name} was only said to have that address, and was measured nowhere yet`);
    if (!old) return this.#fresh('new', `nothing was known at ${sighting.address}, nor any of its identifiers`);
    const kind = contradiction(old, sighting) ?? 'inventory-id';
    const elsewhere = old.identifiers.some((one) =>
      this.#meanwhile.placesOf(textOf(one)).some((address) => address !== sighting.address),
    );
    const why = `${sighting.address} shows another ${kind} than ${old.name} had there`;
    // Two networks may use the same private addresses: a list ends nobody whom we know.
    if (isListed(sighting)) return this.#fresh('new', `${why}; what a list says takes nobody’s place`);
    if (rank(old, sighting.address) !== 0 && old.addresses.some(({ how }) => how === 'measured'))
      return this.#fresh('new', `${why}; that host was only said to be there`);
    if (this.#isMeasuredElsewhere(old, sighting.address))
      return this.#fresh('new', `${why}; that host still is where else it was measured`);
    if (elsewhere) return this.#fresh('new', `${why}; that host is elsewhere now`);
    return {
      ...this.#fresh('replaced', `${why}, and no identifier of that host remains: built anew`),
      replaces: old.id,
    };
  }

  /** Agents and lists do not know of sites: who claims an address, and was measured nowhere, may well be who is seen. */
  #claimant(sighting: Sighting): KnownHost | undefined {
    const claimants = this.#places.of(addressOfPlace(sighting.address));
    if (!isMeasured(sighting) || claimants.some(({ addresses }) => addresses.some(({ how }) => how === 'measured')))
      return undefined;
    return claimants.find((host) => !this.#contradicts(host, sighting));
  }

  /** It has another measured address, and nothing in this batch says that it is not there any more. */
  #isMeasuredElsewhere(host: KnownHost, besides: string): boolean {
    return host.addresses.some(({ address, how }) => {
      if (how !== 'measured' || address === besides) return false;
      const seen = this.#meanwhile.at(address);
      return !seen || contradiction(host, seen) === null;
    });
  }

  #fresh(kind: Decision['kind'], why: string): Decision {
    return { hostId: this.#around.newId(), kind, why, displaced: [], replaces: null, from: [], cloneOf: null };
  }

  /** Brings the picture up to date: the host is here now, and whoever else was measured here is not. */
  #apply(sighting: Sighting, decision: Decision): void {
    const { address } = sighting;
    const host = this.#hosts.get(decision.hostId) ?? this.#made(sighting, decision.hostId);
    for (const one of sighting.identifiers) this.#learn(host, one, isListed(sighting));
    if (!isMeasured(sighting)) {
      if (!decision.isElsewhere && !isAt(host, address)) this.#place(host, address, 'claimed');
      return;
    }
    if (decision.kind === 'moved')
      for (const one of host.addresses.filter(({ address: at, how }) => how === 'measured' && sharesSpace(at, address)))
        this.#leave(host, one.address);
    this.#leave(host, address);
    this.#place(host, address, 'measured');
    for (const other of this.#places.of(address)) {
      if (other === host) continue;
      this.#leave(other, address);
      decision.displaced.push(other.id);
    }
  }

  #learn(host: KnownHost, identifier: Identifier, listed: boolean): void {
    const known = host.identifiers.findIndex((one) => same(one, identifier));
    if (known >= 0 && (listed || !host.identifiers[known]!.listed)) return;
    if (known >= 0) host.identifiers.splice(known, 1);
    host.identifiers.push({ ...identifier, ...(listed ? { listed } : {}) });
    this.#holders.add(textOf(identifier), host);
  }

  #made(sighting: Sighting, id: string): KnownHost {
    const name = sighting.hostname ?? sighting.address;
    const host: KnownHost = { id, name, management: 'unmanaged', identifiers: [], addresses: [] };
    this.#add(host);
    return host;
  }

  #place(host: KnownHost, address: string, how: 'measured' | 'claimed'): void {
    host.addresses.push({ address, how });
    this.#places.add(address, host);
  }

  #leave(host: KnownHost, address: string): void {
    host.addresses = host.addresses.filter((one) => one.address !== address);
    this.#places.remove(address, host);
  }
}

/** Something answered there, or a connection was seen; what an agent or a list says about addresses is hearsay. */
export function isMeasured(sighting: Pick<Sighting, 'source'>): boolean {
  return ['scan', 'peer', 'neighbour', 'agent-scan'].includes(sighting.source);
}

/** Somebody's list or some system's word about machines: nothing of it was seen. */
export function isListed(sighting: Pick<Sighting, 'source'>): boolean {
  return LISTS.includes(sighting.source);
}

function decided(kind: Decision['kind'], { id: hostId }: Pick<KnownHost, 'id'>, why: string): Decision {
  return { hostId, kind, why, displaced: [], replaces: null, from: [], cloneOf: null };
}

/** What a sighting that only repeats what stands is decided to be. */
export const seenAgain = (hostId: string, why: string): Decision => decided('seen', { id: hostId }, why);

/**
 * The strongest kind of which host and sighting both have some and share none; null when nothing contradicts. What only
 * lists told of a host contradicts no other than a list.
 */
export function contradiction(
  host: Pick<KnownHost, 'identifiers'>,
  sighting: Pick<Sighting, 'identifiers'> & Partial<Pick<Sighting, 'source'>>,
  besides?: IdentifierKind,
): StrongKind | null {
  const counts = ({ listed }: KnownIdentifier): boolean =>
    !listed || (sighting.source !== undefined && LISTS.includes(sighting.source));
  const found = STRONG.find((kind) => {
    if (kind === besides || MAY_CHANGE.has(kind)) return false;
    const ours = host.identifiers.filter((i) => i.kind === kind && counts(i));
    const theirs = sighting.identifiers.filter((i) => i.kind === kind);
    return ours.length > 0 && theirs.length > 0 && !theirs.some((t) => ours.some((o) => same(o, t)));
  });
  // A weaker contradiction does not outweigh a stronger agreement: a machine may get new SSH keys and stay itself.
  const agreed = besides ? STRONG.indexOf(besides as StrongKind) : STRONG.length;
  return found && STRONG.indexOf(found) < agreed ? found : null;
}

/** So that a machine that moved leaves its address before whoever came there is looked at. */
function strongestFirst(sightings: readonly Sighting[]): number[] {
  const strength = (sighting: Sighting): number => {
    const kinds = strong(sighting.identifiers).map((i) => STRONG.indexOf(i.kind as StrongKind));
    return kinds.length > 0 ? Math.min(...kinds) : STRONG.length;
  };
  return sightings.map((_, index) => index).sort((a, b) => strength(sightings[a]!) - strength(sightings[b]!) || a - b);
}
