import type { Transaction } from 'kysely';
import { type ConstructorOptions, type Job, PgBoss } from 'pg-boss';
import type { Logger } from 'pino';
import { JOB_NAMES, PATIENT_JOBS, type JobName } from '../../model/jobs.ts';
import type { Db, JobHandlers, NoTables, Queue } from '../context.ts';
import { watchDue } from './due.ts';
import { type Pending, sendAll } from './send.ts';

/** A worker that stops reporting for this long is taken for dead, and its job runs again elsewhere. */
const HEARTBEAT_SECONDS = 10;

/** A few machines that hang must not keep the others waiting. */
const PATIENT_FACTOR = 8;

const QUEUE_OPTIONS = {
  /** one waiting job a key; see sendOne */
  policy: 'short',
  notify: true,
  heartbeatSeconds: HEARTBEAT_SECONDS,
  // Heartbeats find the dead; this only ends a job that hangs while its worker lives.
  expireInSeconds: 12 * 3600,
  retryLimit: 20,
  retryBackoff: true,
  retryDelay: 1,
  retryDelayMax: 300,
  deleteAfterSeconds: 24 * 3600,
  retentionSeconds: 14 * 24 * 3600,
} as const;

export interface Schedule {
  job: JobName;
  cron: string;
}

export interface JobQueue extends Queue {
  send(tx: Transaction<NoTables>, jobs: Pending[]): Promise<void>;
  /** From now on this process runs jobs, and timers fire. */
  startWorkers(handlers: JobHandlers, schedules: Schedule[], concurrency: number): Promise<void>;
  /** pg-boss itself, for tests and `doctor` */
  boss(): Promise<PgBoss>;
  /** Lets running jobs end (up to the timeout), takes no new ones. */
  close(timeoutMs?: number): Promise<void>;
}

export interface QueueDeps {
  db: Db;
  url: string;
  log: Logger;
  /** a process that only enqueues needs neither timers nor supervision */
  pool?: number;
}

/** Jobs in the same PostgreSQL as everything else. Connects at the first use. */
export function createQueue(deps: QueueDeps): JobQueue {
  let started: Promise<PgBoss> | null = null;
  let closed = false;
  let stopWatching = async (): Promise<void> => undefined;
  const sender = (): Promise<PgBoss> =>
    (started ??= start(deps, { supervise: false, schedule: false, migrate: false }));

  const send = async (tx: Transaction<NoTables>, jobs: Pending[]): Promise<void> => {
    if (jobs.length) await sendAll(await sender(), tx, jobs);
  };

  return {
    send,
    boss: sender,
    enqueue: (name, payload, options) =>
      deps.db.transaction().execute((tx) => send(tx, [{ name, payload, options: options ?? {} }])),
    startWorkers: async (handlers, schedules, concurrency) => {
      if (started) await (await started).stop({ graceful: false });
      if (closed) return;
      started = start(deps, WORKER_OPTIONS);
      const boss = await started;
      await syncSchedules(boss, schedules);
      for (const name of JOB_NAMES) {
        const handler = handlers[name] as ((payload: object) => Promise<void>) | undefined;
        const width = PATIENT_JOBS.has(name) ? concurrency * PATIENT_FACTOR : concurrency;
        if (handler) await work(boss, name, handler, width, deps.log);
      }
      stopWatching = watchDue(deps.db, deps.log);
    },
    close: async (timeoutMs = 30_000) => {
      closed = true;
      await stopWatching();
      if (!started) return;
      const boss = await started.catch(() => null);
      await boss?.stop({ graceful: true, timeout: timeoutMs });
    },
  };
}

const WORKER_OPTIONS = {
  supervise: true,
  schedule: true,
  migrate: false,
  useListenNotify: true,
  superviseIntervalSeconds: 2,
  monitorIntervalSeconds: 2,
  cronMonitorIntervalSeconds: 5,
  cronWorkerIntervalSeconds: 1,
} satisfies ConstructorOptions;

async function start(deps: QueueDeps, options: ConstructorOptions): Promise<PgBoss> {
  const boss = new PgBoss({
    connectionString: deps.url,
    application_name: 'lastember-queue',
    schema: 'pgboss',
    createSchema: false,
    max: deps.pool ?? 3,
    registerInstance: false,
    ...options,
  });
  boss.on('error', (error) => deps.log.warn({ err: error }, 'the job queue met an error'));
  boss.on('warning', (warning) => deps.log.info({ warning }, 'the job queue warns'));
  return boss.start();
}

/** Schema and queues, once per database; run at start, before anything enqueues. */
export async function installQueue(url: string, log: Logger): Promise<void> {
  const boss = new PgBoss({
    connectionString: url,
    application_name: 'lastember-queue',
    schema: 'pgboss',
    createSchema: false,
    max: 1,
    supervise: false,
    schedule: false,
    migrate: true,
    registerInstance: false,
  });
  boss.on('error', (error) => log.warn({ err: error }, 'the job queue met an error'));
  await boss.start();
  try {
    const { policy, ...changeable } = QUEUE_OPTIONS;
    const there = new Set((await boss.getQueues()).map((queue) => queue.name));
    for (const name of JOB_NAMES) {
      if (there.has(name)) await boss.updateQueue(name, changeable);
      else await boss.createQueue(name, { policy, ...changeable });
    }
  } finally {
    await boss.stop({ graceful: false });
  }
}

async function work(
  boss: PgBoss,
  name: JobName,
  handler: (payload: object) => Promise<void>,
  concurrency: number,
  log: Logger,
): Promise<void> {
  const options = {
    batchSize: 1,
    localConcurrency: concurrency,
    // Notifications wake us at once; this is the net below them, close-meshed while the listening connection is away.
    pollingIntervalSeconds: 2,
    notifyPollingIntervalSeconds: 30,
    heartbeatRefreshSeconds: HEARTBEAT_SECONDS / 3,
  };
  await boss.work(name, options, async ([job]: Job<object>[]) => {
    if (!job) return;
    const began = performance.now();
    try {
      await handler(job.data ?? {});
      log.debug({ job: name, jobId: job.id, ms: Math.round(performance.now() - began) }, 'job done');
    } catch (error) {
      log.error({ err: error, job: name, jobId: job.id, payload: job.data }, 'a job threw; it will be tried again');
      throw error;
    }
  });
}

/** The timers are exactly these: what an older version scheduled is taken away. */
async function syncSchedules(boss: PgBoss, schedules: Schedule[]): Promise<void> {
  const wanted = new Set<string>(schedules.map((schedule) => schedule.job));
  for (const old of await boss.getSchedules()) {
    if (!wanted.has(old.name)) await boss.unschedule(old.name);
  }
  for (const { job, cron } of schedules) {
    await boss.schedule(job, cron, {}, { tz: 'UTC', singletonKey: 'timer' });
  }
}
