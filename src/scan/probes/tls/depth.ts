import { isAppError } from '../../../model/errors/index.ts';
import type { TlsVersion } from '../../../model/probe.ts';
import type { TlsDepth, WeakFamily } from '../../../model/tls-depth.ts';
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
  const unknown: TlsDepth['unknown'] = [];
  const old = shown.filter(({ version }) => version !== 'TLSv1.3');
  const newest = old[0];
  if (!newest) return { weak: [], forwardSecrecy: 'always', unknown };
  const secret = isForwardSecret(newest.cipher);
  const other = await ask(newest.version, secret ? CIPHERS.staticRsa : CIPHERS.forwardSecret);
  if (other === null) unknown.push('forward-secrecy');
  const dh = newest.agreement?.dhBits === undefined ? await ask(newest.version, CIPHERS.dhe) : null;
  if (dh === null && newest.agreement?.dhBits === undefined) unknown.push('dh');
  const weak: TlsDepth['weak'] = [];
  for (const { version } of old) if (!(await askWeak(ask, version, weak))) unknown.push('weak');
  const dhBits = newest.agreement?.dhBits ?? (dh === 'no' ? undefined : dh?.agreement?.dhBits);
  const curve = newest.agreement?.curve;
  return {
    weak,
    forwardSecrecy: forwardSecrecyOf({ secret, other: other && other !== 'no', has13: shown.length > old.length }),
    ...(dhBits === undefined ? {} : { dhBits }),
    ...(curve === undefined ? {} : { curve }),
    unknown: [...new Set(unknown)],
  };
}

/** False: an answer is missing. */
async function askWeak(ask: Ask, version: TlsVersion, weak: TlsDepth['weak']): Promise<boolean> {
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
    return flight.kind === 'alert' || (flight.kind === 'silence' && flight.why === 'closed') ? 'no' : null;
  };
}

/** A server that takes no more connections has not answered; what was seen of it stays. */
async function flightOf(target: ProbeTarget, version: TlsVersion, ciphers: readonly number[]): Promise<Flight | null> {
  try {
    return await converse(target, HELLO_MS, (c) => hello(c, version, { heartbeat: false, ciphers }));
  } catch (error) {
    if (!isAppError(error)) throw error;
    return null;
  }
}
