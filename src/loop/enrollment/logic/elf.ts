/** What the runtime looks for in its own image, and the mark that tells it to look. */
const RESOURCE = 'NODE_SEA_BLOB';
const FUSE = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2:';

const HEADER = 64;
const ENTRY = 56;
const PAGE = 0x1_0000;
const TYPE = { load: 1, note: 4, phdr: 6 } as const;
const READABLE = 4;

/** One program header of a 64-bit ELF file, little endian. */
interface Segment {
  type: number;
  flags: number;
  offset: number;
  address: number;
  fileSize: number;
  memorySize: number;
  align: number;
}

export interface OneFile {
  bytes: Buffer;
  /** where what is ours begins: before it, only the first page and the mark differ from program to program */
  blobAt: number;
}

/**
 * The runtime without its symbols, and with a blob that it runs at its start: a copy of the ELF file that ends with its
 * last loaded byte, plus one loaded segment with the blob as a note. Null where the file is not laid out as we know it.
 */
export function oneFile(runtime: Buffer, blob: Uint8Array): OneFile | null {
  const segments = readSegments(runtime);
  const mark = runtime.indexOf(`${FUSE}0`);
  const old = segments?.find((segment) => segment.type === TYPE.note);
  // A header is given up for the new one, so that the table stays where it is: an executable at fixed addresses needs
  // none that says where the table lies.
  const spare = segments?.findIndex((segment) => segment.type === TYPE.phdr) ?? -1;
  if (!segments || !old || spare < 0 || mark < 0 || runtime.indexOf(`${FUSE}0`, mark + 1) >= 0) return null;
  const loads = segments.filter((segment) => segment.type === TYPE.load);
  const blobAt = roundUp(Math.max(...loads.map((load) => load.offset + load.fileSize)), PAGE);
  const address = roundUp(Math.max(...loads.map((load) => load.address + load.memorySize)), PAGE);
  const notes = Buffer.concat([
    padded(runtime.subarray(old.offset, old.offset + old.fileSize)),
    noteOf(RESOURCE, blob),
  ]);
  const added = { flags: READABLE, offset: blobAt, address, fileSize: notes.length, memorySize: notes.length };
  const last = segments.lastIndexOf(loads.at(-1)!);
  const table = [
    ...segments.slice(0, last + 1),
    { ...added, type: TYPE.load, align: PAGE },
    ...segments.slice(last + 1).map((segment) => (segment === old ? { ...added, type: TYPE.note, align: 4 } : segment)),
  ].toSpliced(spare, 1);
  const bytes = Buffer.alloc(blobAt + notes.length);
  runtime.copy(bytes, 0, 0, Math.max(...loads.map((load) => load.offset + load.fileSize)));
  notes.copy(bytes, blobAt);
  bytes.write('1', mark + FUSE.length, 'latin1');
  table.forEach((segment, index) => writeSegment(bytes, HEADER + index * ENTRY, segment));
  withoutSections(bytes);
  return { bytes, blobAt };
}

/** The program headers of a 64-bit little-endian executable at fixed addresses whose table follows its header; else null. */
function readSegments(elf: Buffer): Segment[] | null {
  const magic = elf.subarray(0, 6).toString('latin1');
  if (elf.length < HEADER || magic !== '\x7fELF\x02\x01') return null;
  const [type, tableAt, size, count] = [
    elf.readUInt16LE(16),
    Number(elf.readBigUInt64LE(32)),
    elf.readUInt16LE(54),
    elf.readUInt16LE(56),
  ];
  if (type !== 2 || tableAt !== HEADER || size !== ENTRY || elf.length < HEADER + count * ENTRY) return null;
  return Array.from({ length: count }, (_, index) => readSegment(elf, HEADER + index * ENTRY));
}

function readSegment(elf: Buffer, at: number): Segment {
  const long = (offset: number): number => Number(elf.readBigUInt64LE(at + offset));
  return {
    type: elf.readUInt32LE(at),
    flags: elf.readUInt32LE(at + 4),
    offset: long(8),
    address: long(16),
    fileSize: long(32),
    memorySize: long(40),
    align: long(48),
  };
}

function writeSegment(elf: Buffer, at: number, segment: Segment): void {
  elf.writeUInt32LE(segment.type, at);
  elf.writeUInt32LE(segment.flags, at + 4);
  const { offset, address, fileSize, memorySize, align } = segment;
  [offset, address, address, fileSize, memorySize, align].forEach((value, index) =>
    elf.writeBigUInt64LE(BigInt(value), at + 8 + index * 8),
  );
}

/** Sections are for linkers and debuggers; their table lies behind what is loaded, and is left away. */
function withoutSections(elf: Buffer): void {
  elf.writeBigUInt64LE(0n, 40);
  elf.writeUInt16LE(0, 60);
  elf.writeUInt16LE(0, 62);
}

function noteOf(name: string, content: Uint8Array): Buffer {
  const head = Buffer.alloc(12);
  head.writeUInt32LE(name.length + 1, 0);
  head.writeUInt32LE(content.length, 4);
  return Buffer.concat([head, padded(Buffer.from(`${name}\0`, 'latin1')), padded(content)]);
}

const roundUp = (value: number, to: number): number => Math.ceil(value / to) * to;
const padded = (bytes: Uint8Array): Buffer => Buffer.concat([bytes], roundUp(bytes.length, 4));
