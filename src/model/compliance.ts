import * as z from 'zod';
import { DriftValue, Verdict } from './finding.ts';
import { Instant } from './json.ts';
import { Severity } from './kit.ts';

const Count = z.int().min(0);

/** Verdicts counted. Each is in one place only; `drifted` says how many of `fail` and `excepted` had passed before. */
export const Tally = z.object({
  hosts: Count,
  pass: Count,
  fail: Count,
  /** fails, and somebody accepted that for a time */
  excepted: Count,
  unknown: Count,
  /** of hosts that report no longer: whatever they said last */
  stale: Count,
  notApplicable: Count,
  drifted: Count,
});
export type Tally = z.infer<typeof Tally>;
export const NO_TALLY: Tally = {
  hosts: 0,
  pass: 0,
  fail: 0,
  excepted: 0,
  unknown: 0,
  stale: 0,
  notApplicable: 0,
  drifted: 0,
};

/** Of 100; null: nothing applies. What is not known and what is stale count as not passed. */
export function scoreOf(tally: Tally, exceptions: 'count' | 'pass' = 'count'): number | null {
  const all = tally.pass + tally.fail + tally.excepted + tally.unknown + tally.stale;
  if (all === 0) return null;
  const good = tally.pass + (exceptions === 'pass' ? tally.excepted : 0);
  // Down, so that 100 means all.
  return Math.floor((good / all) * 1000) / 10;
}

export const DIMENSIONS = ['kit', 'host', 'owner', 'control', 'check'] as const;
export const Dimension = z.enum(DIMENSIONS);
export type Dimension = z.infer<typeof Dimension>;

export const ScoreRow = z.object({
  name: z.string(),
  /** of a host its id */
  id: z.string(),
  tally: Tally,
  score: z.number().nullable(),
  /** as if what is accepted passed */
  scoreWithExceptions: z.number().nullable(),
});
export type ScoreRow = z.infer<typeof ScoreRow>;

export const Compliance = z.object({
  estate: ScoreRow,
  by: Dimension,
  /** the worst first */
  items: z.array(ScoreRow),
  more: Count,
  /** hosts that no kit was judged on yet */
  unjudged: Count,
  /** facts older than so many hours prove nothing */
  staleAfterHours: z.number(),
});
export type Compliance = z.infer<typeof Compliance>;

export const ComplianceDay = z.object({ day: z.iso.date(), tally: Tally, score: z.number().nullable() });
export type ComplianceDay = z.infer<typeof ComplianceDay>;

export const CheckVerdict = z.object({
  kit: z.string(),
  check: z.string(),
  title: z.string(),
  severity: Severity,
  controls: z.array(z.string()),
  verdict: z.union([Verdict, z.literal('excepted')]),
  since: Instant,
  /** section of the facts → hash of the content that decided it */
  facts: z.record(z.string(), z.string()),
  /** it fails and had passed until then */
  drift: z.object({ at: Instant, values: z.array(DriftValue) }).nullable(),
});
export type CheckVerdict = z.infer<typeof CheckVerdict>;

export const HostCompliance = z.object({
  hostId: z.string(),
  hostName: z.string(),
  policies: z.array(z.string()),
  /** it reports no longer: its verdicts are what was known last */
  stale: z.boolean(),
  reportedAt: Instant.nullable(),
  row: ScoreRow,
  items: z.array(CheckVerdict),
});
export type HostCompliance = z.infer<typeof HostCompliance>;
