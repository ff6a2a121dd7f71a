import { connect as tcpConnect, type Socket } from 'node:net';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '../../model/errors/index.ts';
import { normalAddress } from '../logic/address.ts';
import { newBucket, takeTokens, togetherAt, type Bucket } from '../logic/pace.ts';
import { type Subnets, takeAt } from '../logic/subnets.ts';
import type { Tempo } from '../logic/tempo.ts';
import { type Connector, DROP, type Knock, OURS, SEND, type Sending } from './connector.ts';
import { type Answered, PING, type Pinger } from './pinger.ts';
import { portableConnector } from './portable.ts';
import { exchange, type Exchanged } from './udp.ts';

/**
 * The only door to the network in this folder. Every scan and every probe connects through a guard, and a guard
 * refuses what its scope does not allow and paces what it does: no caller can widen a scan by mistake.
 */
export interface Guard {
  allows(address: string): boolean;
  connect(address: string, port: number, options: ConnectOptions): Promise<Socket>;
  /** Sends one datagram and hears what answers it: bounded in time and bytes, paid for from the same bucket. */
  exchange(address: string, port: number, bytes: Buffer, options: ConnectOptions): Promise<Exchanged>;
  /** Asks by ICMP who is there, one packet each; null where there is no way to. */
  ping: ((addresses: readonly string[], options: ConnectOptions) => Promise<Map<string, Answered>>) | null;
  /** How many knocks may wait for an answer at once, and how many are handed over together. */
  readonly width: number;
  readonly together: number;
  /** Whether the answer to an earlier knock there counts for a later one of the same port: so single packets are heard. */
  hearsEarlier(address: string): boolean;
  /** Asks which ports are open; over when each was let through and handed on, or denied. */
  knock(knocks: readonly Knock[], how: Sending): Promise<void>;
  /**
   * What is allowed has changed: ends every connection that would not be opened any more. Whoever changes what
   * `allows` says must call this, for a guard remembers what it was told.
   */
  recheck(): void;
  /** SSH servers behind it may be asked for their ways to log in. */
  readonly asksWays: boolean;
}

export interface ConnectOptions {
  timeoutMs: number;
  /** ends the connection too, once it is there */
  signal?: AbortSignal | undefined;
  /** Told how long it took until there was a token: time that the target is not to blame for. */
  waited?: (ms: number) => void;
}

const RETRIES = 5;
/** Handed over together at most: what takes a connector a few ms. */
const MOST_TOGETHER = 512;
/** Answers over UDP to one datagram: a few large ones and no flood; those that belong together come at once. */
const DATAGRAM_BYTES = 16 * 1024;
const DATAGRAM_MORE_MS = 60;
const PINGS_TOGETHER = 512;
/** A window of a scan and more. */
const VERDICTS_KEPT = 8192;

/** The rates that hold at once: each is paid, and the longest wait counts. */
interface Rates {
  bucket: Bucket;
  subnets?: Subnets | undefined;
  /** how fast its own user wants it to go just now */
  tempo?: Tempo | undefined;
}

interface GuardOptions extends Rates {
  allows: (address: string) => boolean;
  connector?: Connector | undefined;
  pinger?: Pinger | null;
  asksWays?: boolean | undefined;
}

