import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { addressAt, parseTargets } from '../../src/scan/logic/targets.ts';
import { permutation } from '../../src/scan/logic/permutation.ts';

/** 20 ports a machine, below the range that the kernel gives to connections of its own. */
export const PORTS = '20000-20019';
const FIRST_PORT = 20_000;
const PORT_COUNT = 20;
/** one address in twenty is alive on the silent estate */
const ALIVE = 0.05;

/** What is to be scanned and what is truly open there. `enter`: what a command is prefixed with to be on that network. */
export interface Estate {
  cidr: string;
  addresses: number;
  enter: string[];
  open: string[];
  end(): void;
}

const cidrOf = (base: string, addresses: number): string => `${base}/${32 - Math.log2(addresses)}`;

/** `count` pairs of living addresses and ports, spread at random but always the same. */
function somePairs(alive: readonly string[], count: number): string[] {
  const order = permutation(alive.length * PORT_COUNT, 7);
  return Array.from({ length: count }, (_, index) => {
    const place = order(index);
    return `${alive[Math.floor(place / PORT_COUNT)]}:${FIRST_PORT + (place % PORT_COUNT)}`;
  }).sort();
}

/** Every address is there and refuses at once what is not open. */
export async function refusingEstate(addresses: number): Promise<Estate> {
  const cidr = cidrOf('127.77.0.0', addresses);
  const { intervals } = parseTargets([cidr]);
  const all = Array.from({ length: addresses }, (_, index) => addressAt(intervals, index));
  const open = somePairs(all, Math.max(10, addresses / 32));
  const listeners = await listen([], open);
  return { cidr, addresses, enter: [], open, end: () => listeners.kill() };
}

/**
 * Two namespaces and a cable. On the far side one address in twenty is a machine; what is sent to the others is dropped
 * without a word, as a firewall does it.
 */
export async function silentEstate(addresses: number): Promise<Estate> {
  const [near, far] = [`le-bench-${process.pid}-n`, `le-bench-${process.pid}-f`];
  const ip = (...words: string[]): void => void execFileSync('ip', words, { stdio: ['ignore', 'ignore', 'inherit'] });
  const end = (): void => {
    for (const name of [near, far]) execFileSync('ip', ['netns', 'del', name], { stdio: 'ignore' });
  };
  const cidr = cidrOf('10.77.0.0', addresses);
  const { intervals } = parseTargets([cidr]);
  const order = permutation(addresses, 11);
  const alive = Array.from({ length: Math.ceil(addresses * ALIVE) }, (_, i) => addressAt(intervals, order(i)));
  ip('netns', 'add', near);
  ip('netns', 'add', far);
  ip('link', 'add', 'near0', 'netns', near, 'type', 'veth', 'peer', 'name', 'far0', 'netns', far);
  ip('-n', near, 'addr', 'add', '10.78.0.1/30', 'dev', 'near0');
  ip('-n', far, 'addr', 'add', '10.78.0.2/30', 'dev', 'far0');
  for (const [name, device] of [
    [near, 'near0'],
    [far, 'far0'],
  ] as const) {
    ip('-n', name, 'link', 'set', 'lo', 'up');
    ip('-n', name, 'link', 'set', device, 'up');
  }
  ip('-n', near, 'route', 'add', cidr, 'via', '10.78.0.2');
  for (const address of alive) ip('-n', far, 'route', 'add', 'local', `${address}/32`, 'dev', 'lo');
  const enter = (name: string): string[] => ['ip', 'netns', 'exec', name];
  const open = somePairs(alive, Math.max(4, alive.length / 2));
  const listeners = await listen(enter(far), open);
  return { cidr, addresses, enter: enter(near), open, end: () => (listeners.kill(), end()) };
}

/** Real listeners, in a process of their own so that neither scanner pays for them. */
async function listen(enter: readonly string[], pairs: readonly string[]): Promise<ChildProcess> {
  const program = `
    let left = ${pairs.length};
    for (const pair of ${JSON.stringify(pairs)}) {
      const [host, port] = pair.split(':');
      require('net').createServer((s) => s.on('error', () => 0).destroy()).listen({ host, port: Number(port), backlog: 511 }, () => {
        if (--left === 0) process.stdout.write('ready');
      });
    }`;
  const [command = process.execPath, ...words] = [...enter, process.execPath, '-e', program];
  const child = spawn(command, words, { stdio: ['ignore', 'pipe', 'inherit'] });
  await Promise.race([
    once(child.stdout, 'data'),
    once(child, 'exit').then(() => Promise.reject(new Error('the listeners did not start'))),
  ]);
  return child;
}
