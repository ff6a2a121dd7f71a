import type { ScanPath } from '../../src/model/estate.ts';
import { type Bench, commandExists, type Measured } from '../contract.ts';
import { type Estate, refusingEstate, silentEstate } from './estate.ts';
import { nmap, type Scanned, TUNED } from './nmap.ts';
import { ours } from './ours.ts';

/** As fast as it can: nobody else is on these networks. */
const UNLIMITED = 1_000_000;
const PORTS_EACH = 20;

interface Plan {
  name: string;
  claim: string;
  target: number;
  path: ScanPath;
  rate?: number;
  estate(addresses: number): Promise<Estate>;
  needsRoot: boolean;
  /** the peers; the quickest that finds everything counts. None: the peer is the rate itself. */
  peers: readonly (readonly string[])[];
}

const addressesFor = (size: number): number => (size >= 100 ? 4096 : 256);

function scanBench(plan: Plan): Bench {
  const figures: string[] = [];
  return {
    name: plan.name,
    claim: plan.claim,
    target: plan.target,
    unit: 'ports a second',
    figures: () => figures,
    missing: () => {
      if (plan.peers.length > 0 && !commandExists('nmap')) return 'nmap is not installed';
      if (plan.needsRoot && process.getuid?.() !== 0) return 'only root may do this';
      if (plan.estate === silentEstate && !commandExists('ip')) return 'iproute2 is not installed';
      return null;
    },
    run: async (rounds, size) => {
      const estate = await plan.estate(addressesFor(size));
      try {
        const measured: Measured[] = [];
        for (let round = 0; round < rounds; round++) measured.push(oneRound(plan, estate, figures));
        return measured;
      } finally {
        estate.end();
      }
    },
  };
}

function oneRound(plan: Plan, estate: Estate, figures: string[]): Measured {
  const pairs = estate.addresses * PORTS_EACH;
  const rate = plan.rate ?? UNLIMITED;
  const own = ours(estate, plan.path, rate);
  if (own.path !== plan.path) throw new Error(`scanned by ${own.path} and not by ${plan.path}: ${own.why}`);
  const told = difference(own, estate);
  if (told) throw new Error(`not the same ports: ${told}`);
  const peers = plan.peers.map((options) => ({ options, ...nmap(estate, options) }));
  const right = peers.filter((peer) => difference(peer, estate) === null);
  const best = right.toSorted((a, b) => a.seconds - b.seconds)[0];
  const peerSeconds = best?.seconds ?? own.packets / rate;
  if (plan.peers.length > 0 && !best) throw new Error('nmap itself missed ports');
  const others = best
    ? `nmap ${right.map(({ options, seconds }) => `${options.slice(0, 2).join(' ')} ${seconds.toFixed(2)} s`).join(', ')}`
    : `${own.packets} packets at ${rate}/s ${peerSeconds.toFixed(2)} s`;
  figures.push(
    `${own.path}: ${pairs} pairs in ${own.seconds.toFixed(2)} s, ${own.packets} tries, ${estate.open.length} open, all found; ` +
      `${others}; ` +
      `memory ${own.rssMb.toFixed(0)} MB at most`,
  );
  return { ours: pairs / own.seconds, peer: pairs / peerSeconds };
}

/** What was missed and what was invented, in words. */
function difference(found: Scanned, estate: Estate): string | null {
  const [is, was] = [new Set(found.open), new Set(estate.open)];
  const missed = estate.open.filter((pair) => !is.has(pair));
  const invented = found.open.filter((pair) => !was.has(pair));
  if (missed.length + invented.length === 0) return null;
  return `missed ${missed.join(', ') || 'none'}; invented ${invented.join(', ') || 'none'}`;
}

export const scans: readonly Bench[] = [
  scanBench({
    name: 'scan-refusing',
    claim:
      'unprivileged, where closed ports refuse at once: at least 1.1 times as fast as nmap -sT -T4, same open ports',
    target: 1.1,
    path: 'epoll',
    estate: refusingEstate,
    needsRoot: false,
    peers: [['-sT', '-T4']],
  }),
  scanBench({
    name: 'scan-silent',
    claim:
      'unprivileged, where 95 % of the addresses are silent: at least 1.5 times as fast as the best-tuned nmap -sT',
    target: 1.5,
    path: 'epoll',
    estate: silentEstate,
    needsRoot: true,
    peers: TUNED.connect,
  }),
  scanBench({
    name: 'scan-packets',
    claim:
      'with raw sockets, where closed ports refuse at once: at least 0.8 times as fast as nmap -sS -T4, same open ports',
    target: 0.8,
    path: 'syn',
    estate: refusingEstate,
    needsRoot: true,
    peers: [['-sS', '-T4']],
  }),
  scanBench({
    name: 'scan-silent-packets',
    claim:
      'with raw sockets, where 95 % of the addresses are silent: half as fast as the best-tuned nmap -sS, or faster',
    target: 0.5,
    path: 'syn',
    estate: silentEstate,
    needsRoot: true,
    peers: TUNED.syn,
  }),
  scanBench({
    name: 'scan-rate',
    claim: 'under a rate limit of 10,000 packets a second: within 1.1 times the packets divided by the rate',
    target: 1 / 1.1,
    path: 'epoll',
    rate: 10_000,
    estate: silentEstate,
    needsRoot: true,
    peers: [],
  }),
];
