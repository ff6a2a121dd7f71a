import { promisify } from 'node:util';
import { inflateRaw } from 'node:zlib';

const inflate = promisify<Uint8Array, { maxOutputLength: number }, Buffer>(inflateRaw);

export interface ZipEntry {
  name: string;
  /**
   * Throws when the archive is not what its directory says, and when more than `most` bytes come out of it: what the
   * directory says of its size is whatever somebody wrote there.
   */
  read(most: number): Promise<Uint8Array>;
  /** More than this cannot come out of it, whatever it claims. */
  atMost: number;
}

const END = 0x0605_4b50;
const DIRECTORY = 0x0201_4b50;
const END_SIZE = 22;
/** Nobody packs more into one that runs; a hostile directory could claim any number. */
const ENTRIES_LIMIT = 100_000;
/** Of deflate: 258 bytes for two bits, at best. */
const EXPANSION = 1032;

/** Entries of a zip archive by its directory, or null when it is none. Nothing is unpacked until it is read. */
export function zipEntries(bytes: Uint8Array): ZipEntry[] | null {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const end = endOf(buffer);
  if (end === null) return null;
  const count = Math.min(buffer.readUInt16LE(end + 10), ENTRIES_LIMIT);
  const declared = buffer.readUInt32LE(end + 16);
  const start = end - buffer.readUInt32LE(end + 12);
  if (start < 0) return null;
  // A program to start the archive with may stand before it: all places are then that much further on.
  const shift = start - declared;
  const entries: ZipEntry[] = [];
  let at = start;
  while (entries.length < count && at + 46 <= end && buffer.readUInt32LE(at) === DIRECTORY) {
    const [name, extra, comment] = [28, 30, 32].map((offset) => buffer.readUInt16LE(at + offset)) as [
      number,
      number,
      number,
    ];
    entries.push(entryAt(buffer, at, buffer.toString('utf8', at + 46, at + 46 + name), shift));
    at += 46 + name + extra + comment;
  }
  return entries;
}

/** The end record stands last but for a comment of up to 64 KiB. */
function endOf(buffer: Buffer): number | null {
  for (let at = buffer.length - END_SIZE; at >= Math.max(0, buffer.length - END_SIZE - 65_535); at -= 1) {
    if (buffer.readUInt32LE(at) === END) return at;
  }
  return null;
}

function entryAt(buffer: Buffer, at: number, name: string, shift: number): ZipEntry {
  const method = buffer.readUInt16LE(at + 10);
  const packed = buffer.readUInt32LE(at + 20);
  const place = buffer.readUInt32LE(at + 42) + shift;
  return {
    name,
    atMost: method === 0 ? packed : packed * EXPANSION,
    read: async (most) => {
      const data = place + 30 + buffer.readUInt16LE(place + 26) + buffer.readUInt16LE(place + 28);
      const bytes = buffer.subarray(data, data + packed);
      if (method === 0 && bytes.length <= most) return bytes;
      if (method !== 8) throw new Error(`packed in a way (${method}) that is not known, or too large`);
      return inflate(bytes, { maxOutputLength: Math.max(1, most) });
    },
  };
}
