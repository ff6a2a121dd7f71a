import { isAppError } from '../../model/errors/index.ts';
import type { Look } from '../look.ts';
import { UDP_PROBES } from '../probes-udp/registry.ts';
import type { Guard } from './guard.ts';
import { inParallel } from '../../model/parallel.ts';
import type { Pair } from './sweep.ts';

const AT_ONCE = 24;
const ANSWER_MS = 1000;
const TRIES = 2;

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
  const looks = await inParallel(pairs, AT_ONCE, (pair) => lookOnce(guard, pair, now, signal));
  return looks.filter((look) => look !== null);
}

async function lookOnce(
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
      if (result) return { address, port, at: now(), result, error: null };
    }
    return null;
  } catch (error) {
    if (!isAppError(error)) throw error;
    return null;
  }
}
