import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '../agent/client.ts';
import type { OpenPort, Portion, ScannerLook } from '../model/site.ts';
import { portionsOf } from '../scan/logic/again.ts';
import { type Bucket, newBucket, newRtt, type Rtt } from '../scan/logic/pace.ts';
import { portionOrder, type PortionOrder } from '../scan/logic/portion.ts';
import { newRetries, type Retries } from '../scan/logic/retries.ts';
import type { SharedSubnets } from '../scan/logic/subnets.ts';
import { newTempo, type Tempo } from '../scan/logic/tempo.ts';
import { bogusAmong, newTraps, type Traps } from '../scan/logic/traps.ts';
import type { Look } from '../scan/look.ts';
import type { Connector } from '../scan/scanner/connector.ts';
import { createGuard, type Guard } from '../scan/scanner/guard.ts';
import { lookAt, toldBefore } from '../scan/scanner/observe.ts';
import { sweep } from '../scan/scanner/sweep.ts';
import { Leash } from './leash.ts';
import type { Limits } from './limits.ts';
import { Outbox } from './outbox.ts';

/** Looks that are taken together; those of one address are, unless a trap answers at every port. */
const LOOKS = 256;
const MOST_LOOKS = 512;
const AGAIN_MS = 300;
const LONGEST_RESULT = 32 * 1024;

export interface Worker {
  client: Client;
  limits: Limits;
  connector: Connector | undefined;
  /** of this process, whatever it works on */
  shared: SharedSubnets;
  /** of the scan that it works on: a new portion is no new burst */
  kept: { scanId: string | null; bucket: Bucket | null };
  signal: AbortSignal;
}

interface Work {
  worker: Worker;
  leash: Leash;
  outbox: Outbox;
  guard: Guard;
  order: PortionOrder;
  rtt: Rtt;
  retries: Retries;
  tempo: Tempo;
  cursor: number;
  /** found and not read */
  open: Map<string, OpenPort>;
  /** what the server told beforehand, and what was met that answers for others: it judges, here it only saves time */
  before: ReturnType<typeof toldBefore> & { traps: Traps };
}

/** Works on one portion to its end, or until the server says stop; returns why it ended. */
export async function work(worker: Worker, portion: Portion, askedAt: number): Promise<string> {
  const leash = new Leash(portion, worker.limits, askedAt);
  const outbox = new Outbox(worker.client, leash, portion);
  const { guard, tempo, bucket } = doorOf(worker, leash, portion.scanId);
  leash.changed = () => {
    bucket.rate = leash.terms.rate;
    guard.recheck();
  };
  const order = portionOrder(portion.addresses, portion.ports, portion.seed);
  const open = new Map(portion.open.map((one) => [keyOf(one), one]));
  const heard = { rtt: newRtt(), retries: newRetries(), tempo };
  const before = { ...toldBefore(portion.known), traps: newTraps() };
  const job: Work = { worker, leash, outbox, guard, order, ...heard, cursor: portion.cursor, open, before };
  for (;;) {
    if (await whileBeating(job)) return 'done';
    if (worker.signal.aborted) return leave(job);
    if (leash.stopped !== null) return leash.stopped;
    // Cut off: what was found waits until the server is back.
    await outbox.deliver();
    await sleep(AGAIN_MS, undefined, { signal: worker.signal }).catch(() => undefined);
  }
}

const keyOf = ({ address, port }: OpenPort): string => `${address} ${port}`;

function bucketOf({ kept }: Worker, scanId: string, rate: number): Bucket {
  const known = kept.scanId === scanId ? kept.bucket : null;
  const bucket = known ?? newBucket(rate, performance.now());
  bucket.rate = rate;
  Object.assign(kept, { scanId, bucket });
  return bucket;
}

/** Its rates are this scanner's shares, as the server said them last. */
function doorOf(worker: Worker, leash: Leash, scanId: string): { guard: Guard; tempo: Tempo; bucket: Bucket } {
  const bucket = bucketOf(worker, scanId, leash.terms.rate);
  const tempo: Tempo = {
    ...newTempo(leash.terms.rate, performance.now()),
    get asked() {
      return leash.terms.rate;
    },
  };
  const subnets = {
    shared: worker.shared,
    get rate() {
      return leash.terms.subnetRate;
    },
  };
  const allows = (address: string): boolean => leash.allows(address);
  return { bucket, tempo, guard: createGuard({ allows, bucket, subnets, tempo, connector: worker.connector }) };
}

