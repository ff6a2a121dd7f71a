import { isDeepStrictEqual } from 'node:util';
import type { Json } from '../../model/json.ts';
import type { Identifier } from '../../model/estate.ts';
import {
  type ProbeResult,
  type ServiceBase,
  type ServiceProbe,
  type SshProbe,
  tlsOf,
  type TlsProbe,
  type TlsSeen,
  TlsVersion,
  type UnknownProbe,
} from '../../model/probe.ts';
import type { TlsDepth } from '../../model/tls-depth.ts';

/** What a probe result says about which machine this is. */
export function identifiersOf(probe: ProbeResult): Identifier[] {
  if (probe.protocol === 'ssh') return probe.hostKeys.map((key) => ({ kind: 'ssh-host-key', value: key.fingerprint }));
  const leaf = tlsOf(probe)?.chain[0];
  return leaf ? [{ kind: 'tls-key', value: leaf.spki }] : [];
}

const isService = (probe: ProbeResult): probe is ServiceProbe => 'access' in probe;

/** A name for people: what listens. */
export function serviceOf(probe: ProbeResult | null): string {
  if (probe?.protocol !== 'unknown') return probe?.protocol ?? 'unknown';
  const text = Buffer.from(probe.banner, 'hex').toString('latin1');
  if (text.startsWith('HTTP/')) return 'http';
  if (/^220[ -].*(smtp|mail)/i.test(text)) return 'smtp';
  if (/^220[ -].*ftp/i.test(text)) return 'ftp';
  if (text.startsWith('+OK')) return 'pop3';
  if (text.startsWith('* OK')) return 'imap';
  return 'unknown';
}

/** What trail documents show of a probe result: the values a person compares before and after. */
export function summaryOf(probe: ProbeResult | null): Json {
  if (!probe) return null;
  if (probe.protocol === 'ssh')
    return {
      protocol: 'ssh',
      banner: probe.banner,
      hostKeys: probe.hostKeys.map((k) => `${k.type} ${k.fingerprint}`),
      ...(probe.login ? { login: probe.login.open ? ['whoever asks'] : probe.login.methods } : {}),
    };
  if (probe.protocol === 'unknown') return { protocol: 'unknown', banner: probe.banner };
  if (isService(probe)) return { ...serviceSummary(probe), ...(probe.tls ? { tls: tlsSummary(probe.tls) } : {}) };
  return {
    ...tlsSummary(probe),
    ...(probe.inside ? { inside: serviceSummary(probe.inside) } : {}),
    ...(probe.clientCertificate ? { clientCertificate: probe.clientCertificate } : {}),
  };
}

const serviceSummary = ({ protocol, product, version, access }: ServiceBase) => ({
  protocol,
  product: product ?? null,
  version: version ?? null,
  access,
});

function tlsSummary(probe: TlsSeen) {
  const leaf = probe.chain[0];
  return {
    protocol: 'tls',
    versions: probe.versions,
    ...(probe.unknownVersions ? { unknownVersions: probe.unknownVersions } : {}),
    ...ssl2Summary(probe),
    heartbleed: probe.heartbleed.verdict,
    subject: leaf?.subject ?? null,
    spki: leaf?.spki ?? null,
    serial: leaf?.serial ?? null,
    notAfter: leaf?.notAfter ?? null,
    ...namedSummary(probe),
    ...(probe.depth ? { weakCiphers: weakOf(probe.depth), forwardSecrecy: probe.depth.forwardSecrecy } : {}),
  };
}

const ssl2Summary = ({ ssl2 }: TlsSeen) => (ssl2 === 'spoken' || ssl2 === 'unknown' ? { ssl2 } : {});

function namedSummary({ named = [] }: TlsSeen): { byName?: string[] } {
  const own = named.filter(({ chain }) => chain.length > 0);
  return own.length > 0 ? { byName: own.map(({ names, chain }) => `${names.join(', ')}: ${chain[0]!.serial}`) } : {};
}

/**
 * The parts whose change is a change of the endpoint: not how the proof was worded, when revocation was asked, details
 * of a service (titles of pages), or what an unknown one says (many greet with the time or fresh random bytes).
 */
function essence(probe: ProbeResult): unknown {
  if (probe.protocol === 'unknown') return [serviceOf(probe), isSilence(probe)];
  if (probe.protocol === 'ssh') return { ...probe, login: null };
  if (isService(probe)) return [serviceSummary(probe), probe.tls ? tlsEssence(probe.tls) : null];
  const { inside, clientCertificate, ...tls } = probe;
  return [tlsEssence(tls), inside ? serviceSummary(inside) : null, clientCertificate ?? null];
}

