import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { after, afterEach, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { sql } from 'kysely';
import { systemActor } from '../../model/actor.ts';
import { JOB_NAMES, type JobName } from '../../model/jobs.ts';
import type { JobHandlers } from '../context.ts';
import { withClient } from '../db/index.ts';
import { createPlatform, type RunningPlatform, type Schedule } from '../index.ts';
import { createLog } from '../log/index.ts';
import { testPlatform, type TestPlatform } from '../testing.ts';

const actor = systemActor('queue test');
let p: TestPlatform;
before(async () => {
  p = await testPlatform();
});
after(() => p.close());

async function until(condition: () => boolean | Promise<boolean>, ms = 10_000, what = 'it'): Promise<number> {
  const began = Date.now();
  while (!(await condition())) {
    assert.ok(Date.now() - began < ms, `waited ${ms} ms for ${what}`);
    await sleep(10);
  }
  return Date.now() - began;
}

const replicas: RunningPlatform[] = [];
afterEach(async () => {
  await Promise.all(replicas.splice(0).map((replica) => replica.close()));
});

/** A second replica on the test's database, as a worker. */
async function worker(
  handlers: JobHandlers,
  schedules: Schedule[] = [],
  log = createLog('silent'),
): Promise<RunningPlatform> {
  const replica = await createPlatform(p.config, log);
  replicas.push(replica);
  await replica.startWorkers(handlers, schedules);
  return replica;
}

async function empty(name: JobName): Promise<void> {
  await (await p.jobs.boss()).deleteAllJobs(name);
}

test('a job exists exactly if the transaction that wanted it commits', async () => {
  await p.observe(actor, (tx) => tx.enqueue('audit.host', { hostId: 'h1' }));
  await assert.rejects(
    p.observe(actor, async (tx) => {
      await tx.enqueue('audit.host', { hostId: 'h2' });
      throw new Error('rolled back');
    }),
  );
  assert.deepEqual(await p.waiting('audit.host'), [{ name: 'audit.host', payload: { hostId: 'h1' } }]);
  await empty('audit.host');
});

test('one waiting job a key, any number without; a later wish brings the waiting one forward, never back', async () => {
  const enqueue = (hostId: string, options = {}) => p.queue.enqueue('audit.host', { hostId }, options);
  await enqueue('a');
  await enqueue('a');
  await enqueue('b', { singletonKey: 'b', startAfterSeconds: 3600 });
  assert.equal((await p.waiting('audit.host')).length, 3);
  p.handle({ 'audit.host': async () => undefined });
  assert.equal((await p.drain()).length, 2, 'the third is to start later');
  await enqueue('b', { singletonKey: 'b' });
  assert.equal((await p.waiting('audit.host')).length, 1);
  await enqueue('b', { singletonKey: 'b', startAfterSeconds: 3600 });
  assert.deepEqual(await p.drain(), ['audit.host'], 'now it is due');
  await enqueue('b', { singletonKey: 'b' });
  assert.equal((await p.waiting('audit.host')).length, 1, 'the key is free again');
  await empty('audit.host');
});

test('a transaction that joins a waiting job keeps it from running before its own commit', async () => {
  await sql`create table if not exists pgboss.probe (v integer)`.execute(p.db);
  await p.queue.enqueue('change.advance', { changeId: 'c' }, { singletonKey: 'c' });
  const seen: number[] = [];
  const read = async (): Promise<void> => {
    const { rows } = await sql<{ n: number }>`select count(*) as n from pgboss.probe`.execute(p.db);
    seen.push(rows[0]!.n);
  };
  let joined = (): void => undefined;
  let release = (): void => undefined;
  const inside = new Promise<void>((resolve) => (joined = resolve));
  const go = new Promise<void>((resolve) => (release = resolve));
  const writing = p.db.transaction().execute(async (tx) => {
    await sql`insert into pgboss.probe values (1)`.execute(tx);
    await p.jobs.send(tx, [{ name: 'change.advance', payload: { changeId: 'c' }, options: { singletonKey: 'c' } }]);
    joined();
    await go;
  });
  await inside;
  await worker({ 'change.advance': read });
  await sleep(500);
  assert.deepEqual(seen, [], 'not while the writer is open');
  release();
  await writing;
  const ms = await until(() => seen.length > 0, 3000, 'the joined job');
  assert.deepEqual(seen, [1], 'it runs once, and sees what the writer wrote');
  assert.ok(ms < 2500, `${ms} ms`);
});

test('two transactions that wake the same jobs in opposite order do not block each other for good', async () => {
  const wake = (ids: string[]) =>
    p.observe(actor, async (tx) => {
      for (const id of ids) await tx.enqueue('audit.host', { hostId: id }, { singletonKey: id });
      await sleep(5);
    });
  await Promise.all(Array.from({ length: 20 }, (_, i) => wake(i % 2 ? ['x', 'y', 'z'] : ['z', 'y', 'x'])));
  assert.equal((await p.waiting('audit.host')).length, 3);
  await empty('audit.host');
});

test('a worker starts a job within milliseconds of the commit; a job that throws is logged and tried again', async () => {
  const lines: string[] = [];
  const log = createLog('error', { write: (line: string) => void lines.push(line) });
  const times: number[] = [];
  let failures = 0;
  await worker(
    {
      'audit.host': async () => void times.push(performance.now()),
      'impact.connections': async () => {
        if (failures++ === 0) throw new Error('first time unlucky');
      },
    },
    [],
    log,
  );
  await sleep(200);
  const latencies: number[] = [];
  for (let i = 0; i < 10; i++) {
    const began = performance.now();
    await p.queue.enqueue('audit.host', { hostId: `h${i}` });
    await until(() => times.length === i + 1);
    latencies.push(times[i]! - began);
  }
  const median = latencies.toSorted((a, b) => a - b)[5]!;
  assert.ok(median < 250, `median ${median} ms`);
  await p.queue.enqueue('impact.connections', { hostId: 'h' });
  const retried = await until(() => failures === 2, 10_000, 'the second try');
  assert.ok(retried < 4000, `${retried} ms`);
  assert.equal(lines.length, 1);
  assert.match(lines[0]!, /"job":"impact.connections".*a job threw/);
});

test('jobs that wait for other machines run many at once: some that hang do not keep the others', async () => {
  const all = p.config.jobConcurrency + 1;
  let begun = 0;
  let together = (): void => undefined;
  const everyone = new Promise<void>((resolve) => (together = resolve));
  await worker({
    'audit.collect': async () => {
      begun += 1;
      if (begun === all) together();
      await everyone;
    },
  });
  for (let i = 0; i < all; i++) await p.queue.enqueue('audit.collect', { hostId: `h${i}` });
  await until(() => begun === all, 20_000, 'all of them to begin');
});

test('closing lets the running job end', async () => {
  let ended = false;
  let began = false;
  const replica = await worker({
    'trail.document': async () => {
      began = true;
      await sleep(700);
      ended = true;
    },
  });
  await p.queue.enqueue('trail.document', { kind: 'host', id: 'h' });
  await until(() => began);
  await replica.close();
  assert.ok(ended);
});

test('SIGKILL of a worker: its job runs again elsewhere after seconds', async () => {
  await p.queue.enqueue('audit.host', { hostId: 'h-killed' });
  const script = fileURLToPath(new URL('./testing/worker.ts', import.meta.url));
  const child = spawn(process.execPath, [script, JSON.stringify(p.config)], { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  await until(() => output.includes('started h-killed'), 20_000, 'the child to take the job');
  child.kill('SIGKILL');
  await once(child, 'exit');
  const again: string[] = [];
  await worker({ 'audit.host': async ({ hostId }) => void again.push(hostId) });
  const ms = await until(() => again.length > 0, 40_000, 'the second run');
  assert.deepEqual(again, ['h-killed']);
  assert.ok(ms < 25_000, `${ms} ms`);
});

test('a job that is to start later starts then, without anybody asking', async () => {
  const ran: number[] = [];
  await worker({ 'discovery.follow': async () => void ran.push(Date.now()) });
  const began = Date.now();
  await p.queue.enqueue('discovery.follow', { hostId: 'h' }, { startAfterSeconds: 2 });
  await until(() => ran.length === 1, 6000, 'the later start');
  assert.ok(ran[0]! - began >= 1900 && ran[0]! - began < 4000, `${ran[0]! - began} ms`);
});

test('timers fire, once among all replicas, and are exactly those asked for', async () => {
  const fired: string[] = [];
  const handlers: JobHandlers = {
    'discovery.schedule': async () => void fired.push('discovery.schedule'),
    'audit.sweep': async () => void fired.push('audit.sweep'),
  };
  const first = await worker(handlers, [{ job: 'audit.sweep', cron: '0 0 1 1 *' }]);
  await first.close();
  const schedules: Schedule[] = [{ job: 'discovery.schedule', cron: '* * * * *' }];
  await Promise.all([worker(handlers, schedules), worker(handlers, schedules)]);
  const { rows } = await sql<{ name: string }>`select name from pgboss.schedule`.execute(p.db);
  assert.deepEqual(rows, [{ name: 'discovery.schedule' }], 'the earlier version’s timer is gone');
  // The minute's turn may fall into the wait; then it is two, one a minute, and not four.
  const minute = (): number => Math.floor(Date.now() / 60_000);
  const began = minute();
  await until(() => fired.length > 0, 75_000, 'the timer');
  await sleep(1500);
  assert.ok(fired.length <= 1 + minute() - began, fired.join());
});

test('every job name has its queue, with the heartbeat that makes the above hold', async () => {
  const { rows } = await withClient(p.urls.app, (client) =>
    client.query<{ name: string; heartbeat_seconds: number; policy: string; notify: boolean }>(
      `select name, heartbeat_seconds, policy, notify from pgboss.queue where name not like '\\_\\_%' order by name`,
    ),
  );
  assert.deepEqual(
    rows.map((row) => row.name),
    [...JOB_NAMES].sort(),
  );
  assert.ok(rows.every((row) => row.heartbeat_seconds === 10 && row.policy === 'short' && row.notify));
});
