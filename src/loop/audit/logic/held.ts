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

/** A finding that is closed without proof, and why. */
export interface Withdrawn<F> {
  finding: F;
  reason: string;
}

/** What is known of the kits: those in force, and those that are installed but that this release cannot read. */
export interface Known {
  kits: readonly CompiledKit[];
  unread: ReadonlySet<string>;
}

/**
 * Findings of these hosts that nothing is about any more, because a policy takes the check away, or because there is no such
 * kit or check: nobody could ever prove them fixed. What a change works on waits until that change is over.
 */
export function withdrawn<F extends Finding>(
  previous: readonly F[],
  inForce: InForce,
  known: Known,
  hosts: ReadonlySet<string>,
): Withdrawn<F>[] {
  return previous
    .filter((one) => hosts.has(one.hostId) && isOpen(one) && one.state !== 'planned')
    .flatMap((finding) => {
      const reason = whyWithdrawn(finding, inForce, known);
      return reason === null ? [] : [{ finding, reason }];
    });
}

function whyWithdrawn({ kit, check }: Finding, inForce: InForce, { kits, unread }: Known): string | null {
  const own = kits.find((one) => one.kit.kit === kit);
  if (!own && !unread.has(kit)) return `the kit ${kit} is not installed any more`;
  if (own && !own.kit.checks.some(({ id }) => id === check)) return `the kit ${kit} has no check ${check} any more`;
  if (inForce.applies(kit, check)) return null;
  const names = inForce.policies;
  return `not applicable by policy: ${kit}/${check} is in no profile of ${names.join(', ')}, which ${names.length === 1 ? 'is' : 'are'} for this host`;
}
