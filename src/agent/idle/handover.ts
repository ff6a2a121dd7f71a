import { createHash } from 'node:crypto';
import type { CheckInReply, CheckInRequest } from '../../model/agent.ts';
import type { Absence } from './absence.ts';

/**
 * What an agent that has nothing to do hands to the small program in its place (`wait.ts`), which is the same process
 * without what only work needs. It goes by the environment: no file to write, none to be out of date. No secret is in it.
 */
export interface Handover {
  /** an update that runs in place of the installed program: the real path of its file */
  chosen: { digest: string; path: string } | null;
  server: string;
  ca: string;
  certificate: string;
  /** verifier key line of the trail */
  checkpointKey: string;
  /** real paths */
  keyFile: string;
  stateDir: string;
  /** when the certificate is to be renewed, in milliseconds */
  renewAt: number;
  /** when a task can be undone no more, and what only that would need is to be removed; null: there is none */
  settleAt: number | null;
  checkIn: CheckInRequest;
  /** what the server last answered to a check-in, see `gist`; null: it did not */
  answered: string | null;
  pollSeconds: number;
  factsSeconds: number;
  times: Times;
  /** see `Freshness` */
  shell: number | null;
  absence: Absence | null;
}

/** When things were last done, in milliseconds; 0: not yet. */
export interface Times {
  startedAt: number;
  factsAt: number;
  listsAt: number;
  wholeAt: number;
}

/** Tells what an answer to a check-in asks of us. The same again asks for nothing new. Short, however much is offered. */
export function gist(reply: Partial<CheckInReply>): string {
  const { hostId, pollSeconds, factsSeconds, patrol, update } = reply;
  const asked = JSON.stringify([hostId, pollSeconds, factsSeconds, patrol ?? null, update ?? null]);
  return createHash('sha256').update(asked).digest('hex');
}

/** Written by ourselves a moment ago; null where it was not, and the whole program starts as always. */
export function readHandover(text: string): Handover | null {
  try {
    const handed = JSON.parse(text) as Handover;
    return typeof handed.server === 'string' && typeof handed.times?.factsAt === 'number' ? handed : null;
  } catch {
    return null;
  }
}