/** Without a connector, ports are tried with Node's own sockets. */
export function createGuard(options: GuardOptions): Guard {
  const allows = (address: string): boolean => normalAddress(address) !== null && options.allows(address);
  const open = new Map<Socket, string>();
  const asking = new Map<AbortController, string>();
  const mustAllow = (address: string): void => {
    if (!allows(address)) throw new AppError('ADDRESS_NOT_ALLOWED', { address });
  };
  const connectOne = (address: string, port: number, how: ConnectOptions): Promise<Socket> => {
    const socket = tcpConnect({ host: address, port, noDelay: true });
    const end = (): void => void socket.destroy();
    how.signal?.addEventListener('abort', end, { once: true });
    open.set(socket, address);
    socket.once('close', () => {
      open.delete(socket);
      how.signal?.removeEventListener('abort', end);
    });
    return connected(socket, how);
  };
  const connector = options.connector ?? portableConnector(connectOne, allows);
  const memory = remembering(allows);
  const pay = paying(options);
  const rate = (): number => Math.min(options.bucket.rate, options.tempo?.now ?? Infinity);
  return {
    allows,
    asksWays: options.asksWays ?? false,
    width: connector.width,
    get together() {
      return togetherAt(rate(), MOST_TOGETHER);
    },
    // What is not IPv4 goes by sockets there, too.
    hearsEarlier: (address) => connector.path === 'syn' && !address.includes(':'),
    knock: (knocks, how) => knockThrough({ connector, rate: rate(), pay, memory }, knocks, how),
    connect: async (address, port, how) => {
      mustAllow(address);
      for (let attempt = 0; ; attempt++) {
        await paced(pay, address, how);
        // It may have been excluded while we waited.
        mustAllow(address);
        try {
          return await connectOne(address, port, how);
        } catch (error) {
          mustAllow(address);
          if (attempt >= RETRIES || !OURS.has(codeOf(error))) throw asAppError(error, address, port, how);
          await pause(100 * 2 ** attempt, how);
        }
      }
    },
    ping: options.pinger ? pingThrough({ pinger: options.pinger, pay, allows, rate }) : null,
    exchange: (address, port, bytes, how) => exchangeThrough({ mustAllow, pay, asking }, { address, port, bytes }, how),
    recheck: () => {
      memory.clear();
      connector[DROP](allows);
      for (const [over, address] of asking) if (!allows(address)) over.abort(new Error('excluded meanwhile'));
      for (const [socket, address] of open) if (!allows(address)) socket.destroy(new Error('excluded meanwhile'));
    },
  };
}

interface Remembered {
  allows(address: string): boolean;
  /** goes up when what is allowed may have changed */
  readonly version: number;
  clear(): void;
}

/** A sweep asks about each address many times. */
function remembering(allows: (address: string) => boolean): Remembered {
  const verdicts = new Map<string, boolean>();
  let version = 0;
  const remember = (address: string): boolean => {
    if (verdicts.size >= VERDICTS_KEPT) verdicts.clear();
    const verdict = allows(address);
    verdicts.set(address, verdict);
    return verdict;
  };
  return {
    allows: (address) => verdicts.get(address) ?? remember(address),
    get version() {
      return version;
    },
    clear: () => {
      version += 1;
      verdicts.clear();
    },
  };
}

/** Pays for a knock at each address; says how many ms to wait before. */
type Pay = (addresses: readonly string[]) => number;

function paying({ bucket, subnets, tempo }: Rates): Pay {
  const own = tempo ? newBucket(tempo.now, performance.now()) : null;
  return (addresses) => {
    const now = performance.now();
    const waits = [takeTokens(bucket, addresses.length, now)];
    if (subnets) waits.push(takeAt(subnets, addresses, now));
    if (tempo && own) {
      own.rate = tempo.now;
      waits.push(takeTokens(own, addresses.length, now));
    }
    return Math.max(...waits);
  };
}

interface Door {
  connector: Connector;
  rate: number;
  pay: Pay;
  memory: Remembered;
}

async function knockThrough(door: Door, knocks: readonly Knock[], how: Sending): Promise<void> {
  const { connector, rate, pay, memory } = door;
  const { version } = memory;
  let [allowed, denied] = splitBy(knocks, ({ address }) => memory.allows(address));
  const wait = pay(allowed.map(({ address }) => address));
  if (wait > 0) {
    await pause(wait, how);
    // It may have been excluded while we waited.
    if (memory.version !== version) [allowed, denied] = splitBy(knocks, ({ address }) => memory.allows(address));
  }
  how.signal.throwIfAborted();
  if (denied.length > 0) how.answered(denied.map(({ id }) => ({ id, verdict: 'denied', ms: 0 })));
  if (allowed.length > 0) connector[SEND](allowed, how, rate);
}

/** Loopback answers at all of its addresses; those are nobody's. */
const isLoopback = (address: string): boolean => address.startsWith('127.');

interface PingDoor {
  pinger: Pinger;
  pay: Pay;
  allows: (address: string) => boolean;
  rate: () => number;
}

