import { connect as tcpConnect, type Socket } from 'node:net';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '../../../model/errors/index.ts';
import { normalAddress } from '../logic/address.ts';
import { takeToken, type Bucket } from '../logic/pace.ts';

/**
 * The only door to the network in this folder. Every scan and every probe connects through a guard, and a guard
 * refuses what its scope does not allow and paces what it does: no caller can widen a scan by mistake.
 */
export interface Guard {
  allows(address: string): boolean;
  connect(address: string, port: number, options: ConnectOptions): Promise<Socket>;
}

export interface ConnectOptions {
  timeoutMs: number;
  signal?: AbortSignal | undefined;
}

/** Our own machine ran out of something: says nothing about the target, so try again a little later. */
const OURS = new Set(['EMFILE', 'ENFILE', 'ENOBUFS', 'EADDRNOTAVAIL', 'EAGAIN']);
const RETRIES = 5;

export function createGuard(options: { allows: (address: string) => boolean; bucket: Bucket }): Guard {
  const allows = (address: string): boolean => normalAddress(address) !== null && options.allows(address);
  return {
    allows,
    connect: async (address, port, how) => {
      if (!allows(address)) throw new AppError('ADDRESS_NOT_ALLOWED', { address });
      for (let attempt = 0; ; attempt++) {
        await paced(options.bucket, how.signal);
        try {
          return await connectOnce(address, port, how);
        } catch (error) {
          if (attempt >= RETRIES || !OURS.has(codeOf(error))) throw asAppError(error, address, port, how);
          await sleep(100 * 2 ** attempt, undefined, { signal: how.signal });
        }
      }
    },
  };
}

async function paced(bucket: Bucket, signal: AbortSignal | undefined): Promise<void> {
  const wait = takeToken(bucket, performance.now());
  if (wait > 0) await sleep(wait, undefined, { signal });
  signal?.throwIfAborted();
}

function connectOnce(address: string, port: number, how: ConnectOptions): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = tcpConnect({ host: address, port, noDelay: true });
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
