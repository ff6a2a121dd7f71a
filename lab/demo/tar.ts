import { gunzipSync } from 'node:zlib';

const BLOCK = 512;

/** One file's bytes out of a .tar.gz; null when it is not in there. Enough of ustar for the packages we check by digest. */
export function fileFromTarball(tarball: Buffer, wanted: string): Buffer | null {
  const tar = gunzipSync(tarball);
  for (let at = 0; at + BLOCK <= tar.length;) {
    const header = tar.subarray(at, at + BLOCK);
    const name = text(header, 0, 100);
    if (name === '') return null;
    const size = Number.parseInt(text(header, 124, 12).trim(), 8);
    if (!Number.isFinite(size)) throw new Error(`Reading a tarball: no size at byte ${at}.`);
    const prefix = text(header, 257, 5) === 'ustar' ? text(header, 345, 155) : '';
    if ((prefix ? `${prefix}/${name}` : name) === wanted) return tar.subarray(at + BLOCK, at + BLOCK + size);
    at += BLOCK + Math.ceil(size / BLOCK) * BLOCK;
  }
  return null;
}

function text(header: Buffer, from: number, length: number): string {
  const field = header.subarray(from, from + length);
  const end = field.indexOf(0);
  return field.toString('utf8', 0, end < 0 ? length : end);
}
