import type { SectionName } from '../../../../model/facts.ts';
import { outOfReach, rangesIn } from '../ecosystems.ts';
import type { CompiledCheck, CompiledKit, EndpointCheck, PackageCheck } from '../kit/compile.ts';
import { toCel } from '../kit/expression.ts';
import { type CelFacts, doubt, type Evidence, factsTime, hashesOf, type Judgement, type Watched } from './context.ts';
import { judgeEndpoint, truth } from './endpoint.ts';
import { describeHolders, holders } from './listeners.ts';
import { judgeHostCheck } from './host.ts';
import { judgeKernels } from './kernel.ts';
import { mitigationOf } from './mitigation.ts';
import { inRanges, judgePackages } from './package.ts';

/** The evidence as expressions read it: made once a host, for all kits. */
export const celOf = (evidence: Evidence): CelFacts => ({
  facts: toCel(evidence.facts),
  identities: toCel(evidence.identities ?? []),
  now: evidence.now,
});

/** Everything that a kit says about a host and its endpoints. */
export function judge(kit: CompiledKit, evidence: Evidence, watched: Watched, cel = celOf(evidence)): Judgement[] {
  const applies = appliesTo(kit, evidence, cel);
  const judged = kit.checks.flatMap((check) => judgeCheck(kit, check, evidence, cel, watched(check.check.id)));
  if (applies === true) return explainEndpoints(kit, judged, evidence);
  return judged.map(({ mitigation: _mitigation, ...one }) =>
    applies === false
      ? { ...one, verdict: 'not-applicable', proven: one.endpoint === null && one.verdict !== 'unknown' }
      : { ...one, verdict: 'unknown', proven: false, pending: applies },
  );
}

function appliesTo(kit: CompiledKit, evidence: Evidence, cel: CelFacts): boolean | string {
  const { sections } = kit.applies;
  const why = doubt(evidence, sections as SectionName[]);
  const lost = sections.some((name) => evidence.facts[name as SectionName] === undefined);
  if (lost) return `whether the kit applies is not known: ${why}`;
  return truth(kit.applies, { ...cel });
}

function judgeCheck(
  kit: CompiledKit,
  check: CompiledCheck,
  evidence: Evidence,
  cel: CelFacts,
  watched: ReadonlySet<string>,
): Judgement[] {
  const id = kit.kit.kit;
  if (check.kind === 'endpoint') return evidence.endpoints.map((one) => judgeEndpoint(id, check, one, evidence));
  if (check.kind === 'host') return judgeHostCheck(id, check, evidence, cel, watched);
  const blind = outOfReach(check.check.affected, ecosystemsOf(evidence), evidence.order);
  if (blind !== null) return [check.check.id, ...watched].map((name) => unjudged(id, check, name, blind, evidence));
  const found = kit.checks.find((one) => one.check.id === check.check.provenBy);
  const proof = found?.kind === 'endpoint' ? (found satisfies EndpointCheck) : null;
  const mitigation = mitigationOf(check, evidence, cel);
  return [
    ...judgePackages(id, check, { proof, mitigation }, evidence, watched),
    ...judgeKernels(id, check, evidence, watched),
  ];
}

const ecosystemsOf = ({ facts }: Evidence): string[] => [
  ...new Set((facts.packages ?? []).map((fact) => fact.ecosystem)),
];

/** Neither affected nor clean: a package that had a finding may be there under its old name, in versions of another order. */
function unjudged(
  kit: string,
  { check }: PackageCheck,
  component: string,
  pending: string,
  evidence: Evidence,
): Judgement {
  const base = { kit, check, component, endpoint: null, verdict: 'unknown' as const, proven: false, confidence: 1 };
  const seen = { evidence: { facts: hashesOf(evidence, ['packages']) }, at: factsTime(evidence, ['packages']) };
  return { ...base, ...seen, pending, needs: [] };
}

/** A listener that still burns although its package is fixed on disk: say who holds the old file. */
function explainEndpoints(kit: CompiledKit, judged: Judgement[], evidence: Evidence): Judgement[] {
  const ranges = rangesIn(kit.kit.checks);
  return judged.map((one) => {
    if (one.endpoint === null || one.verdict !== 'fail' || one.pending !== null) return one;
    const name = one.evidence['package'];
    const fact = evidence.facts.packages?.find((each) => each.name === name);
    if (!fact || inRanges(ranges, fact, fact.sourceVersion, evidence.order) !== false) return one;
    const old = holders(evidence, fact.name).filter((process) => process.pid === one.evidence['pid']);
    if (old.length === 0) return one;
    return { ...one, pending: `fixed on disk (${fact.name} ${fact.version}), but ${describeHolders(old)}` };
  });
}
