import * as z from 'zod';
import type { Identifier } from './estate.ts';
import { Instant } from './json.ts';
import { SourceKind } from './source-kind.ts';

export { SourceKind } from './source-kind.ts';

/** Something that a source has to be told. Texts all: what a value must look like is said in `what`. */
export const SourceField = z.object({
  name: z.string(),
  what: z.string(),
  required: z.boolean(),
  /** kept in the vault and never shown again */
  secret: z.boolean(),
  /** may be of several lines */
  lines: z.boolean().optional(),
  default: z.string().optional(),
  /** it is one of these and nothing else */
  choices: z.array(z.string()).optional(),
});
export type SourceField = z.infer<typeof SourceField>;

export const SourceKindInfo = z.object({
  kind: SourceKind,
  title: z.string(),
  /** what has to be given on the other side: permissions, a token, a file */
  needs: z.string(),
  /** what it tells is what somebody keeps a list of, so its hosts are known */
  isList: z.boolean(),
  /** `asked` over the network by schedule, or `pushed` as a file by whoever has it */
  how: z.enum(['asked', 'pushed']),
  fields: z.array(SourceField),
});
export type SourceKindInfo = z.infer<typeof SourceKindInfo>;

const Values = z.record(z.string().regex(/^[a-z][a-z-]{0,30}$/), z.string().min(1).max(20_000));

export const SourceInput = z
  .object({
    name: z.string().regex(/^[\w.-]{1,60}$/),
    kind: SourceKind,
    settings: Values.default({}),
    secrets: Values.default({}),
    /** cron expression in UTC; null: only by hand. A source that is pushed has none. */
    every: z.string().max(120).nullable().optional(),
  })
  .strict();
export type SourceInput = z.infer<typeof SourceInput>;

export const SourceCounts = z.object({
  /** machines that it told of */
  records: z.number().int(),
  addresses: z.number().int(),
  newHosts: z.number().int(),
  /** hosts that nobody had claimed, and that it lists */
  claimed: z.number().int(),
  /** what it told and nobody can use, each with its reason and how often */
  skipped: z.array(z.object({ why: z.string(), count: z.number().int() })),
});
export type SourceCounts = z.infer<typeof SourceCounts>;

export const Source = z.object({
  id: z.string(),
  name: z.string(),
  kind: SourceKind,
  settings: Values,
  /** which secrets it has; never what they are */
  secrets: z.array(z.string()),
  every: z.string().nullable(),
  /** `new`: never asked yet */
  state: z.enum(['new', 'running', 'ok', 'failing']),
  lastRunAt: Instant.nullable(),
  /** when it last told everything */
  lastOkAt: Instant.nullable(),
  lastError: z.string().nullable(),
  /** of the last run that ended well */
  counts: SourceCounts.nullable(),
  createdAt: Instant,
  createdBy: z.string(),
});
export type Source = z.infer<typeof Source>;

/** One machine, as a source tells of it. Nothing of it is measured. */
export interface SourceRecord {
  /** what the source calls it; the same machine has the same one at every run */
  id: string;
  addresses: string[];
  /** names to look up where no address is told */
  resolve?: string[];
  name?: string | undefined;
  identifiers?: Identifier[];
  /** what people wrote beside it, as `key: value` */
  tags?: Record<string, string>;
  owner?: string | undefined;
  /** what it is, in a few words */
  guess?: string | undefined;
  evidence?: Record<string, string>;
}

/** A /24 (IPv6: /64) in which some source knows an address: who saw it how recently, and whether nobody looks there. */
export const SpaceBlock = z.object({
  block: z.string(),
  /** name of a scope that holds it; null: none does */
  scope: z.string().nullable(),
  hosts: z.number().int(),
  /** that nobody has claimed */
  unknown: z.number().int(),
  /** seen, and on nobody's list */
  unlisted: z.number().int(),
  /** on a list, and never seen */
  unseen: z.number().int(),
  sources: z.array(z.object({ source: z.string(), hosts: z.number().int(), lastSeen: Instant })),
  /** when a scan of that scope last ended */
  scannedAt: Instant.nullable(),
  /** why we are blind there; null: we are not */
  blind: z.string().nullable(),
});
export type SpaceBlock = z.infer<typeof SpaceBlock>;

export const Space = z.object({
  items: z.array(SpaceBlock),
  /** scopes in which nobody has found anything, or that were never scanned */
  empty: z.array(z.object({ scope: z.string(), scannedAt: Instant.nullable(), why: z.string() })),
  /** hosts of all blocks, each once */
  hosts: z.number().int(),
  unknown: z.number().int(),
  /** hosts that two sources or more know */
  twice: z.number().int(),
});
export type Space = z.infer<typeof Space>;

/** Something that was to be looked at and was not: unknown, and therefore not clean. */
export const NotLooked = z.object({
  what: z.enum(['source', 'site', 'scope', 'space', 'machine', 'host', 'endpoint']),
  /** name of a source, site, scope, host or machine without a host; a block; `address:port` */
  name: z.string(),
  /** of a host or of the host of an endpoint */
  hostId: z.string().nullable(),
  why: z.string(),
  /** when it was last looked at with success; null: never */
  lastAt: Instant.nullable(),
});
export type NotLooked = z.infer<typeof NotLooked>;
