import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  access,
  chmod,
  chown,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  realpath,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { sql } from 'kysely';
import { isAppError } from '../../../model/errors/index.ts';
import { createLog } from '../../log/index.ts';
import { createDb, withClient } from '../pool.ts';
import { type EmbeddedPostgres, startEmbedded } from './index.ts';
import { startOf } from './lock.ts';
import { isRunning } from './process.ts';

const OWNER = fileURLToPath(new URL('./testing/owner.ts', import.meta.url));
const FILL = fileURLToPath(new URL('./testing/fill.ts', import.meta.url));
const isRoot = process.getuid?.() === 0;
const settings = { fsync: 'off', shared_buffers: '16MB' };
const log = createLog('silent');
/** An uid without an account: no name, no home. */
const STRANGER = 54_321;
let base: string;
let binariesDir: string;

before(async () => {
  base = await realpath(await mkdtemp(join(tmpdir(), 'lastember-emb-')));
  await chmod(base, 0o755);
  binariesDir = join(base, 'pg');
});
// Only here, when every server has stopped: hooks of a test run in the order they were added, the directory's first.
after(() => rm(base, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 }));

let serial = 0;
const freshDir = (): string => join(base, `d${serial++}`);

async function start(t: TestContext, dataDir: string, logger = log): Promise<EmbeddedPostgres> {
  const server = await startEmbedded({ dataDir, pgBinDir: null, pgUid: 64_123 }, logger, { binariesDir, settings });
  t.after(() => server.stop());
  return server;
}

interface Said {
  appUrl: string;
  rootUrl: string;
  pid: number;
  code?: string;
  message?: string;
}

/** A process that owns a server, perhaps as another user. */
async function startOwner(
  t: TestContext,
  options: { dataDir: string; binariesDir?: string },
  how: { uid?: number; wrap?: string[] } = {},
): Promise<{ child: ChildProcess; said: Said }> {
  const argv = [...(how.wrap ?? []), process.execPath, OWNER, JSON.stringify({ settings, ...options })];
  const child = spawn(argv[0]!, argv.slice(1), {
    stdio: ['ignore', 'pipe', 'inherit'],
    cwd: '/',
    env: { PATH: '/usr/bin:/bin' },
    ...(how.uid ? { uid: how.uid, gid: how.uid } : {}),
  });
  t.after(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGTERM');
    await once(child, 'exit');
  });
  let text = '';
  for await (const chunk of child.stdout!) {
    text += String(chunk);
    if (text.includes('\n')) break;
  }
  return { child, said: JSON.parse(text) as Said };
}

async function gone(pid: number, ms: number): Promise<number> {
  const began = Date.now();
  while (isRunning(pid)) {
    assert.ok(Date.now() - began < ms, `process ${pid} still runs after ${ms} ms`);
    await sleep(10);
  }
  return Date.now() - began;
}

const query = (url: string, text: string) =>
  withClient(url, async (client) => (await client.query(text)).rows as Record<string, unknown>[]);
const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

test('first start makes a cluster; a clean stop leaves no process, lock or pid file; the next start has the data', async (t) => {
  const dataDir = freshDir();
  const server = await start(t, dataDir);
  await query(server.ownerUrl, `create schema s; create table s.t as select 'kept' as v`);
  const pid = await server.pid();
  assert.ok(pid && isRunning(pid));
  await server.stop();
  await gone(pid, 1000);
  assert.ok(!(await exists(join(dataDir, 'lastember.lock'))));
  assert.ok(!(await exists(join(dataDir, 'postgres/data/postmaster.pid'))));
  const again = await start(t, dataDir);
  assert.deepEqual(await query(again.ownerUrl, 'select v from s.t'), [{ v: 'kept' }]);
});

