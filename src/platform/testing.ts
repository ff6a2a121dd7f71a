import { createHash, randomBytes } from 'node:crypto';
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type pg from 'pg';
import type { JobName, Jobs } from '../model/jobs.ts';
import { JOB_NAMES } from '../model/jobs.ts';
import { type Config, loadConfig, testDatabaseUrl } from './config/index.ts';
import type { JobHandlers } from './context.ts';
import { startEmbedded } from './db/embedded/index.ts';
import { migrate, readMigrations } from './db/migrate.ts';
import { withClient } from './db/pool.ts';
import { provision, ROLES } from './db/provision.ts';
import { assemble, type RunningPlatform } from './index.ts';
import { createLog } from './log/index.ts';
import { installQueue, type JobQueue } from './queue/index.ts';
import { loadVaultKey } from './vault/key.ts';

export interface TestPostgres {
  /** superuser's URL of the maintenance database */
  url: string;
  /** what test processes need in their environment to use it */
  env: Record<string, string>;
  stop(): Promise<void>;
}

/** Speed instead of safety: what a test writes need not survive a power cut. */
const FAST = {
  fsync: 'off',
  synchronous_commit: 'off',
  full_page_writes: 'off',
  max_connections: '400',
  shared_buffers: '128MB',
  max_wal_size: '1GB',
};

/**
 * A throw-away PostgreSQL for a test run (the same binaries and supervisor as in production). It ends with this process,
 * however that ends, and takes its directory with it.
 */
export async function startTestPostgres(): Promise<TestPostgres> {
  const dataDir = await mkdtemp(join(tmpdir(), 'lastember-test-'));
  const config = { dataDir, pgBinDir: null, pgUid: 64_123 };
  removeAtExit(dataDir);
  const server = await startEmbedded(config, createLog('error'), { settings: FAST });
  return { url: server.rootUrl, env: { TEST_DATABASE_URL: server.rootUrl }, stop: () => server.stop() };
}

