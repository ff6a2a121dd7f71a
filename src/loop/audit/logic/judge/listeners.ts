import type { Endpoint } from '../../../../model/estate.ts';
import type { ProcessFact, SocketFact } from '../../../../model/facts.ts';
import { isOrphaned } from '../orphans.ts';
import type { Evidence } from './context.ts';

const EVERYWHERE = new Set(['0.0.0.0', '::', '*']);
const plain = (address: string): string => address.replace(/^\[|\]$/g, '').replace(/^::ffff:/i, '');
const isLoopback = (address: string): boolean => address === '::1' || address.startsWith('127.');

/** Processes that still map or execute files of the package which were replaced on disk. */
export function holders(evidence: Evidence, name: string): ProcessFact[] {
  return (evidence.facts.processes ?? []).filter((process) => process.replaced.some((file) => file.package === name));
}

/** Why it cannot be told whether a process still runs old files of the package, or null when it can. */
export function orphanDoubt(evidence: Evidence, name: string): string | null {
  const orphans = evidence.orphans.filter((orphan) => orphan.packages.includes(name));
  const running = (evidence.facts.processes ?? []).filter(
    (process) =>
      isOrphaned(process) &&
      orphans.some((orphan) => orphan.pid === process.pid && orphan.startedAt === (process.startedAt ?? '')),
  );
  const names = running.map((process) => `PID ${process.pid} (${process.unit ?? process.command.split(' ')[0]})`);
  if (names.length === 0) return null;
  return `${names.join(', ')} used ${name} and ${names.length === 1 ? 'runs a replaced file' : 'run replaced files'} that no package knows any more: restart`;
}

/** Processes that run the package, whether as it is on disk or as it was. */
export function users(evidence: Evidence, name: string): ProcessFact[] {
  const old = new Set(holders(evidence, name).map((process) => process.pid));
  return (evidence.facts.processes ?? []).filter((process) => old.has(process.pid) || process.packages.includes(name));
}

/** Listening sockets whose process runs the package. */
export function listeners(evidence: Evidence, name: string): SocketFact[] {
  const pids = new Set(users(evidence, name).map((process) => process.pid));
  return (evidence.facts.sockets ?? []).filter(
    (socket) => socket.package === name || (socket.pid !== null && pids.has(socket.pid)),
  );
}

/** The socket behind an endpoint: its own address before one that listens everywhere. */
export function socketOf(
  evidence: Evidence,
  endpoint: Pick<Endpoint, 'address' | 'port'> & Partial<Pick<Endpoint, 'transport'>>,
): SocketFact | null {
  // Facts list sockets that listen, which is TCP only.
  if (endpoint.transport === 'udp') return null;
  const onPort = (evidence.facts.sockets ?? []).filter((socket) => socket.port === endpoint.port);
  const own = onPort.find((socket) => plain(socket.address) === endpoint.address);
  return own ?? onPort.find((socket) => EVERYWHERE.has(plain(socket.address))) ?? null;
}

/** Where a socket can be looked at from outside; empty where only the host itself reaches it. */
export function outside(
  evidence: Evidence,
  socket: SocketFact,
): { address: string; port: number; endpoint: Endpoint | null }[] {
  const address = plain(socket.address);
  const known = (at: string): Endpoint | null =>
    evidence.endpoints.find((one) => one.address === at && one.port === socket.port && one.transport === 'tcp') ?? null;
  if (EVERYWHERE.has(address)) {
    return evidence.host.addresses.map((at) => ({ address: at, port: socket.port, endpoint: known(at) }));
  }
  const reachable = evidence.host.addresses.includes(address) || !isLoopback(address);
  return reachable ? [{ address, port: socket.port, endpoint: known(address) }] : [];
}

/** A second is what the kernel's boot time is off by, and one more what a socket needs. */
const TOLERANCE_MS = 2000;
const SKEW_MS = 60_000;

/** When the process behind the socket began, by the server's clock, with some tolerance; null when nobody knows. */
export function startedAt(evidence: Evidence, socket: SocketFact): number | null {
  const process = (evidence.facts.processes ?? []).find((one) => one.pid === socket.pid);
  const started = process?.startedAt ? Date.parse(process.startedAt) : Number.NaN;
  if (Number.isNaN(started)) return null;
  const meta = evidence.meta.processes;
  const skew = meta ? Date.parse(meta.receivedAt) - Date.parse(meta.collectedAt) : 0;
  return started - TOLERANCE_MS + (Math.abs(skew) > SKEW_MS ? skew : 0);
}

export function describeHolders(processes: readonly ProcessFact[]): string {
  const names = processes.map((process) => `PID ${process.pid} (${process.unit ?? process.command.split(' ')[0]})`);
  return `${names.join(', ')} still ${processes.length === 1 ? 'runs' : 'run'} the old file`;
}
