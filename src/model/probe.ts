import * as z from 'zod';
import { Instant, Sha256 } from './json.ts';
import { TlsDepth } from './tls-depth.ts';
import { TlsVersion } from './tls-version.ts';

export { TlsVersion };

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

export const Revocation = z.object({
  status: z.enum(['good', 'revoked', 'unknown']),
  source: z.string(),
  checkedAt: Instant,
});
export type Revocation = z.infer<typeof Revocation>;

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

/** What a server shows to those who ask for it by these names. An empty chain: the same as to those who name nobody. */
export const TlsNamed = z.object({
  names: z.array(z.string().max(253)).max(16),
  chain: z.array(CertificateInfo).max(10),
  /** what its authority says of this certificate; known where it is judged */
  revocation: Revocation.optional(),
});
export type TlsNamed = z.infer<typeof TlsNamed>;

/** TLS, wherever on a port it begins. */
export const TlsSeen = z.object({
  protocol: z.literal('tls'),
  /** spoken, each shown by an answer */
  versions: z.array(TlsVersion),
  /** asked for, and no answer in time: neither spoken nor not. Left out when there is none. */
  unknownVersions: z.array(TlsVersion).optional(),
  /** SSL 2.0, which has no hello in common with the others. Left out where nobody asked. */
  ssl2: z.enum(['spoken', 'refused', 'unknown']).optional(),
  cipher: z.string().optional(),
  chain: z.array(CertificateInfo),
  heartbleed: HeartbleedProof,
  /** it would compress what it encrypts (CRIME) */
  compression: z.boolean().optional(),
  /** it says in TLS 1.2 or older that its renegotiation is bound to the connection (RFC 5746) */
  secureRenegotiation: z.boolean().optional(),
  depth: TlsDepth.optional(),
  /** what it showed beside its certificate: an OCSP response, base64 of DER. Read, and left out, where a look is stored. */
  stapled: z.string().max(32_768).optional(),
  /**
   * Its certificate wants such a response shown beside it (RFC 7633), and this came of it; `useless`: one that says nothing,
   * such as one that has run out. Left out where the certificate does not want it.
   */
  mustStaple: z.enum(['met', 'missing', 'useless', 'unknown']).optional(),
  revocation: Revocation.optional(),
  /** by name; left out where no name was known to ask by */
  named: z.array(TlsNamed).max(16).optional(),
});

/** Protocols beside TLS and SSH that a probe knows, or may come to know. Alphabetical. */
export const ServiceProtocol = z.enum([
  'amqp',
  'dns',
  'docker',
  'elasticsearch',
  'etcd',
  'ftp',
  'http',
  'imap',
  'ipmi',
  'irc',
  'kubernetes',
  'ldap',
  'memcached',
  'mongodb',
  'mqtt',
  'mysql',
  'nats',
  'ntp',
  'pop3',
  'postgresql',
  'rabbitmq',
  'rdp',
  'redis',
  'rpc',
  'rsync',
  'smb',
  'smtp',
  'snmp',
  'vnc',
  'xmpp',
]);
export type ServiceProtocol = z.infer<typeof ServiceProtocol>;

/**
 * Whether it serves whoever asks. `open`: it answered something that needs rights, without credentials; `refused`: it
 * asked for credentials; `unknown`: the look did not come to a verdict.
 */
export const Access = z.enum(['open', 'refused', 'unknown']);
export type Access = z.infer<typeof Access>;

/** Bounds of what is kept of a service. Texts of strangers: one line each, without control characters. */
export const SERVICE_BOUNDS = { product: 100, version: 60, what: 300, detail: 400, details: 24 } as const;

const ServiceBase = z.object({
  protocol: ServiceProtocol,
  product: z.string().max(SERVICE_BOUNDS.product).optional(),
  version: z.string().max(SERVICE_BOUNDS.version).optional(),
  access: Access,
  /** a short sentence: how that was shown */
  what: z.string().max(SERVICE_BOUNDS.what),
  details: z
    .record(z.string().regex(/^[a-z][A-Za-z0-9]{0,39}$/), z.string().max(SERVICE_BOUNDS.detail))
    .refine((details) => Object.keys(details).length <= SERVICE_BOUNDS.details, 'too many details'),
});
export type ServiceBase = z.infer<typeof ServiceBase>;

/** Any other service. `tls`: what it offers by STARTTLS; a service inside TLS from the first byte is a TlsProbe. */
export const ServiceProbe = ServiceBase.extend({ tls: TlsSeen.optional() });
export type ServiceProbe = z.infer<typeof ServiceProbe>;

/** TLS from the first byte. `inside`: what speaks within it, where a probe knows that. */
export const TlsProbe = TlsSeen.extend({
  inside: ServiceBase.optional(),
  /** it lets nobody in who shows no certificate of their own */
  clientCertificate: z.literal('required').optional(),
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
  /** what it answered to a request with the method `none`; left out where it was not asked, or did not answer */
  login: z
    .object({
      /** the ways that it names; empty where it let us in */
      methods: z.array(z.string()),
      /** it let in whoever asks, without a key or password */
      open: z.literal(true).optional(),
    })
    .optional(),
});
export type SshProbe = z.infer<typeof SshProbe>;

const Hex = z
  .string()
  .max(512)
  .regex(/^([0-9a-f]{2})*$/i);

/**
 * Something listens but no probe knows it. `banner` keeps the first bytes that came as hex, `answers` what came to each
 * opening (by the protocol whose opening it was), so that later signatures can match without another look.
 */
export const UnknownProbe = z.object({
  protocol: z.literal('unknown'),
  banner: z.string(),
  /** it ended the connection after that, before we said anything, as servers do that are too busy */
  hungUp: z.literal(true).optional(),
  answers: z
    .array(z.object({ to: z.string().max(20), hex: Hex }))
    .max(16)
    .optional(),
});
export type UnknownProbe = z.infer<typeof UnknownProbe>;

export const ProbeResult = z.discriminatedUnion('protocol', [TlsProbe, SshProbe, ServiceProbe, UnknownProbe]);
export type ProbeResult = z.infer<typeof ProbeResult>;

export type TlsSeen = z.infer<typeof TlsSeen>;

/** What a look takes over from the one before, where nothing speaks against it. */
export type TlsKnown = Pick<TlsSeen, 'depth' | 'named'>;

/** The TLS that a port speaks: from the first byte, or offered by STARTTLS. */
export function tlsOf(probe: ProbeResult | null | undefined): TlsSeen | null {
  if (probe?.protocol === 'tls') return probe;
  return probe && 'access' in probe ? (probe.tls ?? null) : null;
}

/** Chains of all certificates that were seen there: first that of those who name nobody, then those by name. */
export function chainsOf(tls: TlsSeen | null): CertificateInfo[][] {
  if (!tls) return [];
  return [tls.chain, ...(tls.named ?? []).map(({ chain }) => chain)].filter(({ length }) => length > 0);
}
