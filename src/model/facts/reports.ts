import * as z from 'zod';

const REPORT_TOOLS = ['lynis', 'oscap'] as const;
export const ReportTool = z.enum(REPORT_TOOLS);
export type ReportTool = z.infer<typeof ReportTool>;

/** One file of results that another audit tool left on the host. */
export const ReportFact = z.object({
  tool: ReportTool,
  path: z.string(),
  /** what was asked: benchmark and version, or the tool's version */
  content: z.string(),
  profile: z.string().nullable(),
  /** by the host's clock */
  endedAt: z.string(),
  /** false: not one rule of it is about this system, so that it says nothing */
  fits: z.boolean(),
});
export type ReportFact = z.infer<typeof ReportFact>;

/** What such a tool says of one rule; of several files the newest counts of those that fit the system. */
export const RuleFact = z.object({
  tool: ReportTool,
  /** as the tool calls it, without what all its rules have in common */
  rule: z.string(),
  title: z.string(),
  severity: z.enum(['high', 'medium', 'low', 'info']),
  result: z.enum(['pass', 'fail', 'not-applicable', 'unknown']),
  path: z.string(),
});
export type RuleFact = z.infer<typeof RuleFact>;

export const ReportsFacts = z.object({
  reports: z.array(ReportFact),
  rules: z.array(RuleFact),
  /** files that were not taken, with why */
  unread: z.array(z.object({ path: z.string(), why: z.string() })),
});
export type ReportsFacts = z.infer<typeof ReportsFacts>;
