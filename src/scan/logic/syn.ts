import { SipHash } from './siphash.ts';

/** A TCP header with one option, the largest segment: systems that see a SYN without it take it for an attack. */
export const SYN_BYTES = 24;
const SYN = 0x02;
const RST = 0x04;
const ACK = 0x10;
const TCP = 6;
const WINDOW = 64_240;
const SEGMENT = 1460;

export interface Way {
  /** IPv4, as numbers */
  from: number;
  to: number;
  fromPort: number;
  toPort: number;
}

/** The sequence number that our SYN bears: whoever answers it proves that he saw it, or guessed one in four thousand million. */
export class Cookies {
  readonly #hash: SipHash;
  readonly #bytes = new Uint8Array(12);
  readonly #view = new DataView(this.#bytes.buffer);

  constructor(key: Uint8Array) {
    this.#hash = new SipHash(key);
  }

  of({ from, to, fromPort, toPort }: Way): number {
    this.#view.setUint32(0, from);
    this.#view.setUint32(4, to);
    this.#view.setUint16(8, fromPort);
    this.#view.setUint16(10, toPort);
    return this.#hash.hash(this.#bytes)[0];
  }
}

export function writeSyn(view: DataView, at: number, way: Way, sequence: number): void {
  view.setUint16(at, way.fromPort);
  view.setUint16(at + 2, way.toPort);
  view.setUint32(at + 4, sequence);
  view.setUint32(at + 8, 0);
  view.setUint8(at + 12, (SYN_BYTES / 4) << 4);
  view.setUint8(at + 13, SYN);
  view.setUint16(at + 14, WINDOW);
  view.setUint16(at + 16, 0);
  view.setUint16(at + 18, 0);
  view.setUint16(at + 20, 0x0204);
  view.setUint16(at + 22, SEGMENT);
  view.setUint16(at + 16, checksum(view, at, way));
}

function checksum(view: DataView, at: number, { from, to }: Way): number {
  let sum = (from >>> 16) + (from & 0xffff) + (to >>> 16) + (to & 0xffff) + TCP + SYN_BYTES;
  for (let byte = 0; byte < SYN_BYTES; byte += 2) sum += view.getUint16(at + byte);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

export interface Reply {
  from: number;
  to: number;
  fromPort: number;
  toPort: number;
  /** what it acknowledges */
  acknowledged: number;
  is: 'open' | 'refused';
}

/** Reads an IPv4 packet with TCP in it, as a raw socket gets it; null for what answers no SYN. */
export function readReply(view: DataView, at: number, length: number): Reply | null {
  if (length < 40 || view.getUint8(at) >> 4 !== 4) return null;
  const header = (view.getUint8(at) & 15) * 4;
  if (header < 20 || length < header + 20 || view.getUint8(at + 9) !== TCP) return null;
  const tcp = at + header;
  const flags = view.getUint8(tcp + 13);
  const isOpen = (flags & (SYN | ACK | RST)) === (SYN | ACK);
  if (!isOpen && (flags & (ACK | RST)) !== (ACK | RST)) return null;
  return {
    from: view.getUint32(at + 12),
    to: view.getUint32(at + 16),
    fromPort: view.getUint16(tcp),
    toPort: view.getUint16(tcp + 2),
    acknowledged: view.getUint32(tcp + 8),
    is: isOpen ? 'open' : 'refused',
  };
}
