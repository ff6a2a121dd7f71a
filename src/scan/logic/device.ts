import type { DeviceGuess, Guessed, GuessReason } from '../../model/guess.ts';
import { type ProbeResult, type ServiceBase, tlsOf } from '../../model/probe.ts';
import { serviceOf } from './describe.ts';
import { SERVING, SSH_SYSTEMS, TEXTS, WELL_KNOWN_PORTS } from './device-signs.ts';
import { makerOf } from './makers.ts';

/** What is known of a machine from outside. */
export interface DeviceEvidence {
  endpoints: readonly { port: number; transport?: 'tcp' | 'udp'; probe: ProbeResult | null }[];
  macs?: readonly string[];
  /** of the answer to a ping */
  ttl?: number | undefined;
  /** what the machine itself says it runs; overrides all that is guessed */
  system?: string | null | undefined;
}

/** No single sign from outside is certain. */
const MOST = 0.95;
const SHOWN_FROM = 0.3;
const SAID_FROM = 0.5;

/**
 * What a machine probably is. Each sign has a weight. Signs for one value support it together, 1 − Π(1 − w), where of
 * signs of one kind about it only the heaviest counts, for they are not independent. Values exclude each other: with supports s, value i has the
 * confidence o(i) / (o + Σ o(j)), where o(i) = s(i) · Π(1 − s(j≠i)) and o = Π(1 − s(j)) stands for "something else".
 */
export function guessDevice(evidence: DeviceEvidence): DeviceGuess {
  const signs = signsOf(evidence);
  // The same may be said at several ports.
  const told = new Map(
    signs.map(({ about, value, weight, why }) => [`${about} ${value} ${why}`, { about, value, weight, why }]),
  );
  const system = evidence.system ? { value: evidence.system, confidence: 1 } : named(best(signs, 'system'), signs);
  return {
    class: best(signs, 'class'),
    system,
    reasons: [...told.values()].toSorted((a, b) => b.weight - a.weight || (a.why < b.why ? -1 : 1)),
  };
}

/** The same in a line, with what it serves: "Debian 12 server; serves ssh, tls". Null: nothing can be said. */
export function guessOf(evidence: DeviceEvidence): string | null {
  const { class: kind, system } = guessDevice(evidence);
  const is = [system?.value, kind && kind.confidence >= SAID_FROM ? kind.value : null].filter(Boolean).join(' ');
  const services = evidence.endpoints.flatMap(({ probe }) => (probe ? [serviceOf(probe)] : []));
  const known = [...new Set(services)].filter((service) => service !== 'unknown').sort();
  return [is, known.length > 0 ? `serves ${known.join(', ')}` : ''].filter(Boolean).join('; ') || null;
}

/** `kind`: what it rests on; `family`: the value that it supports, where `value` is more exact. */
export interface Sign extends GuessReason {
  kind: string;
  family: string;
}

function best(signs: readonly Sign[], about: Sign['about']): Guessed | null {
  const support = supports(signs.filter((sign) => sign.about === about));
  const odds = [...support].map(([value, own]) => {
    const others = [...support].filter(([other]) => other !== value);
    return [value, others.reduce((product, [, s]) => product * (1 - s), own)] as const;
  });
  const none = [...support.values()].reduce((product, s) => product * (1 - s), 1);
  const total = odds.reduce((sum, [, odd]) => sum + odd, none);
  const [value, odd] = odds.toSorted(([a, x], [b, y]) => y - x || (a < b ? -1 : 1))[0] ?? [];
  if (value === undefined || odd === undefined) return null;
  const confidence = Math.round((odd / total) * 100) / 100;
  return confidence >= SHOWN_FROM ? { value, confidence } : null;
}

function supports(signs: readonly Sign[]): Map<string, number> {
  const byValue = Map.groupBy(signs, ({ family }) => family);
  return new Map(
    [...byValue].map(([value, own]) => {
      const heaviest = [...Map.groupBy(own, ({ kind }) => kind).values()].map((same) =>
        Math.max(...same.map(({ weight }) => Math.min(weight, MOST))),
      );
      return [value, 1 - heaviest.reduce((product, weight) => product * (1 - weight), 1)];
    }),
  );
}

/** The most exact name of the family that won: the heaviest sign's that says more than the family. */
function named(family: Guessed | null, signs: readonly Sign[]): Guessed | null {
  if (!family) return null;
  const exact = signs
    .filter((sign) => sign.about === 'system' && sign.family === family.value && sign.value !== sign.family)
    .toSorted((a, b) => b.weight - a.weight || b.value.length - a.value.length || (a.value < b.value ? -1 : 1))[0];
  return { value: exact?.value ?? family.value, confidence: family.confidence };
}

function signsOf({ endpoints, macs = [], ttl }: DeviceEvidence): Sign[] {
  const seen = endpoints.map(({ port, transport, probe }) => ({ port, transport, probe }));
  return [
    ...seen.flatMap(({ port, transport, probe }) => [...portSigns(port, transport), ...probeSigns(probe)]),
    ...servingSigns(seen.map(({ probe }) => probe)),
    ...macs.flatMap(macSigns),
    ...(ttl === undefined ? [] : ttlSigns(ttl)),
  ];
}

