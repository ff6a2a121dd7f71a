import type { SectionName } from '../../../../model/facts.ts';
import type { PackageCheck } from '../kit/compile.ts';
import { withinBudget } from '../kit/meter.ts';
import { type CelFacts, doubt, type Evidence, hashesOf } from './context.ts';
import { collect, truth } from './endpoint.ts';

/** Why versions in range do no harm as the host is set up, and what was seen of that. */
export interface Mitigation {
  because: string;
  seen: Record<string, unknown>;
  /** section → hash of what it was decided by */
  facts: Record<string, string>;
}

/** null: nothing is in force that would, or that cannot be told by fresh facts. */
export function mitigationOf({ mitigated }: PackageCheck, evidence: Evidence, cel: CelFacts): Mitigation | null {
  if (mitigated === null) return null;
  const { when, because } = mitigated;
  const sections = when.sections as SectionName[];
  if (doubt(evidence, sections) !== null) return null;
  return withinBudget(() => {
    if (truth(when, { ...cel }) !== true) return null;
    return { because, seen: collect(mitigated.evidence, { ...cel }), facts: hashesOf(evidence, sections) };
  });
}