/** A shell whose standard input ends with us: it waits for the server to stop, then removes the directory. */
function removeAtExit(dataDir: string): void {
  const script =
    'read _; n=0; while [ -e "$1/postgres/data/postmaster.pid" ] && [ $n -lt 100 ]; do sleep 0.1; n=$((n+1)); done; rm -rf "$1"';
  const child = spawn('/bin/sh', ['-c', script, 'sh', dataDir], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  child.unref();
  (child.stdin as unknown as { unref(): void }).unref();
}

let own: Promise<TestPostgres> | null = null;

async function testServer(): Promise<string> {
  return testDatabaseUrl() ?? (await (own ??= startTestPostgres())).url;
}

function urlFor(root: string, role: keyof typeof ROLES, database: string): string {
  const url = new URL(root);
  url.username = ROLES[role];
  url.pathname = `/${database}`;
  return url.href;
}

/** All roles of a test server have the superuser's password. */
function passwordOf(root: string): string {
  return decodeURIComponent(new URL(root).password);
}

/** One database per set of migrations, fully migrated; tests get clones of it. */
async function ensureTemplate(root: string): Promise<string> {
  const migrations = await readMigrations();
  const digest = createHash('sha256')
    .update(migrations.map((m) => m.sha256).join())
    .digest('hex')
    .slice(0, 12);
  const name = `lastember_template_${digest}`;
  await withClient(root, async (client) => {
    await client.query('select pg_advisory_lock(74140002)');
    const found = await client.query('select from pg_database where datname = $1 and datistemplate', [name]);
    if (found.rowCount) return;
    await client.query(`drop database if exists ${name}`);
    const password = passwordOf(root);
    await provision(root, { root: password, owner: password, app: password }, name);
    for (const role of [ROLES.owner, ROLES.app]) {
      await client.query(`alter role ${role} password ${client.escapeLiteral(password)}`);
    }
    await migrate(urlFor(root, 'owner', name), ROLES.app);
    await installQueue(urlFor(root, 'app', name), createLog('error'));
    await client.query(`alter database ${name} is_template true allow_connections false`);
  });
  return name;
}

async function clone(client: pg.Client, template: string, database: string): Promise<void> {
  await client.query(`create database ${database} template ${template} owner ${ROLES.owner}`);
  await client.query(`revoke all on database ${database} from public`);
  await client.query(`grant connect, temporary on database ${database} to ${ROLES.app}`);
}

export interface TestPlatform extends RunningPlatform {
  /** the queue's inside, for the platform's own tests */
  jobs: JobQueue;
  /** URLs of this test's database, by role: to look behind the platform's back, and to try to get around it */
  urls: Record<keyof typeof ROLES, string>;
  /** Handlers that `drain` runs; given again, they are added. */
  handle(handlers: JobHandlers): void;
  /**
   * Runs waiting jobs, and the jobs they cause, until none is left; returns the names run. Jobs without a handler wait
   * on. What a handler throws is thrown here. `ahead`: also the jobs that are to start later.
   */
  drain(options?: { ahead?: boolean }): Promise<JobName[]>;
  /** Waiting jobs, for looking at what a transaction enqueued. */
  waiting(name?: JobName): Promise<{ name: JobName; payload: Jobs[JobName] }[]>;
}

export interface TestOptions {
  config?: Partial<Config>;
  now?: () => Date;
  logLevel?: string;
}

/**
 * A platform on a database of its own: a clone of the migrated template, used with the application's rights only.
 * `createPlatform(p.config)` makes a further replica on the same database.
 */
export async function testPlatform(options: TestOptions = {}): Promise<TestPlatform> {
  const root = await testServer();
  const template = await ensureTemplate(root);
  const database = `test_${randomBytes(6).toString('hex')}`;
  await withClient(root, (client) => clone(client, template, database));
  const urls = {
    root: urlFor(root, 'root', database),
    owner: urlFor(root, 'owner', database),
    app: urlFor(root, 'app', database),
  };
  urls.root = Object.assign(new URL(root), { pathname: `/${database}` }).href;
  const dataDir = await mkdtemp(join(tmpdir(), 'lastember-test-data-'));
  const config: Config = {
    ...loadConfig({ LASTEMBER_DATA_DIR: dataDir }),
    databaseUrl: urls.app,
    databaseOwnerUrl: urls.owner,
    databasePool: 5,
    ...options.config,
  };
  const log = createLog(options.logLevel ?? 'silent');
  const platform = await assemble({
    config,
    log,
    url: urls.app,
    vaultKey: await loadVaultKey(config),
    ...(options.now ? { now: options.now } : {}),
  });
  const handlers: JobHandlers = {};
  return {
    ...platform,
    urls,
    handle: (more) => void Object.assign(handlers, more),
    drain: (how = {}) => drain(platform, handlers, how.ahead ?? false),
    waiting: (name) => waiting(platform, name),
    close: async () => {
      await platform.close();
      await withClient(root, (client) => client.query(`drop database if exists ${database} with (force)`));
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

type Assembled = Awaited<ReturnType<typeof assemble>>;

async function drain(platform: Assembled, handlers: JobHandlers, ahead: boolean): Promise<JobName[]> {
  const boss = await platform.jobs.boss();
  const ran: JobName[] = [];
  for (let before = -1; before !== ran.length;) {
    before = ran.length;
    for (const name of JOB_NAMES) {
      const handler = handlers[name] as ((payload: object) => Promise<void>) | undefined;
      if (!handler) continue;
      for (const job of await boss.fetch<object>(name, { batchSize: 100, ignoreStartAfter: ahead })) {
        await handler(job.data);
        await boss.complete(name, job.id);
        ran.push(name);
      }
    }
    if (ran.length > 10_000) throw new Error(`drain does not come to an end: ${[...new Set(ran)].join(', ')}`);
  }
  return ran;
}

async function waiting(platform: Assembled, only?: JobName): Promise<{ name: JobName; payload: Jobs[JobName] }[]> {
  const boss = await platform.jobs.boss();
  const found = await Promise.all(
    (only ? [only] : JOB_NAMES).map(async (name) => {
      const jobs = await boss.findJobs<Jobs[JobName]>(name, { queued: true });
      return jobs.map((job) => ({ name, payload: job.data }));
    }),
  );
  return found.flat();
}
