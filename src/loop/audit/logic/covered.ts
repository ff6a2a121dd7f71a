import type { Finding } from '../../../model/finding.ts';
import type { Judgement } from './judge/context.ts';
import { findingKey, isOpen, judgementKey } from './life.ts';

/**
 * One cause, one alarm: without those that would open a finding for a unit whose processes a burning finding of another
 * check names already (`coveredBy`). What is open stays, and what that finding does not name, or somebody accepted with
 * it, is told. Pure.
 */
export function withoutCovered(judgements: readonly Judgement[], previous: readonly Finding[]): Judgement[] {
  const known = new Map(previous.filter(isOpen).map((finding) => [findingKey(finding), finding.state]));
  const named = new Map<string, Set<string>>();
  for (const judgement of judgements) {
    if (judgement.verdict !== 'fail' || known.get(judgementKey(judgement)) === 'excepted') continue;
    const check = `${judgement.kit}/${judgement.check.id}`;
    named.set(check, new Set([...(named.get(check) ?? []), ...unitsNamed(judgement.evidence)]));
  }
  return judgements.filter((judgement) => {
    const by = judgement.check.kind === 'host' ? judgement.check.coveredBy : undefined;
    const opens = judgement.verdict === 'fail' && !known.has(judgementKey(judgement));
    return !(by !== undefined && opens && named.get(by)?.has(judgement.component));
  });
}

function unitsNamed({ processes }: Judgement['evidence']): string[] {
  if (!Array.isArray(processes)) return [];
  return processes.flatMap(({ unit }: { unit?: unknown }) => (typeof unit === 'string' ? [unit] : []));
}