function tlsEssence({ heartbleed, versions, unknownVersions, cipher, ...rest }: TlsSeen): unknown {
  return {
    versions,
    unknownVersions,
    cipher,
    chain: rest.chain.map((certificate) => certificate.fingerprint),
    heartbleed: [heartbleed.verdict, heartbleed.extension],
  };
}

export function sameProbe(a: ProbeResult, b: ProbeResult): boolean {
  // Not by text: what comes back from the database has its keys in another order.
  return isDeepStrictEqual(essence(a), essence(b)) && alikeInDepth(a, b);
}

/** What an earlier version of ours did not ask for is no change when it is known. */
function alikeInDepth(a: ProbeResult, b: ProbeResult): boolean {
  const [x, y] = [depthEssence(a), depthEssence(b)];
  return x.every((value, at) => value === undefined || y[at] === undefined || isDeepStrictEqual(value, y[at]));
}

function depthEssence(probe: ProbeResult): unknown[] {
  if (probe.protocol === 'ssh') return [probe.login];
  const { compression, secureRenegotiation, depth, revocation, mustStaple, ssl2 } = tlsOf(probe) ?? {};
  return [
    ssl2,
    compression,
    secureRenegotiation,
    revocation?.status,
    mustStaple,
    depth?.forwardSecrecy,
    depth && (depth.dhBits ?? null),
    depth && weakOf(depth),
    namedKeys(tlsOf(probe)),
  ];
}

/** Which other certificates it shows by name: to which of its names is no change. */
const namedKeys = (tls: TlsSeen | null): string[] | undefined =>
  tls?.named?.flatMap(({ chain }) => chain.slice(0, 1).map(({ fingerprint }) => fingerprint)).sort();

/** In which version which family: that it prefers another cipher of it today is no change. */
const weakOf = ({ weak }: TlsDepth): string[] => weak.map(({ family, version }) => `${version} ${family}`).sort();

/** It brought to light what nobody had asked for before: no change of the endpoint, and yet to be judged. */
export function learns(known: ProbeResult | null, fresh: ProbeResult | null): boolean {
  if (!fresh) return false;
  if (fresh.protocol === 'ssh')
    return fresh.login !== undefined && (known as Partial<SshProbe> | null)?.login === undefined;
  const [now, before] = [tlsOf(fresh), tlsOf(known)];
  return (['depth', 'revocation', 'mustStaple', 'named', 'ssl2'] as const).some(
    (key) => now?.[key] !== undefined && before?.[key] === undefined,
  );
}

const openVersions = (tls: TlsSeen | null): string[] => [
  ...(tls?.ssl2 === 'unknown' ? ['SSLv2'] : []),
  ...(tls?.unknownVersions ?? []),
];

/** What a look could not see of an endpoint that answers, or null when it saw all it asks for. */
export function leftOpen(result: ProbeResult): string | null {
  if (isSilence(result)) return 'it accepted the connection and said nothing';
  if (result.protocol === 'unknown' && result.hungUp) return 'it hung up after its greeting';
  const tls = tlsOf(result);
  if (tls?.heartbleed.verdict === 'unknown') return tls.heartbleed.reason;
  const open = openVersions(tls);
  if (open.length > 0) return `whether it speaks ${open.join(', ')}`;
  return tls?.depth?.unknown.length ? `what it takes: ${tls.depth.unknown.join(', ')}` : null;
}

/**
 * Why `fresh` tells less than what is known already, or null when it may take its place: a busy server that says
 * nothing or turns us away, or a proof that could not be finished, must not erase what was seen before.
 */
export function tellsLess(known: ProbeResult | null, fresh: ProbeResult): string | null {
  if (!known) return null;
  if (fresh.protocol === 'unknown') return turnedAway(known, fresh);
  if (isService(fresh) && isService(known)) return lostAccess(known, fresh) ?? lostUpgrade(known, fresh);
  if (fresh.protocol !== 'tls' || known.protocol !== 'tls') return null;
  return sameLeaf(known, fresh)
    ? (lostVerdict(known, fresh) ?? lostInside(known, fresh) ?? lostVersions(known, fresh) ?? lostDepth(known, fresh))
    : null;
}

function turnedAway(known: ProbeResult, fresh: UnknownProbe): string | null {
  if (isSilence(fresh) && !isSilence(known))
    return `it accepted the connection and said nothing; ${known.protocol} was seen there before`;
  return fresh.hungUp && known.protocol !== 'unknown'
    ? `it hung up after its greeting; ${known.protocol} was seen there before`
    : null;
}

