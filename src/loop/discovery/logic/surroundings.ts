import type { Identifier } from '../../../model/estate.ts';

/** What a decision about identity asks of the world. */
export interface Surroundings {
  newId(): string;
  /** Does a machine with that identity answer at that address now? (asked only for what this batch does not say) */
  alive(address: string, identifier: Identifier): boolean;
  /** Does the host's own agent report right now, from a machine that is not the sighting's? */
  reports?(hostId: string): boolean;
  /** Is this what the list calls a machine today, or what it called one once? (`inventory-id` only) */
  told?(inventoryId: string): boolean;
  /** Who stood for that identity when it was shown at this place and elsewhere at once? (measured addresses only) */
  stoodFor?(place: string, identifier: Identifier): Stood | null;
  /** Places that several machines have, at which this record stood for one of them. */
  standsIn?(hostId: string): readonly string[];
}

export interface Stood {
  hostId: string;
  /** that host proved to have this address beside its own: its agent said so */
  isBeside: boolean;
  /** other machines were shown there, too */
  isShared: boolean;
}
