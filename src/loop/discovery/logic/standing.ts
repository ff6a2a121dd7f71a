import type { Sighting } from '../../../model/estate.ts';
import { isTwin, spaceOfPlace } from './place.ts';

/** Where a machine is: places, see place.ts. */
interface Standing {
  addresses: { address: string; how: 'measured' | 'claimed' }[];
}

export const sharesSpace = (one: string, other: string): boolean => spaceOfPlace(one) === spaceOfPlace(other);
/** Measured, and in other address spaces than this place's only: a machine is where it was, and reached from here too. */
export const isOnlyAfar = (host: Standing, place: string): boolean => {
  const measured = host.addresses.filter(({ how }) => how === 'measured');
  return measured.length > 0 && !measured.some(({ address }) => sharesSpace(address, place));
};
export const isNowhere = ({ addresses }: Standing): boolean => !addresses.some(({ how }) => how === 'measured');
/** Whoever looks at a site says at which: a scan and an agent that looks around. */
export const isTwinOf = (host: Standing, { address, source }: Sighting): boolean =>
  (source === 'scan' || source === 'agent-scan') && isOnlyAfar(host, address) && isTwin(host.addresses, address);
export const isAt = (host: Standing, address: string): boolean => host.addresses.some((a) => a.address === address);
export const rank = (host: Standing, at: string): number =>
  host.addresses.some(({ address, how }) => address === at && how === 'measured') ? 0 : 1;
export const measuredFirst =
  (address: string) =>
  (a: Standing, b: Standing): number =>
    rank(a, address) - rank(b, address);

/** It is nowhere but at `places`, where it stands for a machine beside others, and one of them is not here. */
export const standsIn = ({ addresses }: Standing, places: readonly string[], here: string): boolean =>
  places.some((place) => place !== here) &&
  addresses.every(({ address, how }) => how !== 'measured' || places.includes(address));
