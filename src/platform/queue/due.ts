import { type RawBuilder, sql } from 'kysely';
import type { Logger } from 'pino';
import { JOB_NAMES } from '../../model/jobs.ts';
import type { Db } from '../context.ts';

const INTERVAL_MS = 500;

/** The notification that pg-boss itself sends for a new job. */
export const wake = (name: string | RawBuilder<unknown>): RawBuilder<unknown> =>
  sql`pg_notify('pgboss_' || left(encode(sha224('pgboss'::bytea), 'hex'), 24), ${name})`;

/**
 * Jobs that start later, and retries, become due without anybody announcing it. One small query twice a second wakes the
 * workers of such queues; otherwise each of them would have to poll often by itself. Returns the function that ends it.
 */
export function watchDue(db: Db, log: Logger): () => Promise<void> {
  let timer: NodeJS.Timeout | null = null;
  let running: Promise<void> | null = null;
  let since = new Date(Date.now() - 10_000);
  let ended = false;

  const look = async (): Promise<void> => {
    try {
      const { rows } = await sql<{ name: string | null; now: Date }>`select d.name, now() as now, ${wake(sql`d.name`)}
        from (select 1) as one left join (
          select distinct name from pgboss.job
          where name = any(${JOB_NAMES}::text[]) and state in ('created', 'retry') and not blocked
            and start_after > ${since} and start_after <= now()) as d on true`.execute(db);
      since = new Date((rows[0]?.now ?? since).getTime() - 1000);
    } catch (error) {
      log.debug({ err: error }, 'looking for due jobs did not work; tried again');
    }
  };
  const next = (): void => {
    if (ended) return;
    timer = setTimeout(() => {
      running = look().finally(next);
    }, INTERVAL_MS);
  };
  next();
  return async () => {
    ended = true;
    if (timer) clearTimeout(timer);
    await running;
  };
}
