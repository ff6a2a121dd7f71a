import type { Exception, Finding } from '../../../model/finding.ts';
import { readTagExpression, type Tagged, tagsOf } from '../../../model/tag-expression.ts';

type Match = Exception['match'];

/** Of kits' findings or of an advisory: the two have nothing in common that one query could ask. */
export const isOfOneKind = ({ advisory, hosts, hostId, kit, check, component }: Match): boolean =>
  advisory === undefined
    ? hosts === undefined
    : [kit, check, component].every((one) => one === undefined) && (hosts === undefined || hostId === undefined);

/** Hosts that an exception for an advisory is about; null: all. */
export function hostsFor(
  { hostId, hosts }: Match,
  known: readonly { id: string; tags: Tagged; owner: string | null }[],
): string[] | null {
  if (hostId !== undefined) return [hostId];
  if (hosts === undefined) return null;
  const read = readTagExpression(hosts);
  // What was stored could be read then; should it not be any more, it is for no host.
  return 'test' in read ? known.filter((one) => read.test(tagsOf(one))).map(({ id }) => id) : [];
}

/** All given fields must match. */
export function covers(match: Exception['match'], finding: Finding): boolean {
  return (
    match.advisory === undefined &&
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
  const { hostId, kit, check, component, advisory } = match;
  return [hostId, kit, check, component, advisory].every((one) => one === undefined);
}
