import * as z from 'zod';
import { Instant } from './json.ts';
import { ScanPath } from './scan-path.ts';
import { ProbeResult } from './probe.ts';
import { KnownTls, MOST_KNOWN_TLS } from './tls-depth.ts';

/** Where one looks from. `local` is the server itself with its workers; every other site has scanners of its own. */
export const LOCAL_SITE = 'local';
export const SiteName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9.-]{0,39}$/, 'a site is named with small letters, digits, dots and dashes');

/** POST /agent/v1/scanner/enroll: a scanner shows a token for its site and a certificate request. */
export const ScannerEnrollRequest = z
  .object({
    token: z.string().max(200),
    csr: z.string().max(8192),
    /** the site that it was started for; the token says which one it is of */
    site: SiteName,
    name: z.string().min(1).max(100),
    version: z.string().max(50),
  })
  .strict();
export type ScannerEnrollRequest = z.infer<typeof ScannerEnrollRequest>;
export const ScannerEnrollReply = z.object({ scannerId: z.string(), site: SiteName, certificate: z.string() });
export type ScannerEnrollReply = z.infer<typeof ScannerEnrollReply>;

/** The most addresses of one portion, and looks that one report tells of. */
export const PORTION = { addresses: 1024, looks: 2048, open: 65_536 } as const;

const Port = z.number().int().min(1).max(65_535);
const Address = z.string().max(50);
export const OpenPort = z.object({ address: Address, port: Port });
export type OpenPort = z.infer<typeof OpenPort>;

/** What holds while one works on a portion; told anew with every sign of life. */
export const Terms = z.object({
  /** `first-last`: what the scope covers now, and what any scope excludes */
  allowed: z.array(z.string().max(100)),
  excluded: z.array(z.string().max(100)),
  /** this scanner's share, new connections a second: of the scope, and of one /24 (IPv6: /64) */
  rate: z.number().positive(),
  subnetRate: z.number().positive(),
  /** without a word of the server for so long, nothing more is sent */
  leaseSeconds: z.number().positive(),
  beatSeconds: z.number().positive(),
  /** a blackout begins in so long; counted from when the terms were asked for, whatever the clocks say */
  darkMs: z.number().nullable(),
});
export type Terms = z.infer<typeof Terms>;

/** A part of a scan: these addresses at these ports, in the order that the seed gives. */
export const Portion = z.object({
  scanId: z.string().max(100),
  window: z.number().int().nonnegative(),
  lease: z.string().max(100),
  addresses: z.array(Address).min(1).max(PORTION.addresses),
  ports: z.array(Port).min(1),
  seed: z.number().int().nonnegative(),
  /** pairs that were tried already */
  cursor: z.number().int().nonnegative(),
  /** found open, and not read yet */
  open: z.array(OpenPort),
  /** of servers that were seen there before */
  known: z.array(KnownTls).max(MOST_KNOWN_TLS).default([]),
  terms: Terms,
});
export type Portion = z.infer<typeof Portion>;

/** POST /agent/v1/scanner/lease */
export const LeaseRequest = z.object({ version: z.string().max(50), path: ScanPath.nullable() }).strict();
export const LeaseReply = z.object({ pollSeconds: z.number().positive(), portion: Portion.nullable() });
export type LeaseReply = z.infer<typeof LeaseReply>;

export const ScannerLook = z.object({
  address: Address,
  port: Port,
  result: ProbeResult.nullable(),
  error: z.string().max(500).nullable(),
  /** only a glance was taken: that nothing was heard shows little */
  glance: z.literal(true).optional(),
  /** how long ago that was when it was sent */
  ageMs: z.number().nonnegative(),
});
export type ScannerLook = z.infer<typeof ScannerLook>;

/**
 * POST /agent/v1/scanner/report. `seq` counts the reports of one lease from 1; one that comes again is taken once. null:
 * only a sign of life.
 */
export const PortionReport = z
  .object({
    scanId: z.string().max(100),
    window: z.number().int().nonnegative(),
    lease: z.string().max(100),
    seq: z.number().int().positive().nullable(),
    cursor: z.number().int().nonnegative(),
    open: z.array(OpenPort).max(PORTION.open),
    looks: z.array(ScannerLook).max(PORTION.looks),
    /** addresses of the portion that this scanner may not touch, by its own settings or by what it was told; new ones */
    notLooked: z.array(Address).max(PORTION.addresses),
    /** `done`: all was tried and read. `left`: somebody else may have it. */
    ended: z.enum(['done', 'left']).nullable(),
  })
  .strict();
export type PortionReport = z.infer<typeof PortionReport>;
/** `terms` null: stop, for this reason. */
export const PortionReply = z.object({ terms: Terms.nullable(), why: z.string().nullable() });
export type PortionReply = z.infer<typeof PortionReply>;

export const Scanner = z.object({
  id: z.string(),
  site: z.string(),
  name: z.string(),
  version: z.string(),
  /** how it tries ports; null: it never called */
  path: ScanPath.nullable(),
  state: z.enum(['working', 'idle', 'silent', 'revoked']),
  addedAt: Instant,
  lastSeen: Instant.nullable(),
  /** what it works on */
  scans: z.array(z.object({ scanId: z.string(), scope: z.string().nullable() })),
  /** reports that were refused because they told what was not asked, and why the last one was */
  refusals: z.number().int(),
  refusedWhy: z.string().nullable(),
});
export type Scanner = z.infer<typeof Scanner>;

export const Site = z.object({
  name: z.string(),
  scopes: z.array(z.string()),
  /** that were heard of lately, and all that are enrolled */
  live: z.number().int(),
  scanners: z.number().int(),
  lastSeen: Instant.nullable(),
  /** scans that are queued or running there */
  scans: z.number().int(),
  /** why nobody looks there; null: somebody does, or nothing is to be looked at */
  blind: z.string().nullable(),
});
export type Site = z.infer<typeof Site>;

/** A token for scanners of one site; shown once. */
export const ScannerToken = z.object({
  id: z.string(),
  site: z.string(),
  expiresAt: Instant,
  token: z.string(),
  server: z.string(),
  /** to be run on the machine at the site */
  line: z.string(),
});
export type ScannerToken = z.infer<typeof ScannerToken>;
