import { containsAddress, parseTargets } from '../../../scan/logic/targets.ts';
import { normalAddress } from '../../../scan/logic/address.ts';
import { optional, type PushedSource, type SourceRecord } from './contract.ts';

const PRIVATE = '10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, 100.64.0.0/10, fc00::/7';

/** One direction of a conversation, as whoever counted it tells. */
interface Flow {
  from: string;
  to: string;
  toPort: string;
  protocol: string;
  /** the other side sent something, too */
  isAnswered: boolean;
}

/**
 * Flow records: who sends packets is there. That something was sent to an address proves nothing about it, or each scan
 * of a subnet would invent its machines.
 */
export const flows: PushedSource = {
  kind: 'flows',
  of: 'addresses',
  how: 'pushed',
  title: 'Flow records',
  needs:
    'What a collector wrote: CSV of nfdump (NetFlow, IPFIX, sFlow; `nfdump -o csv`), AWS VPC flow logs, or conn.log of Zeek, as text or JSON lines; pushed by a timer where it lies.',
  isList: false,
  fields: [
    optional('within', 'CIDRs of our own, with commas between; others are left out', PRIVATE),
    optional('least-flows', 'in how many flows an address has to be seen', '1'),
  ],
  parse: (text, { settings, skip }) => {
    const within = cidrsOf(settings['within'] ?? PRIVATE);
    const least = Number(settings['least-flows'] ?? '1');
    if (!Number.isInteger(least) || least < 1)
      throw new Error(`least-flows is "${settings['least-flows']}"; it is a whole number from 1 on`);
    const seen = new Map<string, Seen>();
    const ours = remembering((address) => {
      const normal = normalAddress(address);
      if (normal === null) throw new Error(`"${address.slice(0, 60)}" stands where an address should`);
      return containsAddress(within, normal) ? normal : null;
    });
    for (const flow of readFlows(text, skip)) {
      for (const [address, peer] of sendersOf(flow)) {
        const own = ours(address);
        if (own !== null) note(seen, own, peer, flow);
        else skip('address that is not among our own');
      }
    }
    return [...seen].flatMap(([address, told]) => {
      if (told.flows >= least) return [recordOf(address, told)];
      skip(`address in fewer than ${least} flows`);
      return [];
    });
  },
};

interface Seen {
  flows: number;
  peers: Set<string>;
  /** where it answers */
  serves: Set<string>;
}
const MOST_KEPT = 10_000;
const MOST_REMEMBERED = 100_000;
const MOST_SERVED = 20;

/** The same few addresses stand in most lines, and judging one takes longer than reading its line. */
function remembering(judge: (address: string) => string | null): typeof judge {
  const known = new Map<string, string | null>();
  return (address) => {
    const before = known.get(address);
    if (before !== undefined) return before;
    const now = judge(address);
    if (known.size < MOST_REMEMBERED) known.set(address, now);
    return now;
  };
}

const sendersOf = ({ from, to, isAnswered }: Flow): [string, string][] =>
  isAnswered ? [[from, to], [to, from]] : [[from, to]]; // prettier-ignore

function note(seen: Map<string, Seen>, address: string, peer: string, flow: Flow): void {
  const told = seen.get(address) ?? { flows: 0, peers: new Set(), serves: new Set() };
  told.flows += 1;
  if (told.peers.size < MOST_KEPT) told.peers.add(peer);
  if (peer === flow.from && told.serves.size < MOST_SERVED) told.serves.add(`${flow.toPort}/${flow.protocol}`);
  seen.set(address, told);
}

const recordOf = (address: string, { flows: count, peers, serves }: Seen): SourceRecord => ({
  id: address,
  addresses: [address],
  evidence: {
    flows: `${count} with ${peers.size === MOST_KEPT ? `${MOST_KEPT} or more` : peers.size} others`,
    ...(serves.size === 0 ? {} : { answers: [...serves].sort().join(', ') }),
  },
});

function cidrsOf(text: string) {
  const { intervals } = parseTargets(
    text.split(/[\s,]+/).filter((one) => one !== ''),
    { confirmWide: true },
  );
  if (intervals.length === 0) throw new Error('within names no address');
  return intervals;
}

