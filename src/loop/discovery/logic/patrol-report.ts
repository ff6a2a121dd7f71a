import type { PatrolLook, PatrolReport, PatrolSeen } from '../../../model/patrol.ts';
import type { ProbeResult } from '../../../model/probe.ts';

const LONGEST_RESULT = 64 * 1024;
const FINGERPRINT = /^SHA256:[A-Za-z0-9+/]{43}$/;
/** A machine that answers ARP for more addresses than this in one window answers for others: a proxy, a router. */
const MOST_ALIASES = 4;

/** What the order lets one report tell about. */
export interface Asked {
  addresses: readonly string[];
  ports: readonly number[];
}

/** Why a report is refused as a whole, or null: an agent tells about what it was asked, each once, in measure. */
export function whyRefused(report: PatrolReport, asked: Asked): string | null {
  const [addresses, ports] = [new Set(asked.addresses), new Set(asked.ports)];
  const told = new Set<string>();
  for (const seen of report.seen) {
    if (!addresses.has(seen.address)) return `${shown(seen.address)} is not among the addresses of its window`;
    if (told.has(seen.address)) return `it tells about ${seen.address} twice`;
    told.add(seen.address);
    const why = whySeenRefused(seen, ports);
    if (why) return `about ${seen.address}: ${why}`;
  }
  return null;
}

const shown = (text: string): string => text.replace(/[^0-9a-f.:]/gi, '?').slice(0, 50);

const whySeenRefused = ({ looks }: PatrolSeen, ports: ReadonlySet<number>): string | null =>
  whyLooksRefused(looks, ports);

/** The same for the looks at one address, whoever took them. */
export function whyLooksRefused(looks: readonly PatrolLook[], ports: ReadonlySet<number>): string | null {
  if (new Set(looks.map(({ port }) => port)).size !== looks.length) return 'a port comes twice';
  for (const { port, result } of looks) {
    if (!ports.has(port)) return `port ${port} was not asked for`;
    if (!result) continue;
    if (JSON.stringify(result).length > LONGEST_RESULT) return `what port ${port} says is too long`;
    if (result.protocol === 'ssh' && !result.hostKeys.every(({ fingerprint }) => FINGERPRINT.test(fingerprint)))
      return `a host key at port ${port} has no fingerprint`;
    if (result.protocol === 'unknown' && !/^([0-9a-f]{2})*$/i.test(result.banner)) return `a banner is not hexadecimal`;
  }
  return null;
}

/** Texts of strangers are shown to people: without what moves cursors. Certificates are read anew from themselves. */
export function harmless(result: ProbeResult): ProbeResult {
  const clean = (key: string, value: unknown): unknown =>
    typeof value === 'string' && key !== 'pem' ? value.toWellFormed().replaceAll(/\p{Cc}/gu, '?') : value;
  return JSON.parse(JSON.stringify(result), clean) as ProbeResult;
}

/** Addresses where nothing but a MAC answers that answers at many: no machine is there. */
export function proxied(seen: readonly PatrolSeen[]): Set<string> {
  const aliases = Map.groupBy(seen, ({ mac }) => mac);
  return new Set(
    seen
      .filter(({ mac, looks }) => mac !== null && looks.length === 0 && aliases.get(mac)!.length > MOST_ALIASES)
      .map(({ address }) => address),
  );
}

/** A MAC that several addresses share tells no machines apart. */
export function ownMacs(seen: readonly PatrolSeen[]): Map<string, string> {
  const aliases = Map.groupBy(seen, ({ mac }) => mac);
  return new Map(
    seen.flatMap(({ address, mac }) => (mac !== null && aliases.get(mac)!.length === 1 ? [[address, mac]] : [])),
  );
}
