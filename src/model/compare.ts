import * as z from 'zod';
import { Verdict } from './finding.ts';
import { Instant } from './json.ts';

const Side = z.object({ id: z.string(), name: z.string(), reportedAt: Instant.nullable(), stale: z.boolean() });

/** null: it is not there */
export const Difference = z.object({ what: z.string(), first: z.string().nullable(), second: z.string().nullable() });
export type Difference = z.infer<typeof Difference>;

/** Two hosts side by side, such as a golden server and one that should be like it. */
export const Comparison = z.object({
  first: Side,
  second: Side,
  packages: z.array(Difference),
  settings: z.array(Difference),
  verdicts: z.array(
    z.object({
      kit: z.string(),
      check: z.string(),
      title: z.string(),
      first: Verdict.nullable(),
      second: Verdict.nullable(),
    }),
  ),
  /** what both have alike */
  same: z.object({ packages: z.int(), settings: z.int(), verdicts: z.int() }),
  /** sections that are not known of one of them: nothing was compared there */
  unknown: z.array(z.object({ section: z.string(), host: z.string() })),
});
export type Comparison = z.infer<typeof Comparison>;
