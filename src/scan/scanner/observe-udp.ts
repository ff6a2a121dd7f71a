import { isAppError } from '../../model/errors/index.ts';
import type { Look } from '../look.ts';
import { UDP_PROBES } from '../probes-udp/registry.ts';
import type { Guard } from './guard.ts';
import { inParallel } from '../../model/parallel.ts';
import { type Pair, reportWhile, type SweepProgress } from './sweep.ts';

const AT_ONCE = 24;
const ANSWER_MS = 1000;
const TRIES = 2;
/** Sockets of a walk: each waits for seconds where nobody answers. */
const WALK_AT_ONCE = 512;

/**
 * Asks these UDP ports by the protocols that live there. Only what answered is in the list: silence over UDP shows
 * neither that somebody listens nor that nobody does.
 */
export async function lookAtUdp(
  guard: Guard,
  pairs: readonly Pair[],
  now: () => Date,
  signal?: AbortSignal,
): Promise<Look[]> {
  const looks = await inParallel(pairs, AT_ONCE, (pair) => lookOnceUdp(guard, pair, now, signal));
  return looks.filter((look) => look !== null);
}

/** The same where somebody answered before: that nobody does now is told. */
export async function lookAgainUdp(
  guard: Guard,
  pairs: readonly Pair[],
  now: () => Date,
  signal?: AbortSignal,
): Promise<Look[]> {
  return inParallel(pairs, AT_ONCE, async ({ address, port }) => {
    const look = await lookOnceUdp(guard, { address, port }, now, signal);
    return look ?? { address, port, transport: 'udp', at: now(), result: null, error: NO_ANSWER };
  });
}

export const NO_ANSWER = 'it did not answer the last look; over UDP that shows neither that it listens nor that not';

/** Null: no answer. */
export async function lookOnceUdp(
  guard: Guard,
  { address, port }: Pair,
  now: () => Date,
  signal: AbortSignal | undefined,
): Promise<Look | null> {
  let refused = false;
  const ask = async (bytes: Buffer): Promise<Buffer[]> => {
    for (let attempt = 0; attempt < TRIES && !refused; attempt++) {
      const { answers, ...rest } = await guard.exchange(address, port, bytes, { timeoutMs: ANSWER_MS, signal });
      refused = rest.refused;
      if (answers.length > 0) return answers;
    }
    return [];
  };
  try {
    for (const probe of UDP_PROBES.filter(({ ports }) => ports.includes(port))) {
      const result = await probe.probe({ address, port, ask });
      if (result) return { address, port, transport: 'udp', at: now(), result, error: null };
    }
    return null;
  } catch (error) {
    if (!isAppError(error)) throw error;
    return null;
  }
}

export interface UdpWalk {
  guard: Guard;
  /** what was done before is not done again */
  from: number;
  to: number;
  pairAt(index: number): Pair;
  /** Called now and then and at the end, never twice at once. False: stop. */
  report(progress: SweepProgress): Promise<boolean>;
  reportEveryMs?: number;
}

/** Asks at every pair in [from, to) whether somebody answers there. False when told to stop. */
export async function sweepUdp({ guard, from, to, pairAt, ...how }: UdpWalk): Promise<boolean> {
  const abort = new AbortController();
  const unfinished = new Set<number>();
  let next = from;
  let open: Pair[] = [];
  const worker = async (): Promise<void> => {
    while (next < to && !abort.signal.aborted) {
      const index = next++;
      const pair = pairAt(index);
      unfinished.add(index);
      // What is cut short stays, so that the cursor does not pass it.
      const look = await lookOnceUdp(guard, pair, () => new Date(), abort.signal);
      if (look) open.push({ ...pair, transport: 'udp' });
      unfinished.delete(index);
    }
  };
  const take = (): SweepProgress => {
    const found = open;
    open = [];
    const [first] = unfinished;
    return { cursor: first ?? next, open: found };
  };
  const width = Math.min(WALK_AT_ONCE, guard.width, to - from);
  const walking = Promise.all(Array.from({ length: Math.max(0, width) }, worker)).catch((error: unknown) => {
    if (!abort.signal.aborted) throw error;
  });
  const report = (): Promise<boolean> => how.report(take());
  return (await reportWhile(walking, abort, report, how.reportEveryMs ?? 500)) && (await report());
}