/** What each kind of record calls its columns. */
const COLUMNS = {
  from: ['sa', 'srcaddr', 'id.orig_h'],
  to: ['da', 'dstaddr', 'id.resp_h'],
  toPort: ['dp', 'dstport', 'id.resp_p'],
  protocol: ['pr', 'proto', 'protocol'],
  back: ['opkt', 'outpackets', 'resp_pkts'],
} as const;
const FROM = new RegExp(`\\b(?:${COLUMNS.from.map((name) => name.replace('.', '\\.')).join('|')})\\b`, 'i');
type Column = keyof typeof COLUMNS;
type Cells = (column: Column) => string | undefined;

const PROTOCOLS: Readonly<Record<string, string>> = { 1: 'icmp', 6: 'tcp', 17: 'udp', 58: 'icmp6', 132: 'sctp' };
/** The default format of VPC flow logs, which CloudWatch stores without a head. */
const VPC = 'version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status'.split(' '); // prettier-ignore

function* readFlows(text: string, skip: (why: string) => void): Generator<Flow> {
  for (const cells of rowsOf(text, skip)) {
    const [from, to] = [cells('from'), cells('to')];
    if (from === undefined || to === undefined || from === '-' || to === '-') {
      skip('record without addresses');
      continue;
    }
    const protocol = (cells('protocol') ?? '').toLowerCase();
    yield {
      from,
      to,
      toPort: cells('toPort') ?? '0',
      protocol: PROTOCOLS[protocol] ?? protocol,
      isAnswered: Number(cells('back') ?? 0) > 0,
    };
  }
}

function* rowsOf(text: string, skip: (why: string) => void): Generator<Cells> {
  let head: { names: string[]; split: string | RegExp } | null = null;
  let number = 0;
  for (const line of linesOf(text)) {
    number += 1;
    if (line.startsWith('{')) {
      yield jsonCells(line, number);
      continue;
    }
    const named = headOf(line);
    if (named) head = named;
    if (named || line === '' || line.startsWith('#')) continue;
    if (line.startsWith('Summary')) return; // what nfdump adds is no flow
    if (head === null && /^\d+ (?:\d{12}|unknown) (?:eni-|-)/.test(line)) head = { names: VPC, split: ' ' };
    if (head === null) throw new Error(`line ${number} is no flow record of nfdump, VPC flow logs or Zeek`);
    const cells = line.split(head.split).map((cell) => cell.trim());
    if (cells.length < head.names.length) skip('line that is cut off');
    else yield textCells(head.names, cells);
  }
}

/** Not all at once: an hour of a busy network is a large file. */
function* linesOf(text: string): Generator<string> {
  for (let at = 0; at < text.length;) {
    const end = text.indexOf('\n', at);
    yield text.slice(at, end === -1 ? undefined : end).trimEnd();
    at = end === -1 ? text.length : end + 1;
  }
}

function headOf(line: string): { names: string[]; split: string | RegExp } | null {
  if (line.startsWith('#fields')) return { names: line.split('\t').slice(1), split: '\t' };
  // Looked for before it is taken apart: there is one head, and there are lines without number.
  if (!FROM.test(line)) return null;
  const split = line.includes(',') ? ',' : /\s+/;
  const names = line.split(split).map((name) => name.trim().toLowerCase());
  const has = (column: Column): boolean => COLUMNS[column].some((name) => names.includes(name));
  return has('from') && has('to') ? { names, split } : null;
}

const textCells =
  (names: readonly string[], cells: readonly string[]): Cells =>
  (column) => {
    const name = COLUMNS[column].find((one) => names.includes(one));
    return name === undefined ? undefined : cells[names.indexOf(name)];
  };

function jsonCells(line: string, number: number): Cells {
  let row: Record<string, unknown>;
  try {
    row = JSON.parse(line) as Record<string, unknown>;
  } catch {
    throw new Error(`line ${number} is no JSON`);
  }
  return (column) => {
    const value = COLUMNS[column].map((name) => row[name]).find((one) => one !== undefined && one !== null);
    return value === undefined ? undefined : String(value);
  };
}
