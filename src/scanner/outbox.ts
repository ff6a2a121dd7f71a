import { performance } from 'node:perf_hooks';
import { type Client, isRefusal } from '../agent/client.ts';
import { type OpenPort, type Portion, PortionReply, type PortionReport, type ScannerLook } from '../model/site.ts';
import type { Leash } from './leash.ts';

/** Open ports that one report tells of at most, and that are kept for a server that is away. */
const OPEN_AT_ONCE = 20_000;
const OPEN_KEPT = 100_000;
/** Looks that are kept: the next ones are taken when these are delivered. */
const LOOKS_KEPT = 1024;
const LOOKS_AT_ONCE = 256;

interface Taken {
  look: Omit<ScannerLook, 'ageMs'>;
  takenAt: number;
}

/**
 * What was found and is not taken by the server yet. A report that got no answer is sent again as it was, under its
 * number; what was found meanwhile goes with the next.
 */
export class Outbox {
  readonly #client: Client;
  readonly #leash: Leash;
  readonly #at: Pick<PortionReport, 'scanId' | 'window' | 'lease'>;
  #seq = 0;
  /** sent, and not known to be taken */
  #sent: PortionReport | null = null;
  /** the place that is told already, and where we are */
  #told: number;
  #cursor: number;
  #open: OpenPort[] = [];
  #looks: Taken[] = [];
  /** of what was sent: when each look was taken (ms, monotonic) */
  #takenAt: number[] = [];
  /** addresses that were told as not looked at */
  readonly #refused = new Set<string>();
  #ended: PortionReport['ended'] = null;
  #tail: Promise<boolean> = Promise.resolve(true);

  constructor(client: Client, leash: Leash, { scanId, window, lease, cursor }: Portion) {
    this.#client = client;
    this.#leash = leash;
    this.#at = { scanId, window, lease };
    this.#told = cursor;
    this.#cursor = cursor;
  }

  /** Is there room for more, or is the server to be waited for? */
  get hasRoom(): boolean {
    return this.#open.length < OPEN_KEPT && this.#looks.length < LOOKS_KEPT;
  }

  found(cursor: number, open: readonly OpenPort[]): void {
    this.#cursor = cursor;
    this.#open.push(...open);
  }

  /** `takenAt`: ms, monotonic */
  read(looks: readonly Omit<ScannerLook, 'ageMs'>[], takenAt = performance.now()): void {
    this.#looks.push(...looks.map((look) => ({ look, takenAt })));
  }

  end(how: 'done' | 'left'): void {
    this.#ended = how;
  }

  /** Tells what there is to tell, or that we are there; false when the server could not be reached. One call at a time. */
  deliver(): Promise<boolean> {
    this.#tail = this.#tail.then(() => this.#deliver());
    return this.#tail;
  }

  async #deliver(): Promise<boolean> {
    do {
      if (this.#leash.stopped !== null) return true;
      this.#sent ??= this.#next();
      if (!(await this.#send(this.#sent ?? this.#alive()))) return false;
      if (this.#sent) this.#seq = this.#sent.seq!;
      this.#sent = null;
    } while (this.#hasNews());
    return true;
  }

  #hasNews(): boolean {
    return this.#open.length > 0 || this.#looks.length > 0 || this.#cursor > this.#told || this.#ended !== null;
  }

  #next(): PortionReport | null {
    if (!this.#hasNews()) return null;
    const open = this.#open.splice(0, OPEN_AT_ONCE);
    // Nothing is read before all that is open was told.
    const taken = this.#open.length > 0 ? [] : this.#looks.splice(0, LOOKS_AT_ONCE);
    this.#takenAt = taken.map(({ takenAt }) => takenAt);
    const looks = taken.map(({ look }) => ({ ...look, ageMs: 0 }));
    // The place is told with the last of what was found before it.
    if (this.#open.length === 0) this.#told = this.#cursor;
    const isLast = this.#open.length === 0 && this.#looks.length === 0;
    const ended = isLast ? this.#ended : null;
    if (isLast) this.#ended = null;
    // With the place up to which it is so: whoever goes on from there does not know.
    const notLooked = [...this.#leash.refused].filter((address) => !this.#refused.has(address));
    for (const address of notLooked) this.#refused.add(address);
    return { ...this.#at, seq: this.#seq + 1, cursor: this.#told, open, looks, notLooked, ended };
  }

  #alive(): PortionReport {
    return { ...this.#at, seq: null, cursor: this.#told, open: [], looks: [], notLooked: [], ended: null };
  }

  async #send(report: PortionReport): Promise<boolean> {
    const askedAt = performance.now();
    const looks = report.looks.map((look, index) => ({ ...look, ageMs: Math.max(0, askedAt - this.#takenAt[index]!) }));
    const body = { ...report, looks };
    const { beatSeconds } = this.#leash.terms;
    try {
      const timeoutMs = Math.max(1000, 2000 * beatSeconds);
      this.#leash.heed(await this.#client.call('POST', '/scanner/report', PortionReply, { body, timeoutMs }), askedAt);
      return true;
    } catch (error) {
      if (!isRefusal(error)) return false;
      this.#leash.stop((error as Error).message);
      return true;
    }
  }
}
