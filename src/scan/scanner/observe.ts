import { isAppError } from '../../model/errors/index.ts';
import type { Sighting, SourceName } from '../../model/estate.ts';
import type { TlsKnown } from '../../model/probe.ts';
import type { KnownTls } from '../../model/tls-depth.ts';
import { againAtOnce, GLANCES_AT_ONCE, LOOKS_AT_ONCE, worthAgain } from '../logic/again.ts';
import { identifiersOf, nameFrom, tellsLess } from '../logic/describe.ts';
import { guessOf } from '../logic/device.ts';
import { serverNames } from '../logic/server-names.ts';
import { isTrapped, newTraps, Rounds, type Traps } from '../logic/traps.ts';
import type { Look } from '../look.ts';
import { newTarget } from '../probes/contract.ts';
import { identifyAndProbe, saysSomething } from '../probes/identify.ts';
import type { Guard } from './guard.ts';
import { inParallel } from '../../model/parallel.ts';
import type { Pair } from './sweep.ts';

const CONNECT_MS = 3000;
const GLANCE_DEADLINE_MS = 5000;
const PATIENT_DEADLINE_MS = 7000;

/** What the last look saw at a port, or null. */
export type KnownAt = (pair: Pair) => TlsKnown | null;
const nothing: KnownAt = () => null;
/** For one who looks for a server elsewhere: what that told of it beforehand. */
export function toldBefore(known: readonly KnownTls[]): { known: KnownAt; names: NamesAt } {
  const byPlace = new Map(known.map((one) => [`${one.address} ${one.port}`, one]));
  const at = ({ address, port }: Pair): KnownTls | undefined => byPlace.get(`${address} ${port}`);
  return {
    known: (pair) => {
      const depth = at(pair)?.depth;
      return depth ? { depth } : null;
    },
    names: (pair) => serverNames(at(pair)?.names ?? []),
  };
}

/** By which names what listens there is known. */
export type NamesAt = (pair: Pair) => readonly string[];
const nobody: NamesAt = () => [];

/**
 * Probes open ports, a few at a time; what could not be read in full is tried once more at the end. A probe that did not
 * succeed is a look with an error, not an end. Of what is `known`, probes ask less.
 */
export async function lookAt(
  guard: Guard,
  pairs: readonly Pair[],
  now: () => Date,
  signal?: AbortSignal,
  { known = nothing, names = nobody, traps = newTraps() }: { known?: KnownAt; names?: NamesAt; traps?: Traps } = {},
): Promise<Look[]> {
  const once = (pair: Pair): Promise<Look> =>
    lookOnce(guard, pair, now, signal, { known: known(pair), names: names(pair) });
  const looks = await firstLooks(pairs, traps, once, (pair, patient) => glance(guard, pair, { now, signal, patient }));
  const short = signal?.aborted ? [] : worthAgain(looks);
  await inParallel(short, againAtOnce(short.length), async (index) => {
    const first = looks[index]!;
    const second = await once(first);
    if (second.result && (!first.result || tellsLess(first.result, second.result) === null)) looks[index] = second;
  });
  return looks;
}

async function firstLooks(
  pairs: readonly Pair[],
  traps: Traps,
  once: (pair: Pair) => Promise<Look>,
  shortly: (pair: Pair, patient: boolean) => Promise<Look | null>,
): Promise<Look[]> {
  const looks: Look[] = Array.from({ length: pairs.length });
  const rounds = new Rounds(pairs, (address) => isTrapped(traps, address));
  for (let round = rounds.next(); round; round = rounds.next()) {
    const spoke: number[] = [];
    const patient = new Set(round.patient);
    await inParallel([...round.patient, ...round.short], GLANCES_AT_ONCE, async (index) => {
      const look = await shortly(pairs[index]!, patient.has(index));
      if (!look) return void spoke.push(index);
      looks[index] = look;
      // One that could not be taken tells nothing: the next ones do.
      if (look.result && !look.isGlance) rounds.note(look.address, look.result);
    });
    await inParallel([...round.full, ...spoke], LOOKS_AT_ONCE, async (index) => {
      const look = await once(pairs[index]!);
      looks[index] = look;
      rounds.note(look.address, look.result);
    });
  }
  return looks;
}

/** A short look, at a port that is likely to say nothing. Null: it says something, and is worth a whole one. */
async function glance(
  guard: Guard,
  { address, port }: Pair,
  { now, signal, patient }: { now: () => Date; signal: AbortSignal | undefined; patient: boolean },
): Promise<Look | null> {
  try {
    const deadlineMs = patient ? PATIENT_DEADLINE_MS : GLANCE_DEADLINE_MS;
    const said = await saysSomething(
      newTarget(guard, { address, port, connectMs: CONNECT_MS, deadlineMs, signal }),
      patient,
    );
    if (said) return null;
    const silence = { result: { protocol: 'unknown' as const, banner: '' }, error: null };
    return { address, port, at: now(), ...silence, ...(patient ? {} : { isGlance: true }) };
  } catch (error) {
    if (!isAppError(error)) throw error;
    return { address, port, at: now(), result: null, error: error.message };
  }
}

export async function lookOnce(
  guard: Guard,
  { address, port }: Pair,
  now: () => Date,
  signal?: AbortSignal,
  { known = null, names = [] }: { known?: TlsKnown | null; names?: readonly string[] } = {},
): Promise<Look> {
  try {
    const at = { address, port, connectMs: CONNECT_MS, signal, known, names, now };
    const result = await identifyAndProbe(newTarget(guard, at));
    return { address, port, at: now(), result, error: null };
  } catch (error) {
    if (!isAppError(error)) throw error;
    return { address, port, at: now(), result: null, error: error.message };
  }
}

const seenThere = ({ port, transport = 'tcp', result }: Look) => ({ port, transport, probe: result });

function portsOf(looks: readonly Look[]): { ports: number[]; udp?: number[] } {
  const [udp, tcp] = [true, false].map((wanted) =>
    looks.filter(({ transport }) => (transport === 'udp') === wanted).map(({ port }) => port),
  ) as [number[], number[]];
  return { ports: tcp, ...(udp.length > 0 ? { udp } : {}) };
}

/** One sighting an address, with everything its endpoints said about who it is. */
export function sightingsFrom(looks: readonly Look[], source: SourceName, via?: string): Sighting[] {
  const byAddress = Map.groupBy(looks, (look) => look.address);
  return [...byAddress].map(([address, here]) => {
    const probes = here.flatMap((look) => (look.result ? [look.result] : []));
    return {
      source,
      address,
      at: here[0]!.at.toISOString(),
      identifiers: probes.flatMap(identifiersOf),
      ...(via === undefined ? {} : { via }),
      evidence: {
        ...portsOf(here),
        guess: guessOf({ endpoints: here.map(seenThere) }),
        certificateName: nameFrom(probes),
      },
    };
  });
}
