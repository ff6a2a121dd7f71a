import { Endpoint } from '../../../../model/estate.ts';
import { Facts, type SectionName } from '../../../../model/facts.ts';
import type { Check, Kit } from '../../../../model/kit.ts';
import { ProbeResult, TlsSeen } from '../../../../model/probe.ts';
import { Identities } from '../identities.ts';
import { ServedNames } from '../served-names.ts';
import { compile, type Expression } from './expression.ts';
import { ANY, elementOf, shapeOf } from './shape.ts';
import { checkStep, type Problem } from './templates.ts';
import { ExpressionError, type Scope } from './walk.ts';

type CheckOf<K extends Check['kind']> = Extract<Check, { kind: K }>;
export interface EndpointCheck {
  kind: 'endpoint';
  check: CheckOf<'endpoint'>;
  when: Expression;
  unknown: Expression;
  expect: Expression;
  evidence: Record<string, Expression>;
  /** one of them may look at `names`, which cost more than the rest */
  wantsNames: boolean;
}
export interface HostCheck {
  kind: 'host';
  check: CheckOf<'host'>;
  each: Expression | null;
  component: Expression | null;
  when: Expression;
  expect: Expression;
  unknown: Expression;
  evidence: Record<string, Expression>;
  /** every section that any of them looks at */
  sections: readonly string[];
}
export interface PackageCheck {
  kind: 'package';
  check: CheckOf<'package'>;
  mitigated: { when: Expression; because: string; evidence: Record<string, Expression> } | null;
}
export type CompiledCheck = EndpointCheck | HostCheck | PackageCheck;

export interface CompiledKit {
  kit: Kit;
  digest: string;
  applies: Expression;
  checks: readonly CompiledCheck[];
}

const plain = { kind: 'plain' } as const;
const HOST_SCOPE: Scope = { facts: shapeOf(Facts), identities: shapeOf(Identities), now: plain };
const ENDPOINT_SCOPE: Scope = {
  probe: shapeOf(ProbeResult),
  tls: shapeOf(TlsSeen),
  endpoint: shapeOf(Endpoint),
  names: shapeOf(ServedNames),
  now: plain,
};

/** Sections of the facts that these kits' expressions look at. */
export function sectionsOf(kits: readonly CompiledKit[]): Set<string> {
  const ofChecks = (kit: CompiledKit): string[] =>
    kit.checks.flatMap((check) => {
      if (check.kind === 'package') return check.mitigated?.when.sections ?? [];
      return check.kind === 'host' ? [...check.sections, ...evidenceSections(check), ...untilSections(check)] : [];
    });
  return new Set(kits.flatMap((kit) => [...kit.applies.sections, ...ofChecks(kit)]));
}

const evidenceSections = ({ evidence }: HostCheck): string[] => Object.values(evidence).flatMap((one) => one.sections);

/** What tells whether that which was installed runs. */
export const IN_FORCE: readonly SectionName[] = ['kernel', 'processes'];
const untilSections = ({ check }: HostCheck): readonly string[] => (check.until === undefined ? [] : IN_FORCE);

/** Reads every expression and reference of a kit. What is wrong with it comes back with the place in the document. */
export function compileKit(kit: Kit, digest: string): { compiled: CompiledKit; problems: Problem[] } {
  const reader = new Reader();
  const compiled = {
    kit,
    digest,
    applies: reader.read(kit.applies, HOST_SCOPE, ['applies']),
    checks: kit.checks.map((check, index) => compileCheck(check, reader, ['checks', index])),
  };
  return { compiled, problems: [...reader.problems, ...references(kit)] };
}

class Reader {
  readonly problems: Problem[] = [];
  read(source: string, scope: Scope, path: Problem['path']): Expression {
    try {
      return compile(source, scope);
    } catch (error) {
      if (!(error instanceof ExpressionError)) throw error;
      this.problems.push({ path, why: error.message, offset: error.offset });
      return { source, sections: [], shape: ANY, evaluate: () => ({ error: error.message }) };
    }
  }
  all(sources: Record<string, string>, scope: Scope, path: Problem['path']): Record<string, Expression> {
    const read = Object.entries(sources).map(
      ([key, source]) => [key, this.read(source, scope, [...path, key])] as const,
    );
    return Object.fromEntries(read);
  }
}

