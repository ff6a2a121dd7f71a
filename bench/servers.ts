import type { Look } from '../src/scan/look.ts';
import { lookInside } from '../lab/netns/servers/inside.ts';
import { type OurSaid, points, type Said, saidBy, score, type Truth } from '../lab/netns/servers/judge.ts';
import { NMAP_NAMES, nmapInside } from '../lab/netns/servers/nmap.ts';
import { addressOf, upServers } from '../lab/netns/servers/start.ts';
import { SERVERS, truthsOf } from '../lab/netns/servers/table.ts';
import { skip, TestLab } from '../lab/netns/testing/lab.ts';
import { type Bench, commandExists, type Measured } from './contract.ts';

interface Row {
  where: string;
  ours: string;
  nmaps: string;
  verdict: 'better' | 'equal' | 'worse';
}

let rows: Row[] = [];
let took = '';

/** Protocol, product and version of every port of the lab's servers, a point each where it is right. */
export const servers: Bench = {
  name: 'servers',
  claim: 'at least as much right about every service of 38 real servers as nmap -sV',
  target: 1,
  unit: 'services on which we are at least as right, of all',
  figures: () => [...rows.map(lineOf), took],
  missing: () => {
    if (skip) return String(skip);
    return commandExists('nmap') ? null : 'nmap is not installed';
  },
  // A smoke run starts a few of them.
  run: async (_, size) => [await compare(size < 100 ? SERVERS.slice(0, 6) : SERVERS)],
};

async function compare(servers: typeof SERVERS): Promise<Measured> {
  const lab = new TestLab('n');
  try {
    const up = await upServers(lab.place, servers);
    if (up.failed.size > 0) throw new Error(`These did not start: ${[...up.failed.keys()].join(', ')}`);
    const truths = truthsOf(servers, up.versions);
    const seen = await lookInside(lab.place, truths);
    const nmap = await nmapInside(lab.place, truths);
    rows = truths.map((truth) => rowOf(truth, seen[truth.udp ? 'udp' : 'looks'], nmap.said));
    const count = (verdict: Row['verdict']): number => rows.filter((row) => row.verdict === verdict).length;
    took = `${rows.length} services: ${count('better')} better, ${count('equal')} equal, ${count('worse')} worse; ours ${seconds(seen.ms)}, nmap's ${seconds(nmap.ms)}`;
    return { ours: rows.length - count('worse'), peer: rows.length };
  } finally {
    await lab.lab('down');
  }
}

function rowOf(truth: Truth, looks: readonly Look[], nmap: ReadonlyMap<string, Said>): Row {
  const address = addressOf(truth.server);
  const ours = saidBy(looks.find((look) => look.address === address && look.port === truth.port)?.result ?? null);
  const theirs = nmap.get(`${address}:${truth.port}${truth.udp ? '/udp' : ''}`) ?? NOTHING;
  const difference = points(score(truth, ours, [])) - points(score(truth, theirs, NMAP_NAMES[truth.protocol] ?? []));
  return {
    where: `${truth.server.name} ${truth.port}${truth.udp ? '/udp' : ''}`,
    ours: inWords(ours),
    nmaps: inWords(theirs),
    verdict: difference > 0 ? 'better' : difference < 0 ? 'worse' : 'equal',
  };
}

const NOTHING: Said = { protocol: null, product: null, version: null };

const inWords = ({ protocol, product, version }: Said | OurSaid): string =>
  [protocol, product, version].filter((part) => part !== null).join(' ') || 'nothing';

const lineOf = ({ where, ours, nmaps, verdict }: Row): string =>
  `${where.padEnd(18)} ${ours.slice(0, 40).padEnd(40)} ${nmaps.slice(0, 48).padEnd(48)} ${verdict}`;

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;
