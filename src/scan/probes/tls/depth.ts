import { isAppError } from '../../../model/errors/index.ts';
import type { TlsVersion } from '../../../model/probe.ts';
import type { ForwardSecrecy, TlsDepth, WeakFamily } from '../../../model/tls-depth.ts';
import { CIPHERS, weakBut, weaknessOf } from '../../logic/tls-ciphers.ts';
import { forwardSecrecyOf, isForwardSecret, type Shown } from '../../logic/tls-depth.ts';
import { converse, type ProbeTarget } from '../contract.ts';
import { type Flight, hello } from './handshake.ts';

const HELLO_MS = 3000;
/** ms of the look that stay for what speaks within. */
const LEFT_FOR_WITHIN = 5000;

type Found = Omit<TlsDepth, 'basis' | 'at'>;
type Said = Extract<Flight, { kind: 'hello' }> | 'no' | null;
/** Asks with these ciphers alone: its choice, `no`, or null where no answer came. */
type Ask = (version: TlsVersion, ciphers: readonly number[]) => Promise<Said>;

/**
 * What the server takes beyond its own choice. Families are asked for, not ciphers: a hello offers all that is weak, the
 * answer names one family, the next hello is without it, until the server says no. That is one hello a version where
 * nothing is weak, and seven at most.
 */
export async function lookDeeper(target: ProbeTarget, shown: readonly Shown[]): Promise<Found> {
  const ask = asking(target);
  const old = shown.filter(({ version }) => version !== 'TLSv1.3');
  const newest = old[0];
  if (!newest) return { weak: [], forwardSecrecy: 'always', unknown: [] };
  const forwardSecrecy = await askForwardSecrecy(ask, newest, shown.length > old.length);
  const dhBits = await askGroup(ask, newest);
  const { weak, missing } = await askWeak(ask, old);
  const curve = newest.agreement?.curve;
  const unknown: TlsDepth['unknown'] = [];
  if (missing) unknown.push('weak');
  if (forwardSecrecy === 'unknown') unknown.push('forward-secrecy');
  if (dhBits === null) unknown.push('dh');
  return { weak, forwardSecrecy, ...(dhBits ? { dhBits } : {}), ...(curve === undefined ? {} : { curve }), unknown };
}

async function askForwardSecrecy(ask: Ask, newest: Shown, has13: boolean): Promise<ForwardSecrecy> {
  const secret = isForwardSecret(newest.cipher);
  const said = await ask(newest.version, secret ? CIPHERS.staticRsa : CIPHERS.forwardSecret);
  return forwardSecrecyOf({ secret, other: said && said !== 'no', has13 });
}

/** Bits of its group, 0 where it has none; null: no answer, or one that does not say. */
async function askGroup(ask: Ask, newest: Shown): Promise<number | null> {
  if (newest.agreement?.dhBits !== undefined) return newest.agreement.dhBits;
  const said = await ask(newest.version, CIPHERS.dhe);
  return said === 'no' ? 0 : (said?.agreement?.dhBits ?? null);
}

/** `missing`: an answer that would have told more. */
async function askWeak(ask: Ask, old: readonly Shown[]): Promise<{ weak: TlsDepth['weak']; missing: boolean }> {
  const weak: TlsDepth['weak'] = [];
  let missing = false;
  for (const { version } of old) if (!(await askWeakOf(ask, version, weak))) missing = true;
  return { weak, missing };
}

/** False: an answer is missing. */
async function askWeakOf(ask: Ask, version: TlsVersion, weak: TlsDepth['weak']): Promise<boolean> {
  const known = new Set<WeakFamily>();
  for (;;) {
    const offered = weakBut(known);
    const said = offered.length === 0 ? 'no' : await ask(version, offered);
    if (said === 'no') return true;
    const weakness = said && weaknessOf(said.hello.cipher);
    // One that was not offered is no answer to our question.
    if (!weakness || known.has(weakness.family)) return false;
    known.add(weakness.family);
    weak.push({ ...weakness, version });
  }
}

function asking(target: ProbeTarget): Ask {
  return async (version, ciphers) => {
    if (target.left() < LEFT_FOR_WITHIN) return null;
    const flight = await flightOf(target, version, ciphers);
    if (!flight) return null;
    if (flight.kind === 'hello') return flight.hello.version === version ? flight : 'no';
    if (flight.kind === 'silence' && flight.why === 'closed') return (await stillServes(target, version)) ? 'no' : null;
    return flight.kind === 'alert' ? 'no' : null;
  };
}

/**
 * Does it answer what it answered before? Who hangs up without a word means no by that, or has had enough of us: then it
 * hangs up on this hello as well.
 */
export async function stillServes(target: ProbeTarget, version: TlsVersion): Promise<boolean> {
  const flight = await flightOf(target, version);
  return flight?.kind === 'hello' && flight.hello.version === version;
}

/** A server that takes no more connections has not answered; what was seen of it stays. */
async function flightOf(target: ProbeTarget, version: TlsVersion, ciphers?: readonly number[]): Promise<Flight | null> {
  const options = { heartbeat: false, serverName: target.serverName, ...(ciphers ? { ciphers } : {}) };
  try {
    return await converse(target, HELLO_MS, (c) => hello(c, version, options));
  } catch (error) {
    if (!isAppError(error)) throw error;
    return null;
  }
}
