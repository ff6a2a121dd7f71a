import type { Scope } from '../../model/estate.ts';
import { LOCAL_SITE } from '../../model/site.ts';
import { AppError } from '../../model/errors/index.ts';
import type { Platform } from '../../platform/context.ts';
import type { Interval } from '../../scan/logic/address.ts';
import { containsAddress, parseTargets, subtractIntervals } from '../../scan/logic/targets.ts';
import { createGuard, type Guard } from '../../scan/scanner/guard.ts';
import { nextBlackout, blackoutOver, type Dark, darkAmong, type Resting, restingOver } from './logic/blackout.ts';
import { addressesOnly, type Buckets, excludedByAll } from './scopes.ts';
import { findReach } from './store-scans.ts';

/** A change is announced; this is how soon it counts when the announcement got lost. */
const AGAIN_MS = 1000;

interface Covered {
  scope: Scope;
  targets: Interval[];
  withFollow: Interval[];
}

/**
 * The scopes as they are now, for work that takes longer than a moment: what is excluded meanwhile, or is in no scope
 * any more, is refused from then on, and connections to it are ended.
 */
export class LiveScopes {
  readonly #platform: Platform;
  readonly #guards = new Set<Guard>();
  #asked = 0;
  #applied = 0;
  #excluded: Interval[] = [];
  #covered: Covered[] = [];
  /** until the scopes are read again */
  #resting = new WeakMap<readonly Interval[], Resting[]>();

  constructor(platform: Platform) {
    this.#platform = platform;
  }

  /** SSH servers may be asked for their ways to log in. */
  get asksWays(): boolean {
    return this.#platform.config.sshWays === 'ask';
  }

  async refresh(): Promise<void> {
    const turn = ++this.#asked;
    const scopes = await findReach(this.#platform.db);
    // An answer that was overtaken by a later one is older than what we know.
    if (turn < this.#applied) return;
    this.#applied = turn;
    this.#excluded = addressesOnly(excludedByAll(scopes));
    this.#covered = scopes.map((scope) => ({ scope, targets: targetsOf(scope.cidrs), withFollow: withFollow(scope) }));
    this.#resting = new WeakMap();
    for (const guard of this.#guards) guard.recheck();
  }

  /** Guards are told of every change from now on. */
  watch(guard: Guard): Guard {
    this.#guards.add(guard);
    return guard;
  }

  /** It opens nothing any more. */
  forget(guard: Guard): void {
    this.#guards.delete(guard);
  }

  /** By any scope, for everybody. */
  isExcluded(address: string): boolean {
    return containsAddress(this.#excluded, address);
  }

  /** May this scan still touch the address? One of addresses that somebody named has no scope. */
  allowsScan(scan: { scope_id: string | null; scope_name: string | null }, address: string): boolean {
    if (containsAddress(this.#excluded, address)) return false;
    if (scan.scope_name === null) return true;
    return this.#covered.some(({ scope, targets }) => scope.id === scan.scope_id && containsAddress(targets, address));
  }

  /** Whose hours hold for these addresses; a scan asks it often, of the same list. */
  restingOver(intervals: readonly Interval[]): Resting[] {
    const known = this.#resting.get(intervals);
    if (known) return known;
    const scopes = this.#covered.map(({ scope, targets }) => ({ ...scope, targets }));
    const resting = restingOver(scopes, intervals);
    this.#resting.set(intervals, resting);
    return resting;
  }

  /** Whose blackout is on over these addresses, and until when; null: none. */
  dark(intervals: readonly Interval[], at: Date): Dark | null {
    return darkAmong(this.restingOver(intervals), at);
  }

  /** When the next blackout over these addresses begins; null: there is none. */
  nextDark(intervals: readonly Interval[], at: Date): Date | null {
    const begins = this.restingOver(intervals).flatMap(({ blackouts }) => nextBlackout(blackouts, at)?.getTime() ?? []);
    return begins.length > 0 ? new Date(Math.min(...begins)) : null;
  }

  /** The same for an address that we follow a connection to: whoever lets us look there says when. */
  darkAt(address: string, at: Date): Dark | null {
    const scopes = this.#covered.map(({ scope, withFollow: targets }) => ({ ...scope, targets }));
    return blackoutOver(scopes, parseTargets([address]).intervals, at);
  }

  darkIn({ id }: Scope, at: Date): Dark | null {
    return this.dark(this.#covered.find(({ scope }) => scope.id === id)?.targets ?? [], at);
  }

  /** As it is now; null: there is none any more. */
  byId(id: string | null): Scope | null {
    return this.#covered.find(({ scope }) => scope.id === id)?.scope ?? null;
  }

  /** What a scope covers now, without what any excludes. */
  reachOf(scopeId: string | null): Interval[] {
    const targets = this.#covered.find(({ scope }) => scope.id === scopeId)?.targets ?? [];
    return subtractIntervals(targets, this.#excluded);
  }

  get excluded(): readonly Interval[] {
    return this.#excluded;
  }

  /**
   * The scope that lets us look at this address, or null: outside all of them we never connect. What belongs to another
   * site is for its scanners: the same address here may be another machine.
   */
  scopeFor(address: string): Scope | null {
    if (containsAddress(this.#excluded, address)) return null;
    const here = this.#covered.filter(({ scope }) => scope.site === LOCAL_SITE);
    return here.find((one) => containsAddress(one.withFollow, address))?.scope ?? null;
  }
}

const targetsOf = (texts: readonly string[]): Interval[] => parseTargets(texts, { confirmWide: true }).intervals;
const withFollow = (scope: Scope): Interval[] => targetsOf([...scope.cidrs, ...scope.follow]);

/** The scopes, kept up to date for as long as `use` runs. */
export async function withScopes<T>(platform: Platform, use: (scopes: LiveScopes) => Promise<T>): Promise<T> {
  const scopes = new LiveScopes(platform);
  await scopes.refresh();
  const again = (): void => {
    scopes.refresh().catch((error: unknown) => {
      platform.log.warn({ error }, 'scopes could not be read again; those of before count a little longer');
    });
  };
  const stop = platform.events.subscribe('scans', ({ payload }) => {
    if (payload['scopeId'] !== undefined) again();
  });
  const timer = setInterval(again, AGAIN_MS);
  try {
    return await use(scopes);
  } finally {
    clearInterval(timer);
    stop();
  }
}

/** A guard for one address, as long as some scope covers it. */
export function guardFor(scopes: LiveScopes, buckets: Buckets, address: string): { guard: Guard; scope: Scope } {
  const scope = scopes.scopeFor(address);
  if (!scope) throw new AppError('ADDRESS_NOT_ALLOWED', { address });
  const allows = (other: string): boolean => other === address && scopes.scopeFor(address) !== null;
  return {
    scope,
    guard: scopes.watch(createGuard({ allows, asksWays: scopes.asksWays, ...buckets.of(scope.id, scope) })),
  };
}

/** The same for one piece of work: a scan that takes days asks at thousands of addresses on its way. */
export async function withGuard<T>(
  scopes: LiveScopes,
  buckets: Buckets,
  address: string,
  use: (guard: Guard) => Promise<T>,
): Promise<T> {
  const { guard } = guardFor(scopes, buckets, address);
  try {
    return await use(guard);
  } finally {
    scopes.forget(guard);
  }
}
