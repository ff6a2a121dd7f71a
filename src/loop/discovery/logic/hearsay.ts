import type { Claim, Sighting, SourceName } from '../../../model/estate.ts';
import { addressOfPlace } from './place.ts';
import { contradiction, type KnownHost } from './reconcile.ts';
import { isAt, isOnlyAfar } from './standing.ts';
import { strong } from './strong.ts';

/** A host that a patrol's sighting touches: it is at that address, or has one of its identifiers. */
export interface Touched extends KnownHost {
  claim: Claim;
  sources: SourceName[];
  /** the server has seen something of it itself */
  isSeen: boolean;
}

/**
 * `record`: nobody but agents knows of it, so what this one saw is the best there is. `note`: more is known of that host
 * than an agent's word, which changes nothing about it; `differs`: the agent saw another identity there; `isThere`: it is
 * known to be there, or says so.
 */
export type Weight = { kind: 'record' } | { kind: 'note'; hostId: string; differs: boolean; isThere: boolean };

/** What an agent says about other machines proves nothing about those that we know better (row 1.10). `sighting`: of a place. */
export function weigh(hosts: readonly Touched[], sighting: Sighting): Weight {
  const at = (host: Touched): boolean => isAt(host, sighting.address) || claims(host, sighting.address);
  const touched = hosts.filter((host) => at(host) || shares(host, sighting)).toSorted((a, b) => +at(b) - +at(a));
  for (const host of touched) {
    const differs = contradiction(host, sighting) !== null;
    if (isFirm(host)) return { kind: 'note', hostId: host.id, differs, isThere: at(host) };
    // Somebody said whose it is: an agent's word neither replaces nor moves it.
    if (host.claim !== 'unknown' && (differs || !at(host)))
      return { kind: 'note', hostId: host.id, differs, isThere: at(host) };
  }
  return { kind: 'record' };
}

/** Whoever claims an address knows of no site: it means the one where it was measured, or any while it was nowhere. */
const claims = (host: Touched, place: string): boolean =>
  !isOnlyAfar(host, place) &&
  host.addresses.some(({ address, how }) => how === 'claimed' && address === addressOfPlace(place));

/** `peer` and `neighbour` are an agent's word as well, unless the server looked and saw. */
const isFirm = (host: Touched): boolean =>
  host.isSeen ||
  host.management !== 'unmanaged' ||
  host.sources.some((source) => source === 'scan' || source === 'agent');

const shares = (host: Touched, sighting: Sighting): boolean =>
  strong(sighting.identifiers).some((one) =>
    host.identifiers.some((other) => other.kind === one.kind && other.value === one.value),
  );
