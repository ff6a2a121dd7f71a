import { crc32 } from 'node:zlib';

const HEADER = 12;
const FOOTER = 12;

interface Stream {
  header: Buffer;
  blocks: Buffer;
  /** size of each block as the index tells it, and of what is in it */
  records: (readonly [number, number])[];
}

/**
 * Several .xz files as one that holds all of it: one stream with the blocks of each, as if it had been packed at once.
 * (Files put behind each other are .xz too, but not everything that unpacks .xz reads on after the first.)
 */
export function joinXz(files: readonly Buffer[]): Buffer {
  const streams = files.map(readStream);
  const header = streams[0]!.header;
  if (streams.some((stream) => !stream.header.equals(header))) throw new Error('these .xz files have different checks');
  const index = indexOf(streams.flatMap((stream) => stream.records));
  return Buffer.concat([
    header,
    ...streams.map((stream) => stream.blocks),
    index,
    footerOf(index.length, header.subarray(6, 8)),
  ]);
}

function readStream(file: Buffer): Stream {
  const footer = file.subarray(file.length - FOOTER);
  if (file.length < HEADER + FOOTER || footer.toString('latin1', 10) !== 'YZ') throw new Error('this is no .xz file');
  const indexSize = (footer.readUInt32LE(4) + 1) * 4;
  const indexAt = file.length - FOOTER - indexSize;
  return {
    header: file.subarray(0, HEADER),
    blocks: file.subarray(HEADER, indexAt),
    records: readIndex(file.subarray(indexAt, file.length - FOOTER)),
  };
}

function readIndex(index: Buffer): Stream['records'] {
  let at = 1;
  const next = (): number => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = index[at++]!;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
  };
  return Array.from({ length: next() }, () => [next(), next()] as const);
}

function indexOf(records: Stream['records']): Buffer {
  const body = [
    0,
    ...varint(records.length),
    ...records.flatMap(([packed, whole]) => [...varint(packed), ...varint(whole)]),
  ];
  while (body.length % 4 !== 0) body.push(0);
  return Buffer.from([...body, ...long(crc32(Buffer.from(body)))]);
}

function footerOf(indexSize: number, flags: Buffer): Buffer {
  const body = Buffer.from([...long(indexSize / 4 - 1), ...flags]);
  return Buffer.concat([Buffer.from(long(crc32(body))), body, Buffer.from('YZ')]);
}

function varint(value: number): number[] {
  const bytes: number[] = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return [...bytes, rest];
    bytes.push((rest % 128) | 0x80);
  }
}

const long = (value: number): number[] => [0, 8, 16, 24].map((shift) => (value >>> shift) & 0xff);
