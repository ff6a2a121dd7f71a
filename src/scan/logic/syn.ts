import { SipHash } from './siphash.ts';

/** A TCP header with one option, the largest segment: systems that see a SYN without it take it for an attack. */
export const SYN_BYTES = 24;
const SYN = 0x02;
const RST = 0x04;
const ACK = 0x10;
const TCP = 6;
const WINDOW = 64_240;
const SEGMENT_OPTION = 0x0204;
const SEGMENT = 1460;
/** length of the header in words, and its flags */
const KIND = ((SYN_BYTES / 4) << 12) | SYN;
const SAME_IN_ALL = TCP + SYN_BYTES + KIND + WINDOW + SEGMENT_OPTION + SEGMENT;

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

  constructor(key: Uint8Array) {
    this.#hash = new SipHash(key);
  }

  of({ from, to, fromPort, toPort }: Way): number {
    return this.#hash.hashWords(from, to, (fromPort << 16) | toPort);
  }
}

export function writeSyn(view: DataView, at: number, way: Way, sequence: number): void {
  view.setUint16(at, way.fromPort);
  view.setUint16(at + 2, way.toPort);
  view.setUint32(at + 4, sequence);
  view.setUint32(at + 8, 0);
  view.setUint16(at + 12, KIND);
  view.setUint16(at + 14, WINDOW);
  view.setUint16(at + 16, checksum(way, sequence));
  view.setUint16(at + 18, 0);
  view.setUint16(at + 20, SEGMENT_OPTION);
  view.setUint16(at + 22, SEGMENT);
}

/** RFC 1071, of what `writeSyn` writes and the addresses; the rest of it is zero. */
function checksum({ from, to, fromPort, toPort }: Way, sequence: number): number {
  const addresses = (from >>> 16) + (from & 0xffff) + (to >>> 16) + (to & 0xffff);
  let sum = SAME_IN_ALL + addresses + fromPort + toPort + (sequence >>> 16) + (sequence & 0xffff);
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
