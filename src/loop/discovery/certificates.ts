import 'reflect-metadata';
import {
  AuthorityInfoAccessExtension,
  CRLDistributionPointsExtension,
  X509Certificate as Parsed,
} from '@peculiar/x509';
import type { CertificateInfo, ProbeResult, ServiceProbe, TlsNamed, TlsSeen } from '../../model/probe.ts';
import { mustStaple } from '../../scan/logic/tls-feature.ts';
import { readOcsp } from '../../platform/pki/ocsp.ts';
import { describeCertificate } from '../../scan/probes/tls/certificate.ts';

type TlsOffered = NonNullable<ServiceProbe['tls']>;
const offersTls = (result: ProbeResult): result is ServiceProbe & { tls: TlsOffered } =>
  'tls' in result && result.tls !== undefined;

/** With the places that say whether its certificates are revoked: a look leaves them to whoever stores it. */
export function withUrls(result: ProbeResult): ProbeResult {
  if (offersTls(result)) return { ...result, tls: withUrls(result.tls) as TlsOffered };
  if (result.protocol !== 'tls') return result;
  const known = ({ crlUrls, ocspUrls }: CertificateInfo): boolean => crlUrls.length + ocspUrls.length > 0;
  const read = (chain: readonly CertificateInfo[]): CertificateInfo[] =>
    chain.map((info) => (known(info) ? info : { ...info, ...urlsOf(derOf(info)) }));
  const named = result.named?.map((one) => ({ ...one, chain: read(one.chain) }));
  return { ...result, chain: read(result.chain), ...(named ? { named } : {}) };
}

/** What the server showed beside its certificate about its revocation is read, and not kept: it differs each day. */
export function withRevocation(result: ProbeResult, now: Date): ProbeResult {
  if (offersTls(result)) return { ...result, tls: withRevocation(result.tls, now) as TlsOffered };
  if (result.protocol !== 'tls') return result;
  const { stapled, ...rest } = result;
  const [leaf, issuer] = rest.chain;
  if (!leaf) return rest;
  const verdict =
    stapled === undefined || !issuer
      ? null
      : readOcsp(Buffer.from(stapled, 'base64'), { leaf: derOf(leaf), issuer: derOf(issuer) }, now);
  const counts = verdict !== null && verdict.status !== 'unknown';
  // What was stored before is told again as it was: the response itself is not kept.
  const must = mustStaple(derOf(leaf)) ? { mustStaple: result.mustStaple ?? whatCameOfIt(result, counts) } : {};
  if (!verdict || verdict.status === 'unknown') return { ...rest, ...must };
  const revocation = { status: verdict.status, source: 'stapled OCSP response', checkedAt: verdict.at };
  return { ...rest, ...must, revocation };
}

function whatCameOfIt({ cipher, stapled, chain }: TlsSeen, counts: boolean): TlsSeen['mustStaple'] {
  // Without a whole handshake it was not asked for, and without its issuer nobody can tell whether it counts.
  if (stapled === undefined) return cipher === undefined ? 'unknown' : 'missing';
  if (counts) return 'met';
  return chain.length > 1 ? 'useless' : 'unknown';
}

/** Everything about its certificates read anew from themselves, whatever stands beside them; null: one is none. */
export function readAnew(result: ProbeResult): ProbeResult | null {
  if (offersTls(result)) {
    const tls = readAnew(result.tls);
    return tls && { ...result, tls: tls as TlsOffered };
  }
  if (result.protocol !== 'tls') return result;
  const chain = readChain(result.chain);
  const named = result.named?.map(({ names, chain: shown }) => ({ names, chain: readChain(shown) }));
  if (!chain?.length || named?.some((one) => one.chain === null)) return null;
  return withUrls({ ...result, chain, ...(named ? { named: named as TlsNamed[] } : {}) });
}

function readChain(chain: readonly CertificateInfo[]): CertificateInfo[] | null {
  const read = chain.map((info) => describeCertificate(derOf(info)));
  return read.every((info) => info !== null) ? read : null;
}

const derOf = ({ pem }: CertificateInfo): Buffer =>
  Buffer.from(pem.replace(/-----[^-]+-----/g, '').replace(/\s+/g, ''), 'base64');

function urlsOf(der: Buffer): { crlUrls: string[]; ocspUrls: string[] } {
  try {
    const parsed = new Parsed(new Uint8Array(der));
    const points = parsed.getExtension(CRLDistributionPointsExtension)?.distributionPoints ?? [];
    const crlUrls = Array.from(points)
      .flatMap((point) => point.distributionPoint?.fullName ?? [])
      .flatMap(urlOf);
    const access = parsed.getExtension(AuthorityInfoAccessExtension);
    const ocspUrls = (access?.ocsp ?? []).filter((name) => name.type === 'url').map((name) => name.value);
    return { crlUrls, ocspUrls };
  } catch {
    return { crlUrls: [], ocspUrls: [] };
  }
}

const urlOf = (name: { uniformResourceIdentifier?: string }): string[] =>
  name.uniformResourceIdentifier ? [name.uniformResourceIdentifier] : [];
