import * as z from 'zod';

/** Ids are whatever a feed calls them: CVE numbers of any length, DSA-…, GHSA-…, ALSA-2026:A009, temporary ones. */
export const AdvisoryId = z.string().regex(/^[A-Za-z0-9][\w.:+-]{2,99}$/);

/** A way of being affected: from `introduced` (`0`: from the first) until before `fixed` or up to `lastAffected`. */
export const StatementRange = z
  .object({
    introduced: z.string().max(300),
    fixed: z.string().max(300).optional(),
    lastAffected: z.string().max(300).optional(),
    /** of this stream of a module alone (`php:7.4`), which versions of this package do not tell from others */
    stream: z.string().max(200).optional(),
  })
  .strict();
export type StatementRange = z.infer<typeof StatementRange>;

export const STATEMENT_STATUSES = [
  /** versions in its ranges are, and there is no fix */
  'affected',
  /** versions in its ranges are, and a fix is published */
  'fixed',
  /** no version of this package in this release */
  'not-affected',
  /** nobody has looked into it yet */
  'unassessed',
  /** affected, and the distribution will not fix it */
  'wont-fix',
  /** affected, and the distribution leaves it for later */
  'deferred',
  /** the distribution no longer looks after this package or release */
  'end-of-life',
] as const;
export const StatementStatus = z.enum(STATEMENT_STATUSES);
export type StatementStatus = z.infer<typeof StatementStatus>;

/** What one feed says of one package of one release and one vulnerability. */
export const Statement = z
  .object({
    /** as OSV names it, without the release: Debian, AlmaLinux, npm */
    ecosystem: z.string().min(1).max(60),
    /** null: every release of which the feed says nothing of its own */
    release: z.string().max(60).nullable(),
    name: z.string().min(1).max(300),
    /** whether `name` and the versions are the source package's or the binary package's; `either`: the feed has names of both */
    of: z.enum(['source', 'binary', 'either']),
    id: AdvisoryId,
    /** the other names of it, CVE numbers first of all: what KEV, EPSS and other feeds are joined by */
    aliases: z.array(AdvisoryId).max(2000),
    status: StatementStatus,
    ranges: z.array(StatementRange).max(500),
    /** affected besides the ranges, by name */
    versions: z.array(z.string().max(300)).max(20_000),
    /** the newest of the ranges' fixes */
    fixed: z.string().max(300).nullable(),
    /** as the feed words it; `unimportant` is Debian's for what is no problem where it is packaged */
    urgency: z.string().max(100).nullable(),
    reason: z.string().max(2000).nullable(),
  })
  .strict();
export type Statement = z.infer<typeof Statement>;

/** What is known of a vulnerability itself, wherever it is: joined by CVE number only. */
export const Signal = z.discriminatedUnion('kind', [
  z
    .object({
      kind: z.literal('kev'),
      cve: AdvisoryId,
      added: z.string().max(40),
      due: z.string().max(40).nullable(),
      ransomware: z.boolean(),
      title: z.string().max(500),
    })
    .strict(),
  z
    .object({
      kind: z.literal('epss'),
      cve: AdvisoryId,
      /** probability of being exploited within 30 days, 0 to 1 */
      score: z.number().min(0).max(1),
      percentile: z.number().min(0).max(1),
    })
    .strict(),
]);
export type Signal = z.infer<typeof Signal>;
