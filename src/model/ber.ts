/** Just enough BER (X.690) to ask LDAP and SNMP something and to read what they answer. Lengths are believed only as far as there are bytes. */
export interface Element {
  tag: number;
  body: Buffer;
}

export function element(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(parts);
  if (body.length < 0x80) return Buffer.concat([Buffer.from([tag, body.length]), body]);
  return Buffer.concat([Buffer.from([tag, 0x82, body.length >> 8, body.length & 0xff]), body]);
}

export const text = (tag: number, value: string): Buffer => element(tag, Buffer.from(value, 'latin1'));

/** Up to 2^31 - 1. */
export function integer(value: number, tag = 0x02): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  let from = 0;
  while (from < 3 && bytes[from] === 0 && (bytes[from + 1]! & 0x80) === 0) from++;
  return element(tag, bytes.subarray(from));
}

/** The element at the front and what follows it; null where it is not whole. */
export function readElement(bytes: Buffer): { element: Element; rest: Buffer } | null {
  const header = readHeader(bytes);
  if (!header || bytes.length < header.end) return null;
  return {
    element: { tag: header.tag, body: bytes.subarray(header.start, header.end) },
    rest: bytes.subarray(header.end),
  };
}

function readHeader(bytes: Buffer): { tag: number; start: number; end: number } | null {
  const [tag, first] = [bytes[0], bytes[1]];
  if (tag === undefined || first === undefined) return null;
  if (first < 0x80) return { tag, start: 2, end: 2 + first };
  const count = first & 0x7f;
  if (count === 0 || count > 4 || bytes.length < 2 + count) return null;
  return { tag, start: 2 + count, end: 2 + count + bytes.readUIntBE(2, count) };
}

/** The elements one after the other, as far as they are whole; at most `most`. */
export function readElements(bytes: Buffer, most = 256): Element[] {
  const elements: Element[] = [];
  let rest = bytes;
  while (elements.length < most) {
    const next = readElement(rest);
    if (!next) break;
    elements.push(next.element);
    rest = next.rest;
  }
  return elements;
}

export const numberOf = ({ body }: Element): number =>
  body.length > 0 && body.length <= 6 ? body.readIntBE(0, body.length) : Number.NaN;
