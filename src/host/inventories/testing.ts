import { deflateRawSync } from 'node:zlib';

/** A zip archive with these entries, in order; for tests. `stored`: not packed, as Spring Boot wants its nested archives. */
export function zip(
  entries: Record<string, string | Uint8Array>,
  options: { stored?: boolean; before?: string } = {},
): Buffer {
  const before = Buffer.from(options.before ?? '');
  const parts: Buffer[] = [before];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const [name, content] of Object.entries(entries)) {
    const bytes = Buffer.from(content as Uint8Array);
    const packed = options.stored ? bytes : deflateRawSync(bytes);
    const method = options.stored ? 0 : 8;
    const local = Buffer.alloc(30);
    local.writeUInt32LE(0x0403_4b50, 0);
    local.writeUInt16LE(method, 8);
    local.writeUInt32LE(packed.length, 18);
    local.writeUInt32LE(bytes.length, 22);
    local.writeUInt16LE(name.length, 26);
    const central = Buffer.alloc(46);
    central.writeUInt32LE(0x0201_4b50, 0);
    central.writeUInt16LE(method, 10);
    central.writeUInt32LE(packed.length, 20);
    central.writeUInt32LE(bytes.length, 24);
    central.writeUInt16LE(name.length, 28);
    central.writeUInt32LE(offset, 42);
    parts.push(local, Buffer.from(name), packed);
    directory.push(central, Buffer.from(name));
    offset += local.length + name.length + packed.length;
  }
  const listed = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x0605_4b50, 0);
  end.writeUInt16LE(Object.keys(entries).length, 8);
  end.writeUInt16LE(Object.keys(entries).length, 10);
  end.writeUInt32LE(listed.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...parts, listed, end]);
}

/** The archive with one entry, which says that it is one byte long when unpacked, listed `times` over. */
export function liar(archive: Buffer, times = 1): Buffer {
  const end = Buffer.from(archive.subarray(archive.length - 22));
  const start = end.readUInt32LE(16);
  const entry = Buffer.from(archive.subarray(start, archive.length - 22));
  entry.writeUInt32LE(1, 24);
  end.writeUInt16LE(times, 8);
  end.writeUInt16LE(times, 10);
  end.writeUInt32LE(entry.length * times, 12);
  return Buffer.concat([archive.subarray(0, start), ...Array.from({ length: times }, () => entry), end]);
}
