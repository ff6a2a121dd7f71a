import { randomUUID } from 'node:crypto';
import { CompiledQuery, sql, type Transaction } from 'kysely';
import type { PgBoss } from 'pg-boss';
import { AppError } from '../../model/errors/index.ts';
import type { JobName } from '../../model/jobs.ts';
import type { EnqueueOptions, NoTables } from '../context.ts';
import { asPrepared, prepared } from '../db/prepared.ts';
import { wake } from './due.ts';

/** A job that a transaction wants to leave behind. */
export interface Pending {
  name: JobName;
  payload: object;
  options: EnqueueOptions;
}

const order = (job: Pending): string => `${job.name} ${job.options.singletonKey ?? ''}`;

/** Puts jobs into the queue within the transaction: they exist exactly if it commits. */
export async function sendAll(boss: PgBoss, tx: Transaction<NoTables>, jobs: Pending[]): Promise<void> {
  const sorted = jobs.toSorted((a, b) => (order(a) < order(b) ? -1 : order(a) > order(b) ? 1 : 0));
  for (const job of sorted) await sendOne(boss, tx, job);
}

async function sendOne(boss: PgBoss, tx: Transaction<NoTables>, job: Pending): Promise<void> {
  const after = job.options.startAfterSeconds ?? 0;
  const key = job.options.singletonKey;
  for (let attempt = 0; attempt < 5; attempt++) {
    // The queues' policy allows one waiting job a key; without a wish for that, the key is one of a kind.
    const id = await boss.send(job.name, job.payload, {
      singletonKey: key ?? randomUUID(),
      ...(after > 0 ? { startAfter: after } : {}),
      db: within(tx),
    });
    if (id !== null || (key !== undefined && (await joinWaiting(tx, job.name, key, after)))) return;
  }
  throw new AppError('JOB_INVALID', { name: job.name, why: 'the waiting job of its key kept changing' });
}

/** pg-boss's statements, by our transaction: the one that it inserts a job with is long, and planning it the dearest part. */
const within = (tx: Transaction<NoTables>) => ({
  executeSql: async (text: string, values?: unknown[]) => {
    const { rows } = await tx.executeQuery(CompiledQuery.raw(asPrepared(text), values ?? []));
    return { rows };
  },
});

/**
 * A job of this key waits already. It will do for us as well, if it starts after our commit: so its row is locked until
 * then (a worker that fetches skips locked rows), and it is brought forward if it was to start later than we need.
 * Without this, the waiting job could run before our changes are visible, and nobody would come back for them.
 */
async function joinWaiting(tx: Transaction<NoTables>, name: string, key: string, after: number): Promise<boolean> {
  const due = sql`now() + make_interval(secs => ${after})`;
  const { rows } = await sql<{
    id: string;
    later: boolean;
  }>`${prepared}select id, start_after > ${due} as later from pgboss.job
    where name = ${name} and singleton_key = ${key} and state = 'created' for update`.execute(tx);
  const job = rows[0];
  if (!job) return false;
  if (job.later)
    await sql`update pgboss.job set start_after = ${due} where name = ${name} and id = ${job.id}`.execute(tx);
  // A worker that skipped the locked row looks again after our commit.
  if (after <= 0) await sql`${prepared}select ${wake(name)}`.execute(tx);
  return true;
}
