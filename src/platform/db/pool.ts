import { AsyncLocalStorage } from 'node:async_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { Kysely, PostgresDialect, type PostgresPool, type PostgresPoolClient } from 'kysely';
import pg from 'pg';
import type { Logger } from 'pino';
import type { Db, NoTables } from '../context.ts';
import { isAway, translate } from './errors.ts';
import { preparedName } from './prepared.ts';

export interface PoolOptions {
  max: number;
  log: Logger;
  /** how long a new connection is tried for while the server is away (restarting after a crash) */
  patienceMs?: number;
  applicationName?: string;
}

/** int8 as a number: every count and sequence here stays far below 2^53, and JSON has no other. */
const types = {
  getTypeParser(oid: number, format?: 'text' | 'binary'): unknown {
    if (oid === pg.types.builtins.INT8 && format !== 'binary') return Number;
    return pg.types.getTypeParser(oid, format as 'text');
  },
};

/** Settings for one client or pool; everything speaks UTC and gives up on a forgotten transaction. */
export function clientConfig(url: string, applicationName: string): pg.ClientConfig {
  return {
    connectionString: url,
    application_name: applicationName,
    connectionTimeoutMillis: 10_000,
    idle_in_transaction_session_timeout: 60_000,
    keepAlive: true,
    types: types as pg.CustomTypesConfig,
  };
}

const BROKEN = new WeakSet<object>();

/** A pool whose `connect` waits out a database restart instead of failing the request at once. */
export function createPool(url: string, options: PoolOptions): pg.Pool {
  const pool = new pg.Pool({
    ...clientConfig(url, options.applicationName ?? 'lastember'),
    max: options.max,
    idleTimeoutMillis: 30_000,
  });
  // Without listeners, a connection that breaks would end the process: idle ones are the pool's, those in use their own.
  // It is replaced at the next use; whoever used it learns of it from the statement.
  pool.on('error', (error) => options.log.debug({ err: error }, 'an idle database connection broke'));
  pool.on('connect', (client) => {
    client.on('error', (error) => {
      BROKEN.add(client);
      options.log.debug({ err: error }, 'a database connection broke');
    });
  });
  return pool;
}

async function connectPatiently(pool: pg.Pool, patienceMs: number): Promise<pg.PoolClient> {
  const deadline = Date.now() + patienceMs;
  for (let delay = 50; ; delay = Math.min(delay * 2, 1000)) {
    try {
      return await pool.connect();
    } catch (error) {
      if (!isAway(error) || Date.now() + delay > deadline) throw translate(error);
      await sleep(delay);
    }
  }
}

/** Set in everything that runs inside a transaction of ours. */
export const insideTransaction = new AsyncLocalStorage<true>();
const RESERVE = 4;

/**
 * A read inside a transaction that does not go through it (another folder's face, for one) has connections of its own.
 * From the common ones it could wait for ever: when all of them belong to transactions that wait for a lock of this one.
 */
export function createDb(url: string, options: PoolOptions): { db: Db; pool: pg.Pool } {
  const pool = createPool(url, options);
  const reserve = createPool(url, { ...options, max: Math.min(RESERVE, options.max) });
  const patienceMs = options.patienceMs ?? 15_000;
  const patient: PostgresPool = {
    connect: async () => translating(await connectPatiently(insideTransaction.getStore() ? reserve : pool, patienceMs)),
    end: async () => {
      await Promise.all([pool.end(), reserve.end()]);
    },
  };
  return { db: new Kysely<NoTables>({ dialect: new PostgresDialect({ pool: patient }) }), pool };
}

/**
 * Every statement's error passes through the catalogue, commits included; a connection whose server went away is not
 * given back for the next one to trip over.
 */
function translating(client: pg.PoolClient): PostgresPoolClient {
  const query = (statement: unknown, parameters?: readonly unknown[]): unknown => {
    if (typeof statement !== 'string') return client.query(statement as pg.Submittable);
    const name = preparedName(statement);
    const asked = name === null ? { text: statement } : { text: statement, name };
    return client.query({ ...asked, values: parameters as unknown[] }).catch((error: unknown) => {
      if (isAway(error)) BROKEN.add(client);
      throw translate(error);
    });
  };
  return { query: query as PostgresPoolClient['query'], release: () => client.release(BROKEN.has(client)) };
}

/** One connection for set-up work, closed afterwards. `patienceMs`: how long to wait for a server that starts. */
export async function withClient<T>(url: string, fn: (client: pg.Client) => Promise<T>, patienceMs = 0): Promise<T> {
  const client = await connectClient(url, patienceMs);
  try {
    return await fn(client);
  } catch (error) {
    throw translate(error);
  } finally {
    await client.end().catch(() => undefined);
  }
}

async function connectClient(url: string, patienceMs: number): Promise<pg.Client> {
  const deadline = Date.now() + patienceMs;
  for (let delay = 50; ; delay = Math.min(delay * 2, 1000)) {
    const client = new pg.Client(clientConfig(url, 'lastember-setup'));
    client.on('error', () => undefined);
    try {
      await client.connect();
      return client;
    } catch (error) {
      await client.end().catch(() => undefined);
      if (!isAway(error) || Date.now() + delay > deadline) throw translate(error);
      await sleep(delay);
    }
  }
}
