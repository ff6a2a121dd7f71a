import { createHash } from 'node:crypto';
import { Cron } from 'croner';
import { AppError } from '../../../model/errors/index.ts';

const MOST_JITTER_SECONDS = 120;

export function checkSchedule(every: string): void {
  try {
    new Cron(every, { paused: true });
  } catch (error) {
    throw new AppError(
      'SCHEDULE_INVALID',
      { every, why: (error instanceof Error ? error.message : String(error)).replace(/\.$/, '') },
      { cause: error },
    );
  }
}

/**
 * Is a scan due that was last made at `last`? Each scope is late by its own fixed share of the gap between two runs (at
 * most two minutes), so that a hundred scopes of `0 3 * * *` do not all start in the same second.
 */
export function isDue(scope: { id: string; every: string }, last: Date, now: Date): boolean {
  const cron = new Cron(scope.every, { paused: true, timezone: 'UTC' });
  const next = cron.nextRun(last);
  if (!next) return false;
  const after = cron.nextRun(next);
  const gap = after ? (after.getTime() - next.getTime()) / 1000 : 0;
  return next.getTime() + delayOf(scope.id, gap / 10) <= now.getTime();
}

/** By how many ms this scope is late, always the same: at most two minutes, and at most `most` seconds. */
export function delayOf(scopeId: string, most = MOST_JITTER_SECONDS): number {
  const share = createHash('sha256').update(scopeId).digest().readUInt16BE(0) / 65_536;
  return Math.min(MOST_JITTER_SECONDS, most) * share * 1000;
}
