import type { Finding } from '../../../../model/finding.ts';
import type { ExportedFinding } from './findings.ts';
import { jsonDocument } from './json.ts';

const LEVELS: Readonly<Record<Finding['severity'], string>> = {
  critical: 'error',
  high: 'error',
  medium: 'warning',
  low: 'note',
  info: 'note',
};

interface Rule {
  id: string;
  shortDescription: { text: string };
  defaultConfiguration: { level: string };
  properties: { kit: string; kitVersion: string; severity: string; tags: string[] };
}

/**
 * SARIF 2.1.0: a check is a rule, a finding is a result at a logical location, since a host's package is no line of a file.
 * What is fixed passes, and what was accepted is suppressed. Rules stand behind the results that name them.
 */
export async function* findingsSarif(findings: AsyncIterable<ExportedFinding>): AsyncGenerator<string> {
  const rules = new Map<string, Rule>();
  yield '{"$schema":"https://json.schemastore.org/sarif-2.1.0.json","version":"2.1.0","runs":[';
  yield* jsonDocument({ columnKind: 'utf16CodeUnits' }, { name: 'results', items: results(findings, rules) }, () => ({
    tool: { driver: { name: 'Lastember', rules: [...rules.values()].toSorted((a, b) => (a.id < b.id ? -1 : 1)) } },
  }));
  yield ']}\n';
}

async function* results(findings: AsyncIterable<ExportedFinding>, rules: Map<string, Rule>): AsyncGenerator<object> {
  for await (const one of findings) {
    const rule = ruleOf(one);
    if (!rules.has(rule.id)) rules.set(rule.id, rule);
    yield resultOf(one, rule.id);
  }
}

const ruleOf = ({ kit, check, kitVersion, severity, title, advisories }: Finding): Rule => ({
  id: `${kit}/${check}`,
  shortDescription: { text: title },
  defaultConfiguration: { level: LEVELS[severity] },
  properties: { kit, kitVersion, severity, tags: ['security', ...advisories] },
});

export function kindOf({ state, severity }: Finding): object {
  if (state === 'fixed') return { kind: 'pass', level: 'none' };
  return state === 'not-applicable'
    ? { kind: 'notApplicable', level: 'none' }
    : { kind: 'fail', level: LEVELS[severity] };
}

function resultOf(one: ExportedFinding, ruleId: string): object {
  const where = one.endpoint ?? one.component;
  return {
    ruleId,
    ...kindOf(one),
    message: { text: `${one.title} (${where} on ${one.hostName})${one.pending === null ? '' : `: ${one.pending}`}` },
    locations: [
      {
        logicalLocations: [{ name: where, fullyQualifiedName: `${one.hostName}/${where}`, kind: 'resource' }],
      },
    ],
    partialFingerprints: { 'lastemberFinding/v1': one.id },
    ...(one.exceptionId !== null && one.state === 'excepted'
      ? { suppressions: [{ kind: 'external', status: 'accepted', justification: acceptedBy(one) }] }
      : {}),
    properties: {
      hostId: one.hostId,
      state: one.state,
      advisories: one.advisories,
      confidence: one.confidence,
      openedAt: one.openedAt,
      lastSeenAt: one.lastSeenAt,
      closedAt: one.closedAt,
      closeReason: one.closeReason ?? null,
      dueAt: one.dueAt ?? null,
      exceptedUntil: one.exceptedUntil,
      changeId: one.changeId,
      priority: one.priority,
      factors: one.factors,
    },
  };
}

const acceptedBy = ({ exceptionId, exceptedUntil }: ExportedFinding): string =>
  `Exception ${exceptionId}${exceptedUntil === null ? '' : ` until ${exceptedUntil}`}`;
