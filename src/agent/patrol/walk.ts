import { setTimeout as sleep } from 'node:timers/promises';
import type { PatrolLook, PatrolReply, PatrolReport, PatrolSeen } from '../../model/patrol.ts';
import type { Look } from '../../scan/look.ts';
import { newBucket, newRtt } from '../../scan/logic/pace.ts';
import { createGuard, type Guard } from '../../scan/scanner/guard.ts';
import { lookAt, toldBefore } from '../../scan/scanner/observe.ts';
import { type Pair, sweep } from '../../scan/scanner/sweep.ts';
import type { BoundOrder } from './bounds.ts';

const CONNECTIONS_AT_ONCE = 16;
/** How often the server is asked whether this may go on. */
const BEAT_MS = 5000;
/** Without a word of the server for so long it may not. */
const SILENCE_MS = 30_000;
/** A certificate chain is a few KiB. What is longer is told as an error. */
const LONGEST_RESULT = 32 * 1024;

export interface Surroundings {
  /** MAC by address of who answered ARP; null where that cannot be seen */
  neighbours(): Promise<Map<string, string> | null>;
  report(report: PatrolReport): Promise<PatrolReply>;
  signal: AbortSignal;
  now(): Date;
}

/** `stopped`: cut off; the server offers it again, or does not. */
export interface Ended {
  how: 'done' | 'refused' | 'stopped';
  why: string | null;
}

interface Walk {
  order: BoundOrder;
  around: Surroundings;
  guard: Guard;
  signal: AbortSignal;
  /** what the server said about it last */
  heed(reply: PatrolReply): void;
}

/**
 * Walks through the order window by window and tells each window's results before the next one. It ends when the server
 * says so, when the server says nothing, or when its time is up; the server knows the window to go on from.
 */
export async function walk(order: BoundOrder, ranges: readonly string[], around: Surroundings): Promise<Ended> {
  const stop = new AbortController();
  let allowed = order.within(ranges);
  let heard = performance.now();
  const guard = createGuard({
    allows: (address) => allowed(address),
    bucket: newBucket(order.rate, performance.now()),
  });
  const heed = (reply: PatrolReply): void => {
    heard = performance.now();
    allowed = order.within(reply.ranges);
    guard.recheck();
    if (reply.ranges.length === 0) stop.abort(new Error(reply.why ?? 'the server says so'));
  };
  const late = setTimeout(() => stop.abort(new Error('its time is up')), order.until - around.now().getTime());
  const signal = AbortSignal.any([stop.signal, around.signal]);
  const beats = beating(order, around, signal, heed, () => {
    if (performance.now() - heard > SILENCE_MS) stop.abort(new Error('the server does not answer'));
  });
  try {
    // What was excluded since the order was given is not touched even once.
    heed(await around.report({ id: order.id, window: null, seen: [], ended: null }));
    return await windows({ order, around, guard, signal, heed });
  } finally {
    clearTimeout(late);
    stop.abort();
    await beats;
  }
}

async function beating(
  order: BoundOrder,
  around: Surroundings,
  signal: AbortSignal,
  heed: Walk['heed'],
  missed: () => void,
): Promise<void> {
  for (;;) {
    await sleep(BEAT_MS, undefined, { signal }).catch(() => undefined);
    if (signal.aborted) return;
    await around.report({ id: order.id, window: null, seen: [], ended: null }).then(heed, missed);
  }
}

async function windows(walk: Walk): Promise<Ended> {
  const { order, around, signal } = walk;
  for (let window = order.from; window < order.windows.windows; window++) {
    const seen = await oneWindow(walk, window).catch((error: unknown) => {
      if (!signal.aborted) throw error;
      return null;
    });
    // What was cut off says nothing about who is not there.
    if (seen === null || signal.aborted) return stopped(signal);
    walk.heed(await around.report({ id: order.id, window, seen, ended: null }));
  }
  return { how: 'done', why: null };
}

const stopped = (signal: AbortSignal): Ended => ({
  how: 'stopped',
  why: signal.reason instanceof Error ? signal.reason.message : 'the agent ends',
});

/**
 * One knock an address first: on one's own wire whoever is there answers ARP, so that empty addresses cost one attempt
 * and no more, and a machine without any open port is seen, too.
 */
async function oneWindow(walk: Walk, window: number): Promise<PatrolSeen[]> {
  const { order, around, guard } = walk;
  const addresses = order.windows.addressesIn(window).filter((address) => guard.allows(address));
  const [first, ...others] = order.ports;
  const open = await tryAll(walk, pairs(addresses, [first!]));
  const macs = await around.neighbours();
  const there = macs ? addresses.filter((a) => macs.has(a) || open.some(({ address }) => address === a)) : addresses;
  open.push(...(await tryAll(walk, pairs(there, others))));
  const still = open.filter(({ address }) => guard.allows(address));
  const looks = await lookAt(guard, still, () => around.now(), walk.signal, toldBefore(order.known));
  return there.flatMap((address) => {
    const here = looks.filter((look) => look.address === address);
    const mac = macs?.get(address) ?? null;
    return guard.allows(address) && (mac !== null || here.length > 0) ? [{ address, mac, looks: here.map(told) }] : [];
  });
}

function told({ port, result, error }: Look): PatrolLook {
  const isLong = result !== null && JSON.stringify(result).length > LONGEST_RESULT;
  if (isLong) return { port, result: null, error: 'what it says about itself is too long to be told' };
  return { port, result, error: error?.slice(0, 500) ?? null };
}

/** A different order of ports at each address: nobody gets one port after the other in one burst. */
const pairs = (addresses: readonly string[], ports: readonly number[]): Pair[] =>
  ports.flatMap((_, turn) =>
    addresses.map((address, index) => ({ address, port: ports[(turn + index) % ports.length]! })),
  );

async function tryAll({ guard, signal }: Walk, all: readonly Pair[]): Promise<Pair[]> {
  const open: Pair[] = [];
  await sweep({
    guard,
    from: 0,
    to: all.length,
    pairAt: (index) => all[index]!,
    rtt: newRtt(),
    concurrency: CONNECTIONS_AT_ONCE,
    report: async (progress) => {
      open.push(...progress.open);
      return !signal.aborted;
    },
  });
  signal.throwIfAborted();
  return open;
}
