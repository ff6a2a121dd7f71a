import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { Readable, type Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { after, before, beforeEach, test } from 'node:test';
import { sql } from 'kysely';
import type pg from 'pg';
import { systemActor } from '../../model/actor.ts';
import { isAppError } from '../../model/errors/index.ts';
import { withClient } from '../db/index.ts';
import { testPlatform, type TestPlatform } from '../testing.ts';
import { canonicalBytes, leafHash } from './canonical.ts';
import { listEntries } from './index.ts';

// The package has no types.
const { from: copyFrom } = createRequire(import.meta.url)('pg-copy-streams') as {
  from: (statement: string) => Writable & pg.Submittable;
};
const actor = systemActor('guard test');
const subject = { kind: 'host', id: 'h1' } as const;
let p: TestPlatform;

before(async () => {
  p = await testPlatform();
  await withClient(p.urls.owner, (client) =>
    client.query(`create schema demo;
      create table demo.kept (id text primary key, note text not null);
      create table demo.child (id text primary key, parent text references demo.kept (id) on delete cascade);
      create table demo.free (id text primary key);
      select ledger.protect('demo.kept');
      select ledger.protect('demo.child');
      grant usage on schema demo to lastember;
      grant all on all tables in schema demo to lastember;`),
  );
});
after(() => p.close());
beforeEach(() =>
  withClient(p.urls.root, (c) =>
    c.query(`set session_replication_role = replica; delete from demo.kept; delete from demo.child`),
  ),
);

const count = async (): Promise<number> => {
  const { rows } = await sql<{ n: number }>`select count(*) as n from demo.kept`.execute(p.db);
  return rows[0]!.n;
};
const refusedCode = 'LE001';

/** A statement list as the application's role in one transaction; returns the SQLSTATE of what was refused, or null. */
async function asApp(...statements: string[]): Promise<string | null> {
  return withClient(p.urls.app, async (client: pg.Client) => {
    try {
      await client.query('begin');
      for (const statement of statements) await client.query(statement);
      await client.query('commit');
      return null;
    } catch (error) {
      const { code, cause } = error as { code?: string; cause?: { code?: string } };
      return cause?.code ?? code ?? String(error);
    }
  });
}

let serial = 0;
/** SQL that appends a well-formed entry. */
function entrySql(): string {
  const bytes = canonicalBytes({ n: serial++ });
  return `insert into ledger.entry (id, at, type, subject, related, actor_id, bytes, leaf_hash) values
    ('direct_${serial}', now(), 'a.b', 'host:h1', '{}', 'x', '\\x${bytes.toString('hex')}', '\\x${leafHash(bytes).toString('hex')}')`;
}
const WRITE = `insert into demo.kept values ('a', 'x')`;

test('act: the change, its entry and nothing else; a throw leaves neither', async () => {
  const before = (await listEntries(p.db)).length;
  const result = await p.act(actor, { type: 'demo.kept.added', subject }, async (tx, entry) => {
    await sql`insert into demo.kept values ('a', 'x')`.execute(tx.db);
    entry.detail = { note: 'x' };
    entry.related = [subject];
    return 7;
  });
  assert.equal(result, 7);
  const entries = await listEntries(p.db);
  assert.equal(entries.length, before + 1);
  assert.deepEqual(entries.at(-1)?.entry.detail, { note: 'x' });
  await assert.rejects(
    p.act(actor, { type: 'demo.kept.added', subject }, async (tx) => {
      await sql`insert into demo.kept values ('b', 'x')`.execute(tx.db);
      throw new Error('no');
    }),
    /^Error: no$/,
  );
  assert.equal(await count(), 1);
  assert.equal((await listEntries(p.db)).length, before + 1);
});

test('observe: free tables need no entry, protected ones refuse the commit unless something is recorded', async () => {
  await p.observe(actor, async (tx) => {
    await sql`insert into demo.free values (${p.newId('f')})`.execute(tx.db);
  });
  await assert.rejects(
    p.observe(actor, async (tx) => {
      await sql`insert into demo.kept values ('a', 'x')`.execute(tx.db);
    }),
    (e) => isAppError(e, 'UNRECORDED_WRITE') && /demo\.kept/.test((e as Error).message),
  );
  assert.equal(await count(), 0);
  await p.observe(actor, async (tx) => {
    await sql`insert into demo.kept values ('a', 'x')`.execute(tx.db);
    await tx.record({ type: 'demo.kept.added', subject });
  });
  assert.equal(await count(), 1);
});

test('a statement that touches no row needs no entry', async () => {
  assert.equal(
    await asApp(`update demo.kept set note = 'y' where false`, `delete from demo.kept where id = 'none'`),
    null,
  );
  assert.equal(await asApp(`insert into demo.kept select 'a', 'x' where false`), null);
});

test('direct SQL of every kind is refused without an entry, outside transactions too', async () => {
  assert.equal(await asApp(WRITE), refusedCode);
  assert.equal(await asApp(WRITE, entrySql()), null);
  assert.equal(await asApp(`update demo.kept set note = 'y'`), refusedCode);
  assert.equal(await asApp(`delete from demo.kept`), refusedCode);
  assert.equal(
    await asApp(`insert into demo.kept values ('a', 'z') on conflict (id) do update set note = 'z'`),
    refusedCode,
  );
  assert.equal(
    await asApp(
      `merge into demo.kept k using (values ('a')) v (id) on k.id = v.id when matched then update set note = 'm'`,
    ),
    refusedCode,
  );
  assert.equal(
    await asApp(
      `with gone as (delete from demo.kept returning id) insert into demo.free select id || random() from gone`,
    ),
    refusedCode,
  );
  await assert.rejects(sql`update demo.kept set note = 'auto-commit'`.execute(p.db), (e) =>
    isAppError(e, 'UNRECORDED_WRITE'),
  );
  assert.equal(await asApp(entrySql(), `insert into demo.child values ('c', 'a')`), null);
  assert.equal(await count(), 1);
});

test('TRUNCATE counts as a write', async () => {
  assert.equal(await asApp(WRITE, entrySql()), null);
  assert.equal(await asApp('truncate demo.kept, demo.child'), refusedCode);
  assert.equal(await count(), 1);
  assert.equal(await asApp('truncate demo.kept, demo.child', entrySql()), null);
});

test('COPY and cascades count as writes', async () => {
  const copied = withClient(p.urls.app, (client) =>
    pipeline(Readable.from(['copied\tx\n']), client.query(copyFrom('copy demo.kept from stdin'))),
  );
  await assert.rejects(copied, (e) => isAppError(e, 'UNRECORDED_WRITE'));
  assert.equal(await asApp(WRITE, `insert into demo.child values ('c', 'a')`, entrySql()), null);
  // A cascade from a table whose trigger somebody took off still trips the child's.
  await withClient(p.urls.owner, (client) => client.query('alter table demo.kept disable trigger user'));
  assert.equal(await asApp(`delete from demo.kept where id = 'a'`), refusedCode);
  await withClient(p.urls.owner, (client) => client.query('alter table demo.kept enable trigger user'));
});

test('savepoints: an entry that was rolled back does not count, a write that was rolled back needs none', async () => {
  assert.equal(await asApp(WRITE, 'savepoint s', entrySql(), 'rollback to s'), refusedCode);
  assert.equal(await asApp('savepoint s', entrySql(), 'rollback to s', WRITE), refusedCode);
  assert.equal(await asApp('savepoint s', WRITE, 'rollback to s'), null);
  assert.equal(await asApp('savepoint s', WRITE, 'release s'), refusedCode);
  assert.equal(
    await asApp('savepoint s', WRITE, 'rollback to s', `insert into demo.kept values ('b', 'x')`),
    refusedCode,
  );
  assert.equal(await asApp(WRITE, 'savepoint s', entrySql(), 'release s'), null);
});

test('making the check happen early does not get around it', async () => {
  assert.equal(await asApp(WRITE, 'set constraints all immediate'), refusedCode);
  // The check passes inside the savepoint, where the entry is; rolling back must bring the check back too.
  assert.equal(
    await asApp(WRITE, 'savepoint s', entrySql(), 'set constraints all immediate', 'rollback to s'),
    refusedCode,
  );
  assert.equal(
    await asApp('savepoint s', entrySql(), 'set constraints all immediate', 'rollback to s', WRITE),
    refusedCode,
  );
  assert.equal(
    await asApp('set constraints all immediate', WRITE, entrySql()),
    refusedCode,
    'refused too early, never too late',
  );
});

test('an entry of an earlier transaction of the same connection does not count', async () => {
  const code = await withClient(p.urls.app, async (client) => {
    await client.query('begin');
    await client.query(entrySql());
    await client.query('commit');
    return client.query(WRITE).then(
      () => null,
      (error: { code: string }) => error.code,
    );
  });
  assert.equal(code, refusedCode);
});

test('the application cannot switch the guard off, forge its notes, or call what installs it', async () => {
  const denied = '42501';
  assert.equal(await asApp(`set session_replication_role = replica`), denied);
  assert.equal(await asApp(`select set_config('session_replication_role', 'replica', true)`), denied);
  assert.equal(await asApp(`alter table demo.kept disable trigger all`), denied);
  assert.equal(await asApp(`drop trigger ledger_insert on demo.kept`), denied);
  assert.equal(await asApp(`drop table demo.kept`), denied);
  assert.equal(
    await asApp(`insert into ledger.guard (xid, recorded) values (pg_current_xact_id(), true)`, WRITE),
    denied,
  );
  assert.equal(await asApp(WRITE, `delete from ledger.guard`), denied);
  assert.equal(await asApp(WRITE, `update ledger.guard set recorded = true`), denied);
  assert.equal(await asApp(`select ledger.protect('demo.free')`), denied);
  assert.equal(
    await asApp(
      `create or replace function ledger.on_write() returns trigger language plpgsql as 'begin return null; end'`,
    ),
    denied,
  );
  assert.equal(await asApp(`set role lastember_owner`), denied);
  assert.equal(await asApp(`create function demo.f() returns int language sql as 'select 1'`), denied);
  assert.equal(await asApp(`update platform.migration set sha256 = ''`), denied);
});

/** Tables of the application's own with the guard's functions on them, which would forge and remove its notes. */
const MINE = `create temporary table mine (seq bigint, id text, bytes bytea, leaf_hash bytea, xid xid8);
  create trigger forge after insert on mine referencing new table as added
    for each statement execute function ledger.on_entries()`;
const FORGE = 'insert into mine select seq, id, bytes, leaf_hash from ledger.entry limit 1';
const ERASE = `create temporary table mine (xid xid8);
  create trigger erase after insert on mine for each row execute function ledger.check_guard()`;

test('the functions of the guard do nothing for a table of the application’s own, nor may it put them there', async () => {
  assert.equal(await asApp(entrySql(), 'delete from ledger.unsequenced'), null);
  const [denied, misplaced] = ['42501', 'LE004'];
  assert.equal(await asApp(MINE, FORGE, WRITE), denied);
  assert.equal(await asApp(ERASE, WRITE, 'insert into mine values (pg_current_xact_id())'), denied);
  const { rows } = await sql<{ name: string }>`
    select proname as name from pg_proc where pronamespace = 'ledger'::regnamespace
      and has_function_privilege('lastember', oid, 'execute')`.execute(p.db);
  assert.deepEqual(rows, [], 'what a later migration makes there, too');
  const asOwner = (verb: string) =>
    withClient(p.urls.owner, (client) =>
      client.query(`${verb} execute on all functions in schema ledger ${verb === 'grant' ? 'to' : 'from'} public`),
    );
  await asOwner('grant');
  try {
    assert.equal(await asApp(MINE, FORGE, WRITE), misplaced);
    assert.equal(await asApp(ERASE, WRITE, 'insert into mine values (pg_current_xact_id())'), misplaced);
  } finally {
    await asOwner('revoke');
  }
});

test('a temporary table named like the transition table, or a search path, does not fool it', async () => {
  assert.equal(await asApp(`create temporary table changed (id text)`, WRITE), refusedCode);
  assert.equal(await asApp(`set search_path = demo, pgboss, public`, WRITE), refusedCode);
  assert.equal(await asApp(`set local lastember.recorded = 'true'`, WRITE), refusedCode);
});

test('a refused write through the queue’s own schema, which the application owns, is refused as well', async () => {
  const sneak = `create function pgboss.sneak() returns void language sql security definer as $$ insert into demo.kept values ('s', 'x') $$`;
  assert.equal(await asApp(sneak, 'select pgboss.sneak()'), refusedCode);
});

test('ledger entries cannot be changed or removed, by the owner of the table neither', async () => {
  assert.equal(await asApp(entrySql()), null);
  const statements = [
    `update ledger.entry set type = 'x.y'`,
    'delete from ledger.entry',
    'truncate ledger.entry cascade',
  ];
  for (const statement of statements) {
    assert.equal(await asApp(statement), '42501', statement);
    await assert.rejects(
      withClient(p.urls.owner, (client) => client.query(statement)),
      { code: 'LE003' },
      statement,
    );
  }
});

test('an entry whose hash is not of its bytes is refused', async () => {
  assert.equal(await asApp(entrySql().replace(/\\x[0-9a-f]{64}'\)$/, `\\x${'00'.repeat(32)}')`)), 'LE002');
});

test('the notes leave nothing behind', async () => {
  await asApp(WRITE, entrySql());
  await asApp(WRITE);
  const left = await withClient(p.urls.root, (client) => client.query('select * from ledger.guard'));
  assert.equal(left.rowCount, 0);
});