const sameLeaf = (known: TlsSeen, fresh: TlsSeen): boolean =>
  known.chain[0]?.fingerprint === fresh.chain[0]?.fingerprint;

function lostProof(known: TlsSeen, fresh: TlsSeen): string | null {
  if (fresh.heartbleed.verdict !== 'unknown' || known.heartbleed.verdict === 'unknown') return null;
  return `the Heartbleed proof could not be finished: ${fresh.heartbleed.reason}`;
}

const lostVerdict = (known: TlsSeen, fresh: TlsSeen): string | null =>
  lostProof(known, fresh) ?? lostRevocation(known, fresh);

/** Revoked it stays, until somebody says later that it is good: a server may show an older word, or none. */
function lostRevocation({ revocation: known }: TlsSeen, { revocation: fresh }: TlsSeen): string | null {
  if (known?.status !== 'revoked' || fresh?.status === 'revoked') return null;
  if (fresh?.status === 'good' && Date.parse(fresh.checkedAt) > Date.parse(known.checkedAt)) return null;
  return `its certificate was revoked on ${known.checkedAt}, and nothing newer was said this time`;
}

/** A server that no longer offers the upgrade says so; one that offers it and does not begin it has told nothing. */
function lostUpgrade({ protocol, tls: known }: ServiceProbe, fresh: ServiceProbe): string | null {
  if (!known || protocol !== fresh.protocol || fresh.details['starttls'] === 'not offered') return null;
  if (!fresh.tls) return 'the TLS behind its upgrade could not be looked at this time';
  return sameLeaf(known, fresh.tls)
    ? (lostVerdict(known, fresh.tls) ?? lostVersions(known, fresh.tls) ?? lostDepth(known, fresh.tls))
    : null;
}

function lostAccess(known: ServiceBase, fresh: ServiceBase): string | null {
  if (known.protocol !== fresh.protocol || known.access === 'unknown') return null;
  if (known.access === 'open' && fresh.access === 'refused' && fresh.details['silent'] !== undefined)
    return `it let everybody in before, and this time only did not answer: ${fresh.what}`;
  if (fresh.access !== 'unknown') return null;
  return `whether it asks for credentials could not be seen this time: ${fresh.what}`;
}

function lostInside(known: TlsProbe, fresh: TlsProbe): string | null {
  if (!known.inside || fresh.clientCertificate) return null;
  return fresh.inside ? lostAccess(known.inside, fresh.inside) : `what speaks within TLS did not answer this time`;
}

/** A look that only left versions open which were known: what it did find out is known already. */
function lostVersions(known: TlsSeen, fresh: TlsSeen): string | null {
  const open = fresh.unknownVersions ?? [];
  const lost = open.filter((version) => !known.unknownVersions?.includes(version));
  const told = TlsVersion.options.filter((version) => !open.includes(version));
  const learnt =
    fresh.heartbleed.verdict !== known.heartbleed.verdict ||
    told.some(
      (version) =>
        known.unknownVersions?.includes(version) ||
        known.versions.includes(version) !== fresh.versions.includes(version),
    );
  const names = [...(isLost(known.ssl2, fresh.ssl2) ? ['SSLv2'] : []), ...lost];
  return names.length > 0 && !learnt ? `whether it speaks ${names.join(', ')} could not be seen this time` : null;
}

const isLost = (known: TlsSeen['ssl2'], fresh: TlsSeen['ssl2']): boolean =>
  fresh === 'unknown' && (known === 'spoken' || known === 'refused');

function lostDepth(known: TlsSeen, fresh: TlsSeen): string | null {
  if (!known.depth || known.depth.basis !== fresh.depth?.basis) return null;
  const lost = fresh.depth.unknown.filter((question) => !known.depth?.unknown.includes(question));
  return lost.length > 0 ? `what it takes (${lost.join(', ')}) could not be seen this time` : null;
}

export const isSilence = (probe: ProbeResult): boolean => probe.protocol === 'unknown' && probe.banner === '';

/** A name that the machine's certificates give it; wildcards name no machine. */
export function nameFrom(probes: readonly ProbeResult[]): string | null {
  const names = probes.flatMap((probe) => tlsOf(probe)?.chain[0]?.names ?? []);
  return names.find((name) => /^[a-z0-9_-]+(\.[a-z0-9_-]+)+$/i.test(name) && !/^[\d.]+$/.test(name)) ?? null;
}
