import { crc32, gunzipSync, inflateRawSync } from 'node:zlib';

/** What a feed may be at most, packed and unpacked; what is larger is a mistake or an attack. */
export const LIMITS = {
  packed: 512 * 1024 * 1024,
  /** one file, or one in an archive */
  file: 256 * 1024 * 1024,
  all: 4 * 1024 * 1024 * 1024,
  files: 1_000_000,
  /** what is read of it */
  statements: 2_000_000,
};
export type Limits = typeof LIMITS;

const END = 0x06054b50;
const END64 = 0x06064b50;
const END64_LOCATOR = 0x07064b50;
const ENTRY = 0x02014b50;
const LOCAL = 0x04034b50;
const END_SIZE = 22;
const LONGEST_COMMENT = 65_535;

export const isZip = (bytes: Uint8Array): boolean => bytes[0] === 0x50 && bytes[1] === 0x4b;
const isGzip = (bytes: Uint8Array): boolean => bytes[0] === 0x1f && bytes[1] === 0x8b;
export const isPacked = (bytes: Uint8Array): boolean => isZip(bytes) || isGzip(bytes);

/** Text, also of a gzip file. Throws where it is cut off, too large or not UTF-8. */
export function textOf(bytes: Uint8Array, limits: Limits = LIMITS): string {
  if (bytes.length > limits.packed) throw new Error('the file is too large');
  const plain = isGzip(bytes) ? inflated(() => gunzipSync(bytes, { maxOutputLength: limits.file }), 'the file') : bytes;
  if (plain.length > limits.file) throw new Error('the file is too large');
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(plain);
  } catch {
    throw new Error('the file is no text in UTF-8');
  }
}

export function jsonOf(bytes: Uint8Array, limits: Limits = LIMITS): unknown {
  const text = textOf(bytes, limits);
  try {
    return JSON.parse(text);
  } catch {
    throw new Error('the file is no JSON, or was cut off');
  }
}

/** The files of a zip archive, one at a time. Names are only names: nothing is written anywhere. */
export function* zipEntries(
  bytes: Uint8Array,
  limits: Limits = LIMITS,
): Generator<{ name: string; read(): Uint8Array }> {
  if (bytes.length > limits.packed) throw new Error('the archive is too large');
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let { offset, count } = directoryOf(buffer);
  if (count > limits.files) throw new Error(`the archive has ${count} files, which is too many`);
  const rest = { bytes: limits.all };
  for (; count > 0; count -= 1) {
    if (offset + 46 > buffer.length || buffer.readUInt32LE(offset) !== ENTRY)
      throw new Error('the archive is damaged: its directory ends early');
    const entry = entryAt(buffer, offset);
    offset = entry.next;
    if (!entry.name.endsWith('/'))
      yield { name: entry.name, read: () => contentOf(buffer, entry, Math.min(limits.file, rest.bytes), rest) };
  }
}

function directoryOf(buffer: Buffer): { offset: number; count: number } {
  const least = Math.max(0, buffer.length - END_SIZE - LONGEST_COMMENT);
  for (let at = buffer.length - END_SIZE; at >= least; at -= 1) {
    if (buffer.readUInt32LE(at) !== END) continue;
    const [count, offset] = [buffer.readUInt16LE(at + 10), buffer.readUInt32LE(at + 16)];
    const isLarge = count === 0xffff || offset === 0xffffffff;
    return isLarge ? (largeDirectoryOf(buffer, at) ?? { offset, count }) : { offset, count };
  }
  throw new Error('the archive is no zip file, or was cut off');
}

function largeDirectoryOf(buffer: Buffer, end: number): { offset: number; count: number } | null {
  const locator = end - 20;
  if (locator < 0 || buffer.readUInt32LE(locator) !== END64_LOCATOR) return null;
  const at = Number(buffer.readBigUInt64LE(locator + 8));
  if (at + 56 > buffer.length || buffer.readUInt32LE(at) !== END64) throw new Error('the archive is damaged');
  return { count: Number(buffer.readBigUInt64LE(at + 32)), offset: Number(buffer.readBigUInt64LE(at + 48)) };
}

interface Entry {
  name: string;
  method: number;
  crc: number;
  packed: number;
  size: number;
  local: number;
  next: number;
}

function entryAt(buffer: Buffer, at: number): Entry {
  const [name, extra, comment] = [
    buffer.readUInt16LE(at + 28),
    buffer.readUInt16LE(at + 30),
    buffer.readUInt16LE(at + 32),
  ];
  return {
    name: buffer.toString('utf8', at + 46, at + 46 + name),
    method: buffer.readUInt16LE(at + 10),
    crc: buffer.readUInt32LE(at + 16),
    packed: buffer.readUInt32LE(at + 20),
    size: buffer.readUInt32LE(at + 24),
    local: buffer.readUInt32LE(at + 42),
    next: at + 46 + name + extra + comment,
  };
}

function contentOf(buffer: Buffer, entry: Entry, limit: number, rest: { bytes: number }): Uint8Array {
  const { name, method, crc, packed, size, local } = entry;
  if (size > limit || packed > limit) throw new Error(`${name} in the archive is too large`);
  if (local + 30 > buffer.length || buffer.readUInt32LE(local) !== LOCAL)
    throw new Error(`${name} is not where the archive says`);
  const from = local + 30 + buffer.readUInt16LE(local + 26) + buffer.readUInt16LE(local + 28);
  const raw = buffer.subarray(from, from + packed);
  if (raw.length < packed) throw new Error(`${name} in the archive is cut off`);
  if (method !== 0 && method !== 8) throw new Error(`${name} is packed in a way that is not known (${method})`);
  // No more than it said: what unpacks to more than its directory tells is a bomb.
  const plain = method === 0 ? raw : inflated(() => inflateRawSync(raw, { maxOutputLength: Math.max(size, 1) }), name);
  if (plain.length !== size) throw new Error(`${name} in the archive does not have the size that it says`);
  // What was altered may unpack all the same, and be another number in a record that reads well.
  if (crc32(plain) !== crc) throw new Error(`${name} in the archive was altered: its checksum is another`);
  rest.bytes -= plain.length;
  return plain;
}

function inflated(unpack: () => Uint8Array, name: string): Uint8Array {
  try {
    return unpack();
  } catch (error) {
    const isLarge = (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE';
    throw new Error(isLarge ? `${name} unpacks to more than it may` : `${name} is damaged or was cut off`, {
      cause: error,
    });
  }
}
