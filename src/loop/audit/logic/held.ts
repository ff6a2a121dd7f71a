import type { Finding } from '../../../model/finding.ts';
import type { Judgement } from './judge/context.ts';
import type { CompiledKit } from './kit/compile.ts';
import { findingKey, isOpen, judgementKey } from './life.ts';
import type { InForce } from './policy.ts';

/** Kits of which anything applies, or that a change works on: none other has to be judged. */
export function kitsToJudge(
  kits: readonly CompiledKit[],
  inForce: InForce,
  previous: readonly Finding[],
): CompiledKit[] {
  const planned = new Set(previous.filter(({ state }) => state === 'planned').map(({ kit }) => kit));
  return kits.filter(({ kit }) => planned.has(kit.kit) || kit.checks.some(({ id }) => inForce.applies(kit.kit, id)));
}

/**
 * The judgements that count on this host, each as bad as the policy says. Kits are judged whole and what does not apply is
 * left out afterwards: one check may be another's proof. What a change works on is judged until that change is over.
 */
export function held(judgements: readonly Judgement[], inForce: InForce, previous: readonly Finding[]): Judgement[] {
  if (inForce.policies.length === 0) return [...judgements];
  const planned = new Set(previous.filter(({ state }) => state === 'planned').map(findingKey));
  return judgements.flatMap((judgement) => {
    const { kit, check } = judgement;
    if (!inForce.applies(kit, check.id) && !planned.has(judgementKey(judgement))) return [];
    const severity = inForce.severity(kit, check.id, check.severity);
    return [severity === check.severity ? judgement : { ...judgement, check: { ...check, severity } }];
  });
}

/** Findings of this host that no check in force is about any more. */
export function withdrawn<F extends Finding>(previous: readonly F[], inForce: InForce, hostId: string): F[] {
  return previous.filter(
    (one) => one.hostId === hostId && isOpen(one) && one.state !== 'planned' && !inForce.applies(one.kit, one.check),
  );
}
