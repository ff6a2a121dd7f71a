import type { Logger } from 'pino';
import type { Config } from '../config/index.ts';
import { type EmbeddedPostgres, startEmbedded } from './embedded/index.ts';
import { migrate } from './migrate.ts';

export { createDb, createPool, withClient } from './pool.ts';
export type { EmbeddedPostgres } from './embedded/index.ts';

export interface Database {
  /** as the application's role */
  appUrl: string;
  ownerUrl: string;
  /** null with DATABASE_URL */
  embedded: EmbeddedPostgres | null;
  stop(): Promise<void>;
}

/** The embedded PostgreSQL, or the one of DATABASE_URL (never both), with all migrations applied. */
export async function openDatabase(config: Config, log: Logger): Promise<Database> {
  if (config.databaseUrl) {
    const ownerUrl = config.databaseOwnerUrl ?? config.databaseUrl;
    await migrateLogged(ownerUrl, config.databaseUrl, log);
    return { appUrl: config.databaseUrl, ownerUrl, embedded: null, stop: async () => undefined };
  }
  const embedded = await startEmbedded(config, log);
  try {
    await migrateLogged(embedded.ownerUrl, embedded.appUrl, log);
  } catch (error) {
    await embedded.stop();
    throw error;
  }
  return { appUrl: embedded.appUrl, ownerUrl: embedded.ownerUrl, embedded, stop: () => embedded.stop() };
}

async function migrateLogged(ownerUrl: string, appUrl: string, log: Logger): Promise<void> {
  const applied = await migrate(ownerUrl, decodeURIComponent(new URL(appUrl).username));
  if (applied.length) log.info({ applied }, 'database migrated');
}
