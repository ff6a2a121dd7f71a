import type { Sighting } from '../../../model/estate.ts';
import { LOCAL_SITE } from '../../../model/site.ts';
import { parseAddress } from '../../../scan/logic/address.ts';
import { containsAddress, parseTargets } from '../../../scan/logic/targets.ts';

/** Addresses that every network may use for itself (RFC 1918, 6598, 3927, 4193; loopback and link-local with them). */
const PRIVATE = parseTargets(
  [
    '10.0.0.0/8',
    '100.64.0.0/10',
    '127.0.0.0/8',
    '169.254.0.0/16',
    '172.16.0.0/12',
    '192.168.0.0/16',
    '::1/128',
    'fc00::/7',
    'fe80::/10',
  ],
  { confirmWide: true },
).intervals;

/**
 * The address space that an address belongs to when it was seen from a site: a private one to the site's own, any other
 * to the one that all share, which is also that of this server.
 */
export function spaceOf(site: string | undefined, address: string): string {
  if (site === undefined || site === LOCAL_SITE) return LOCAL_SITE;
  return parseAddress(address) && containsAddress(PRIVATE, address) ? site : LOCAL_SITE;
}

/** An address together with its space, as one text: `10.0.0.5`, or `10.0.0.5@berlin` elsewhere. */
export function placeIn(space: string, address: string): string {
  return space === LOCAL_SITE ? address : `${address}@${space}`;
}

/** Private addresses of two sites are two address spaces: they are decided upon as places. */
export const atPlace = (sighting: Sighting): Sighting => ({
  ...sighting,
  address: placeIn(spaceOf(sighting.site, sighting.address), sighting.address),
});

export const spaceOfPlace = (place: string): string => place.split('@')[1] ?? LOCAL_SITE;
export const addressOfPlace = (place: string): string => place.split('@')[0]!;

/**
 * Was something measured at the same address in another space? Two machines with one key, by their maker's doing: one
 * machine that is at two sites has another address at each.
 */
export const isTwin = (places: readonly { address: string; how: 'measured' | 'claimed' }[], place: string): boolean =>
  places.some(
    ({ address, how }) => how === 'measured' && address !== place && addressOfPlace(address) === addressOfPlace(place),
  );
