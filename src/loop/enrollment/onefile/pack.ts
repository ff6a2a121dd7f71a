import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { each } from '../../../host/facts/look.ts';
import { oneFile } from '../logic/elf.ts';
import type { Packing, Transit } from '../logic/unpack.ts';
import { programBlob } from './blob.ts';
import { compressors, type Architecture, type Compress } from './compress.ts';
import { debAround, tarAround } from './deb.ts';
import { joinXz } from './xz.ts';

/** Bump when the same program and runtime would give other bytes. */
const LAYOUT = 2;
const PIECE = 16 * 1024 * 1024;
const PAGE = 4096;
const KEEP_MS = 30 * 24 * 3_600_000;

export interface Ingredients {
  program: Buffer;
  arch: Architecture;
  /** path of the Node binary of that architecture, of our own version */
  runtime: string;
}

/** The agent as one file for a platform, as bytes. */
export async function makeOneFile({
  program,
  runtime,
}: Omit<Ingredients, 'arch'>): Promise<{ bytes: Buffer; blobAt: number }> {
  const made = oneFile(await readFile(runtime), await programBlob(program));
  if (made === null) throw new Error(`${runtime} is not laid out as the runtime that we know`);
  return made;
}

export function transitName({ program, arch }: Ingredients, transit: Transit): string {
  const key = createHash('sha256').update(`${LAYOUT} ${process.version} ${arch} `).update(program).digest('hex');
  return `lastember-agent-${key.slice(0, 16)}-linux-${arch}.${transit}`;
}

const making = new Map<string, Promise<void>>();

/** The file that travels to a host; made once for each version, and kept in `dir`. */
export async function packedAgent(ingredients: Ingredients, transit: Transit, dir: string): Promise<string> {
  const path = join(dir, transitName(ingredients, transit));
  if (!making.has(path) && !existsSync(path)) {
    const made = make(ingredients, transit, path).finally(() => making.delete(path));
    making.set(path, made);
  }
  await making.get(path);
  return path;
}

async function make(ingredients: Ingredients, transit: Transit, path: string): Promise<void> {
  const dir = join(path, '..');
  await mkdir(join(dir, 'pieces'), { recursive: true, mode: 0o700 });
  const { bytes, blobAt } = await makeOneFile(ingredients);
  const packed = transit === 'plain' ? bytes : await pack(bytes, blobAt, { ...ingredients, transit, dir });
  await keep(path, packed);
  await forgetOld(dir);
}

interface How {
  arch: Architecture;
  transit: Exclude<Transit, 'plain'>;
  dir: string;
}

/**
 * Packed in pieces, each kept by what it holds: a new program in the same runtime changes the first page and what comes
 * behind the runtime, and only that is packed again. What does it for all takes most of a minute.
 */
async function pack(bytes: Buffer, blobAt: number, { arch, transit, dir }: How): Promise<Buffer> {
  const packing: Packing = transit === 'deb' ? 'xz' : transit;
  const compress = compressors(arch)[packing];
  if (!compress) throw new Error(`this machine cannot pack as .${packing}`);
  const around = transit === 'deb' ? tarAround(bytes.length, 0o755) : null;
  const pieces = [...(around ? [around.before] : []), ...cut(bytes, blobAt), ...(around ? [around.after] : [])];
  const packed = await each(
    pieces,
    (piece) => packPiece(piece, compress, join(dir, 'pieces', `%.${arch}.${packing}`)),
    availableParallelism(),
  );
  if (packing !== 'xz') return Buffer.concat(packed);
  return around ? debAround(joinXz(packed)) : joinXz(packed);
}

function cut(bytes: Buffer, blobAt: number): Buffer[] {
  const ends = [PAGE];
  for (let at = PIECE; at < blobAt; at += PIECE) ends.push(at);
  ends.push(blobAt, bytes.length);
  return ends.map((end, index) => bytes.subarray(index === 0 ? 0 : ends[index - 1], end));
}

async function packPiece(piece: Buffer, compress: Compress, pattern: string): Promise<Buffer> {
  const path = pattern.replace('%', createHash('sha256').update(piece).digest('hex').slice(0, 32));
  if (existsSync(path)) return readFile(path);
  const packed = await compress(piece);
  await keep(path, packed);
  return packed;
}

async function keep(path: string, bytes: Buffer): Promise<void> {
  const fresh = `${path}.${process.pid}.new`;
  await writeFile(fresh, bytes, { mode: 0o600 });
  await rename(fresh, path);
}

/** What was made for versions of long ago. A piece that is needed after all is packed again. */
async function forgetOld(dir: string): Promise<void> {
  for (const folder of [dir, join(dir, 'pieces')])
    for (const name of await readdir(folder)) {
      const path = join(folder, name);
      const found = await stat(path).catch(() => null);
      if (found?.isFile() && /\.(?:xz|zst|gz|deb|plain|new)$/.test(name) && found.mtimeMs < Date.now() - KEEP_MS)
        await rm(path, { force: true });
    }
}
