import { AppError } from '../model/errors/index.ts';
import { lookupOf } from '../scan/logic/lookup.ts';
import { parseTargets } from '../scan/logic/targets.ts';

/** What this machine's own settings allow, whatever the server says. */
export interface Limits {
  allows(address: string): boolean;
}

/** `only`: nothing else is touched (none: anything); `never`: not these. Addresses, CIDRs and ranges. */
export function limitsOf({ only, never }: { only: readonly string[]; never: readonly string[] }): Limits {
  const [within, without] = [rangesIn(only), rangesIn(never)];
  return {
    allows: (address) => (only.length === 0 || within.has(address)) && !without.has(address),
  };
}

function rangesIn(texts: readonly string[]): ReturnType<typeof lookupOf> {
  const { intervals, names } = parseTargets(texts, { confirmWide: true });
  if (names[0] !== undefined)
    throw new AppError('TARGET_INVALID', { target: names[0], why: 'only addresses and CIDRs can stand here' });
  return lookupOf(intervals);
}
