import type { OpenPort, PortionReport, ScannerLook } from '../../../model/site.ts';
import { PORTION } from '../../../model/site.ts';
import type { Interval } from '../../../scan/logic/address.ts';
import { countAddresses } from '../../../scan/logic/targets.ts';
import { scanOrder, type Windows } from '../../../scan/logic/windows.ts';
import { whyLooksRefused } from './patrol-report.ts';

/** Even a small scan is cut into so many portions, so that several scanners have something to do. */
const FEWEST_PORTIONS = 16;
/** In a portion of fewer addresses the first of them would be hit in one burst. */
const FEWEST_ADDRESSES = 16;

/** The order of a scan that a site's scanners share: each of its windows is a portion. */
export function portionsOrder(
  intervals: readonly Interval[],
  ports: readonly number[],
  { seed, rate }: { seed: number; rate: number },
): Windows {
  const share = Math.ceil(Number(countAddresses(intervals)) / FEWEST_PORTIONS);
  const most = Math.min(PORTION.addresses, Math.max(FEWEST_ADDRESSES, share));
  return scanOrder(intervals, ports, seed, rate, most);
}

/** What stands of a portion. */
export interface Standing {
  seq: number;
  cursor: number;
  /** found and not read */
  open: readonly OpenPort[];
  /** how many were ever found */
  told: number;
  /** addresses that some scanner of it might not touch */
  notLooked: readonly string[];
}

export interface Asked {
  addresses: readonly string[];
  ports: readonly number[];
}

export const keyOf = ({ address, port }: OpenPort): string => `${address} ${port}`;

/**
 * Why a report is refused as a whole, or null: a scanner tells about the addresses and ports of its portion, and reads what
 * it found open there. It never goes back, and is not done before it tried and read all.
 */
export function whyRefused(report: PortionReport, asked: Asked, standing: Standing): string | null {
  const [addresses, ports] = [new Set(asked.addresses), new Set(asked.ports)];
  const pairs = asked.addresses.length * asked.ports.length;
  return (
    whyOutOfTurn(report, pairs, standing) ??
    whyFoundRefused(report, addresses, ports) ??
    whyTooMany(report, pairs, standing) ??
    whyReadRefused(report, addresses, ports) ??
    whyNotDone(report, pairs, standing)
  );
}

function whyOutOfTurn(report: PortionReport, pairs: number, standing: Standing): string | null {
  if (report.seq === null && (report.open.length > 0 || report.looks.length > 0 || report.ended === 'done'))
    return 'it tells something without a number';
  if (report.seq !== null && report.seq > standing.seq + 1) return 'an earlier report of it is missing';
  if (report.cursor > pairs) return 'it is further than its portion goes';
  return report.seq === standing.seq + 1 && report.cursor < standing.cursor ? 'it goes back' : null;
}

function whyFoundRefused(
  { open, notLooked }: PortionReport,
  addresses: ReadonlySet<string>,
  ports: ReadonlySet<number>,
): string | null {
  for (const { address, port } of open) {
    if (!addresses.has(address)) return `${shown(address)} is not among the addresses of its portion`;
    if (!ports.has(port)) return `port ${port} was not asked for`;
  }
  const strange = notLooked.find((address) => !addresses.has(address));
  return strange === undefined ? null : `${shown(strange)} is not among the addresses of its portion`;
}

/** Each pair is found open and read once. */
function whyTooMany(report: PortionReport, pairs: number, standing: Standing): string | null {
  if (report.seq !== standing.seq + 1) return null;
  const { told } = after(standing, report);
  if (told > pairs) return 'it found more open than there is in its portion';
  const hasRead = standing.told > standing.open.length;
  return hasRead && told > standing.told ? 'it finds open what it should have tried before it read' : null;
}

function whyReadRefused(
  { looks }: PortionReport,
  addresses: ReadonlySet<string>,
  ports: ReadonlySet<number>,
): string | null {
  for (const [address, here] of Map.groupBy(looks, (look: ScannerLook) => look.address)) {
    if (!addresses.has(address)) return `${shown(address)} is not among the addresses of its portion`;
    const why = whyLooksRefused(here, ports);
    if (why) return `about ${address}: ${why}`;
  }
  return null;
}

function whyNotDone(report: PortionReport, pairs: number, standing: Standing): string | null {
  const open = new Set([...standing.open, ...report.open].map(keyOf));
  const unknown = report.looks.find((look) => !open.has(keyOf(look)));
  // What was read in a report that is here already is not open any more, and comes again with that report only.
  if (unknown && report.seq === standing.seq + 1)
    return `${unknown.address}:${unknown.port} was read and not found open before`;
  if (report.ended !== 'done' || report.seq !== standing.seq + 1) return null;
  if (report.cursor < pairs) return 'it says that it is done, and is not';
  const read = new Set(report.looks.map(keyOf));
  const skipped = new Set([...standing.notLooked, ...report.notLooked]);
  const left = [...standing.open, ...report.open].some((one) => !read.has(keyOf(one)) && !skipped.has(one.address));
  return left ? 'it says that it is done, and did not read all that is open' : null;
}

/** What stands after a report was taken. */
export function after(
  standing: Standing,
  report: PortionReport,
): Omit<Standing, 'seq' | 'open'> & { open: OpenPort[] } {
  const read = new Set(report.looks.map(keyOf));
  const open = new Map([...standing.open, ...report.open].map((one) => [keyOf(one), one]));
  const told = standing.told + open.size - standing.open.length;
  for (const key of read) open.delete(key);
  const notLooked = [...new Set([...standing.notLooked, ...report.notLooked])];
  return { cursor: report.cursor, open: [...open.values()], told, notLooked };
}

const shown = (text: string): string => text.replace(/[^0-9a-f.:]/gi, '?').slice(0, 50);
