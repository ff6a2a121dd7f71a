const OP_REPLY = 1;
const OP_QUERY = 2004;
const OP_MSG = 2013;
export const LONGEST_REPLY = 48 * 1024;

export type Fields = Record<string, string | number | boolean>;

/** A command with one number as its value. `legacy`: as servers before 3.6 want it, and later ones for `isMaster` only. */
export function commandBytes(id: number, name: string, legacy: boolean): Buffer {
  if (!legacy) return framed(id, OP_MSG, Buffer.concat([i32(0), Buffer.from([0]), document(name, true)]));
  return framed(
    id,
    OP_QUERY,
    Buffer.concat([i32(0), Buffer.from('admin.$cmd\0'), i32(0), i32(-1), document(name, false)]),
  );
}

function document(name: string, withDb: boolean): Buffer {
  const one = Buffer.concat([Buffer.from([0x10]), Buffer.from(`${name}\0`), i32(1)]);
  const only =
    name === 'listDatabases'
      ? Buffer.concat([Buffer.from([0x08]), Buffer.from('nameOnly\0'), Buffer.from([1])])
      : Buffer.alloc(0);
  const db = withDb
    ? Buffer.concat([Buffer.from([0x02]), Buffer.from('$db\0'), i32(6), Buffer.from('admin\0')])
    : Buffer.alloc(0);
  const body = Buffer.concat([one, only, db, Buffer.from([0])]);
  return Buffer.concat([i32(body.length + 4), body]);
}

function framed(id: number, opcode: number, body: Buffer): Buffer {
  return Buffer.concat([i32(body.length + 16), i32(id), i32(0), i32(opcode), body]);
}

/** The reply's length as its header says, or null when these bytes are no reply to `id`. */
export function replyLength(header: Buffer, id: number): number | null {
  if (header.length < 16 || header.readInt32LE(8) !== id) return null;
  const [length, opcode] = [header.readInt32LE(0), header.readInt32LE(12)];
  return [OP_REPLY, OP_MSG].includes(opcode) && length >= 26 && length <= LONGEST_REPLY ? length : null;
}

/** The fields of the first document of a whole reply that are texts, numbers or truth values. */
export function fieldsOf(reply: Buffer): Fields {
  return readDocument(reply.subarray(reply.readInt32LE(12) === OP_MSG ? 21 : 36));
}

const SIZES: Record<number, number> = {
  0x01: 8,
  0x06: 0,
  0x07: 12,
  0x08: 1,
  0x09: 8,
  0x0a: 0,
  0x10: 4,
  0x11: 8,
  0x12: 8,
};

/** BSON, as far as it goes: of documents and arrays within it only how to get past them is known. */
export function readDocument(bytes: Buffer): Fields {
  const fields: Fields = {};
  for (let at = 4; at < bytes.length && bytes[at] !== 0;) {
    const [type, end] = [bytes[at]!, bytes.indexOf(0, at + 1)];
    const size = end < 0 ? null : sizeOf(type, bytes.subarray(end + 1));
    if (size === null || end + 1 + size > bytes.length) break;
    const value = valueOf(type, bytes.subarray(end + 1, end + 1 + size));
    if (value !== null) fields[bytes.subarray(at + 1, end).toString('utf8')] = value;
    at = end + 1 + size;
  }
  return fields;
}

function sizeOf(type: number, rest: Buffer): number | null {
  if (type in SIZES) return SIZES[type]!;
  if (rest.length < 4) return null;
  const told = rest.readInt32LE(0);
  if (told < 0) return null;
  if (type === 0x02) return 4 + told;
  if (type === 0x05) return 5 + told;
  return type === 0x03 || type === 0x04 ? Math.max(5, told) : null;
}

function valueOf(type: number, bytes: Buffer): Fields[string] | null {
  if (type === 0x01) return bytes.readDoubleLE(0);
  if (type === 0x02) return bytes.subarray(4, -1).toString('utf8');
  if (type === 0x08) return bytes[0] === 1;
  if (type === 0x10) return bytes.readInt32LE(0);
  return type === 0x12 ? Number(bytes.readBigInt64LE(0)) : null;
}

function i32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value);
  return bytes;
}
