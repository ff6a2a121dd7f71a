import * as z from 'zod';
import { Instant } from './json.ts';
import { TlsVersion } from './tls-version.ts';

/** Families of ciphers that protect too little, the worst first. A cipher of several belongs to the worst. */
export const WeakFamily = z.enum(['null', 'anon', 'export', 'des', 'rc4', '3des']);
export type WeakFamily = z.infer<typeof WeakFamily>;

/** `always`: nothing else was taken; `offered`: with it or without; `never`: no such key exchange was taken. */
export const ForwardSecrecy = z.enum(['always', 'offered', 'never', 'unknown']);
export type ForwardSecrecy = z.infer<typeof ForwardSecrecy>;

/** What a TLS server takes when it is offered nothing better. Each was shown by its choice; nothing was encrypted with it. */
export const TlsDepth = z.object({
  weak: z.array(z.object({ family: WeakFamily, version: TlsVersion, cipher: z.string() })),
  forwardSecrecy: ForwardSecrecy,
  /** of the group that it uses for Diffie-Hellman over a field; left out where it does none */
  dhBits: z.number().int().optional(),
  /** that it agreed on in TLS 1.2 or older */
  curve: z.string().optional(),
  /** what had no answer in time */
  unknown: z.array(z.enum(['weak', 'forward-secrecy', 'dh'])),
  /** what the first handshakes showed then; while they show the same, it is not asked again for a week */
  basis: z.string(),
  at: Instant,
});
export type TlsDepth = z.infer<typeof TlsDepth>;

/**
 * What one who looks for us elsewhere need not find out by itself: what a server took at the last look, which holds while
 * its first handshakes show the same, and the names that it is asked by.
 */
export const KnownTls = z.object({
  address: z.string().max(50),
  port: z.number().int().min(1).max(65_535),
  depth: TlsDepth.nullable(),
  names: z.array(z.string().max(253)).max(16),
});
export type KnownTls = z.infer<typeof KnownTls>;
export const MOST_KNOWN_TLS = 2048;
