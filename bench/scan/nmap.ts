import { execFileSync } from 'node:child_process';
import { type Estate, PORTS } from './estate.ts';

export interface Scanned {
  seconds: number;
  open: string[];
}

/** What nmap found, and the time it gives itself, which leaves out its start. */
export function nmap(estate: Estate, options: readonly string[]): Scanned {
  const [command = '', ...words] = [...estate.enter, 'nmap', '-n', '-Pn', ...options];
  const said = execFileSync(command, [...words, '-p', PORTS, '--open', '-oG', '-', estate.cidr], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
    maxBuffer: 2 ** 28,
  });
  const seconds = Number(/scanned in ([\d.]+) seconds/.exec(said)?.[1]);
  if (!(seconds > 0)) throw new Error(`nmap did not say how long it took: ${said.slice(-300)}`);
  return { seconds, open: said.split('\n').flatMap(openIn).sort() };
}

function openIn(line: string): string[] {
  const [, address, ports] = /^Host: (\S+) .*Ports: ([^\t]*)/.exec(line) ?? [];
  if (!address || !ports) return [];
  return ports
    .split(', ')
    .filter((port) => port.includes('/open/'))
    .map((port) => `${address}:${port.split('/')[0]}`);
}

const words = (text: string): readonly string[] => text.split(' ');
const PATIENCE = '--min-rtt-timeout 50ms --initial-rtt-timeout 100ms --max-rtt-timeout 100ms';

/**
 * The best that we know to make of nmap where most addresses are silent: one group, one retry (as we do), short waits,
 * and either as many sockets or as many packets as it dares; or whole frames, which no firewall of this machine sees. The
 * quickest of them that finds everything is the peer.
 */
export const TUNED: Record<'connect' | 'syn', readonly (readonly string[])[]> = {
  connect: [
    words('-sT -T5 --min-hostgroup 4096 --max-retries 1 --min-rate 50000'),
    words(`-sT -T4 --min-hostgroup 4096 --max-retries 1 --max-scan-delay 0 ${PATIENCE} --min-parallelism 2000`),
  ],
  syn: [
    words('-sS -T5 --min-hostgroup 4096 --max-retries 1 --min-rate 200000'),
    words(`-sS -T4 --min-hostgroup 4096 --max-retries 1 --max-scan-delay 0 ${PATIENCE} --min-rate 100000`),
    words('-sS --send-eth -T5 --min-hostgroup 4096 --max-retries 1 --min-rate 300000'),
  ],
};
