import { performance } from 'node:perf_hooks';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Transport } from '../../model/estate.ts';
import { AppError } from '../../model/errors/index.ts';
import { observeRtt, type Rtt, timeoutOf } from '../logic/pace.ts';
import { isTriedAgain, observeTry, type Retries, timeoutAt } from '../logic/retries.ts';
import { judge, type Tempo } from '../logic/tempo.ts';
import type { Answer, Knock } from './connector.ts';
import type { Guard } from './guard.ts';
import { Outcomes } from './outcomes.ts';

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

/** Also what is handed to the guard, made once for all its tries. */
interface Unfinished extends Knock {
  tries: number;
  /** how long the first try was waited for */
  firstMs: number;
  /** how often the pace had fallen when the last try was sent, and how many tries that excused */
  falls: number;
  excused: number;
  /** how often our own machine spoilt it */
  spoilt: number;
}

class Walk {
  readonly #options: SweepOptions;
  readonly #signal: AbortSignal;
  readonly #width: number;
  /** In order of index, so that the first is the cursor. What was cut short stays, so the cursor does not pass it. */
  readonly #unfinished = new Map<number, Unfinished>();
  readonly #outcomes: Outcomes | null;
  #again: number[] = [];
  #flying = 0;
  #next: number;
  #open: Pair[] = [];
  #wake: (() => void) | null = null;
  #failed: Error | null = null;

  constructor(options: SweepOptions, signal: AbortSignal) {
    this.#options = options;
    this.#signal = signal;
    this.#next = options.from;
    this.#outcomes = options.tempo ? new Outcomes(options.tempo, options.from) : null;
    this.#width = Math.min(options.concurrency ?? Number.MAX_SAFE_INTEGER, options.guard.width);
  }

  take(): SweepProgress {
    const open = this.#open;
    this.#open = [];
    const [first] = this.#unfinished.keys();
    return { cursor: first ?? this.#next, open };
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
      } else if (this.#unfinished.size === 0) return;
      else await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  #batch(): Knock[] {
    const { guard, to } = this.#options;
    const room = Math.min(guard.together, this.#width - this.#flying);
    const ids = this.#again.splice(0, Math.max(0, room));
    while (ids.length < room && this.#next < to) {
      const id = this.#next++;
      const { address, port } = this.#options.pairAt(id);
      this.#unfinished.set(id, {
        id,
        address,
        port,
        timeoutMs: 0,
        tries: 0,
        firstMs: 0,
        falls: 0,
        excused: 0,
        spoilt: 0,
      });
      ids.push(id);
    }
    this.#flying += ids.length;
    return ids.map((id) => this.#knock(id));
  }

  #knock(id: number): Knock {
    const one = this.#unfinished.get(id)!;
    one.tries += 1;
    const { rtt, retries, tempo } = this.#options;
    one.timeoutMs = retries ? timeoutAt(rtt, one.tries) : timeoutOf(rtt);
    if (one.tries === 1) one.firstMs = one.timeoutMs;
    one.falls = tempo?.falls ?? 0;
    return one;
  }

  #hear(answers: readonly Answer[]): void {
    if (this.#signal.aborted) return;
    this.#flying -= answers.length;
    for (const answer of answers) this.#hearOne(answer, this.#unfinished.get(answer.id)!);
    if (this.#options.tempo) judge(this.#options.tempo, performance.now());
    this.#wake?.();
  }

  #hearOne({ id, verdict, ms }: Answer, one: Unfinished): void {
    const { rtt, retries } = this.#options;
    if (verdict === 'ours') return this.#spoilt(id, one);
    if (verdict === 'silent' && this.#isTriedAgain(one)) return void this.#again.push(id);
    if (verdict === 'open' || verdict === 'refused') {
      observeRtt(rtt, ms);
      if (retries) observeTry(retries, one.tries);
    }
    this.#outcomes?.note(id, verdict, ms, one);
    if (verdict === 'open') this.#open.push({ address: one.address, port: one.port });
    this.#unfinished.delete(id);
  }

  #isTriedAgain(one: Unfinished): boolean {
    const { tempo, retries } = this.#options;
    // Sent at a pace that proved too fast: its silence says nothing, and the try does not count.
    if (tempo && tempo.falls > one.falls && one.excused < MOST_EXCUSED) {
      one.excused += 1;
      one.tries -= 1;
      return true;
    }
    return retries !== undefined && isTriedAgain(retries, one.tries);
  }

  #spoilt(id: number, one: Unfinished): void {
    one.tries -= 1;
    one.spoilt += 1;
    if (one.spoilt > OURS_AGAIN) {
      this.#failed = new AppError('SCANNER_EXHAUSTED', { address: one.address, port: one.port });
      return;
    }
    setTimeout(
      () => {
        this.#again.push(id);
        this.#wake?.();
      },
      50 * 2 ** one.spoilt,
    );
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
