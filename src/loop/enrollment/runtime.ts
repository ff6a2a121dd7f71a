import { createReadStream, createWriteStream, existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { AppError } from '../../model/errors/index.ts';
import type { SshHost } from '../../host/ssh/index.ts';

const UNPACK_MS = 120_000;
/** The exit code of a command that is not there. */
const NOT_FOUND = 127;
/** A higher level gains a tenth in size and costs twice the time. */
const LEVEL = 1;

const packing = new Map<string, Promise<void>>();

/** Copies our own Node to `path` on the host: packed, which is a third of it, where the host can unpack it. */
export async function sendRuntime(
  { remote, host }: { remote: SshHost; host: string },
  path: string,
  dataDir: string,
): Promise<void> {
  const fresh = `${path}.new`;
  await remote.write(`${fresh}.gz`, await readFile(await packedRuntime(dataDir)), 0o600);
  const unpacked = await remote.exec(['gzip', '-d', '-f', `${fresh}.gz`], { timeoutMs: UNPACK_MS });
  if (unpacked.code === 0) {
    await remote.chmod(fresh, 0o755);
    await remote.rename(fresh, path);
    return;
  }
  await remote.remove(`${fresh}.gz`);
  if (unpacked.code !== NOT_FOUND)
    throw new AppError('DEPLOY_COMMAND', {
      host,
      command: 'gzip -d',
      why: unpacked.stderr.trim().slice(0, 300) || `exit code ${unpacked.code}`,
    });
  await remote.write(path, await readFile(process.execPath), 0o755);
}

/** The file that holds our Node, packed once per version and kept. */
export async function packedRuntime(dataDir: string): Promise<string> {
  const file = join(dataDir, 'cache', `node-${process.version}-${process.platform}-${process.arch}.gz`);
  if (!packing.has(file)) {
    const packed = pack(file);
    packing.set(file, packed);
    packed.catch(() => packing.delete(file));
  }
  await packing.get(file);
  return file;
}

async function pack(file: string): Promise<void> {
  if (existsSync(file)) return;
  await mkdir(join(file, '..'), { recursive: true, mode: 0o700 });
  const fresh = `${file}.${process.pid}`;
  try {
    await pipeline(
      createReadStream(process.execPath, { highWaterMark: 1 << 20 }),
      createGzip({ level: LEVEL, chunkSize: 1 << 20 }),
      createWriteStream(fresh, { mode: 0o600 }),
    );
    await rename(fresh, file);
  } catch (error) {
    await rm(fresh, { force: true });
    throw error;
  }
}
