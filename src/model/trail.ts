import * as z from 'zod';
import { Actor } from './actor.ts';
import { Instant, Json, Sha256 } from './json.ts';

export const SubjectKind = z.enum([
  'scope',
  'source',
  'scan',
  'host',
  'endpoint',
  'credential',
  'deployment',
  'rule',
  'agent',
  'feed',
  'scanner',
  'kit',
  'policy',
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
  'notifier',
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
  /** each says which entry or checkpoint, and what was done to it */
  problems: z.array(z.string()),
  /** true but worth knowing, e.g. that the key was taken from the file itself */
  notes: z.array(z.string()),
  checked: z.object({
    entries: z.number().int(),
    checkpoints: z.number().int(),
    plans: z.number().int(),
    approvals: z.number().int(),
    /** signed by hosts */
    outcomes: z.number().int(),
    /** of hosts without an agent: what the server says that it did there over SSH, signed by no host */
    observed: z.number().int(),
  }),
});
export type TrailVerdict = z.infer<typeof TrailVerdict>;

/**
 * An exported trail is a text file of one JSON object a line: the header, then in tree order the entries, each group
 * followed by the checkpoint that covers it. `text` holds the entry's exact bytes; `leaves` the leaf hashes since the
 * checkpoint before, so that a verifier that finds the signed root in them can say which entry was touched.
 */
export const EXPORT_FORMAT = 'lastember/trail-export/v1';
export const ExportHeader = z.object({
  kind: z.literal('header'),
  format: z.literal(EXPORT_FORMAT),
  origin: z.string(),
  verifierKey: z.string(),
  size: z.number().int(),
});
export type ExportHeader = z.infer<typeof ExportHeader>;
export const ExportEntry = z.object({ kind: z.literal('entry'), index: z.number().int(), text: z.string() });
export type ExportEntry = z.infer<typeof ExportEntry>;
export const ExportCheckpoint = z.object({
  kind: z.literal('checkpoint'),
  text: z.string(),
  leaves: z.array(Sha256),
});
export type ExportCheckpoint = z.infer<typeof ExportCheckpoint>;
export const ExportLine = z.discriminatedUnion('kind', [ExportHeader, ExportEntry, ExportCheckpoint]);
export type ExportLine = z.infer<typeof ExportLine>;

/** RFC 6962 audit path of the entry at `index` in the tree of `size` entries. */
export const InclusionProof = z.object({
  index: z.number().int(),
  size: z.number().int(),
  leafHash: Sha256,
  root: Sha256,
  path: z.array(Sha256),
});
export type InclusionProof = z.infer<typeof InclusionProof>;
/** RFC 6962 proof that the tree of `from` entries is a prefix of the tree of `to` entries. */
export const ConsistencyProof = z.object({
  from: z.number().int(),
  to: z.number().int(),
  fromRoot: Sha256,
  toRoot: Sha256,
  path: z.array(Sha256),
});
export type ConsistencyProof = z.infer<typeof ConsistencyProof>;

/** An agent was offered a history that does not continue the one it had seen. */
export const TrailAlarm = z.object({
  index: z.number().int().nullable(),
  at: Instant,
  agentId: z.string(),
  hostId: z.string(),
  seen: z.object({ size: z.number(), root: Sha256 }),
  offered: z.object({ size: z.number(), root: Sha256 }),
  why: z.string(),
});
export type TrailAlarm = z.infer<typeof TrailAlarm>;

export const DocumentKind = z.enum(['change', 'host', 'campaign']);
export type DocumentKind = z.infer<typeof DocumentKind>;
export const DocumentFormat = z.enum(['html', 'md', 'json']);
export type DocumentFormat = z.infer<typeof DocumentFormat>;

/** A document that can be rendered, or was. */
export const DocumentRef = z.object({
  kind: DocumentKind,
  id: z.string(),
  title: z.string(),
  /** time of the last entry about it */
  at: Instant,
  entries: z.number().int(),
  /** files written when it was last rendered, with their SHA-256 */
  files: z.array(z.object({ path: z.string(), sha256: Sha256 })),
});
export type DocumentRef = z.infer<typeof DocumentRef>;
