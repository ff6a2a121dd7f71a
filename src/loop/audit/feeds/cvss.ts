import cvss from 'ae-cvss-calculator';
import * as z from 'zod';

/** Severities as OSV has them: of one scheme each, as a vector. */
export const Scores = z.array(z.object({ type: z.string(), score: z.string() })).nullish();
type Scores = z.infer<typeof Scores>;

/** By the newest of the schemes that are told; a scheme of a distribution's own has words, not vectors. */
const SCHEMES = ['CVSS_V4', 'CVSS_V3', 'CVSS_V2'] as const;
/** Longer than any vector with all metrics there are. */
const LONGEST = 400;
/** What the calculator need not be asked about: it would complain on the console. */
const VECTOR = /^(?:CVSS:\d\.\d\/)?[A-Z][A-Za-z]{0,2}:[A-Z][A-Za-z]{0,7}(?:\/[A-Z][A-Za-z]{0,2}:[A-Z][A-Za-z]{0,7})*$/;

/** `critical (CVSS 9.8)`; null: no vector that can be read. */
export function urgencyOf(scores: Scores): string | null {
  for (const scheme of SCHEMES) {
    const score = (scores ?? [])
      .filter(({ type }) => type === scheme)
      .map((one) => baseScore(one.score))
      .find((one) => one !== null);
    if (score !== undefined) return `${wordOf(score, scheme)} (CVSS ${score.toFixed(1)})`;
  }
  return null;
}

/** The base score by the published formulas; null: it is no vector, or metrics of the base are missing. */
export function baseScore(vector: string): number | null {
  if (vector.length > LONGEST || !VECTOR.test(vector)) return null;
  const read = cvss.fromVector(vector);
  if (!read?.isBaseFullyDefined()) return null;
  const scores = read.calculateScores();
  // Version 4 has one score, which other metrics than the base's change; what we have to do with it here is the base.
  const base = 'baseMetricsOnly' in scores ? scores.baseMetricsOnly : scores.base;
  return base !== undefined && Number.isFinite(base) ? base : null;
}

/** The scales of the specifications; version 2 has none, and nothing that it calls critical. */
function wordOf(score: number, scheme: (typeof SCHEMES)[number]): string {
  if (score === 0) return 'info';
  if (score < 4) return 'low';
  if (score < 7) return 'medium';
  return score < 9 || scheme === 'CVSS_V2' ? 'high' : 'critical';
}
