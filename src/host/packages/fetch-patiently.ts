import { setTimeout as sleep } from 'node:timers/promises';
import type { ExecResult, Host } from '../host.ts';

const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 30_000;

export interface Patience {
  /** of one try */
  timeoutMs: number;
  /** how long the network may be away before the last try stands */
  patienceMs: number;
  /** does the command say that it could not reach somebody? default: as apt says it */
  isAway?(result: ExecResult): boolean;
}

/**
 * Runs a command of a package manager that fetches before it changes anything, and again as long as the network is what it
 * fails for: a partition is no reason to give a change up, and nothing was changed yet. The last result, good or bad.
 */
export async function fetchPatiently(host: Host, argv: readonly string[], given: Patience): Promise<ExecResult> {
  const until = Date.now() + given.patienceMs;
  for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(2 * pause, LONGEST_PAUSE_MS)) {
    const result = await host.exec(argv, { timeoutMs: given.timeoutMs });
    const isAway = given.isAway?.(result) ?? isNetworkAway(result.stderr);
    if (!isAway || Date.now() + pause > until) return result;
    await sleep(pause);
  }
}

const AWAY =
  /Could not connect|Cannot initiate the connection|Could not resolve|Temporary failure|Unable to connect|timed? ?out|Connection (failed|refused|reset)|No route to host|unreachable|Error reading from server| 50[234] /i;

/** Does apt say that it could not reach somebody? An answer that says no (404, 401, a wrong signature) is the same later. */
export function isNetworkAway(stderr: string): boolean {
  return stderr.split('\n').some((line) => /^[EW]: Failed to fetch /.test(line) && AWAY.test(line));
}
