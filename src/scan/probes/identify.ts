import { isAppError } from '../../model/errors/index.ts';
import { type ProbeResult, ServiceProbe, type TlsProbe, TlsVersion } from '../../model/probe.ts';
import { isPointless, openingsFor } from '../logic/openings.ts';
import { answersAtAll, ask, greet } from './ask-opening.ts';
import { type Answer, newHeard, type Probe, type ProbeTarget } from './contract.ts';
import { isPage } from './http/wire.ts';
import { PROBES } from './registry.ts';
import { NotItsProtocol } from './service-result.ts';
import { probeOnlySsl2, tlsProbe } from './tls/index.ts';
import { connectWithin } from './tls/within.ts';

/** Openings that are tried on one port, each on a connection of its own. */
const MOST_OPENINGS = 9;
/** Whoever stays silent to so many waits for something that none of us says. */
const MOST_SILENT = 4;
/** Openings end here, so that the probe itself has time left (ms of the look's deadline). */
const LEFT_FOR_PROBE_MS = 4000;
const LEAST_MS = 300;
/** For the answer to what is said last: whoever speaks it does so within a round trip. */
const LAST_MS = 1500;

/** Finds out by itself what listens (whatever the port number suggests) and reads it; within TLS as well. */
export async function identifyAndProbe(target: ProbeTarget): Promise<ProbeResult> {
  const result = await probeWhoItIs(target);
  if (result.protocol !== 'tls' || target.secure) return result;
  const newest = result.versions.at(-1);
  return newest ? { ...result, ...(await lookWithin(target, newest)) } : result;
}

/** Whether anything comes from this port, unasked or to the opening that suits it best; on one connection. */
export function saysSomething(target: ProbeTarget, patient = false): Promise<boolean> {
  const { suited, others } = openingsFor(target.port, PROBES);
  return answersAtAll(target, [...suited, ...others][0], patient);
}

/** A probe that finds out that it is another protocol after all gives way to the others. */
async function probeWhoItIs(target: ProbeTarget): Promise<ProbeResult> {
  const openings = openingsFor(target.port, target.secure ? PROBES.filter(isInner) : PROBES);
  await greet(target, [...openings.suited, ...openings.others][0], chooseProbe);
  const not: Probe[] = [];
  for (;;) {
    const { probe, greeting } = await identify(target, openings, not);
    const last = probe.protocol === 'unknown' ? await lastResort(target) : null;
    if (last) return last;
    try {
      return await probe.probe({ ...target, greeting });
    } catch (error) {
      if (!(error instanceof NotItsProtocol)) throw error;
      not.push(probe);
    }
  }
}

/** The hello of SSL 2.0 is no record of TLS, and nobody else is asked by it: said last, and only where TLS is usual. */
async function lastResort(target: ProbeTarget): Promise<TlsProbe | null> {
  const { greeting, hungUp, answers } = target.heard;
  const isUsual = tlsProbe.ports?.includes(target.port) ?? false;
  if (target.secure || !isUsual || greeting.length > 0 || hungUp) return null;
  const toTls = answers.get(tlsProbe.protocol);
  const isAnswered = toTls !== undefined && (toTls.ended || toTls.bytes.length > 0);
  return probeOnlySsl2(target, isAnswered ? [] : TlsVersion.options, LAST_MS);
}

export interface Known {
  probe: Probe;
  greeting: Buffer;
}

/** Who says this, unasked or in answer to whatever opening. APIs over HTTP come before HTTP itself. */
export function chooseProbe(greeting: Buffer, not: readonly Probe[] = []): Probe {
  return OVER_FIRST.find((probe) => !not.includes(probe) && probe.recognises(greeting))!;
}

const OVER_FIRST = [...PROBES.filter(({ over }) => over), ...PROBES.filter(({ over }) => !over)];

/** Of an answer to this probe's opening, whose server it is; null: nobody knows it. */
export function chooseByAnswer(asking: Probe, answer: Buffer, not: readonly Probe[] = []): Probe | null {
  if (answer.length === 0) return null;
  if (!not.includes(asking) && asking.asks?.knows(answer)) return asking;
  const probe = chooseProbe(answer, not);
  return probe.protocol === 'unknown' ? null : probe;
}

