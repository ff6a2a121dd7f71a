import * as z from 'zod';

export const FEED_KINDS = [
  'alpine-secdb',
  'debian-list',
  'debian-tracker',
  'epss',
  'kev',
  'osv',
  'redhat-vex',
] as const;
export const FeedKind = z.enum(FEED_KINDS);
export type FeedKind = z.infer<typeof FeedKind>;

const Name = z.string().regex(/^[a-z0-9][a-z0-9.-]{0,59}$/);

export const FeedInput = z
  .object({
    name: Name,
    kind: FeedKind,
    /** where it is fetched from; by default where it is published, and null where it only comes as a file */
    url: z.string().max(1000).nullable().optional(),
    /** what the kind asks for: an ecosystem, a release */
    settings: z.record(z.string().max(60), z.string().max(200)).default({}),
  })
  .strict();
export type FeedInput = z.infer<typeof FeedInput>;

export const FeedCounts = z.object({ statements: z.number().int(), signals: z.number().int() });
export type FeedCounts = z.infer<typeof FeedCounts>;

export const Feed = z.object({
  name: Name,
  kind: FeedKind,
  url: z.string().nullable(),
  settings: z.record(z.string(), z.string()),
  /** null: nothing is in force yet */
  counts: FeedCounts.nullable(),
  /** when what is in force was made, by the feed itself */
  feedTime: z.string().nullable(),
  /** SHA-256 of the file that is in force */
  digest: z.string().nullable(),
  lastTriedAt: z.string().nullable(),
  lastOkAt: z.string().nullable(),
  /** why what came last was refused; what was in force before still is */
  lastError: z.string().nullable(),
  /** `fixed-only`: it tells of fixed issues alone, so its silence says nothing */
  covers: z.enum(['all', 'fixed-only']),
});
export type Feed = z.infer<typeof Feed>;

/** A feed that is fetched answers every six hours; one that comes as a file is handed over once a month, at least. */
const [FETCHED_DAYS, HANDED_DAYS] = [2, 31];
const DAY_MS = 24 * 3_600_000;

/** It was not taken for so long that what it says now may be something else. One that nobody tried yet is no older than new. */
export function isBehind({ url, lastTriedAt, lastOkAt }: Feed, now: Date): boolean {
  if (lastTriedAt === null) return false;
  const days = url === null ? HANDED_DAYS : FETCHED_DAYS;
  return lastOkAt === null || now.getTime() - Date.parse(lastOkAt) > days * DAY_MS;
}
