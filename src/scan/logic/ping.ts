/** Header of an ICMP echo and eight bytes by which we know our own. */
export const ECHO_BYTES = 16;
const ECHO = 8;
const REPLY = 0;

/** Writes an ICMP echo request (RFC 792). `token`: eight bytes that only we know. */
export function writeEcho(view: DataView, at: number, { id, sequence, token }: Echo): void {
  view.setUint8(at, ECHO);
  view.setUint8(at + 1, 0);
  view.setUint16(at + 2, 0);
  view.setUint16(at + 4, id);
  view.setUint16(at + 6, sequence);
  view.setBigUint64(at + 8, token);
  let sum = 0;
  for (let byte = 0; byte < ECHO_BYTES; byte += 2) sum += view.getUint16(at + byte);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  view.setUint16(at + 2, ~sum & 0xffff);
}

export interface Echo {
  id: number;
  sequence: number;
  token: bigint;
}

/** The token of an echo reply, and the hops it had left where its IP header is there (raw sockets). Null: no reply. */
export function readEcho(
  view: DataView,
  at: number,
  { length, hasHeader }: { length: number; hasHeader: boolean },
): { token: bigint; ttl: number | undefined } | null {
  const header = hasHeader && length > 0 ? (view.getUint8(at) & 15) * 4 : 0;
  if (hasHeader && header < 20) return null;
  if (length < header + ECHO_BYTES || view.getUint8(at + header) !== REPLY) return null;
  return { token: view.getBigUint64(at + header + 8), ttl: hasHeader ? view.getUint8(at + 8) : undefined };
}

const BROADCAST = '00:00:00:00:00:00';
/** Complete, and neither put there by hand (0x4) nor our own word for another (0x8). */
const ANSWERED = 0x2;

/** Which addresses have answered ARP, with their network card: the kernel's own table (/proc/net/arp). */
export function readArp(table: string): Map<string, string> {
  const rows = table
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s+/));
  return new Map(
    rows.flatMap(([address, , flags, mac]) =>
      address && mac && mac !== BROADCAST && Number(flags) === ANSWERED ? [[address, mac] as const] : [],
    ),
  );
}
