import type { Logger } from 'pino';
import { createAct } from './act.ts';
import { approverKeys } from './approvers.ts';
import type { Config } from './config/index.ts';
import type { JobHandlers, Platform } from './context.ts';
import { createDb, openDatabase } from './db/index.ts';
import { createEvents } from './events/index.ts';
import { newId } from './ids.ts';
import { createLog } from './log/index.ts';
import { createQueue, installQueue, type JobQueue, type Schedule } from './queue/index.ts';
import { createVault } from './vault/index.ts';
import { checkVaultKey, loadVaultKey } from './vault/key.ts';

export type { Schedule } from './queue/index.ts';
export { loadConfig } from './config/index.ts';

export interface RunningPlatform extends Platform {
  /** Runs jobs in this process from now on, and lets timers fire. */
  startWorkers(handlers: JobHandlers, schedules: Schedule[]): Promise<void>;
  /** pid of the embedded PostgreSQL; null with DATABASE_URL. */
  embeddedPid(): Promise<number | null>;
  /** Lets running jobs end, closes all connections, stops the embedded database. */
  close(): Promise<void>;
}

/** Database (embedded or external, migrated), ledger, queue, events and vault, ready to use. */
export async function createPlatform(
  config: Config,
  log: Logger = createLog(config.logLevel),
): Promise<RunningPlatform> {
  const database = await openDatabase(config, log);
  try {
    await installQueue(database.appUrl, log);
    const platform = await assemble({ config, log, url: database.appUrl, vaultKey: await loadVaultKey(config) });
    return {
      ...platform,
      embeddedPid: async () => (await database.embedded?.pid()) ?? null,
      close: async () => {
        await platform.close();
        await database.stop();
      },
    };
  } catch (error) {
    await database.stop();
    throw error;
  }
}

export interface Parts {
  config: Config;
  log: Logger;
  url: string;
  vaultKey: Buffer;
  now?: () => Date;
}

/** The platform on a database that is there and migrated. */
export async function assemble(parts: Parts): Promise<RunningPlatform & { jobs: JobQueue }> {
  const { config, log, url } = parts;
  const { db } = createDb(url, { max: config.databasePool, log });
  const now = parts.now ?? (() => new Date());
  const jobs = createQueue({ db, url, log });
  const stop = new AbortController();
  const events = await checkVaultKey(db, parts.vaultKey)
    .then(() => createEvents(db, url, log))
    .catch(async (error: unknown) => {
      await db.destroy();
      throw error;
    });
  return {
    db,
    config,
    log,
    queue: jobs,
    jobs,
    events,
    vault: createVault(db, parts.vaultKey),
    now,
    stopping: stop.signal,
    newId,
    ...createAct({ db, now, send: jobs.send }),
    approverKeys: () => approverKeys(db),
    startWorkers: (handlers, schedules) => jobs.startWorkers(handlers, schedules, config.jobConcurrency),
    embeddedPid: async () => null,
    close: async () => {
      stop.abort();
      await jobs.close();
      await events.close();
      await db.destroy();
    },
  };
}