/** True when the portion is done. False: cut off, or told to stop. */
async function whileBeating(job: Work): Promise<boolean> {
  const { leash, outbox, worker } = job;
  const over = new AbortController();
  const check = (): void => {
    if (leash.isOver() || worker.signal.aborted) over.abort(new Error('the lease is over'));
  };
  const watch = setInterval(check, 100);
  const beats = beating(outbox, leash, over.signal);
  try {
    check();
    return (await tryAll(job, over.signal)) && (await readAll(job, over.signal)) && (await tellDone(job));
  } catch (error) {
    if (over.signal.aborted) return false;
    throw error;
  } finally {
    clearInterval(watch);
    over.abort();
    await beats;
  }
}

async function beating(outbox: Outbox, leash: Leash, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await sleep(leash.terms.beatSeconds * 1000, undefined, { signal }).catch(() => undefined);
    if (!signal.aborted) await outbox.deliver();
  }
}

async function tryAll(job: Work, signal: AbortSignal): Promise<boolean> {
  const { order, outbox, leash } = job;
  if (job.cursor >= order.pairs) return !signal.aborted;
  return sweep({
    guard: job.guard,
    from: job.cursor,
    to: order.pairs,
    pairAt: (index) => order.pairAt(index),
    rtt: job.rtt,
    retries: job.retries,
    tempo: job.tempo,
    reportEveryMs: Math.min(500, leash.terms.beatSeconds * 1000),
    report: async ({ cursor, open }) => {
      // What was cut off by the end of a lease is tried again: the place is that of before.
      job.cursor = cursor;
      for (const one of open) job.open.set(keyOf(one), one);
      outbox.found(cursor, open);
      // Not waited for: a server that does not answer must not hold up the end of the lease.
      void outbox.deliver();
      return !signal.aborted && outbox.hasRoom;
    },
  });
}

async function readAll(job: Work, signal: AbortSignal): Promise<boolean> {
  const { outbox, leash, guard } = job;
  const left = [...job.open.values()].filter(({ address }) => leash.allows(address));
  left.sort((a, b) => (a.address < b.address ? -1 : a.address > b.address ? 1 : a.port - b.port));
  for (const together of portionsOf(left, LOOKS)) {
    // In pieces of one size: the ports of one address are judged by what most of them say.
    const size = Math.ceil(together.length / Math.ceil(together.length / MOST_LOOKS));
    for (let from = 0; from < together.length; from += size) {
      if (signal.aborted || !outbox.hasRoom) return false;
      const began = performance.now();
      const looks = await lookAt(guard, together.slice(from, from + size), () => new Date(), signal, job.before);
      // Cut off in the middle, they say nothing; they are taken again.
      if (signal.aborted) return false;
      bogusAmong(job.before.traps, looks);
      const seen = looks.filter(({ address }) => !leash.refused.has(address));
      for (const look of looks) job.open.delete(keyOf(look));
      outbox.read(seen.map(told), began);
      void outbox.deliver();
    }
  }
  return !signal.aborted;
}

function told({ address, port, result, error, isGlance }: Look): Omit<ScannerLook, 'ageMs'> {
  const isLong = result !== null && JSON.stringify(result).length > LONGEST_RESULT;
  if (isLong) return { address, port, result: null, error: 'what it says about itself is too long to be told' };
  return { address, port, result, error: error?.slice(0, 500) ?? null, ...(isGlance ? { glance: true } : {}) };
}

/** Nothing more is sent: only the server is to be told, however long that takes. */
async function tellDone({ outbox, leash, worker }: Work): Promise<boolean> {
  outbox.end('done');
  while (!(await outbox.deliver())) {
    await sleep(AGAIN_MS, undefined, { signal: worker.signal }).catch(() => undefined);
    if (worker.signal.aborted) return false;
  }
  return leash.stopped === null || leash.stopped === DONE;
}

/** What the server says when it took the last report of a portion. */
const DONE = 'the portion is done';

/** We end; another scanner may go on at once. */
async function leave({ outbox }: Work): Promise<string> {
  outbox.end('left');
  await outbox.deliver();
  return 'this scanner ends';
}
