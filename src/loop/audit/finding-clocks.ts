import { BURNING, CLOSED, type Finding, type FindingNow } from '../../model/finding.ts';
import { staleHosts } from './compliance.ts';
import { ownerOf } from '../../model/tag-expression.ts';
import { Severity } from '../../model/kit.ts';
import type { Judge } from './judge-host.ts';
import { type DriftRow, driftOf } from './store-verdicts.ts';

type Context = Pick<Judge, 'platform' | 'discovery' | 'kits' | 'staleAfterMs'>;

/** Findings with what depends on the time and on how their hosts are now. */
export async function asOfNow(context: Context, findings: readonly Finding[]): Promise<FindingNow[]> {
  const ids = [...new Set(findings.map(({ hostId }) => hostId))];
  const [hosts, stale, drifts] = await Promise.all([
    context.discovery.hosts({ ids }),
    staleHosts(context, ids),
    driftOf(
      context.platform.db,
      findings.filter(({ state }) => !CLOSED.includes(state)),
    ),
  ]);
  const owners = new Map(hosts.map((host) => [host.id, ownerOf(host)]));
  const drift = new Map(drifts.map((one) => [`${one.hostId} ${one.kit}/${one.check}`, one]));
  const byHand = new Map(
    context.kits.flatMap(({ kit }) => kit.checks.map((check) => [`${kit.kit}/${check.id}`, check.byHand] as const)),
  );
  const fixed = new Set(
    context.kits.flatMap(({ kit }) => kit.remediate.flatMap(({ fixes }) => fixes.map((id) => `${kit.kit}/${id}`))),
  );
  const now = context.platform.now().toISOString();
  return findings.map((finding) => ({
    ...finding,
    owner: owners.get(finding.hostId) ?? null,
    overdue: isOverdue(finding, now),
    stale: stale.has(finding.hostId),
    drift: CLOSED.includes(finding.state) ? null : driftedTo(finding, drift),
    remediable: fixed.has(`${finding.kit}/${finding.check}`),
    byHand: byHand.get(`${finding.kit}/${finding.check}`) ?? null,
  }));
}

/** What is accepted for a time has that time instead. */
const isOverdue = ({ state, dueAt }: Finding, now: string): boolean =>
  BURNING.includes(state) && typeof dueAt === 'string' && dueAt < now;

function driftedTo(finding: Finding, drift: ReadonlyMap<string, DriftRow>): FindingNow['drift'] {
  const found = drift.get(`${finding.hostId} ${finding.kit}/${finding.check}`);
  if (!found) return null;
  const place = finding.endpoint ?? finding.component;
  return { at: found.at, values: found.values.filter(({ component }) => component === place) };
}

/** The worst first; those that are as bad in the order they came. */
export const bySeverity = (a: FindingNow, b: FindingNow): number => rankOf(a) - rankOf(b);
const rankOf = ({ severity }: FindingNow): number => Severity.options.indexOf(severity);

/** The soonest first; what has no time last, in the order it came. */
export const byDue = (a: FindingNow, b: FindingNow): number => {
  const [x, y] = [a.dueAt ?? '9', b.dueAt ?? '9'];
  return x < y ? -1 : x > y ? 1 : 0;
};
