import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type pg from 'pg';
import { AppError } from '../../model/errors/index.ts';
import { sha256Hex } from '../ledger/canonical.ts';
import { withClient } from './pool.ts';

export interface Migration {
  number: number;
  name: string;
  sql: string;
  sha256: string;
}

export const MIGRATIONS_DIR = fileURLToPath(new URL('../../../migrations', import.meta.url));

/** Any number: it only has to be the same in every Lastember. */
const MIGRATION_LOCK = 7414_0001;

export async function readMigrations(dir = MIGRATIONS_DIR): Promise<Migration[]> {
  const names = (await readdir(dir)).filter((name) => name.endsWith('.sql')).sort();
  const migrations = await Promise.all(
    names.map(async (name) => {
      const number = /^(\d{4})_[a-z0-9_-]+\.sql$/.exec(name)?.[1];
      if (!number) throw new AppError('MIGRATION_MISNAMED', { name });
      const sql = await readFile(join(dir, name), 'utf8');
      return { number: Number(number), name, sql, sha256: sha256Hex(sql) };
    }),
  );
  const twice = migrations.find((m, i) => migrations[i - 1]?.number === m.number);
  if (twice) throw new AppError('MIGRATION_MISNAMED', { name: twice.name });
  return migrations;
}

/**
 * Applies what is missing, each file in a transaction of its own with its version row first. Several servers may start
 * at once: an advisory lock lets one through at a time. Returns the names applied.
 */
export async function migrate(ownerUrl: string, appRole: string, dir = MIGRATIONS_DIR): Promise<string[]> {
  const known = await readMigrations(dir);
  return withClient(
    ownerUrl,
    async (client) => {
      await client.query('select pg_advisory_lock($1)', [MIGRATION_LOCK]);
      const server = await client.query<{ v: string }>(`select current_setting('server_version_num') as v`);
      const version = Number(server.rows[0]?.v);
      if (version < 150_000) throw new AppError('DATABASE_TOO_OLD', { found: Math.floor(version / 10_000) });
      await client.query(`create schema if not exists platform;
      create table if not exists platform.migration (
        number integer primary key, name text not null, sha256 text not null, applied_at timestamptz not null default now())`);
      const missing = await missingMigrations(client, known);
      for (const migration of missing) await apply(client, migration);
      await grant(client, appRole);
      return missing.map((migration) => migration.name);
    },
    30_000,
  );
}

async function missingMigrations(client: pg.Client, known: Migration[]): Promise<Migration[]> {
  const { rows } = await client.query<{ number: number; name: string; sha256: string }>(
    'select number, name, sha256 from platform.migration order by number',
  );
  for (const row of rows) {
    const file = known.find((migration) => migration.number === row.number);
    if (!file) throw new AppError('SCHEMA_NEWER', { found: row.name, known: known.at(-1)?.name ?? 'none' });
    if (file.sha256 !== row.sha256) throw new AppError('MIGRATION_CHANGED', { name: row.name });
  }
  const applied = new Set(rows.map((row) => row.number));
  return known.filter((migration) => !applied.has(migration.number));
}

async function apply(client: pg.Client, migration: Migration): Promise<void> {
  await client.query('begin');
  try {
    await client.query('insert into platform.migration (number, name, sha256) values ($1, $2, $3)', [
      migration.number,
      migration.name,
      migration.sha256,
    ]);
    await client.query(migration.sql);
    await client.query('commit');
  } catch (error) {
    await client.query('rollback').catch(() => undefined);
    (error as Error).message = `${migration.name}: ${(error as Error).message}`;
    throw error;
  }
}

/**
 * What the application's role may do: read and write rows everywhere, but in the ledger only read and append, and
 * nowhere change tables or triggers. Nothing to do where one role owns and uses the database.
 */
async function grant(client: pg.Client, appRole: string): Promise<void> {
  const { rows } = await client.query<{ me: string; app: string; schemas: string[] }>(
    `select current_user as me, quote_ident($1) as app,
       array(select quote_ident(nspname) from pg_namespace n join pg_roles r on r.oid = n.nspowner
             where r.rolname = current_user and nspname not in ('pgboss', 'ledger', 'public')
               and nspname not like 'pg\\_%' and nspname <> 'information_schema')::text[] as schemas`,
    [appRole],
  );
  const { me, app, schemas } = rows[0]!;
  if (me === appRole) {
    await client.query('create schema if not exists pgboss');
    return;
  }
  for (const schema of schemas) {
    await client.query(`grant usage on schema ${schema} to ${app};
      grant select, insert, update, delete on all tables in schema ${schema} to ${app};
      grant usage, select on all sequences in schema ${schema} to ${app};`);
  }
  // PostgreSQL lets everybody execute a function that is made, those that run with their owner's rights too.
  await client.query(`revoke insert, update, delete on platform.migration from ${app};
    revoke execute on all functions in schema ledger from public;
    grant usage on schema ledger to ${app};
    grant select, insert on ledger.entry to ${app};
    grant select, delete on ledger.unsequenced to ${app};
    create schema if not exists pgboss authorization ${app};`);
}
