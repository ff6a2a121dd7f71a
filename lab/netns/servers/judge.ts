import type { ProbeResult, ServiceBase } from '../../../src/model/probe.ts';
import type { Expected, ServerSpec } from './spec.ts';

/** What somebody says of a port, whoever they are. */
export interface Said {
  protocol: string | null;
  product: string | null;
  version: string | null;
}

/** One port of one server, and what is true of it. */
export interface Truth extends Expected {
  server: ServerSpec;
  /** as dpkg has it */
  packageVersion: string;
}

export interface Score {
  protocol: boolean;
  product: boolean;
  version: boolean;
}

export interface OurSaid extends Said {
  access: string | null;
  tls: 'port' | 'starttls' | null;
}

const NOTHING: OurSaid = { protocol: null, product: null, version: null, access: null, tls: null };

export function saidBy(result: ProbeResult | null): OurSaid {
  if (!result || result.protocol === 'unknown') return NOTHING;
  if (result.protocol === 'tls')
    return { ...(result.inside ? ofService(result.inside) : { ...NOTHING, protocol: 'tls' }), tls: 'port' };
  if (result.protocol !== 'ssh') return { ...ofService(result), tls: result.tls ? 'starttls' : null };
  const [, product, version] = /^SSH-[\d.]+-([A-Za-z]+)_(\S+)/.exec(result.banner) ?? [];
  return { ...NOTHING, protocol: 'ssh', product: product ?? null, version: version ?? null };
}

const ofService = ({ protocol, product, version, access }: ServiceBase): OurSaid => ({
  protocol,
  product: product ?? null,
  version: version ?? null,
  access,
  tls: null,
});

/** Of a package's version what its authors gave it: no epoch, no revision, no repacking. */
export const upstreamOf = (version: string): string =>
  version
    .replace(/^\d+:/, '')
    .replace(/-[^-]*$/, '')
    .replace(/[+~].*$/, '');

const plain = (text: string): string => text.toLowerCase().replace(/[^a-z0-9]/g, '');

/** Generous to whoever says it: the product's name has to be in it (some give it as the protocol's), and the version's parts, from the front, at least two. */
export function score(truth: Truth, said: Said, names: readonly string[]): Score {
  const upstream = upstreamOf(truth.packageVersion);
  const version = said.version ?? '';
  const told = /^\d+\.\d+/.test(version) && `${upstream}.`.startsWith(`${version}.`);
  return {
    protocol: said.protocol !== null && [truth.protocol, ...names].includes(said.protocol),
    product: truth.product !== null && plain(`${said.protocol} ${said.product ?? ''}`).includes(plain(truth.product)),
    version: told || hasVersion(version, upstream),
  };
}

const hasVersion = (said: string, upstream: string): boolean => {
  const at = said.indexOf(upstream);
  return at >= 0 && !/[\d.]/.test(said[at - 1] ?? ' ') && !/\d/.test(said[at + upstream.length] ?? ' ');
};

export const points = (one: Score): number => Object.values(one).filter(Boolean).length;

/** What is missing or wrong in our own result; empty when all is as it has to be. */
export function complaints(truth: Truth, result: ProbeResult | null): string[] {
  const said = saidBy(result);
  const got = score(truth, said, []);
  const list: string[] = [];
  const check = (fine: boolean, what: string, is: string | null): void => {
    if (!fine) list.push(`${what}, not ${is ?? 'nothing'}`);
  };
  check(got.protocol, `protocol ${truth.protocol}`, said.protocol);
  if (truth.product !== null) check(got.product, `product ${truth.product}`, said.product);
  if (truth.version) check(got.version, `version ${upstreamOf(truth.packageVersion)}`, said.version);
  if (truth.version === undefined) check(said.version === null || got.version, 'no wrong version', said.version);
  if (truth.access) check(said.access === truth.access, `access ${truth.access}`, said.access);
  check(said.tls === (truth.tls ?? null), `TLS ${truth.tls ?? 'none'}`, said.tls);
  return list;
}
