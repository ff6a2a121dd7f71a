import * as z from 'zod';
import { IdentifierKind, Transport } from './estate.ts';
import { Instant, Sha256 } from './json.ts';
import { ProbeResult } from './probe.ts';

/**
 * A scan as a file: gzip of one JSON object a line. First who signed it; then the header, which says what was looked at and
 * holds the SHA-256 of all that follows; then everything that was seen, each with the time at which it was. Files from
 * before there were signatures begin with the header.
 */
export const SCAN_FORMAT = 'lastember/scan/v1';
export const SIGNED_SCAN_FORMAT = 'lastember/scan/v2';

/** Base64 of the 32 bytes of an Ed25519 public key. */
export const ScanKey = z.base64().length(44);

/** `signature`: Ed25519 over the format and the line of the header, each with its end of line. */
export const ScanFileSignature = z
  .object({
    kind: z.literal('signature'),
    format: z.literal(SIGNED_SCAN_FORMAT),
    key: ScanKey,
    signature: z.base64().length(88),
  })
  .strict();
export type ScanFileSignature = z.infer<typeof ScanFileSignature>;
export const MOST_SCAN_LINES = 500_000;

export const ScanFileHeader = z.object({
  kind: z.literal('header'),
  format: z.literal(SCAN_FORMAT),
  scan: z.object({
    id: z.string().max(100),
    targets: z.array(z.string().max(300)).max(10_000),
    ports: z.string().max(4000),
    startedAt: Instant,
    finishedAt: Instant,
  }),
  lines: z.number().int().min(0).max(MOST_SCAN_LINES),
  sha256: Sha256,
});
export type ScanFileHeader = z.infer<typeof ScanFileHeader>;

const Address = z.union([z.ipv4(), z.ipv6()]);
/** What a machine shows to whoever asks from outside. Agents and lists know more, and no file may speak for them. */
const ShownIdentifier = z.object({
  kind: IdentifierKind.extract(['ssh-host-key', 'tls-key', 'mac']),
  value: z.string().max(300),
});
const Scalar = z.union([z.string(), z.number(), z.boolean(), z.null()]);
export const ScanFileLine = z.discriminatedUnion('kind', [
  /** somebody answered at this address and showed this */
  z
    .object({
      kind: z.literal('seen'),
      address: Address,
      at: Instant,
      hostname: z.string().max(253).nullable(),
      identifiers: z.array(ShownIdentifier).max(100),
      evidence: z.record(z.string(), z.union([Scalar, z.array(Scalar)])).nullable(),
    })
    .strict(),
  /** what a listener there said */
  z
    .object({
      kind: z.literal('look'),
      address: Address,
      at: Instant,
      port: z.number().int().min(1).max(65_535),
      /** absent: TCP */
      transport: Transport.optional(),
      result: ProbeResult.nullable(),
      error: z.string().max(2000).nullable(),
    })
    .strict(),
]);
export type ScanFileLine = z.infer<typeof ScanFileLine>;

export const Replayed = z.object({
  scan: z.string(),
  /** the key that signed the file; null: nobody did */
  signedBy: ScanKey.nullable(),
  /** of the file */
  lines: z.number().int(),
  /** addresses that were news here */
  taken: z.number().int(),
  /** addresses of which something newer, or this very thing, was known: nothing of them was changed */
  known: z.number().int(),
  newHosts: z.number().int(),
  looks: z.number().int(),
});
export type Replayed = z.infer<typeof Replayed>;
