/** Just enough of DNS (RFC 1035) to ask one question and to read what the first answer says. */
export const TYPE = { PTR: 12, TXT: 16 } as const;
export const CLASS = { IN: 1, CHAOS: 3 } as const;

export interface Question {
  id: number;
  name: string;
  type: number;
  class: number;
  recursion: boolean;
}

export function dnsQuery(question: Question): Buffer {
  const labels = question.name.split('.').filter((label) => label !== '');
  const name = labels.map((label) => Buffer.concat([Buffer.from([label.length]), Buffer.from(label, 'latin1')]));
  const head = Buffer.alloc(12);
  head.writeUInt16BE(question.id, 0);
  head.writeUInt16BE(question.recursion ? 0x0100 : 0, 2);
  head.writeUInt16BE(1, 4);
  const tail = Buffer.alloc(4);
  tail.writeUInt16BE(question.type, 0);
  tail.writeUInt16BE(question.class, 2);
  return Buffer.concat([head, ...name, Buffer.from([0]), tail]);
}

export interface DnsAnswer {
  id: number;
  /** 0: answered; 5: refused */
  code: number;
  recursion: boolean;
  /** of the first TXT record */
  text: string | null;
}

/** Null where it is no answer. Names are passed over, never followed. */
export function readDnsAnswer(bytes: Buffer): DnsAnswer | null {
  if (bytes.length < 12 || (bytes[2]! & 0x80) === 0 || (bytes[2]! & 0x78) !== 0 || bytes.readUInt16BE(4) > 1)
    return null;
  let at = 12;
  if (bytes.readUInt16BE(4) === 1) at = afterName(bytes, at) + 4;
  return {
    id: bytes.readUInt16BE(0),
    code: bytes[3]! & 0x0f,
    recursion: (bytes[3]! & 0x80) !== 0,
    text: bytes.readUInt16BE(6) > 0 ? firstText(bytes, at) : null,
  };
}

function firstText(bytes: Buffer, from: number): string | null {
  const at = afterName(bytes, from);
  if (bytes.length < at + 11 || bytes.readUInt16BE(at) !== TYPE.TXT) return null;
  const length = bytes[at + 10]!;
  const text = bytes.subarray(at + 11, at + 11 + length);
  return text.length === length ? text.toString('latin1') : null;
}

function afterName(bytes: Buffer, from: number): number {
  let at = from;
  while (at < bytes.length) {
    const length = bytes[at]!;
    if (length >= 0xc0) return at + 2;
    at += length + 1;
    if (length === 0) break;
  }
  return at;
}
