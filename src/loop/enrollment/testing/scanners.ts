import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createScannerToken } from '../scanners.ts';
import { operator, type Served } from './served.ts';

export const SITE_TIMES = { beatMs: 250, leaseMs: 2000 };

export interface Running {
  child: ChildProcess;
  /** what it wrote */
  log(): string;
  end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void>;
}

/** A scanner of that site in a process of its own, with the real program. */
export async function startScanner(
  { platform, address }: Served,
  site: string,
  more: { only?: string[]; never?: string[]; dataDir?: string; token?: string | null } = {},
): Promise<Running & { dataDir: string }> {
  const dataDir = more.dataDir ?? (await mkdtemp(join(tmpdir(), 'lastember-scanner-')));
  const token =
    more.token === undefined ? (await createScannerToken(platform, operator, { site, minutes: 5 })).token : more.token;
  const options = {
    site,
    server: `https://${address}`,
    token,
    name: `scanner-${dataDir.slice(-6)}`,
    dataDir,
    path: 'portable',
    only: more.only ?? [],
    never: more.never ?? [],
  };
  const program = join(import.meta.dirname, '../../../scanner/testing/process.ts');
  const child = spawn(process.execPath, [program, JSON.stringify(options)], { stdio: ['ignore', 'ignore', 'pipe'] });
  let written = '';
  child.stderr.on('data', (bytes: Buffer) => (written += bytes.toString()));
  const exited = once(child, 'exit');
  return {
    child,
    dataDir,
    log: () => written,
    end: async (signal) => {
      child.kill(signal);
      await exited;
    },
  };
}
