import { spawn, spawnSync } from 'node:child_process';
import { setPriority } from 'node:os';
import { promisify } from 'node:util';
import { constants, gzip, zstdCompress } from 'node:zlib';
import type { Packing } from '../logic/unpack.ts';

/** Packs bytes as a file of its own. */
export type Compress = (bytes: Buffer) => Promise<Buffer>;

const NICE = 10;
/** The filter for x86 code saves a twentieth; every liblzma since 2009 undoes it. */
const FILTERS = { x64: ['--x86', '--lzma2=preset=6'], arm64: ['--lzma2=preset=6'] } as const;
const PYTHON = `import lzma, sys
filters = [{"id": lzma.FILTER_LZMA2, "preset": 6}]
if sys.argv[1] == "x64": filters.insert(0, {"id": lzma.FILTER_X86})
sys.stdout.buffer.write(lzma.compress(sys.stdin.buffer.read(), check=lzma.CHECK_CRC64, filters=filters))`;

export type Architecture = 'x64' | 'arm64';

/** How this machine packs in each way; without `xz` and without Python there is no .xz. */
export function compressors(arch: Architecture): Partial<Record<Packing, Compress>> {
  const xz = xzCommand(arch);
  return {
    ...(xz === null ? {} : { xz: (bytes: Buffer) => through(xz, bytes) }),
    zst: (bytes) => promisify(zstdCompress)(bytes, { params: { [constants.ZSTD_c_compressionLevel]: 19 } }),
    gz: (bytes) => promisify(gzip)(bytes, { level: 6 }),
  };
}

function xzCommand(arch: Architecture): string[] | null {
  if (works(['xz', '--version'])) return ['xz', '--compress', '--stdout', '--check=crc64', ...FILTERS[arch]];
  return works(['python3', '-c', 'import lzma']) ? ['python3', '-c', PYTHON, arch] : null;
}

const works = ([command, ...args]: string[]): boolean => spawnSync(command!, args, { stdio: 'ignore' }).status === 0;

/** The server's other work comes first. */
function through([command, ...args]: string[], bytes: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const child = spawn(command!, args, { stdio: ['pipe', 'pipe', 'ignore'] });
    const chunks: Buffer[] = [];
    child.on('spawn', () => setPriority(child.pid!, NICE));
    child.on('error', reject);
    child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
    child.stdin.on('error', () => {});
    child.stdin.end(bytes);
    child.on('close', (code) => {
      if (code === 0) resolve(Buffer.concat(chunks));
      else reject(new Error(`${command} ended with ${code}`));
    });
  });
}
