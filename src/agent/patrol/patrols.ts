import { PatrolReply, type PatrolOrder, type PatrolReport } from '../../model/patrol.ts';
import type { Host } from '../../host/host.ts';
import type { Client } from '../client.ts';
import type { Log } from '../log.ts';
import { bound } from './bounds.ts';
import { ownSubnets, readNeighbours } from './subnets.ts';
import { type Ended, walk } from './walk.ts';

/** From one patrol's end to another one's beginning, at least, whatever the server says. */
const REST_MS = 30_000;

export interface PatrolsOptions {
  host: Host;
  log: Log;
  signal: AbortSignal;
  now: () => Date;
  /** false: this host looks at nobody */
  allowed: boolean;
  client(): Client;
}

/** At most one patrol at a time, beside everything else that the agent does. */
export class Patrols {
  readonly #options: PatrolsOptions;
  #running: { id: string; stop: AbortController; ended: Promise<void> } | null = null;
  #endedAt = Number.NEGATIVE_INFINITY;
  #last: string | null = null;

  constructor(options: PatrolsOptions) {
    this.#options = options;
  }

  get busy(): boolean {
    return this.#running !== null;
  }

  /** Where this host could look; told with each check-in. */
  subnets(): string[] {
    return this.#options.allowed ? ownSubnets() : [];
  }

  /** What the server's answer to a check-in says: begin this one, go on with it, or end what is being done. */
  heed(order: PatrolOrder | null): void {
    if (this.#running && this.#running.id !== order?.id) this.#running.stop.abort(new Error('the server says so'));
    if (this.#running || !order || this.#options.signal.aborted) return;
    // The same one again was cut off and goes on; a new one waits a moment.
    if (order.id !== this.#last && performance.now() - this.#endedAt < REST_MS) return;
    const stop = new AbortController();
    this.#last = order.id;
    this.#running = { id: order.id, stop, ended: this.#run(order, stop) };
  }

  /** Ends what runs. */
  async end(): Promise<void> {
    this.#running?.stop.abort(new Error('the agent ends'));
    await this.#running?.ended;
  }

  async #run(order: PatrolOrder, stop: AbortController): Promise<void> {
    const { log } = this.#options;
    try {
      const ended = await this.#go(order, AbortSignal.any([stop.signal, this.#options.signal]));
      if (ended.how === 'refused') log.warn('Refused to look around', { patrol: order.id, why: ended.why ?? '' });
      else log.info('Looked around', { patrol: order.id, block: order.block, how: ended.how, why: ended.why ?? '' });
    } catch (error) {
      // The server offers it again with the next check-in, from the window that it knows.
      log.warn('Looking around broke off', { patrol: order.id, why: (error as Error).message });
    } finally {
      this.#running = null;
      this.#endedAt = performance.now();
    }
  }

  async #go(order: PatrolOrder, signal: AbortSignal): Promise<Ended> {
    const { host, now } = this.#options;
    const report = (body: PatrolReport): Promise<PatrolReply> =>
      this.#options.client().call('POST', '/patrol', PatrolReply, { body });
    const bounded = bound(order, { subnets: this.subnets(), now: now().getTime() });
    const ended =
      'refused' in bounded
        ? ({ how: 'refused', why: bounded.refused } satisfies Ended)
        : await walk(bounded, order.ranges, { report, signal, now, neighbours: () => readNeighbours(host) });
    const { how, why } = ended;
    // One that was cut off is the server's to offer again.
    if (how !== 'stopped') await report({ id: order.id, window: null, seen: [], ended: { how, why } });
    return ended;
  }
}
