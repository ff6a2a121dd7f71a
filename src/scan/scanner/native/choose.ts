import type { ScanPath } from '../../../model/estate.ts';
import type { Connector } from '../connector.ts';
import type { Pinger } from '../pinger.ts';
import { loadLibc } from './libc.ts';
import { startLink } from './link.ts';
import { openPinger } from './ping.ts';

export interface Chosen {
  /** for a guard; none: Node's own sockets */
  connector: Connector | undefined;
  path: ScanPath;
  /** why this one, for people */
  why: string;
}

export type WantedPath = ScanPath | 'auto';

/** In this order. Single packets only where they are wanted: they were not the faster way. */
const ORDER: Record<Exclude<WantedPath, 'portable'>, readonly Exclude<ScanPath, 'portable'>[]> = {
  auto: ['epoll'],
  epoll: ['epoll'],
  syn: ['syn', 'epoll'],
};

/** The best way to try ports that there is here, or the one that was wanted, or the next best; it says why. */
export async function chooseConnector(wanted: WantedPath = 'auto'): Promise<Chosen> {
  if (wanted === 'portable') return { connector: undefined, path: 'portable', why: 'the settings say so' };
  const reasons: string[] = [];
  for (const path of ORDER[wanted]) {
    try {
      const connector = await startLink(path, [WORKS[path], ...reasons].join('; '));
      return { connector, path, why: connector.why };
    } catch (error) {
      reasons.push(`not ${path}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  return { connector: undefined, path: 'portable', why: reasons.join('; ') };
}

export interface Asking {
  pinger: Pinger | null;
  why: string;
}

/** How hosts without an open port are asked whether they are up; where they cannot be, why not. Never required. */
export async function choosePinger(wanted: WantedPath = 'auto'): Promise<Asking> {
  if (wanted === 'portable') return { pinger: null, why: 'nobody is asked by ICMP' };
  try {
    const pinger = openPinger(await loadLibc());
    return { pinger, why: pinger.why };
  } catch (error) {
    return { pinger: null, why: `nobody is asked by ICMP: ${error instanceof Error ? error.message : String(error)}` };
  }
}

/** Whether anybody can be asked by ICMP from here. */
export async function canPing(wanted: WantedPath): Promise<boolean> {
  const { pinger } = await choosePinger(wanted);
  pinger?.close();
  return pinger !== null;
}

const WORKS = { syn: 'single packets are permitted here', epoll: 'the kernel’s own calls work here' };