const sign = (
  kind: string,
  [about, value, weight, family = value]: readonly ['class' | 'system', string, number, string?],
  why: string,
): Sign => ({ kind, about, value, weight, family, why });

const portSigns = (port: number, transport = 'tcp'): Sign[] =>
  WELL_KNOWN_PORTS.filter((one) => one.ports.includes(port) && (one.transport ?? 'tcp') === transport).map(
    ({ is, weight, what }) => sign(`port:${what}`, ['class', is, weight], `port ${port} is open, where ${what} is`),
  );

function probeSigns(probe: ProbeResult | null): Sign[] {
  if (!probe) return [];
  if (probe.protocol === 'ssh') return sshSigns(probe.banner);
  const leaf = tlsOf(probe)?.chain[0];
  const certificate = leaf ? textSigns('certificate', `${leaf.subject} ${leaf.issuer}`, 'its certificate says') : [];
  const service = insideOf(probe);
  return service ? [...certificate, ...serviceSigns(service)] : certificate;
}

const insideOf = (probe: ProbeResult): ServiceBase | null => {
  if ('access' in probe) return probe;
  return probe.protocol === 'tls' ? (probe.inside ?? null) : null;
};

function sshSigns(banner: string): Sign[] {
  for (const { pattern, system, family, weight, is } of SSH_SYSTEMS) {
    const match = pattern.exec(banner);
    if (!match) continue;
    const why = `its SSH server calls itself ${banner.slice(0, 80)}`;
    return [
      ...(family ? [sign('ssh', ['system', system(match), weight, family], why)] : []),
      ...(is ? [sign('ssh', ['class', is[0], is[1]], why)] : []),
    ];
  }
  return [];
}

function serviceSigns({ protocol, product, details }: ServiceBase): Sign[] {
  const said = [product, details['title'], details['server'], details['signIn'], details['description']];
  const text = said.filter(Boolean).join(' ');
  const words = { snmp: 'its SNMP agent says', http: 'its pages say' }[protocol as string] ?? `its ${protocol} says`;
  return [
    ...textSigns(protocol === 'snmp' ? 'snmp' : 'service', text, words),
    ...(protocol === 'smb' && !/samba/i.test(product ?? '')
      ? [sign('smb', ['system', 'Windows', 0.7], 'it shares files by SMB and is not Samba')]
      : []),
    ...(protocol === 'rdp' && !/xrdp/i.test(product ?? '')
      ? [sign('rdp', ['system', 'Windows', 0.9], 'it offers its screen by RDP and is not xrdp')]
      : []),
    ...(protocol === 'ipmi' ? [sign('ipmi', ['class', 'management controller', 0.85], 'it answers IPMI')] : []),
  ];
}

const textSigns = (kind: string, text: string, says: string): Sign[] =>
  TEXTS.filter(({ pattern }) => pattern.test(text)).flatMap(({ pattern, is, system, family }) => {
    const why = `${says} ${pattern.exec(text)![0].trim()}`;
    // What SNMP says of a machine is its own description.
    const heavier = kind === 'snmp' ? 1.05 : kind === 'certificate' ? 0.85 : 1;
    return [
      ...(is ? [sign(kind, ['class', is[0], Math.min(MOST, is[1] * heavier)], why)] : []),
      ...(system
        ? [sign(kind, ['system', system[0], Math.min(MOST, system[1] * heavier), family ?? system[0]], why)]
        : []),
    ];
  });

/** What people run on servers, and what they do not. */
function servingSigns(probes: readonly (ProbeResult | null)[]): Sign[] {
  const protocols = new Set(probes.flatMap((probe) => (probe ? [insideOf(probe)?.protocol ?? probe.protocol] : [])));
  const serving = [...protocols].filter((protocol) => SERVING.has(protocol)).sort();
  if (serving.length > 0)
    return [
      sign(
        'serving',
        ['class', 'server', Math.min(0.8, 0.45 + 0.15 * serving.length)],
        `it serves ${serving.join(', ')}`,
      ),
    ];
  return protocols.has('rdp') || (protocols.has('smb') && protocols.size === 1)
    ? [sign('serving', ['class', 'workstation', 0.5], 'it offers a screen or files, and no service of a server')]
    : [];
}

function macSigns(mac: string): Sign[] {
  const known = makerOf(mac);
  return known
    ? [sign('mac', ['class', known.is, known.weight], `its network card (${mac}) is by ${known.maker}`)]
    : [];
}

/** Systems begin at 64, 128 or 255 and each router takes one. */
function ttlSigns(ttl: number): Sign[] {
  const why = `its answer to a ping had ${ttl} hops left`;
  if (ttl > 128) return [sign('ttl', ['class', 'network device', 0.3], why)];
  return [ttl > 64 ? sign('ttl', ['system', 'Windows', 0.6], why) : sign('ttl', ['system', 'Linux', 0.35], why)];
}
