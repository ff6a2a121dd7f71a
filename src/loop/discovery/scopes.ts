import type { Scope } from '../../model/estate.ts';
import { AppError } from '../../model/errors/index.ts';
import { newBucket, type Bucket } from '../../scan/logic/pace.ts';
import { LARGEST } from '../../scan/logic/permutation.ts';
import { parsePorts } from '../../scan/logic/ports.ts';
import { checkSchedule } from './logic/schedule.ts';
import { countAddresses, parseTargets, subtractIntervals } from '../../scan/logic/targets.ts';

/** Throws the error a person can act on, before a wrong scope is stored. */
export function checkScope(scope: Scope, confirmWide: boolean): void {
  const targets = parseTargets(scope.cidrs, { confirmWide });
  const excluded = addressesOnly(scope.exclude);
  parseTargets(scope.follow, { confirmWide });
  addressesOnly(scope.follow);
  const left = subtractIntervals(targets.intervals, excluded);
  if (left.length === 0 && targets.names.length === 0) throw new AppError('TARGETS_EMPTY');
  checkSize(countAddresses(left), parsePorts(scope.ports).length);
  if (scope.every !== null) checkSchedule(scope.every);
}

export function checkSize(addresses: bigint, ports: number): void {
  const pairs = addresses * BigInt(ports);
  if (pairs > BigInt(LARGEST)) throw new AppError('TARGETS_TOO_MANY', { pairs: pairs.toString() });
}

/** Exclusions and what may be followed: a name could point anywhere tomorrow, so names are not allowed there. */
export function addressesOnly(texts: readonly string[]) {
  const { intervals, names } = parseTargets(texts, { confirmWide: true });
  if (names[0])
    throw new AppError('TARGET_INVALID', { target: names[0], why: 'only addresses and CIDRs can stand here' });
  return intervals;
}

/** What every scope excludes, together: an exclusion holds whoever asks. */
export function excludedByAll(scopes: readonly Scope[]): string[] {
  return [...new Set(scopes.flatMap((scope) => scope.exclude))];
}

/** One bucket a scope in this process, whoever connects: a scan, a follow-up, a look on request. */
export class Buckets {
  readonly #buckets = new Map<string, Bucket>();

  of(key: string, rate: number): Bucket {
    const known = this.#buckets.get(key);
    if (known?.rate === rate) return known;
    const fresh = newBucket(rate, performance.now());
    this.#buckets.set(key, fresh);
    return fresh;
  }
}
