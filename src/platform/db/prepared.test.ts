import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CompiledQuery, sql } from 'kysely';
import { systemActor } from '../../model/actor.ts';
import { testPlatform } from '../testing.ts';
import { asPrepared, prepared, preparedName } from './prepared.ts';

test('a connection parses a prepared statement once, whatever the parameters; others it parses each time', async (t) => {
  const p = await testPlatform();
  t.after(() => p.close());
  const known = await p.observe(systemActor('prepared test'), async ({ db }) => {
    for (const n of [1, 2, 3]) {
      const { rows } = await sql<{ twice: number }>`${prepared}select 2 * ${n}::integer as twice`.execute(db);
      assert.deepEqual(rows, [{ twice: 2 * n }]);
      await sql`select 3 * ${n}::integer as thrice`.execute(db);
      const raw = asPrepared('select $1::text as same');
      const same = await db.executeQuery<{ same: string }>(CompiledQuery.raw(raw, [`text ${n}`]));
      assert.deepEqual(same.rows, [{ same: `text ${n}` }]);
    }
    const { rows } = await sql<{ statement: string; runs: number }>`
      select statement, generic_plans + custom_plans as runs from pg_prepared_statements
      where statement like '%twice' or statement like '%thrice' or statement like '%same' order by 1`.execute(db);
    return rows;
  });
  assert.deepEqual(known, [
    { statement: asPrepared('select $1::text as same'), runs: 3 },
    { statement: asPrepared('select 2 * $1::integer as twice'), runs: 3 },
  ]);
});

test('statements that differ have names that differ, and one has the same everywhere', () => {
  const names = ['select 1', 'select 2'].map((text) => preparedName(asPrepared(text)));
  assert.equal(new Set(names).size, 2);
  assert.ok(names.every((name) => name !== null && name.length < 64));
  assert.equal(preparedName(asPrepared('select 1')), names[0]);
  assert.equal(preparedName('select 1'), null);
});
