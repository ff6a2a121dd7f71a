import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import type { ScanPath } from '../../src/model/estate.ts';
import { type Estate, PORTS } from './estate.ts';
import type { Scanned } from './nmap.ts';

export interface Ours extends Scanned {
  path: ScanPath;
  why: string;
  /** tries made: each sends one packet, if it is not answered */
  packets: number;
  /** resident memory at its most, of which Node itself has some 60 */
  rssMb: number;
}

/** One scan in a process of its own, which enters the estate's network; its time leaves out the start of Node. */
export function ours(estate: Estate, path: ScanPath, rate: number): Ours {
  const told = JSON.stringify({ cidr: estate.cidr, ports: PORTS, rate, path });
  const [command = '', ...words] = [...estate.enter, process.execPath, join(import.meta.dirname, 'once.ts'), told];
  return JSON.parse(execFileSync(command, words, { encoding: 'utf8', maxBuffer: 2 ** 28 })) as Ours;
}
