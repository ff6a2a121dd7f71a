/** Just enough of NTP (RFC 5905, RFC 9327) to ask for the time and for a server's own variables. */
const CLIENT = 3;
const SERVER = 4;
const CONTROL = 6;
const READ_VARIABLES = 2;
const HEADER = 12;

export const TIME_QUERY = ((): Buffer => {
  const bytes = Buffer.alloc(48);
  bytes[0] = (4 << 3) | CLIENT;
  // Our clock is nobody's business: any mark will do, and the answer has to bring it back.
  bytes.write('lastembr', 40, 'latin1');
  return bytes;
})();

/** Variables are only read; this is no command of the private mode. */
export const VARIABLES_QUERY = Buffer.from([(2 << 3) | CONTROL, READ_VARIABLES, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]);

export interface NtpTime {
  version: number;
  /** 0 and 16: it has no time itself */
  stratum: number;
  /** letters of a clock, or the address of the server above */
  reference: string;
}

export function readTime(bytes: Buffer): NtpTime | null {
  if (bytes.length < 48 || (bytes[0]! & 7) !== SERVER || bytes.toString('latin1', 24, 32) !== 'lastembr') return null;
  const stratum = bytes[1]!;
  const reference = bytes.subarray(12, 16);
  return {
    version: (bytes[0]! >> 3) & 7,
    stratum,
    reference: stratum <= 1 ? reference.toString('latin1').replace(/\0/g, '') : [...reference].join('.'),
  };
}

/** The variables of all parts of an answer; null where none is one. */
export function readVariables(parts: readonly Buffer[]): Map<string, string> | null {
  const ours = parts.filter(
    (part) => part.length >= HEADER && (part[0]! & 7) === CONTROL && (part[1]! & 0xdf) === 0x80 + READ_VARIABLES,
  );
  if (ours.length === 0) return null;
  const sorted = ours.toSorted((a, b) => a.readUInt16BE(8) - b.readUInt16BE(8));
  const text = sorted.map((part) => part.toString('latin1', HEADER, HEADER + part.readUInt16BE(10))).join('');
  const pairs = text.matchAll(/(?<![\w.])([\w.]{1,64})=("[^"]*"|[^,]*)(?:,|$)/g);
  return new Map([...pairs].map(([, name, value]) => [name!, value!.replace(/^"|"\s*$/g, '').trim()]));
}
