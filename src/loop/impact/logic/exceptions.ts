import type { Exception, Finding } from '../../../model/finding.ts';

/** All given fields must match. */
export function covers(match: Exception['match'], finding: Finding): boolean {
  return (
    (match.hostId === undefined || match.hostId === finding.hostId) &&
    (match.kit === undefined || match.kit === finding.kit) &&
    (match.check === undefined || match.check === finding.check) &&
    (match.component === undefined || match.component === finding.component)
  );
}

/** Findings that the exception takes out of the fire: what a change already works on stays with the change. */
export function coverable(match: Exception['match'], findings: readonly Finding[]): Finding[] {
  return findings.filter((f) => (f.state === 'open' || f.state === 'rekindled') && covers(match, f));
}

const YEAR_MS = 366 * 24 * 60 * 60_000;

/** Why these times are not allowed, or null. */
export function expiryProblem(expiresAt: Date, now: Date): string | null {
  if (expiresAt.getTime() <= now.getTime()) return 'it would have ended already';
  if (expiresAt.getTime() - now.getTime() > YEAR_MS) return 'it would last for more than a year';
  return null;
}

/** Nothing at all would be accepted risk for everything. */
export function isBoundless(match: Exception['match']): boolean {
  return (
    match.hostId === undefined && match.kit === undefined && match.check === undefined && match.component === undefined
  );
}
