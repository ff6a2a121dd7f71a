import { readFile, stat } from 'node:fs/promises';
import { gunzipSync } from 'node:zlib';
import { checkSize, LARGEST_KIT, MOST_FILES, refused } from './bounds.ts';

const BLOCK = 512;
const GZIP = Buffer.of(0x1f, 0x8b);
/** Of `tar` and `git archive`: a file, a directory, and notes about what follows, which nothing here depends on. */
const FILE = new Set(['0', '\0']);
const SKIPPED = new Set(['5', 'g', 'x']);

/** The files of a .tar or .tar.gz, without the one directory that all of them may lie in. */
export async function filesOfTarball(path: string): Promise<Map<string, string>> {
  if ((await stat(path)).size > LARGEST_KIT) throw refused(path, `it is larger than ${LARGEST_KIT} bytes`);
  const files = entries(path, unpacked(path, await readFile(path)));
  const tops = new Set([...files.keys()].map((name) => (name.includes('/') ? name.split('/')[0]! : '')));
  const [top] = tops;
  if (files.has('kit.yaml') || tops.size !== 1 || !top) return files;
  return new Map([...files].map(([name, text]) => [name.slice(top.length + 1), text]));
}

function unpacked(path: string, bytes: Buffer): Buffer {
  if (!bytes.subarray(0, 2).equals(GZIP)) return bytes;
  try {
    return gunzipSync(bytes, { maxOutputLength: LARGEST_KIT });
  } catch (error) {
    const tooLarge = (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE';
    throw refused(path, tooLarge ? `it unpacks to more than ${LARGEST_KIT} bytes` : 'it is no gzip that can be read');
  }
}

function entries(path: string, tar: Buffer): Map<string, string> {
  const files = new Map<string, string>();
  for (let at = 0, count = 0; at + BLOCK <= tar.length; count += 1) {
    const header = tar.subarray(at, at + BLOCK);
    if (header.every((byte) => byte === 0)) break;
    if (count >= MOST_FILES) throw refused(path, `it has more than ${MOST_FILES} files`);
    const { name, size, type } = headerOf(path, header);
    at += BLOCK;
    if (at + size > tar.length) throw refused(path, `${name} ends before its end`);
    if (FILE.has(type)) {
      checkSize(path, name, size);
      if (files.has(name)) throw refused(path, `${name} is in it twice`);
      files.set(name, tar.subarray(at, at + size).toString('utf8'));
    } else if (!SKIPPED.has(type)) throw refused(path, `${name} is a link or a device`);
    at += Math.ceil(size / BLOCK) * BLOCK;
  }
  if (files.size === 0) throw refused(path, 'it is no folder and no tarball');
  return files;
}

function headerOf(path: string, header: Buffer): { name: string; size: number; type: string } {
  const field = (from: number, length: number): string => {
    const bytes = header.subarray(from, from + length);
    const end = bytes.indexOf(0);
    return bytes.toString('utf8', 0, end < 0 ? length : end);
  };
  const sum = header.reduce((total, byte, index) => total + (index >= 148 && index < 156 ? 32 : byte), 0);
  const told = Number.parseInt(field(148, 8).trim(), 8);
  if (sum !== told) throw refused(path, 'it is no folder and no tarball');
  const prefix = field(257, 5) === 'ustar' ? field(345, 155) : '';
  const name = `${prefix ? `${prefix}/` : ''}${field(0, 100)}`.replace(/^(\.\/)+/, '');
  const parts = name.split('/');
  if (name.startsWith('/') || parts.includes('..')) throw refused(path, `${name} leads out of it`);
  const octal = field(124, 12).trim();
  if (!/^[0-7]{1,12}$/.test(octal)) throw refused(path, `${name} has no size`);
  return { name, size: Number.parseInt(octal, 8), type: String.fromCharCode(header[156]!) };
}
