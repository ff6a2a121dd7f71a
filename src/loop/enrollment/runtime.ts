import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '../../model/errors/index.ts';
import { AGENT_PATHS } from '../../model/agent-paths.ts';
import type { Host } from '../../model/estate.ts';
import type { SshHost } from '../../host/ssh/index.ts';
import type { Step } from './deadline.ts';
import { compressors, type Architecture } from './onefile/compress.ts';
import { packedAgent } from './onefile/pack.ts';
import type { Packing } from './logic/unpack.ts';
import { sendOneFile, unpackerFor } from './onefile/send.ts';

const ROOT = join(import.meta.dirname, '../../..');

/** The Node binary that the one file for this architecture is made of, or null where this server has none. */
export function runtimeFor(arch: Architecture): string | null {
  if (arch === process.arch) return process.execPath;
  const other = join(ROOT, `node_modules/node-linux-${arch}/bin/node`);
  return existsSync(other) ? other : null;
}

interface Order {
  remote: SshHost;
  host: Host;
  step: Step;
  /** told before the first thing is written to the host */
  touch(): Promise<void>;
  arch: Architecture;
  program: Buffer;
  dataDir: string;
}

/** Copies the agent as one file: made and packed here once a version, and as small in transit as the host can unpack. */
export async function sendAgent({ remote, host, step, touch, arch, program, dataDir }: Order): Promise<void> {
  const runtime = runtimeFor(arch);
  if (runtime === null) throw new AppError('DEPLOY_NO_RUNTIME', { host: host.name, have: process.arch, need: arch });
  const destination = { remote, host: host.name };
  const canMake = new Set(Object.keys(compressors(arch)) as Packing[]);
  const unpacker = await unpackerFor(destination, canMake);
  step('packing the agent, which takes a minute the first time');
  const packed = await packedAgent({ program, arch, runtime }, unpacker.transit, join(dataDir, 'cache'));
  const bytes = await readFile(packed);
  step('copying the agent');
  await touch();
  await remote.mkdir(AGENT_PATHS.dir, 0o755);
  await sendOneFile(destination, { bytes, unpacker, path: AGENT_PATHS.program });
}