test('no TCP port, scram on the socket, an application role without privileges, passwords for us only', async (t) => {
  const dataDir = freshDir();
  const server = await start(t, dataDir);
  const [row] = await query(
    server.rootUrl,
    `select current_setting('listen_addresses') as listen, current_setting('password_encryption') as scram,
       (select count(*) from pg_hba_file_rules where auth_method <> 'scram-sha-256') as lax,
       (select rolsuper or rolcreaterole or rolcreatedb from pg_roles where rolname = 'lastember') as strong`,
  );
  assert.deepEqual(row, { listen: '', scram: 'scram-sha-256', lax: 0, strong: false });
  const wrong = server.appUrl.replace(/:[^:@/]+@/, ':wrong@');
  await assert.rejects(
    withClient(wrong, async () => undefined),
    { code: '28P01' },
  );
  assert.equal((await stat(join(dataDir, 'postgres/secrets.json'))).mode & 0o777, 0o600);
  assert.equal((await stat(join(dataDir, 'postgres/run'))).mode & 0o777, 0o700);
  const leftovers = (await readdir(join(dataDir, 'postgres'))).filter((name) => /password|tmp/.test(name));
  assert.deepEqual(leftovers, []);
});

test('SIGKILL of PostgreSQL: it is started again, and the pool works as if nothing had been', async (t) => {
  const lines: string[] = [];
  const logger = createLog('warn', { write: (line: string) => void lines.push(line) });
  const server = await start(t, freshDir(), logger);
  const { db } = createDb(server.appUrl, { max: 4, log });
  t.after(() => db.destroy());
  for (let round = 0; round < 2; round++) {
    await sql`select 1`.execute(db);
    const pid = await server.pid();
    process.kill(pid!, 'SIGKILL');
    await gone(pid!, 2000);
    const began = Date.now();
    const { rows } = await sql<{ n: number }>`select 1 as n`.execute(db).catch((error: unknown) => {
      // The statement that found the broken connection may be told so; the next one must wait and work.
      assert.ok(isAppError(error, 'DATABASE_UNAVAILABLE'), String(error));
      return sql<{ n: number }>`select 1 as n`.execute(db);
    });
    assert.equal(rows[0]!.n, 1);
    assert.ok(Date.now() - began < 10_000, `${Date.now() - began} ms`);
    // The old server's backends outlive it by a moment, and one of them may have answered.
    while ((await server.pid()) === pid) {
      assert.ok(Date.now() - began < 10_000, 'it was not started again');
      await sleep(50);
    }
  }
  assert.ok(lines.some((line) => line.includes('PostgreSQL ended by itself')));
});

test('SIGKILL of the process that owns it: PostgreSQL stops within seconds, and the next start is clean', async (t) => {
  const dataDir = freshDir();
  const { child, said } = await startOwner(t, { dataDir, binariesDir });
  await query(said.rootUrl, `create table survives as select 1 as v`);
  child.kill('SIGKILL');
  await once(child, 'exit');
  const ms = await gone(said.pid, 5000);
  assert.ok(ms < 5000);
  assert.ok(await exists(join(dataDir, 'lastember.lock')), 'the dead owner could not take its lock along');
  const server = await start(t, dataDir);
  assert.deepEqual(await query(server.rootUrl, 'select v from survives'), [{ v: 1 }]);
  const words = await readFile(server.log, 'utf8');
  assert.doesNotMatch(words, /not properly shut down/, 'the watchdog stopped it cleanly');
});

test('SIGKILL of owner and watchdog: the next start finds the orphan, stops it and goes on', async (t) => {
  const dataDir = freshDir();
  const { child, said } = await startOwner(t, { dataDir, binariesDir });
  const text = await readFile(`/proc/${said.pid}/stat`, 'utf8');
  const watchdog = Number(text.slice(text.lastIndexOf(')') + 2).split(' ')[1]);
  process.kill(watchdog, 'SIGSTOP');
  child.kill('SIGKILL');
  await once(child, 'exit');
  process.kill(watchdog, 'SIGKILL');
  // The shell that reads the pipe is a child of the watchdog's and told PostgreSQL already, or it never will.
  const server = await start(t, dataDir);
  assert.notEqual(await server.pid(), said.pid);
  assert.ok(!isRunning(said.pid));
});

test('a second start on the same data directory is refused with who holds it, from here and from elsewhere', async (t) => {
  const dataDir = freshDir();
  await start(t, dataDir);
  await assert.rejects(
    startEmbedded({ dataDir, pgBinDir: null, pgUid: 64_123 }, log, { binariesDir, settings }),
    (e) => isAppError(e, 'DATA_DIR_IN_USE') && (e as Error).message.includes(String(process.pid)),
  );
  const { said } = await startOwner(t, { dataDir, binariesDir });
  assert.equal(said.code, 'DATA_DIR_IN_USE');
});

