import { BURNING, type Finding } from '../../../model/finding.ts';
import type { Check } from '../../../model/kit.ts';
import { type Judgement, nameOf } from './judge/context.ts';

/** What a judgement does to a finding. */
export type Decision =
  | { kind: 'open'; judgement: Judgement }
  | { kind: 'rekindle'; finding: Finding; judgement: Judgement }
  /** it was closed because a policy took the check away, and applies again */
  | { kind: 'reopen'; finding: Finding; judgement: Judgement }
  | { kind: 'fix'; finding: Finding; judgement: Judgement }
  /** its version is in range, and what the host is set to keeps it from harm; null: it had no finding so far */
  | { kind: 'set-aside'; finding: Finding | null; judgement: Judgement; reason: string }
  /** stays as it is; what is known of it is brought up to date */
  | { kind: 'keep'; finding: Finding; judgement: Judgement };

/** Burns, is being worked on, or is accepted for a while: everything that is not closed. */
export const isOpen = (finding: Pick<Finding, 'state'>): boolean =>
  BURNING.includes(finding.state) || finding.state === 'excepted';

/**
 * What makes two findings the same one. A listener is known by its address and port, whichever machine stands there:
 * that is how a machine that was built anew with the old hole rekindles the old finding.
 */
export function findingKey(finding: Pick<Finding, 'kit' | 'check' | 'component' | 'endpoint'>): string {
  return `${finding.kit}\n${finding.check}\n${finding.endpoint === null ? `in ${finding.component}` : `at ${finding.endpoint}`}`;
}

export function judgementKey(judgement: Pick<Judgement, 'kit' | 'check' | 'component' | 'endpoint'>): string {
  const endpoint = judgement.endpoint && nameOf(judgement.endpoint);
  return findingKey({ kit: judgement.kit, check: judgement.check.id, component: judgement.component, endpoint });
}

/** `previous`: the findings that these judgements may be about. Pure. */
export function decide(previous: readonly Finding[], judgements: readonly Judgement[]): Decision[] {
  const known = Map.groupBy(previous, findingKey);
  return judgements.flatMap((judgement) => {
    const same = known.get(judgementKey(judgement)) ?? [];
    const open = same.filter(isOpen);
    if (judgement.mitigation !== undefined) return setAside(same, judgement, judgement.mitigation);
    if (judgement.verdict === 'fail' && open.length === 0) return reopened(same, judgement);
    return open.map((finding): Decision => ({ kind: closes(judgement) ? 'fix' : 'keep', finding, judgement }));
  });
}

/** Only proof closes: unknown never does, nor does a pass that something is still missing for. */
function closes(judgement: Judgement): boolean {
  return judgement.proven && (judgement.verdict === 'pass' || judgement.verdict === 'not-applicable');
}

/** What a change works on stays until that change is over. */
function setAside(same: readonly Finding[], judgement: Judgement, reason: string): Decision[] {
  const open = same.filter(isOpen);
  const last = lastClosed(same);
  if (open.length === 0)
    return last?.state === 'not-applicable' && last.closeReason === reason
      ? []
      : [{ kind: 'set-aside', finding: last ?? null, judgement, reason }];
  return open.map((finding): Decision => {
    if (finding.state === 'planned') return { kind: 'keep', finding, judgement: { ...judgement, pending: reason } };
    return { kind: 'set-aside', finding, judgement, reason };
  });
}

const lastClosed = (same: readonly Finding[]): Finding | undefined =>
  same.toSorted((a, b) => ((a.closedAt ?? '') < (b.closedAt ?? '') ? 1 : -1))[0];

function reopened(same: readonly Finding[], judgement: Judgement): Decision[] {
  const last = lastClosed(same);
  if (!last) return [{ kind: 'open', judgement }];
  return [{ kind: last.state === 'not-applicable' ? 'reopen' : 'rekindle', finding: last, judgement }];
}

const ADVISORY = /^(?:CVE-\d{4}-\d{4,}|DSA-\d+(?:-\d+)?|USN-\d+-\d+|GHSA-[\w-]+)$/;

/** Advisories that a finding of this check is about. */
export function advisoriesOf(check: Check): string[] {
  const own = check.kind === 'package' ? [check.advisory, ...check.aliases] : [];
  return [...new Set([...own, ...check.references.filter((reference) => ADVISORY.test(reference))])];
}
