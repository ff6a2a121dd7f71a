import * as z from 'zod';
import { FindingState } from './finding.ts';
import { Instant, Sha256 } from './json.ts';

/**
 * How a public key is named: that of a certificate by the SHA-256 of its SubjectPublicKeyInfo (hex), that of SSH by its
 * fingerprint, as `ssh-keygen -l` prints it.
 */
export const KeyName = z.union([Sha256, z.string().regex(/^SHA256:[A-Za-z0-9+/]{43}$/)]);

/**
 * `served`: a listener showed a certificate for it; `configured`: a unit names it for its listener; `file`: a certificate
 * or private key lies there; `ssh-served`: an SSH server proved that it holds it; `ssh-file`: a host key on disk;
 * `ssh-authorized`: it lets its holder in there, who is somewhere else.
 */
export const KeyPlaceKind = z.enum(['served', 'configured', 'file', 'ssh-served', 'ssh-file', 'ssh-authorized']);
export type KeyPlaceKind = z.infer<typeof KeyPlaceKind>;

export const KeyPlaceSeen = z.object({
  kind: KeyPlaceKind,
  hostId: z.string(),
  hostName: z.string(),
  /** address:port, or the path */
  place: z.string(),
  /** of the certificate that is there; null: a key alone */
  serial: z.string().nullable(),
  /** false: only a certificate or a permission is there, not the private key */
  holds: z.boolean(),
  /** when it was first seen there; null: before that was noted */
  since: Instant.nullable(),
});
export type KeyPlaceSeen = z.infer<typeof KeyPlaceSeen>;

/** A certificate that a transparency log has. */
export const LoggedCertificate = z.object({
  serial: z.string(),
  /** that it is for */
  name: z.string(),
  issuer: z.string().nullable(),
  /** when the log told of it */
  at: Instant,
});
export type LoggedCertificate = z.infer<typeof LoggedCertificate>;

/** One public key: where it is, and what is known against it. */
export const PublicKey = z.object({
  key: KeyName,
  kind: z.enum(['tls', 'ssh']),
  /** hosts that hold the private key */
  hosts: z.number().int().nonnegative(),
  /** hosts that it lets its holder into */
  admits: z.number().int().nonnegative(),
  /** the first of them; `total` counts all */
  places: z.array(KeyPlaceSeen),
  total: z.number().int().nonnegative(),
  since: Instant.nullable(),
  /** listeners that leaked it or serve what leaked; empty: nothing is known against it */
  burnt: z.array(
    z.object({ kit: z.string(), endpoint: z.string(), cause: z.enum(['vulnerable', 'shared-key']), at: Instant }),
  ),
  /** certificates for it that transparency logs have, found by their serial */
  logged: z.array(LoggedCertificate),
  /** of the listeners where it burnt, with the change that has them */
  findings: z.array(z.object({ id: z.string(), state: FindingState, changeId: z.string().nullable() })),
});
export type PublicKey = z.infer<typeof PublicKey>;

export const PublicKeys = z.object({
  items: z.array(PublicKey),
  /** there are more than were asked for */
  more: z.boolean(),
});
export type PublicKeys = z.infer<typeof PublicKeys>;

/** Words for where a key is. */
export const KEY_PLACE_WORDS: Record<KeyPlaceKind, string> = {
  served: 'served by',
  configured: 'set up for',
  file: 'in the file',
  'ssh-served': 'host key of',
  'ssh-file': 'host key in',
  'ssh-authorized': 'lets in by',
};