test('stale locks are taken over: a dead pid, a recycled pid, half a file', async (t) => {
  const dataDir = freshDir();
  await mkdir(dataDir, { recursive: true });
  const stale = [
    JSON.stringify({ pid: 2_147_483_646, started: 'x', since: 'y' }),
    JSON.stringify({ pid: process.pid, started: 'another boot/1', since: 'y' }),
    '{"pid": 1',
    '',
  ];
  for (const text of stale) {
    await writeFile(join(dataDir, 'lastember.lock'), text);
    const server = await start(t, dataDir);
    const lock = JSON.parse(await readFile(join(dataDir, 'lastember.lock'), 'utf8')) as {
      pid: number;
      started: string;
    };
    assert.deepEqual([lock.pid, lock.started], [process.pid, startOf(process.pid)]);
    await server.stop();
  }
});

test("a pid file whose number is some other program's does not stop the start", async (t) => {
  const dataDir = freshDir();
  const server = await start(t, dataDir);
  const path = join(dataDir, 'postgres/data/postmaster.pid');
  const content = await readFile(path, 'utf8');
  await server.stop();
  const bystander = spawn('sleep', ['60'], { ...(isRoot ? { uid: 64_123, gid: 64_123 } : {}), cwd: '/' });
  t.after(() => bystander.kill());
  await writeFile(path, content.replace(/^\d+/, String(bystander.pid)));
  if (isRoot) await chown(path, 64_123, 64_123);
  await start(t, dataDir);
  assert.equal(bystander.exitCode, null);
});

test('a half-made cluster is thrown away and made again', async (t) => {
  const dataDir = freshDir();
  await mkdir(join(dataDir, 'postgres/data.tmp/base'), { recursive: true });
  await writeFile(join(dataDir, 'postgres/data.tmp/PG_VERSION'), '18');
  const server = await start(t, dataDir);
  assert.equal((await query(server.rootUrl, 'select 1 as v'))[0]?.['v'], 1);
});

test('a directory of another major version is refused by name', async (t) => {
  const dataDir = freshDir();
  await mkdir(join(dataDir, 'postgres/data'), { recursive: true });
  await writeFile(join(dataDir, 'postgres/data/PG_VERSION'), '17\n');
  await assert.rejects(start(t, dataDir), (e) => isAppError(e, 'DATABASE_VERSION') && /17/.test((e as Error).message));
  assert.ok(!(await exists(join(dataDir, 'lastember.lock'))), 'the lock is given back');
});

test('PG_BIN_DIR is used instead of the bundle, and a wrong one is named', async (t) => {
  const dataDir = freshDir();
  await start(t, freshDir());
  const pgBinDir = join(binariesDir, (await readdir(binariesDir))[0]!, 'bin');
  const server = await startEmbedded({ dataDir, pgBinDir, pgUid: 64_123 }, log, { settings });
  assert.ok(!(await exists(join(dataDir, 'postgres/pg'))), 'nothing was copied');
  await server.stop();
  await assert.rejects(
    startEmbedded({ dataDir, pgBinDir: '/nowhere', pgUid: 64_123 }, log),
    (e) => isAppError(e, 'DATABASE_NO_BINARIES') && /\/nowhere/.test((e as Error).message),
  );
});

test('a path too long for a Unix socket gets a short socket directory', async (t) => {
  const dataDir = join(freshDir(), 'x'.repeat(60), 'y'.repeat(60));
  const server = await start(t, dataDir);
  assert.equal((await query(server.appUrl, 'select 1 as v'))[0]?.['v'], 1);
  const socket = new URL(server.appUrl).searchParams.get('host')!;
  assert.ok(Buffer.byteLength(socket) < 90 && socket.startsWith(tmpdir()), socket);
  t.after(() => rm(socket, { recursive: true, force: true }));
});

test('a data directory that is a file, or below one, is named', async (t) => {
  const file = freshDir();
  await writeFile(file, '');
  for (const dataDir of [file, join(file, 'below')]) {
    await assert.rejects(
      start(t, dataDir),
      (e) => isAppError(e, 'DATA_DIR_UNUSABLE') && (e as Error).message.includes(dataDir),
    );
  }
});

