import * as z from 'zod';
import { Instant, Sha256 } from './json.ts';

/** A TLS certificate as served. `spki` is the SHA-256 of the DER SubjectPublicKeyInfo: the identity of the key. */
export const CertificateInfo = z.object({
  fingerprint: Sha256,
  spki: Sha256,
  serial: z.string(),
  subject: z.string(),
  issuer: z.string(),
  names: z.array(z.string()),
  notBefore: Instant,
  notAfter: Instant,
  keyType: z.string(),
  keyBits: z.number().optional(),
  signature: z.string().optional(),
  crlUrls: z.array(z.string()),
  ocspUrls: z.array(z.string()),
  pem: z.string(),
});
export type CertificateInfo = z.infer<typeof CertificateInfo>;

export const TlsVersion = z.enum(['SSLv3', 'TLSv1.0', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3']);
export type TlsVersion = z.infer<typeof TlsVersion>;

/**
 * Heartbleed (CVE-2014-0160) as proven from outside.
 * `vulnerable`: the server answered an over-long heartbeat (the bytes are counted and discarded);
 * `safe`: it negotiated no heartbeat, or ignored or refused the request; `unknown`: we could not finish looking.
 */
export const HeartbleedProof = z.object({
  verdict: z.enum(['vulnerable', 'safe', 'unknown']),
  extension: z.boolean(),
  version: TlsVersion.optional(),
  leakedBytes: z.number().int().nonnegative(),
  reason: z.string(),
});
export type HeartbleedProof = z.infer<typeof HeartbleedProof>;

export const TlsProbe = z.object({
  protocol: z.literal('tls'),
  /** spoken, each shown by an answer */
  versions: z.array(TlsVersion),
  /** asked for, and no answer in time: neither spoken nor not. Left out when there is none. */
  unknownVersions: z.array(TlsVersion).optional(),
  cipher: z.string().optional(),
  chain: z.array(CertificateInfo),
  heartbleed: HeartbleedProof,
  revocation: z
    .object({ status: z.enum(['good', 'revoked', 'unknown']), source: z.string(), checkedAt: Instant })
    .optional(),
});
export type TlsProbe = z.infer<typeof TlsProbe>;

export const SshHostKey = z.object({ type: z.string(), fingerprint: z.string() });
export type SshHostKey = z.infer<typeof SshHostKey>;

export const SshProbe = z.object({
  protocol: z.literal('ssh'),
  banner: z.string(),
  hostKeys: z.array(SshHostKey),
  algorithms: z.object({
    kex: z.array(z.string()),
    hostKey: z.array(z.string()),
    cipher: z.array(z.string()),
    mac: z.array(z.string()),
  }),
});
export type SshProbe = z.infer<typeof SshProbe>;

/** Something listens but no probe knows it; `banner` keeps the first bytes as hex so that later signatures can match. */
export const UnknownProbe = z.object({ protocol: z.literal('unknown'), banner: z.string() });
export type UnknownProbe = z.infer<typeof UnknownProbe>;

export const ProbeResult = z.discriminatedUnion('protocol', [TlsProbe, SshProbe, UnknownProbe]);
export type ProbeResult = z.infer<typeof ProbeResult>;
