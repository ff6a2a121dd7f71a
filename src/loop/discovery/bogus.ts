import type { Platform } from '../../platform/context.ts';
import type { Intercepted } from '../../scan/logic/intercepted.ts';
import { bogusAmong, muteAmong, newTraps, type Traps } from '../../scan/logic/traps.ts';
import type { Look } from '../../scan/look.ts';
import type { Guard } from '../../scan/scanner/guard.ts';
import { interceptedAmong } from '../../scan/scanner/intercepted.ts';
import { knownAddresses } from './store-addresses.ts';
import { spokenAt } from './store-endpoints.ts';

/** What a run has met so far that answers for others. */
export interface Answering {
  traps: Traps;
  intercepted: Intercepted;
}

export const newAnswering = (): Answering => ({ traps: newTraps(), intercepted: new Map() });

/** Of these looks, the addresses where nobody is: something answers for them. */
export async function bogusOf(
  { db }: Platform,
  guard: Guard,
  looks: readonly Look[],
  { traps, intercepted, signal }: Answering & { signal: AbortSignal },
): Promise<Set<string>> {
  const mute = bogusAmong(traps, looks, await spokenAt(db, muteAmong(looks)));
  const overUdp = looks.filter(({ transport }) => transport === 'udp').map(({ address }) => address);
  if (overUdp.length === 0) return mute;
  const known = new Set(await knownAddresses(db, undefined, [...new Set(overUdp)]));
  return new Set([...mute, ...(await interceptedAmong(guard, looks, { met: intercepted, known, signal }))]);
}
