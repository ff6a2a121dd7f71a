import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { sql } from 'kysely';
import { testPlatform, type TestPlatform } from '../testing.ts';
import { anyOf, chunks } from './many.ts';

let platform: TestPlatform;
before(async () => {
  platform = await testPlatform();
});
after(() => platform.close());

test('more ids than a statement may have parameters are one parameter', async () => {
  const ids = Array.from({ length: 70_000 }, (_, index) => `id_${index}`);
  const { rows } = await sql<{ n: string }>`
    select count(*) as n from generate_series(1, 80000) as g where 'id_' || g = ${anyOf(ids)}`.execute(platform.db);
  assert.equal(Number(rows[0]?.n), 69_999);
});

test('chunks keep order and lose nothing', () => {
  const items = Array.from({ length: 4001 }, (_, index) => index);
  assert.deepEqual(chunks(items).flat(), items);
  assert.deepEqual(
    chunks(items).map((chunk) => chunk.length),
    [2000, 2000, 1],
  );
  assert.deepEqual(chunks([]), []);
});