test(
  'as root: the server runs as its own user, not as root, and that user cannot read our secrets',
  { skip: isRoot ? false : 'not root' },
  async (t) => {
    const dataDir = freshDir();
    const server = await start(t, dataDir);
    const status = await readFile(`/proc/${await server.pid()}/status`, 'utf8');
    assert.match(status, /^Uid:\s+64123\s+64123\s+64123\s+64123$/m);
    assert.match(status, /^Groups:\s*$/m);
    assert.equal((await stat(join(dataDir, 'postgres/secrets.json'))).uid, 0);
    assert.equal((await stat(join(dataDir, 'postgres/data'))).uid, 64_123);
    assert.equal((await stat(dataDir)).mode & 0o007, 0, 'nobody else may enter the data directory');
  },
);

test(
  'as root below a closed directory: the state lies where its user can go, the same at every start',
  { skip: isRoot ? false : 'not root' },
  async (t) => {
    const closed = freshDir();
    await mkdir(closed, { mode: 0o700 });
    const dataDir = join(closed, 'data');
    const server = await start(t, dataDir);
    const [row] = await query(server.rootUrl, `select current_setting('data_directory') as at`);
    const at = String(row?.['at']);
    assert.match(at, /^\/var\/lib\/lastember-server\/[0-9a-f]{16}\/data$/);
    t.after(() => rm(dirname(at), { recursive: true, force: true }));
    await query(server.rootUrl, 'create table there as select 1 as v');
    await server.stop();
    assert.equal((await stat(closed)).mode & 0o777, 0o700, 'the closed directory stays closed');
    const again = await start(t, dataDir);
    assert.deepEqual(await query(again.rootUrl, 'select v from there'), [{ v: 1 }]);
    // Before it is removed: hooks run in the order they were given.
    await again.stop();
  },
);

test(
  'as a user without an account and without a writable home',
  { skip: isRoot ? false : 'only root can become one' },
  async (t) => {
    const dataDir = freshDir();
    await mkdir(dataDir);
    await chown(dataDir, STRANGER, STRANGER);
    const { child, said } = await startOwner(t, { dataDir }, { uid: STRANGER });
    assert.equal(said.code, undefined, said.message ?? '');
    assert.equal((await query(said.appUrl, 'select 1 as v'))[0]?.['v'], 1);
    child.kill('SIGTERM');
    await once(child, 'exit');
    await gone(said.pid, 5000);
  },
);

test(
  'as a user who may not write there: a clear error',
  { skip: isRoot ? false : 'root can become one' },
  async (t) => {
    const dataDir = freshDir();
    await mkdir(dataDir, { mode: 0o755 });
    const { said } = await startOwner(t, { dataDir, binariesDir }, { uid: STRANGER });
    assert.equal(said.code, 'DATA_DIR_UNUSABLE');
    assert.match(said.message!, /not writable by this user \(uid 54321\)/);
  },
);

/** Runs a script in a mount namespace of its own, where the data directory is a file system of this size. */
async function onSmallDisk(script: string, size: string): Promise<string[]> {
  const dataDir = freshDir();
  await mkdir(dataDir);
  const mounted = `mount -t tmpfs -o size=${size},mode=755 tmpfs "$0" && "$@"; ls "$0/postgres"`;
  const options = JSON.stringify({ dataDir, binariesDir, settings });
  const argv = ['-m', 'sh', '-c', mounted, dataDir, process.execPath, script, options];
  const child = spawn('unshare', argv, { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  for await (const chunk of child.stdout) text += String(chunk);
  return text.trim().split('\n');
}

test(
  'a full disk at the first start: a clear error, and nothing half-made',
  { skip: isRoot ? false : 'needs a mount' },
  async (t) => {
    await start(t, freshDir());
    const [line, ...left] = await onSmallDisk(OWNER, '20m');
    assert.equal((JSON.parse(line!) as Said).code, 'DATABASE_DISK_FULL', line ?? '');
    assert.deepEqual(
      left.filter((name) => name.startsWith('data')),
      [],
    );
  },
);

test(
  'a disk that fills up later: the write says so, and goes on once there is room',
  { skip: isRoot ? false : 'needs a mount' },
  async (t) => {
    await start(t, freshDir());
    const [line] = await onSmallDisk(FILL, '120m');
    assert.deepEqual(JSON.parse(line!), { full: 'DATABASE_DISK_FULL', recovered: true });
  },
);