function compileCheck(check: Check, reader: Reader, path: Problem['path']): CompiledCheck {
  if (check.kind === 'package') return compilePackage(check, reader, [...path, 'mitigated']);
  if (check.kind === 'endpoint') {
    return {
      kind: 'endpoint',
      check,
      when: reader.read(check.when, ENDPOINT_SCOPE, [...path, 'when']),
      unknown: reader.read(check.unknown, ENDPOINT_SCOPE, [...path, 'unknown']),
      expect: reader.read(check.expect, ENDPOINT_SCOPE, [...path, 'expect']),
      evidence: reader.all(check.evidence, ENDPOINT_SCOPE, [...path, 'evidence']),
      wantsNames: [check.when, check.unknown, check.expect, ...Object.values(check.evidence)].some((source) =>
        /\bnames\b/.test(source),
      ),
    };
  }
  const each = check.each === undefined ? null : reader.read(check.each, HOST_SCOPE, [...path, 'each']);
  const scope = each ? { ...HOST_SCOPE, item: elementOf(each.shape) } : HOST_SCOPE;
  const compiled = {
    kind: 'host' as const,
    check,
    each,
    component: check.component === undefined ? null : reader.read(check.component, scope, [...path, 'component']),
    when: reader.read(check.when, each ? scope : HOST_SCOPE, [...path, 'when']),
    expect: reader.read(check.expect, scope, [...path, 'expect']),
    unknown: reader.read(check.unknown, scope, [...path, 'unknown']),
    evidence: reader.all(check.evidence, scope, [...path, 'evidence']),
  };
  const parts = [each, compiled.component, compiled.when, compiled.expect, compiled.unknown].filter(
    (one) => one !== null,
  );
  return { ...compiled, sections: [...new Set(parts.flatMap((one) => one.sections))].sort() };
}

function compilePackage(check: CheckOf<'package'>, reader: Reader, path: Problem['path']): PackageCheck {
  if (check.mitigated === undefined) return { kind: 'package', check, mitigated: null };
  const { when, because, evidence } = check.mitigated;
  const mitigated = {
    when: reader.read(when, HOST_SCOPE, [...path, 'when']),
    because,
    evidence: reader.all(evidence, HOST_SCOPE, [...path, 'evidence']),
  };
  return { kind: 'package', check, mitigated };
}

/** Ids that name something which is not there, or name two things. */
function references(kit: Kit): Problem[] {
  const ids = new Set(kit.checks.map((check) => check.id));
  const ofChecks = kit.checks.flatMap((check, index) => checkReferences(kit, check, index));
  const ofRemediations = kit.remediate.flatMap((remediation, index) => [
    ...remediation.fixes.flatMap((id, at): Problem[] =>
      ids.has(id) ? [] : [{ path: ['remediate', index, 'fixes', at], why: `there is no check ${id} in this kit` }],
    ),
    ...remediation.steps.flatMap((step, at) => checkStep(step, ['remediate', index, 'steps', at])),
  ]);
  return [...ofChecks, ...ofRemediations];
}

function checkReferences(kit: Kit, check: Check, index: number): Problem[] {
  const problems: Problem[] = [];
  const problem = (field: string, why: string): number => problems.push({ path: ['checks', index, field], why });
  const first = kit.checks.find((one) => one.id === check.id);
  if (first !== check) problem('id', `there are two checks called ${check.id}`);
  if (check.kind === 'host' && check.each !== undefined && check.component === undefined) {
    problem('each', '`each` wants a `component` that tells the items apart');
  }
  if (check.kind === 'package' && check.provenBy !== undefined) {
    const proof = kit.checks.find((one) => one.id === check.provenBy);
    if (proof?.kind !== 'endpoint') problem('provenBy', `there is no endpoint check ${check.provenBy} in this kit`);
  }
  return problems;
}
