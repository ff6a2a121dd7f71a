import { performance } from 'node:perf_hooks';
import type { Portion, PortionReply, Terms } from '../model/site.ts';
import { lookupOf } from '../scan/logic/lookup.ts';
import { parseTargets } from '../scan/logic/targets.ts';
import type { Limits } from './limits.ts';

/** Of a lease: by its end somebody else may send there, so that nothing of ours is on its way any more. */
const SHARE_OF_LEASE = 0.8;

/** What ends so long before a blackout sends nothing in it. */
const AHEAD_MS = 1000;

/** What may be touched for a portion, how fast and until when. Whatever is not known to be allowed is not. */
export class Leash {
  readonly #mine: ReadonlySet<string>;
  readonly #limits: Limits;
  #terms: Terms;
  #allowed!: ReturnType<typeof lookupOf>;
  #excluded!: ReturnType<typeof lookupOf>;
  #heardAt: number;
  #stopped: string | null = null;
  /** addresses that were refused: nothing is known to be closed there */
  readonly refused = new Set<string>();
  /** told of every change */
  changed: () => void = () => undefined;

  /** `askedAt`: when the request was sent that this portion answered (ms, monotonic) */
  constructor(portion: Portion, limits: Limits, askedAt: number) {
    this.#mine = new Set(portion.addresses);
    this.#limits = limits;
    this.#heardAt = askedAt;
    this.#terms = portion.terms;
    this.#read(portion.terms);
  }

  get terms(): Terms {
    return this.#terms;
  }

  /** Why the work is over for good; null: it is not. */
  get stopped(): string | null {
    return this.#stopped;
  }

  stop(why: string): void {
    this.#stopped ??= why;
    this.changed();
  }

  /** The server's word; `askedAt`: when it was asked for, which is what a lease counts from. */
  heed({ terms, why }: PortionReply, askedAt: number): void {
    if (!terms) return this.stop(why ?? 'the server says so');
    this.#heardAt = askedAt;
    this.#terms = terms;
    this.#read(terms);
    this.changed();
  }

  /** May nothing more be sent now? */
  isOver(now = performance.now()): boolean {
    if (this.#stopped !== null) return true;
    const { darkMs, leaseSeconds } = this.#terms;
    if (darkMs !== null && now - this.#heardAt + AHEAD_MS >= darkMs) return true;
    return now - this.#heardAt > leaseSeconds * 1000 * SHARE_OF_LEASE;
  }

  allows(address: string): boolean {
    const may =
      this.#mine.has(address) &&
      this.#limits.allows(address) &&
      this.#allowed.has(address) &&
      !this.#excluded.has(address);
    if (!may) this.refused.add(address);
    return may;
  }

  #read({ allowed, excluded }: Terms): void {
    const read = (texts: readonly string[]) => lookupOf(parseTargets(texts, { confirmWide: true }).intervals);
    this.#allowed = read(allowed);
    this.#excluded = read(excluded);
  }
}
