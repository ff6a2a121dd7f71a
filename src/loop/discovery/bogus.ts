import type { Platform } from '../../platform/context.ts';
import { bogusAmong, muteAmong, type Traps } from '../../scan/logic/traps.ts';
import type { Look } from '../../scan/look.ts';
import { spokenAt } from './store-endpoints.ts';

/** Of these looks, the addresses where nobody is: something answers for them. */
export async function bogusOf(platform: Platform, traps: Traps, looks: readonly Look[]): Promise<Set<string>> {
  return bogusAmong(traps, looks, await spokenAt(platform.db, muteAmong(looks)));
}
