import { dirname } from 'node:path';
import type { Logger } from 'pino';
import type { Config } from '../../config/index.ts';
import { provision, ROLES } from '../provision.ts';
import { findBinaries } from './binaries.ts';
import { ensureCluster, loadSecrets } from './cluster.ts';
import { lockDataDir } from './lock.ts';
import { locateState, prepareDataDir, runAs, socketDir } from './paths.ts';
import { supervise } from './supervisor.ts';

export interface EmbeddedPostgres {
  appUrl: string;
  ownerUrl: string;
  rootUrl: string;
  log: string;
  pid(): Promise<number | null>;
  stop(): Promise<void>;
}

export interface EmbeddedOptions {
  /** extra settings, over ours; tests switch fsync off here */
  settings?: Record<string, string>;
  /** where to keep (and find) the copied binaries, instead of the data directory */
  binariesDir?: string;
  database?: string;
}

const SETTINGS: Record<string, string> = {
  listen_addresses: '',
  max_connections: '60',
  shared_buffers: '256MB',
  work_mem: '32MB',
  maintenance_work_mem: '256MB',
  max_wal_size: '4GB',
  checkpoint_timeout: '15min',
  // The first import fills tables that the planner takes for empty until somebody has counted them.
  autovacuum_naptime: '10s',
  idle_in_transaction_session_timeout: '60s',
  logging_collector: 'off',
  log_min_messages: 'warning',
  log_checkpoints: 'off',
  // A container's 64 MB of /dev/shm are too few for parallel queries.
  dynamic_shared_memory_type: 'mmap',
  timezone: 'UTC',
  log_timezone: 'UTC',
};

/** The embedded PostgreSQL of a data directory: made at the first start, locked, running, with roles and database. */
export async function startEmbedded(
  config: Pick<Config, 'dataDir' | 'pgBinDir' | 'pgUid'>,
  log: Logger,
  options: EmbeddedOptions = {},
): Promise<EmbeddedPostgres> {
  await prepareDataDir(config.dataDir);
  const lock = await lockDataDir(config.dataDir);
  try {
    const who = runAs(config.pgUid);
    const paths = await locateState(config.dataDir, who);
    if (dirname(paths.root) !== config.dataDir) {
      log.info(
        { path: paths.root, dataDir: config.dataDir },
        'the database lies outside the data directory, which its user cannot enter',
      );
    }
    const binaries = await findBinaries(config.pgBinDir, options.binariesDir ?? paths.pg);
    await ensureCluster(paths, binaries, who);
    const secrets = await loadSecrets(paths.secrets);
    const socket = await socketDir(paths, who);
    const settings = { ...SETTINGS, ...options.settings };
    const launch = { postgres: binaries.postgres, paths, socket, who, settings };
    const supervisor = await supervise(launch, log);
    const database = options.database ?? 'lastember';
    const url = (role: keyof typeof ROLES, name = database): string =>
      `postgres://${ROLES[role]}:${secrets[role]}@localhost:5432/${name}?host=${encodeURIComponent(socket)}`;
    const running: EmbeddedPostgres = {
      appUrl: url('app'),
      ownerUrl: url('owner'),
      rootUrl: url('root', 'postgres'),
      log: paths.log,
      pid: supervisor.pid,
      stop: async () => {
        await supervisor.stop();
        await lock.release();
      },
    };
    try {
      await provision(running.rootUrl, secrets, database);
    } catch (error) {
      await running.stop();
      throw error;
    }
    return running;
  } catch (error) {
    await lock.release();
    throw error;
  }
}