/** Echoes go out as ports are tried: a hundredth of a second's worth at once, which at a gentle rate is one. */
const pingThrough =
  ({ pinger, pay, allows, rate }: PingDoor): NonNullable<Guard['ping']> =>
  async (addresses, how) => {
    const mayAsk = (address: string): boolean => allows(address) && !address.includes(':') && !isLoopback(address);
    const left = addresses.filter(mayAsk);
    const asked: Promise<Map<string, Answered>>[] = [];
    try {
      while (left.length > 0) {
        const some = left.splice(0, togetherAt(rate(), PINGS_TOGETHER));
        const wait = pay(some);
        if (wait > 0) await pause(wait, how);
        how.signal?.throwIfAborted();
        // They may have been excluded while we waited. The next do not wait for what these answer.
        asked.push(pinger[PING](some.filter(mayAsk), how.timeoutMs, how.signal));
      }
    } finally {
      // Also when it is given up: nobody is left behind who hears.
      await Promise.allSettled(asked);
    }
    const answers = (await Promise.all(asked)).flatMap((heard) => [...heard]);
    return new Map(answers.filter(([address]) => allows(address)));
  };

interface UdpDoor {
  mustAllow(address: string): void;
  pay: Pay;
  /** what waits for an answer, with what ends it */
  asking: Map<AbortController, string>;
}

async function exchangeThrough(
  { mustAllow, pay, asking }: UdpDoor,
  { address, port, bytes }: { address: string; port: number; bytes: Buffer },
  how: ConnectOptions,
): Promise<Exchanged> {
  for (let attempt = 0; ; attempt++) {
    mustAllow(address);
    await paced(pay, address, how);
    mustAllow(address);
    try {
      return await exchangeOnce({ mustAllow, asking }, { address, port, bytes }, how);
    } catch (error) {
      if (attempt >= RETRIES || how.signal?.aborted || !OURS.has(codeOf(error))) throw error;
      await pause(100 * 2 ** attempt, how);
    }
  }
}

async function exchangeOnce(
  { mustAllow, asking }: Omit<UdpDoor, 'pay'>,
  { address, port, bytes }: { address: string; port: number; bytes: Buffer },
  how: ConnectOptions,
): Promise<Exchanged> {
  const over = new AbortController();
  const signal = how.signal ? AbortSignal.any([how.signal, over.signal]) : over.signal;
  const bounds = { timeoutMs: how.timeoutMs, moreMs: DATAGRAM_MORE_MS, maxBytes: DATAGRAM_BYTES };
  asking.set(over, address);
  try {
    return await exchange(address, port, bytes, { ...bounds, signal });
  } catch (error) {
    mustAllow(address);
    throw error;
  } finally {
    asking.delete(over);
  }
}

async function paced(pay: Pay, address: string, how: ConnectOptions): Promise<void> {
  const wait = pay([address]);
  if (wait > 0) await pause(wait, how);
  how.signal?.throwIfAborted();
}

function splitBy<T>(items: readonly T[], isFirst: (item: T) => boolean): [T[], T[]] {
  const both: [T[], T[]] = [[], []];
  for (const item of items) both[isFirst(item) ? 0 : 1].push(item);
  return both;
}

async function pause(ms: number, how: Pick<ConnectOptions, 'signal' | 'waited'>): Promise<void> {
  const began = performance.now();
  await sleep(ms, undefined, { signal: how.signal });
  how.waited?.(performance.now() - began);
}

function connected(socket: Socket, how: ConnectOptions): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const abort = (): void => stop(how.signal?.reason ?? new Error('aborted'));
    const timer = setTimeout(() => stop(Object.assign(new Error('timeout'), { code: 'ETIMEDOUT' })), how.timeoutMs);
    const settle = (): void => {
      clearTimeout(timer);
      how.signal?.removeEventListener('abort', abort);
      socket.removeListener('error', stop);
      // A socket may still fail after its user is done with it; that must not end the process.
      socket.on('error', () => undefined);
    };
    const stop = (error: unknown): void => {
      settle();
      socket.destroy();
      reject(error);
    };
    socket.once('error', stop);
    socket.once('connect', () => {
      settle();
      resolve(socket);
    });
    how.signal?.addEventListener('abort', abort, { once: true });
  });
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}

function asAppError(error: unknown, address: string, port: number, how: ConnectOptions): unknown {
  const code = codeOf(error);
  // Not the target's doing: as it is, so that nobody takes it for an answer and the job is tried again.
  if (how.signal?.aborted || code === '' || OURS.has(code)) return error;
  if (code === 'ECONNREFUSED') return new AppError('CONNECT_REFUSED', { address, port }, { cause: error });
  if (code === 'ETIMEDOUT')
    return new AppError('CONNECT_TIMEOUT', { address, port, ms: how.timeoutMs }, { cause: error });
  return new AppError('CONNECT_UNREACHABLE', { address, port, code }, { cause: error });
}
