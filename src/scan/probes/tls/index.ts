import { AppError } from '../../../model/errors/index.ts';
import { type CertificateInfo, type HeartbleedProof, type TlsProbe, TlsVersion } from '../../../model/probe.ts';
import type { TlsDepth } from '../../../model/tls-depth.ts';
import { basisOf, stillHolds } from '../../logic/tls-depth.ts';
import { converse, type Probe, type ProbeTarget } from '../contract.ts';
import { lookByName } from './by-name.ts';
import { describeChain } from './certificate.ts';
import { lookDeeper, stillServes } from './depth.ts';
import { type Flight, hello } from './handshake.ts';
import { lookForLeak } from './heartbleed.ts';
import { libraryHandshake } from './library.ts';
import { askSsl2, ssl2Certificate } from './ssl2.ts';
import { clientHello, RECORD, versionOf } from './wire.ts';

/** One hello and its answer. Silence is no answer: what was not answered in time stays unknown. */
const HELLO_MS = 3000;
const SERVER_HELLO = 2;
const NEWEST_FIRST = TlsVersion.options.toReversed();

interface Seen {
  version: TlsVersion;
  flight: Extract<Flight, { kind: 'hello' }>;
}

const isTls = (bytes: Buffer): boolean =>
  bytes.length >= 3 &&
  // Of handshakes only the server's hello: an echo of ours is none.
  ((bytes[0] === RECORD.handshake && (bytes.length < 6 || bytes[5] === SERVER_HELLO)) || bytes[0] === RECORD.alert) &&
  versionOf(bytes.readUInt16BE(1)) !== null;

/** TLS as served: versions, certificates, and whether the heartbeat hole is open, each asked for, never guessed. */
export const tlsProbe: Probe = {
  protocol: 'tls',
  ports: [
    443, 465, 563, 636, 832, 853, 989, 990, 992, 993, 994, 995, 2376, 2484, 5061, 5223, 5671, 5986, 6443, 6514, 7443,
  ].concat([8443, 8444, 8883, 9443, 10_250, 10_443]),
  asks: { opening: () => clientHello('TLSv1.2', { heartbeat: false }), knows: isTls },
  recognises: isTls,
  probe: probeTls,
};

async function probeTls(plain: ProbeTarget): Promise<TlsProbe> {
  const { target, seen, unknown, cut } = await askWithOrWithout(plain);
  const newest = seen[0];
  if (!newest) return withoutVersion(target, { unknown, cut });
  const heartbleed = await lookForHeartbleed(target, seen, cut);
  const library = await libraryHandshake(target, newest.version);
  const own = seen.find((s) => s.flight.certificates.length > 0)?.flight.certificates ?? [];
  const chain = describeChain(library?.chain.length ? library.chain : own);
  if (chain.length === 0) throw stopped(target, 'the handshake showed no certificate');
  return {
    protocol: 'tls',
    versions: seen.map((s) => s.version).toReversed(),
    ...(unknown.length > 0 ? { unknownVersions: unknown.toReversed() } : {}),
    ssl2: await askSsl2(target, () => stillServes(target, newest.version)),
    ...(library ? { cipher: library.cipher } : {}),
    chain,
    heartbleed,
    ...saidByTheWay(seen),
    ...(library?.stapled ? { stapled: library.stapled } : {}),
    depth: await depthOf(target, seen, chain[0]),
    ...(await lookByName(target, newest.version, chain[0])),
  };
}

async function withoutVersion(target: ProbeTarget, { unknown, cut }: Omit<Asked, 'seen'>): Promise<TlsProbe> {
  const old = await probeOnlySsl2(target, unknown);
  if (old) return old;
  throw stopped(target, cut ?? 'no version was agreed upon');
}

/**
 * A server that speaks SSL 2.0 and nothing newer, or null. `unknown`: newer versions whose hello was not answered; `ms`: how
 * long one waits for it.
 */
export async function probeOnlySsl2(
  target: ProbeTarget,
  unknown: readonly TlsVersion[],
  ms?: number,
): Promise<TlsProbe | null> {
  const certificate = await ssl2Certificate(target, ms);
  if (certificate === null) return null;
  const isKnown = unknown.length === 0;
  return {
    protocol: 'tls',
    versions: [],
    ...(isKnown ? {} : { unknownVersions: TlsVersion.options.filter((version) => unknown.includes(version)) }),
    ssl2: 'spoken',
    chain: describeChain([certificate]),
    heartbleed: {
      verdict: isKnown ? 'safe' : 'unknown',
      extension: false,
      leakedBytes: 0,
      reason: isKnown ? 'SSL 2.0 has no heartbeats' : 'SSL 2.0 has no heartbeats, and newer versions were not answered',
    },
  };
}

