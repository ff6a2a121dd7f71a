import { performance } from 'node:perf_hooks';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Transport } from '../../model/estate.ts';
import { AppError } from '../../model/errors/index.ts';
import { observeRtt, type Rtt, timeoutOf } from '../logic/pace.ts';
import { isTriedAgain, observeTry, type Retries, timeoutAt } from '../logic/retries.ts';
import { judge, observeAnswer, type Tempo } from '../logic/tempo.ts';
import type { Answer, Knock, Verdict } from './connector.ts';
import type { Guard } from './guard.ts';
import { Outcomes } from './outcomes.ts';
import { Span } from './span.ts';

export interface Pair {
  address: string;
  port: number;
  /** absent: TCP */
  transport?: Transport;
}

export interface SweepProgress {
  /** every index below this has been tried */
  cursor: number;
  /** open ports found since the last report */
  open: Pair[];
}

export interface SweepOptions {
  guard: Guard;
  from: number;
  to: number;
  pairAt(index: number): Pair;
  rtt: Rtt;
  /** silence is asked again; without it, one try has to do */
  retries?: Retries;
  /** the one that the guard keeps: it is told what gets lost */
  tempo?: Tempo;
  /** at most so many at once, if the guard allows more */
  concurrency?: number;
  /** Called now and then and at the end, never twice at once. False: stop. */
  report(progress: SweepProgress): Promise<boolean>;
  reportEveryMs?: number;
}

/** Tries that our own machine spoilt are made again so often, each a little later. */
const OURS_AGAIN = 5;
/** As often as the pace can fall from its highest to its lowest. */
const MOST_EXCUSED = 5;

/**
 * Tries to connect to every pair in [from, to). True when it came to the end, false when told to stop. Connections that
 * succeed are closed at once; what listens there is the probes' business.
 */
export async function sweep(options: SweepOptions): Promise<boolean> {
  const abort = new AbortController();
  const walk = new Walk(options, abort.signal);
  const report = (): Promise<boolean> => options.report(walk.take());
  const finished = await reportWhile(walk.run(), abort, report, options.reportEveryMs ?? 500);
  return finished && (await report());
}

/** How a pair ended. */
const ANSWERED = 1;
const SILENT = 2;
/** It says nothing about the network. */
const ELSE = 3;
const ENDS: Record<Verdict, number> = {
  open: ANSWERED,
  refused: ANSWERED,
  silent: SILENT,
  unreachable: ELSE,
  ours: ELSE,
  denied: ELSE,
};

class Walk {
  readonly #options: SweepOptions;
  readonly #signal: AbortSignal;
  readonly #width: number;
  /** What was cut short is never over, so the cursor does not pass it. */
  readonly #span: Span;
  readonly #outcomes: Outcomes | null;
  readonly #again = new Line();
  #flying = 0;
  #open: Pair[] = [];
  #wake: (() => void) | null = null;
  #failed: Error | null = null;

  constructor(options: SweepOptions, signal: AbortSignal) {
    this.#options = options;
    this.#signal = signal;
    this.#outcomes = options.tempo ? new Outcomes(options.tempo) : null;
    this.#width = Math.min(options.concurrency ?? Number.MAX_SAFE_INTEGER, options.guard.width);
    this.#span = new Span(options.from, Math.min(options.to - options.from, 2 * this.#width));
  }

