import type { SectionName } from '../../../model/facts.ts';
import type { DriftValue, Verdict } from '../../../model/finding.ts';
import { doubt, type Evidence, hashesOf, type Judgement, nameOf } from './judge/context.ts';
import type { CompiledCheck, CompiledKit } from './kit/compile.ts';

/** Since when a check says what it says on one host, and by what. */
export interface Mark {
  since: string;
  /** section → hash of the content that decided it */
  facts: Record<string, string>;
  /** when it stopped passing; absent: it passes, or never did */
  passedUntil?: string;
  /** what was another while it passed */
  values?: DriftValue[];
}

/** What one kit says of one host. */
export interface KitVerdicts {
  marks: Record<string, Verdict>;
  detail: Record<string, Mark>;
}

interface Said {
  verdict: Verdict;
  facts: Record<string, string>;
}

const WORST: readonly Verdict[] = ['fail', 'unknown', 'pass', 'not-applicable'];

/** Every check that applies as one verdict: as bad as the worst thing it says on the host. */
export function verdictsOf(
  kit: CompiledKit,
  applies: (check: string) => boolean,
  judgements: readonly Judgement[],
  evidence: Evidence,
): Map<string, Said> {
  const by = Map.groupBy(judgements, (one) => one.check.id);
  const counted = kit.checks.filter(({ check }) => applies(check.id));
  return new Map(counted.map((check) => [check.check.id, said(check, by.get(check.check.id) ?? [], evidence)]));
}

function said(check: CompiledCheck, judgements: readonly Judgement[], evidence: Evidence): Said {
  // A listener that is gone says nothing of how the host is now.
  const now = judgements.filter(({ endpoint }) => endpoint === null || endpoint.state === 'open');
  const sections = sectionsOf(check);
  const facts = hashesOf(evidence, sections);
  const verdict = WORST.find((one) => now.some((judgement) => judgement.verdict === one));
  return { verdict: verdict ?? nothingSaid(sections, evidence), facts };
}

const PACKAGES: readonly SectionName[] = ['packages', 'processes', 'sockets'];

const sectionsOf = (check: CompiledCheck): readonly SectionName[] => {
  if (check.kind === 'host') return check.sections as SectionName[];
  return check.kind === 'package' ? PACKAGES : [];
};

/** It found nothing on the host that it is about: only where it could look. */
const nothingSaid = (sections: readonly SectionName[], evidence: Evidence): Verdict =>
  doubt(evidence, sections) === null ? 'not-applicable' : 'unknown';

/** The host's next row of verdicts, or null where none changed. `drifted`: checks that passed and now fail. */
export function follow(
  before: KitVerdicts | null,
  now: ReadonlyMap<string, Said>,
  at: string,
): { after: KitVerdicts; drifted: string[] } | null {
  const after: KitVerdicts = { marks: {}, detail: {} };
  const drifted: string[] = [];
  let same = before !== null && Object.keys(before.marks).length === now.size;
  for (const [check, { verdict, facts }] of now) {
    const [was, mark] = [before?.marks[check], before?.detail[check]];
    after.marks[check] = verdict;
    after.detail[check] = was === verdict && mark ? mark : next({ verdict, facts }, { was, mark }, at);
    if (was === verdict) continue;
    same = false;
    if (isDrift(verdict, after.detail[check])) drifted.push(check);
  }
  return same ? null : { after, drifted };
}

export const isDrift = (verdict: Verdict | undefined, mark: Mark | undefined): boolean =>
  verdict === 'fail' && mark?.passedUntil !== undefined;

/** Checks that fail and had passed before, whenever that was. */
export const driftedIn = ({ marks, detail }: KitVerdicts): string[] =>
  Object.keys(marks)
    .filter((check) => isDrift(marks[check], detail[check]))
    .sort();

function next(
  { verdict, facts }: Said,
  { was, mark }: { was: Verdict | undefined; mark: Mark | undefined },
  at: string,
): Mark {
  const passedUntil = was === 'pass' ? at : mark?.passedUntil;
  return { since: at, facts, ...(verdict === 'pass' || passedUntil === undefined ? {} : { passedUntil }) };
}

const MOST_VALUES = 20;
const LONGEST = 300;

/** Values of the evidence that were others when the check still passed. */
export function valuesOf(failing: readonly Judgement[], earlier: readonly Judgement[]): DriftValue[] {
  const known = new Map(earlier.filter(({ verdict }) => verdict === 'pass').map((one) => [placeOf(one), one.evidence]));
  return failing
    .flatMap((one) => {
      const component = placeOf(one);
      return differing(known.get(component) ?? {}, one.evidence).map((value) => ({ component, ...value }));
    })
    .slice(0, MOST_VALUES);
}

const placeOf = ({ component, endpoint }: Judgement): string => (endpoint ? nameOf(endpoint) : component);

function differing(before: Record<string, unknown>, after: Record<string, unknown>): Omit<DriftValue, 'component'>[] {
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  names.delete('facts');
  return [...names].sort().flatMap((what) => {
    const [was, is] = [textOf(before[what]), textOf(after[what])];
    return was === is ? [] : [{ what, before: was, after: is }];
  });
}

function textOf(value: unknown): string | null {
  if (value === undefined || value === null) return null;
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text.length > LONGEST ? `${text.slice(0, LONGEST - 1)}…` : text;
}
