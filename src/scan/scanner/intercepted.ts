import { inParallel } from '../../model/parallel.ts';
import {
  type HeardUdp,
  type Intercepted,
  onlyOverUdp,
  placeOf,
  spokenFor,
  unjudged,
  wordOf,
} from '../logic/intercepted.ts';
import { someOf, subnetOf } from '../logic/subnets.ts';
import { WHOLE } from '../logic/up.ts';
import type { Guard } from './guard.ts';
import { lookOnceUdp } from './observe-udp.ts';

/** Subnets that are judged at once. */
const AT_ONCE = 8;
/** So many are asked first: almost everywhere one of them stays silent or says something else, and that is the end. */
const FEW = 3;

export interface InterceptedAsking {
  met: Intercepted;
  /** where hosts are known already: they are there, whatever answers for the others */
  known: ReadonlySet<string>;
  signal: AbortSignal;
}

/** Addresses whose only evidence are answers over UDP that come from every address asked in their subnet (16 or more). */
export async function interceptedAmong(
  guard: Guard,
  looks: readonly HeardUdp[],
  { met, known, signal }: InterceptedAsking,
): Promise<string[]> {
  const only = onlyOverUdp(looks, known);
  await inParallel(unjudged(met, only), AT_ONCE, async (look) => {
    const word = wordOf(look.result);
    met.set(placeOf(look), (await allSay(guard, look, word, signal)) ? word : null);
  });
  return spokenFor(met, only);
}

async function allSay(guard: Guard, { address, port }: HeardUdp, word: string, signal: AbortSignal): Promise<boolean> {
  const others = someOf(subnetOf(address), (other) => other !== address && guard.allows(other));
  if (others.length + 1 < WHOLE) return false;
  for (const some of [others.slice(0, FEW), others.slice(FEW, WHOLE), others.slice(WHOLE)]) {
    const heard = await inParallel(some, WHOLE, (other) =>
      lookOnceUdp(guard, { address: other, port }, () => new Date(), signal),
    );
    if (heard.some((look) => look === null || wordOf(look.result) !== word)) return false;
  }
  return true;
}
