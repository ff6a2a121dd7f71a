import { z } from 'zod';
import { Actor } from './actor.ts';
import { Instant, Json, Sha256 } from './json.ts';

export const SubjectKind = z.enum([
  'scope',
  'scan',
  'host',
  'endpoint',
  'credential',
  'deployment',
  'agent',
  'kit',
  'finding',
  'exposure',
  'exception',
  'dependency',
  'change',
  'campaign',
  'document',
  'user',
  'token',
  'key',
  'authority',
  'system',
]);
export type SubjectKind = z.infer<typeof SubjectKind>;
export const Subject = z.object({ kind: SubjectKind, id: z.string(), name: z.string().optional() });
export type Subject = z.infer<typeof Subject>;

/** One trail record. Its RFC 8785 bytes are what is hashed into the tree: SHA-256(0x00 ‖ bytes), RFC 6962 §2.1. */
export const Entry = z.object({
  v: z.literal(1),
  id: z.string(),
  at: Instant,
  actor: Actor,
  /** `<folder>.<noun>.<verb>`, e.g. `change.plan.approved` */
  type: z.string().regex(/^[a-z]+(\.[a-z-]+){1,3}$/),
  subject: Subject,
  /** everything else it belongs to, so that a bulk action stands in each host's own history */
  related: z.array(Subject),
  reason: z.string().nullable(),
  detail: Json,
});
export type Entry = z.infer<typeof Entry>;

/** An entry with its place in the tree (null until sequenced). */
export const SequencedEntry = z.object({ index: z.number().int().nullable(), leafHash: Sha256, entry: Entry });
export type SequencedEntry = z.infer<typeof SequencedEntry>;

/** C2SP tlog-checkpoint: the signed note text as it stands, plus its parts. */
export const Checkpoint = z.object({ text: z.string(), origin: z.string(), size: z.number().int(), root: Sha256 });
export type Checkpoint = z.infer<typeof Checkpoint>;

export const TrailVerdict = z.object({
  verified: z.boolean(),
  size: z.number().int(),
  root: Sha256,
  problems: z.array(z.string()),
});
export type TrailVerdict = z.infer<typeof TrailVerdict>;

export const DocumentKind = z.enum(['change', 'host', 'campaign']);
export type DocumentKind = z.infer<typeof DocumentKind>;
export const DocumentFormat = z.enum(['html', 'md', 'json']);
export type DocumentFormat = z.infer<typeof DocumentFormat>;
