import type { Severity } from '../../../model/kit.ts';
import type { VulnerabilitySeverity } from '../../../model/vulnerability.ts';

/** Days to end a vulnerability, by how bad it is. */
export type Terms = Readonly<Partial<Record<Severity, number>>>;

/** As for its priority: what nobody assessed counts as medium. */
export const termSeverity = (severity: VulnerabilitySeverity): Severity =>
  severity === 'unknown' ? 'medium' : severity;

const DAY_MS = 24 * 3_600_000;

/** By when it is to be gone: from when it began, or came back; null: nobody set a time. */
export function dueOf(
  { openedAt, rekindledAt }: { openedAt: Date; rekindledAt: Date | null },
  severity: VulnerabilitySeverity,
  terms: Terms,
): Date | null {
  const days = terms[termSeverity(severity)];
  return days === undefined ? null : new Date((rekindledAt ?? openedAt).getTime() + days * DAY_MS);
}
