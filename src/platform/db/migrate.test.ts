import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { sql } from 'kysely';
import { systemActor } from '../../model/actor.ts';
import { isAppError } from '../../model/errors/index.ts';
import { createPlatform } from '../index.ts';
import { createLog } from '../log/index.ts';
import { testPlatform, type TestPlatform } from '../testing.ts';
import { migrate, MIGRATIONS_DIR, readMigrations } from './migrate.ts';
import { withClient } from './pool.ts';

const APP = 'lastember';
let p: TestPlatform;
let dir: string;
before(async () => {
  p = await testPlatform();
  dir = await mkdtemp(join(tmpdir(), 'lastember-migrations-'));
  await copyFile(join(MIGRATIONS_DIR, '0001_platform.sql'), join(dir, '0001_platform.sql'));
});
after(async () => {
  await rm(dir, { recursive: true, force: true });
  await p.close();
});

/** An empty database of this test's server, owned by `owner`; returns its URL for that role. */
async function emptyDatabase(base: string): Promise<string> {
  const name = `migrate_${randomBytes(4).toString('hex')}`;
  const url = new URL(base);
  await withClient(p.urls.root, (client) => client.query(`create database ${name} owner ${url.username}`));
  url.pathname = `/${name}`;
  after(() =>
    withClient(Object.assign(new URL(p.urls.root), { pathname: '/postgres' }).href, (c) =>
      c.query(`drop database ${name} with (force)`),
    ),
  );
  return url.href;
}

const rows = (url: string, text: string) =>
  withClient(url, async (client) => (await client.query(text)).rows as Record<string, unknown>[]);

test('files are applied in order, once, also when several servers start at the same moment', async () => {
  const url = await emptyDatabase(p.urls.owner);
  await writeFile(
    join(dir, '0002_two.sql'),
    `create schema two; create table two.t (v int); insert into two.t values (1);`,
  );
  const applied = await Promise.all([migrate(url, APP, dir), migrate(url, APP, dir), migrate(url, APP, dir)]);
  assert.deepEqual(applied.flat(), ['0001_platform.sql', '0002_two.sql']);
  assert.deepEqual(await rows(url, 'select v from two.t'), [{ v: 1 }]);
  await writeFile(join(dir, '0010_ten.sql'), 'insert into two.t values (10);');
  assert.deepEqual(await migrate(url, APP, dir), ['0010_ten.sql']);
  const app = url.replace('lastember_owner', APP);
  assert.deepEqual(
    await rows(app, 'select count(*) as n from two.t'),
    [{ n: 2 }],
    'the application may read what came',
  );
});

test('a lower number that comes after higher ones were applied is not skipped, and gives the same schema', async () => {
  // Nothing after it changes what it makes.
  const LATE = '0665_departures.sql';
  const known = await mkdtemp(join(tmpdir(), 'lastember-migrations-'));
  try {
    for (const { name } of await readMigrations())
      if (name !== LATE) await copyFile(join(MIGRATIONS_DIR, name), join(known, name));
    const [older, fresh] = [await emptyDatabase(p.urls.owner), await emptyDatabase(p.urls.owner)];
    await migrate(older, APP, known);
    assert.deepEqual(await migrate(older, APP), [LATE]);
    await migrate(fresh, APP);
    const SCHEMA = `select table_schema, table_name, column_name, data_type, is_nullable, column_default
      from information_schema.columns where table_schema not in ('pg_catalog', 'information_schema')
      union all select schemaname, tablename, indexname, indexdef, null, null from pg_indexes where schemaname <> 'pg_catalog'
      union all select event_object_schema, event_object_table, trigger_name, action_statement, event_manipulation, null from information_schema.triggers
      order by 1, 2, 3, 4, 5`;
    assert.deepEqual(await rows(older, SCHEMA), await rows(fresh, SCHEMA));
    assert.ok((await rows(older, SCHEMA)).some((row) => row['table_name'] === 'departure'));
  } finally {
    await rm(known, { recursive: true, force: true });
  }
});

test('a file that was changed after it was applied, and a schema newer than the files, are refused', async () => {
  const url = await emptyDatabase(p.urls.owner);
  await migrate(url, APP, dir);
  await writeFile(join(dir, '0010_ten.sql'), 'insert into two.t values (11);');
  await assert.rejects(
    migrate(url, APP, dir),
    (e) => isAppError(e, 'MIGRATION_CHANGED') && /0010_ten/.test((e as Error).message),
  );
  await rm(join(dir, '0010_ten.sql'));
  await assert.rejects(
    migrate(url, APP, dir),
    (e) => isAppError(e, 'SCHEMA_NEWER') && /0010_ten.*0002_two/.test((e as Error).message),
  );
});

test('a file that stops in the middle leaves nothing, and names itself', async () => {
  const url = await emptyDatabase(p.urls.owner);
  await writeFile(join(dir, '0003_bad.sql'), 'create schema bad; create table bad.t (v int); select nonsense;');
  await assert.rejects(migrate(url, APP, dir), /0003_bad\.sql: column "nonsense"/);
  assert.deepEqual(await rows(url, `select name from platform.migration order by 1`), [
    { name: '0001_platform.sql' },
    { name: '0002_two.sql' },
  ]);
  assert.deepEqual(await rows(url, `select to_regnamespace('bad') as bad`), [{ bad: null }]);
  await rm(join(dir, '0003_bad.sql'));
});

test('names and numbers are checked', async () => {
  await writeFile(join(dir, '2_short.sql'), '');
  await assert.rejects(readMigrations(dir), (e) => isAppError(e, 'MIGRATION_MISNAMED'));
  await rm(join(dir, '2_short.sql'));
  await writeFile(join(dir, '0002_again.sql'), '');
  await assert.rejects(readMigrations(dir), (e) => isAppError(e, 'MIGRATION_MISNAMED'));
  await rm(join(dir, '0002_again.sql'));
});

test('DATABASE_URL with one role for everything: the same platform, and the ledger still refuses changes', async () => {
  const role = `single_${randomBytes(4).toString('hex')}`;
  await withClient(p.urls.root, (client) => client.query(`create role ${role} login password 'pw'`));
  const base = Object.assign(new URL(p.urls.root), { username: role, password: 'pw' }).href;
  const databaseUrl = await emptyDatabase(base);
  after(() => withClient(p.urls.root, (client) => client.query(`drop role ${role}`)));
  const platform = await createPlatform({ ...p.config, databaseUrl, databaseOwnerUrl: null }, createLog('silent'));
  const actor = systemActor('external');
  await platform.act(actor, { type: 'a.b', subject: { kind: 'system', id: 's' } }, (tx) =>
    tx.enqueue('audit.sweep', {}),
  );
  await assert.rejects(sql`delete from ledger.entry`.execute(platform.db), { code: 'LE003' });
  await assert.rejects(
    sql`insert into enrollment.token (id, hash, expires_at, created_at, created_by) values ('t', 'h', now(), now(), 'x')`.execute(
      platform.db,
    ),
    (e) => isAppError(e, 'UNRECORDED_WRITE'),
  );
  await platform.close();
});

test('a database that does not answer is named, after a patient wait elsewhere', async () => {
  await assert.rejects(
    withClient('postgres://u:p@127.0.0.1:1/x', async () => undefined),
    (e) => isAppError(e, 'DATABASE_UNAVAILABLE') && /ECONNREFUSED/.test((e as Error).message),
  );
});
