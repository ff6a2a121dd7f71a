import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, readdir, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'kysely';
import { isAppError } from '../../../model/errors/index.ts';
import { createLog } from '../../log/index.ts';
import { createDb, withClient } from '../pool.ts';
import { startEmbedded } from './index.ts';
import type { StatePaths } from './paths.ts';
import { disown } from './process.ts';
import { whenReady } from './supervisor.ts';

const log = createLog('silent');
const RUNNING = `select 1 from pg_stat_activity
  where state = 'active' and query like '%4000000000%' and pid <> pg_backend_pid()`;

test('SIGKILL of PostgreSQL under a query that computes: that is ended, and keeps no server away', async (t) => {
  const base = await realpath(await mkdtemp(join(tmpdir(), 'lastember-left-')));
  await chmod(base, 0o755);
  t.after(() => rm(base, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 }));
  const config = { dataDir: join(base, 'data'), pgBinDir: null, pgUid: 64_123 };
  const server = await startEmbedded(config, log, { settings: { fsync: 'off', shared_buffers: '16MB' } });
  t.after(() => server.stop());
  const { db } = createDb(server.appUrl, { max: 1, log });
  t.after(() => db.destroy());
  const computing = sql`select count(*) from generate_series(1, 4000000000)`
    .execute(db)
    .catch((error: unknown) => error);
  const isRunning = () =>
    withClient(server.rootUrl, async (client) => ((await client.query(RUNNING)).rowCount ?? 0) > 0);
  while (!(await isRunning())) await sleep(50);
  const before = await server.pid();
  process.kill(before!, 'SIGKILL');
  const began = Date.now();
  while ((await server.pid()) === before) {
    assert.ok(Date.now() - began < 30_000, 'it was not started again');
    await sleep(50);
  }
  assert.ok(isAppError(await computing, 'DATABASE_UNAVAILABLE'));
});

test('a server that had ended before anybody listened for that is not waited for', async () => {
  const child = spawn('/bin/sh', ['-c', 'exit 1']);
  await once(child, 'exit');
  const paths = { data: '/nonexistent', log: '/nonexistent' } as StatePaths;
  const options = { postgres: '', paths, socket: '', who: null, settings: {} };
  const told = whenReady(child, options, 0).then(String, (error: Error) => error.message);
  assert.match(await Promise.race([told, sleep(10_000, 'it waits still')]), /no output|PostgreSQL/);
});

test('a pid file that its server took away meanwhile is no reason not to start, and is not made anew', async (t) => {
  const data = await mkdtemp(join(tmpdir(), 'lastember-disown-'));
  t.after(() => rm(data, { recursive: true, force: true }));
  await disown(data);
  assert.deepEqual(await readdir(data), []);
  await writeFile(join(data, 'postmaster.pid'), '4711\n/data\n1764000000\n5432\n\n\n  1234567    32800\nready   \n');
  await disown(data);
  const [pid, ...rest] = (await readFile(join(data, 'postmaster.pid'), 'utf8')).split('\n');
  assert.ok(Number(pid) > 2 ** 22, 'no process has that number');
  assert.deepEqual(rest.slice(5), ['  1234567    32800', 'ready   ', '']);
});
