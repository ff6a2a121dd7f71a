import { isAppError } from '../../model/errors/index.ts';
import { observeRtt, type Rtt, timeoutOf } from '../logic/pace.ts';
import type { Guard } from './guard.ts';

export interface Pair {
  address: string;
  port: number;
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
  concurrency: number;
  /** Called now and then and at the end, never twice at once. False: stop. */
  report(progress: SweepProgress): Promise<boolean>;
  reportEveryMs?: number;
}

/**
 * Tries to connect to every pair in [from, to). True when it came to the end, false when told to stop. Connections that
 * succeed are closed at once; what listens there is the probes' business.
 */
export async function sweep(options: SweepOptions): Promise<boolean> {
  const abort = new AbortController();
  const running = new Set<number>();
  let next = options.from;
  let open: Pair[] = [];
  const report = async (): Promise<boolean> => {
    const found = open;
    open = [];
    const cursor = running.size > 0 ? Math.min(...running) : next;
    return options.report({ cursor, open: found });
  };
  const work = async (): Promise<void> => {
    while (next < options.to && !abort.signal.aborted) {
      const index = next++;
      running.add(index);
      const pair = options.pairAt(index);
      const answered = await tryConnect(options, pair, abort.signal);
      if (answered) open.push(pair);
      // One that was cut short stays in `running`, so that the cursor does not pass over it.
      if (!abort.signal.aborted) running.delete(index);
    }
  };
  const workers = Promise.all(
    Array.from({ length: Math.min(options.concurrency, Math.max(1, options.to - options.from)) }, work),
  );
  const finished = await reportWhile(workers, abort, report, options.reportEveryMs ?? 500);
  return finished && (await report());
}

async function reportWhile(
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

async function tryConnect(options: SweepOptions, pair: Pair, signal: AbortSignal): Promise<boolean> {
  const started = performance.now();
  try {
    const socket = await options.guard.connect(pair.address, pair.port, { timeoutMs: timeoutOf(options.rtt), signal });
    observeRtt(options.rtt, performance.now() - started);
    socket.destroy();
    return true;
  } catch (error) {
    if (isAppError(error, 'CONNECT_REFUSED')) observeRtt(options.rtt, performance.now() - started);
    else if (!isAppError(error) && !signal.aborted) throw error;
    return false;
  }
}

/** Runs `fn` over `items`, a few at a time; results in order. */
export async function inParallel<T, R>(items: readonly T[], width: number, fn: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = Array.from({ length: items.length });
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < items.length) {
      const index = next++;
      results[index] = await fn(items[index]!);
    }
  };
  await Promise.all(Array.from({ length: Math.min(width, items.length) }, worker));
  return results;
}