  take(): SweepProgress {
    const open = this.#open;
    this.#open = [];
    return { cursor: this.#span.first, open };
  }

  async run(): Promise<void> {
    try {
      await this.#walk();
    } catch (error) {
      if (!this.#signal.aborted) throw error;
    }
  }

  async #walk(): Promise<void> {
    const how = { signal: this.#signal, answered: (answers: readonly Answer[]) => this.#hear(answers) };
    this.#signal.addEventListener('abort', () => this.#wake?.(), { once: true });
    while (!this.#signal.aborted) {
      if (this.#failed) throw this.#failed;
      const batch = this.#batch();
      if (batch.length > 0) {
        await this.#options.guard.knock(batch, how);
        await nextTurn();
      } else if (this.#span.isEmpty) return;
      else await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  #batch(): Knock[] {
    const { guard, to, pairAt } = this.#options;
    const room = Math.min(guard.together, this.#width - this.#flying);
    const knocks: Knock[] = [];
    while (knocks.length < room) {
      const id = this.#again.shift();
      if (id === undefined) break;
      knocks.push(this.#knock(id));
    }
    while (knocks.length < room && this.#span.next < to) {
      const { address, port } = pairAt(this.#span.next);
      knocks.push(this.#knock(this.#span.begin(address, port)));
    }
    this.#flying += knocks.length;
    return knocks;
  }

  #knock(id: number): Knock {
    const { of } = this.#span;
    const at = this.#span.at(id);
    const { guard, rtt, retries, tempo } = this.#options;
    const address = of.addresses[at]!;
    const tries = ++of.tries[at]!;
    const timeoutMs = retries ? timeoutAt(rtt, tries, retries, guard.hearsEarlier(address)) : timeoutOf(rtt);
    if (tries === 1) of.firstMs[at] = timeoutMs;
    of.falls[at] = tempo?.falls ?? 0;
    return { id, address, port: of.ports[at]!, timeoutMs };
  }

  #hear(answers: readonly Answer[]): void {
    if (this.#signal.aborted) return;
    this.#flying -= answers.length;
    for (const answer of answers) this.#hearOne(answer, this.#span.at(answer.id));
    this.#span.advance((address, end) => {
      if (end !== ELSE) this.#outcomes?.end(address, end === SILENT);
    });
    if (this.#options.tempo) judge(this.#options.tempo, performance.now());
    this.#wake?.();
  }

  #hearOne({ id, verdict, ms }: Answer, at: number): void {
    const { rtt, retries, tempo } = this.#options;
    const { of } = this.#span;
    if (verdict === 'ours') return this.#spoilt(id, at);
    if (verdict === 'silent' && this.#isTriedAgain(at)) return this.#again.push(id);
    if (verdict === 'open' || verdict === 'refused') {
      const tries = of.tries[at]!;
      observeRtt(rtt, ms);
      if (retries) observeTry(retries, tries);
      if (tempo) observeAnswer(tempo, tries > 1 && ms < of.firstMs[at]!);
    }
    if (verdict === 'open') this.#open.push({ address: of.addresses[at]!, port: of.ports[at]! });
    this.#span.end(id, ENDS[verdict]);
  }

  #isTriedAgain(at: number): boolean {
    const { tempo, retries } = this.#options;
    const { falls, excused, tries } = this.#span.of;
    // Sent at a pace that proved too fast: its silence says nothing, and the try does not count.
    if (tempo && tempo.falls > falls[at]! && excused[at]! < MOST_EXCUSED) {
      excused[at]! += 1;
      tries[at]! -= 1;
      return true;
    }
    return retries !== undefined && isTriedAgain(retries, tries[at]!);
  }

  #spoilt(id: number, at: number): void {
    const { tries, spoilt, addresses, ports } = this.#span.of;
    tries[at]! -= 1;
    spoilt[at]! += 1;
    if (spoilt[at]! > OURS_AGAIN) {
      this.#failed = new AppError('SCANNER_EXHAUSTED', { address: addresses[at]!, port: ports[at]! });
      return;
    }
    setTimeout(
      () => {
        this.#again.push(id);
        this.#wake?.();
      },
      50 * 2 ** spoilt[at]!,
    );
  }
}

/** First come, first served, without moving the others up each time. */
class Line {
  #ids: number[] = [];
  #at = 0;

  push(id: number): void {
    this.#ids.push(id);
  }

  shift(): number | undefined {
    const id = this.#ids[this.#at];
    if (id === undefined) return undefined;
    this.#at += 1;
    if (this.#at * 2 >= this.#ids.length) [this.#ids, this.#at] = [this.#ids.slice(this.#at), 0];
    return id;
  }
}

/** Reports while work goes on; when a report says no, the work is aborted. False then. */
export async function reportWhile(
  workers: Promise<unknown>,
  abort: AbortController,
  report: () => Promise<boolean>,
  everyMs: number,
): Promise<boolean> {
  const done = workers.then(() => true);
  try {
    for (;;) {
      let timer: NodeJS.Timeout | undefined;
      const pause = new Promise<false>((resolve) => (timer = setTimeout(resolve, everyMs, false)));
      const ended = await Promise.race([done, pause]);
      clearTimeout(timer);
      if (ended) return true;
      if (!(await report())) return false;
    }
  } finally {
    abort.abort();
    await workers.catch(() => undefined);
  }
}