/** Some servers speak to those only who say whom they ask for: then by the first name that is known. */
async function askWithOrWithout(target: ProbeTarget): Promise<Asked & { target: ProbeTarget }> {
  const asked = await askVersions(target);
  const [serverName] = target.names;
  if (asked.seen.length > 0 || serverName === undefined) return { ...asked, target };
  const named = { ...target, serverName };
  return { ...(await askVersions(named)), target: named };
}

/** What its hellos say without being asked for it. TLS 1.3 has neither. */
function saidByTheWay(seen: readonly Seen[]): Pick<TlsProbe, 'compression' | 'secureRenegotiation'> {
  const old = seen.filter(({ version }) => version !== 'TLSv1.3').map(({ flight }) => flight.hello);
  if (old.length === 0) return {};
  return {
    compression: old.some((hello) => hello.compression),
    secureRenegotiation: old.every((hello) => hello.secureRenegotiation),
  };
}

/** As it was, where the handshakes show nothing new. */
async function depthOf(
  target: ProbeTarget,
  seen: readonly Seen[],
  leaf: CertificateInfo | undefined,
): Promise<TlsDepth> {
  const shown = seen.map(({ version, flight }) => ({
    version,
    cipher: flight.hello.cipher,
    agreement: flight.agreement,
  }));
  const basis = basisOf(shown, leaf);
  const now = target.now();
  const known = stillHolds(target.known, basis, now);
  return known ?? { ...(await lookDeeper(target, shown)), basis, at: now.toISOString() };
}

function stopped(target: ProbeTarget, why: string): AppError {
  return new AppError('PROBE_STOPPED', { address: target.address, port: target.port, protocol: 'tls', why });
}

interface Asked {
  seen: Seen[];
  /** versions whose answer never came, or was none */
  unknown: TlsVersion[];
  /** why the last of them is unknown */
  cut: string | null;
}

/** Each version by a hello of its own, newest first. */
async function askVersions(target: ProbeTarget): Promise<Asked> {
  const asked: Asked = { seen: [], unknown: [], cut: null };
  let closed: TlsVersion[] = [];
  for (const version of NEWEST_FIRST) {
    const flight = await converse(target, HELLO_MS, (c) =>
      hello(c, version, { heartbeat: true, compression: true, serverName: target.serverName }),
    );
    const cut = whyCut(version, flight);
    if (cut !== null) {
      asked.unknown.push(version);
      asked.cut = cut;
    } else if (flight.kind === 'hello' && flight.hello.version === version) asked.seen.push({ version, flight });
    if (flight.kind !== 'silence') closed = [];
    else if (cut === null) closed.push(version);
  }
  const newest = asked.seen[0];
  if (newest && closed.length > 0 && !(await stillServes(target, newest.version))) {
    asked.unknown.push(...closed);
    asked.cut ??= 'the server hung up, and did so on a hello as well that it had answered before';
  }
  return asked;
}

/** Why this flight tells nothing about the version, or null. An alert is a no; so is a closed connection, where it serves on. */
function whyCut(version: TlsVersion, flight: Flight): string | null {
  if (flight.kind === 'garbage') return 'the answer was not TLS';
  if (flight.kind !== 'silence' || flight.why === 'closed') return null;
  return flight.why === 'flood'
    ? 'the server sent more than a handshake holds'
    : `no answer to a ${version} hello in time`;
}

async function lookForHeartbleed(target: ProbeTarget, seen: Seen[], cut: string | null): Promise<HeartbleedProof> {
  const open = seen.find((s) => s.flight.hello.heartbeat && s.version !== 'TLSv1.3');
  if (!open) {
    const answered = seen.some((s) => s.version !== 'TLSv1.3') || cut === null;
    const version = seen.find((s) => s.version !== 'TLSv1.3')?.version;
    return {
      verdict: answered ? 'safe' : 'unknown',
      extension: false,
      ...(version ? { version } : {}),
      leakedBytes: 0,
      reason: answered
        ? 'the server negotiates no heartbeat'
        : `could not see whether heartbeats are negotiated: ${cut}`,
    };
  }
  const proof = await lookForLeak(target, open.version);
  const reason = 'heartbeats were negotiated, but a second handshake did not get far enough to try one';
  return proof ?? { verdict: 'unknown', extension: true, version: open.version, leakedBytes: 0, reason };
}