async function identify(target: ProbeTarget, { suited, others }: Openings, not: readonly Probe[]): Promise<Known> {
  const { greeting } = target.heard;
  const byGreeting = greeting.length > 0 ? chooseProbe(greeting, not) : null;
  if (byGreeting && byGreeting.protocol !== 'unknown') return refined(target, { probe: byGreeting, greeting });
  // A server that spoke first was to be known by that: only what its port suggests is tried besides.
  const found = await tryOpenings(target, byGreeting ? suited : [...suited, ...others], not);
  if (found) return refined(target, found);
  const first = [...target.heard.answers.values()].find(({ bytes }) => bytes.length > 0);
  return { probe: PROBES.at(-1)!, greeting: greeting.length > 0 ? greeting : (first?.bytes ?? greeting) };
}

type Openings = ReturnType<typeof openingsFor<Probe>>;

const isInner = ({ protocol }: Probe): boolean => protocol !== 'tls' && protocol !== 'ssh';

async function tryOpenings(
  target: ProbeTarget,
  openings: readonly Probe[],
  not: readonly Probe[],
): Promise<Known | null> {
  // Whoever hangs up on us unasked does so on every opening.
  if (target.heard.hungUp) return null;
  let [asked, silent] = [0, 0];
  const hungUp = new Set<string>();
  for (const probe of openings) {
    if (isPointless(probe.protocol, hungUp)) continue;
    const isFirst = asked++ === 0;
    if (asked > MOST_OPENINGS || silent >= MOST_SILENT || (!isFirst && target.left() < leastLeft(target))) return null;
    const { to, bytes, ended } = await askCalmly(target, probe);
    if (isEcho(to, bytes)) return null;
    const known = chooseByAnswer(probe, bytes, not);
    if (known) return { probe: known, greeting: bytes };
    if (bytes.length > 0) continue;
    if (ended) hungUp.add(probe.protocol);
    else silent++;
  }
  return null;
}

/** It says of each opening what its own servers say. */
const isEcho = (to: Buffer, bytes: Buffer): boolean => bytes.length > 0 && bytes.subarray(0, to.length).equals(to);

/** Of short deadlines, most is for asking. */
const leastLeft = (target: ProbeTarget): number => (target.secure ? LEAST_MS : LEFT_FOR_PROBE_MS);

/** A server that does not take another connection has not answered; that is no error once it had taken one. */
async function askCalmly(target: ProbeTarget, probe: Probe): Promise<Answer> {
  try {
    return await ask(target, probe);
  } catch (error) {
    if (!isAppError(error)) throw error;
    return { to: Buffer.alloc(0), bytes: Buffer.alloc(0), ended: true };
  }
}

/** HTTP may be an API: its root tells, or what it answers to the opening of an API that lives at such a port. */
async function refined(target: ProbeTarget, known: Known): Promise<Known> {
  if (known.probe.protocol !== 'http') return known;
  const root = await askCalmly(target, known.probe);
  const byRoot = chooseProbe(root.bytes);
  if (byRoot.over) return { probe: byRoot, greeting: root.bytes };
  const apis = PROBES.filter(({ over, asks }) => over === 'http' && asks);
  // A page for people is no API, whatever its port.
  for (const probe of isPage(root.bytes) ? [] : suitedFirst(apis, target.port)) {
    if (target.left() < LEAST_MS) break;
    const { bytes } = await askCalmly(target, probe);
    const found = chooseByAnswer(probe, bytes);
    if (found?.over) return { probe: found, greeting: bytes };
  }
  return { ...known, greeting: root.bytes.length > 0 ? root.bytes : known.greeting };
}

const suitedFirst = (probes: readonly Probe[], port: number): Probe[] =>
  probes.toSorted((a, b) => Number(b.ports?.includes(port) ?? false) - Number(a.ports?.includes(port) ?? false));

/** What speaks within TLS. Nothing that went wrong there takes anything from what TLS itself showed. */
async function lookWithin(target: ProbeTarget, newest: TlsVersion): Promise<Partial<TlsProbe>> {
  const within = connectWithin(target, newest);
  try {
    const inner = await identifyAndProbe({ ...target, heard: newHeard(), secure: true, connect: within.connect });
    const inside = ServiceProbe.safeParse(inner);
    if (inside.success) {
      const { tls: _, ...base } = inside.data;
      return { inside: base };
    }
  } catch (error) {
    if (!isAppError(error)) throw error;
  }
  return within.wantsCertificate() ? { clientCertificate: 'required' } : {};
}
