import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'kysely';
import { systemActor } from '../model/actor.ts';
import { testPlatform } from './testing.ts';

const actor = systemActor('act test');

test('a read beside the transaction ends even when every other connection waits for its lock', async (t) => {
  const p = await testPlatform({ config: { databasePool: 3 } });
  t.after(() => p.close());
  const lock = sql`select pg_advisory_xact_lock(7414)`;
  const one = sql<{ one: number }>`select 1 as one`;
  let holds = (): void => {};
  const held = new Promise<void>((resolve) => (holds = resolve));
  const holder = p.observe(actor, async (tx) => {
    await lock.execute(tx.db);
    holds();
    // By now the others hold all that is left of the pool, and wait.
    await sleep(300);
    return (await one.execute(p.db)).rows[0]?.one;
  });
  await held;
  const others = Array.from({ length: 6 }, () =>
    p.observe(actor, async (tx) => {
      await lock.execute(tx.db);
      return (await one.execute(p.db)).rows[0]?.one;
    }),
  );
  const within = AbortSignal.timeout(8000);
  const late = new Promise((_, reject) => within.addEventListener('abort', () => reject(new Error('it hangs'))));
  assert.deepEqual(await Promise.race([Promise.all([holder, ...others]), late]), [1, 1, 1, 1, 1, 1, 1]);
});

test('a transaction may announce any number of events; each goes out once', async (t) => {
  const p = await testPlatform();
  t.after(() => p.close());
  const heard = new Map<string, number>();
  p.events.subscribe('tasks', ({ payload }) => {
    heard.set(payload['hostId']!, (heard.get(payload['hostId']!) ?? 0) + 1);
  });
  await p.observe(actor, async (tx) => {
    for (let n = 0; n < 4000; n++) await tx.publish('tasks', { hostId: `host_${n % 2000}` });
  });
  for (let tries = 0; tries < 100 && heard.size < 2000; tries++) await sleep(20);
  assert.equal(heard.size, 2000);
  assert.deepEqual([...new Set(heard.values())], [1]);
});
