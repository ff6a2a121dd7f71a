import type { Scope } from '../../model/estate.ts';
import { LOCAL_SITE } from '../../model/site.ts';
import { AppError } from '../../model/errors/index.ts';
import { formatAddress, type Interval } from '../../scan/logic/address.ts';
import { newBucket, type Bucket } from '../../scan/logic/pace.ts';
import { LARGEST } from '../../scan/logic/permutation.ts';
import { parsePorts } from '../../scan/logic/ports.ts';
import { parseUdp } from '../../scan/logic/udp-ports.ts';
import { newSharedSubnets, newSubnets, type Subnets } from '../../scan/logic/subnets.ts';
import { checkBlackouts } from './logic/blackout.ts';
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
  checkSize(left, parsePorts(scope.ports).length + udpAt(scope.site, scope.udp).length);
  if (scope.every !== null) checkSchedule(scope.every);
  checkBlackouts(scope.blackouts);
}

/** UDP ports to ask; scanners at other sites ask none. */
export function udpAt(site: string, udp: string): number[] {
  const ports = parseUdp(udp);
  if (site !== LOCAL_SITE && ports.length > 0) throw new AppError('UDP_ELSEWHERE', { site });
  return ports;
}

/** As many addresses as an IPv4 /8 has. */
const WIDEST_V6 = 2n ** 24n;

/** Refuses what no walk would ever come to the end of. */
export function checkSize(intervals: readonly Interval[], ports: number): void {
  for (const { family, first, last } of intervals) {
    if (family === 6 && last - first + 1n > WIDEST_V6)
      throw new AppError('TARGET_V6_WIDE', { first: formatAddress(6, first), last: formatAddress(6, last) });
  }
  const pairs = countAddresses(intervals) * BigInt(ports);
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

export interface Rates {
  bucket: Bucket;
  subnets: Subnets;
}

/**
 * The rates in this process, for all who connect: a scan, a follow-up, a look on request. That of the whole belongs to a
 * scope, or to a scan without one; that of a /24 belongs to the /24, whoever asks there.
 */
export class Buckets {
  readonly #known = new Map<string, Bucket>();
  readonly #shared = newSharedSubnets();

  of(key: string, { rate, subnetRate }: { rate: number; subnetRate: number }): Rates {
    const bucket = this.#known.get(key) ?? newBucket(rate, performance.now());
    this.#known.set(key, bucket);
    // Whoever holds it already goes on at the rate that its scope has now.
    bucket.rate = rate;
    return { bucket, subnets: newSubnets(subnetRate, this.#shared) };
  }

  /** A scan without a scope is over: nobody asks for its rates again. */
  forget(key: string): void {
    this.#known.delete(key);
  }
}
