import type { SectionName } from '../../../../model/facts.ts';
import { type OutOfForce, outOfForce, sayOutOfForce } from '../../../../model/in-force.ts';
import { type HostCheck, IN_FORCE } from '../kit/compile.ts';
import { type Bindings, toCel } from '../kit/expression.ts';
import { withinBudget } from '../kit/meter.ts';
import { doubt, type CelFacts, type Evidence, factsTime, hashesOf, type Judgement, missing } from './context.ts';
import { collect, truth } from './endpoint.ts';

type Partly = Pick<Judgement, 'component' | 'verdict' | 'evidence' | 'pending'>;

/** One judgement for the host, or with `each` one for each of its items; and for those that were there before. */
export function judgeHostCheck(
  kit: string,
  compiled: HostCheck,
  evidence: Evidence,
  cel: CelFacts,
  watched: ReadonlySet<string>,
): Judgement[] {
  const sections = compiled.sections as SectionName[];
  const why = doubt(evidence, sections);
  const base = { facts: hashesOf(evidence, sections) };
  const found = missing(evidence, sections)
    ? [unknown(compiled.check.id, why ?? '')]
    : withinBudget(() => items(compiled, cel));
  const named = new Set(found.map((one) => one.component));
  const gone = [...watched]
    .filter((component) => !named.has(component))
    .map((component) => absent(compiled, component, why, found));
  const judged = [...worstOfEach(found), ...gone].map((one) =>
    compiled.check.until === undefined ? one : untilInForce(one, evidence, watched.has(one.component)),
  );
  return judged.map((one) => {
    // What passes on stale facts is not known to pass; what fails on them is still the last thing we know.
    const passes = one.verdict === 'pass' || one.verdict === 'not-applicable';
    const verdict = passes && why !== null ? 'unknown' : one.verdict;
    return {
      kit,
      check: compiled.check,
      component: one.component,
      endpoint: null,
      verdict,
      proven: passes && why === null,
      confidence: 1,
      evidence: { ...one.evidence, ...base },
      pending: one.pending ?? (why === null ? null : `cannot be proven fixed: ${why}`),
      at: factsTime(evidence, sections),
      needs: [],
    };
  });
}

/**
 * Where an update is missing, the processes that an earlier one left behind are named with it. Where none is, a finding that
 * was open goes on until what was installed runs; on a host that had none, other checks speak of old files.
 */
function untilInForce(one: Partly, evidence: Evidence, burning: boolean): Partly {
  const left = outOfForce(evidence.facts);
  if (one.verdict === 'fail') return { ...one, evidence: { ...one.evidence, ...processesIn(left) } };
  if (!burning || one.verdict === 'unknown') return one;
  const why = doubt(evidence, IN_FORCE);
  if (why !== null)
    return { ...one, verdict: 'unknown', pending: `whether what was installed runs is not known: ${why}` };
  if (left.needs.length === 0) return one;
  const seen = { ...one.evidence, ...processesIn(left), ...(left.kernel ? { kernel: left.kernel } : {}) };
  return { ...one, verdict: 'fail', evidence: { ...seen, needs: left.needs }, pending: sayOutOfForce(left) };
}

const MOST_NAMED = 50;

function processesIn({ processes }: OutOfForce): Record<string, unknown> {
  if (processes.length === 0) return {};
  const named = processes.slice(0, MOST_NAMED).map(({ pid, unit, command, replaced }) => {
    return { pid, unit, command, replaced: replaced.map((file) => file.path) };
  });
  return { processes: named };
}

/** A path that could not be looked at hides what lies in it; what is no path may hide anything. */
const mayHide = (unread: string, component: string): boolean =>
  !unread.startsWith('/') || component === unread || component.startsWith(`${unread}/`);

/** It had a finding, and the fresh look does not find the thing at all. Where nothing could be looked at, unknown. */
function absent({ check }: HostCheck, component: string, why: string | null, found: readonly Partly[]): Partly {
  const hidden = found.find((one) => one.verdict === 'unknown' && mayHide(one.component, component))?.pending ?? null;
  const untold = check.gone === 'unknown' ? 'nothing speaks of it any more, which does not mend it' : null;
  const undecided = why ?? hidden ?? untold;
  if (undecided !== null) return { component, verdict: 'unknown', evidence: {}, pending: undecided };
  return { component, verdict: 'not-applicable', evidence: { gone: 'it is no longer there' }, pending: null };
}

function items(compiled: HostCheck, cel: CelFacts): Partly[] {
  const bindings: Bindings = { ...cel };
  if (!compiled.each) return [one(compiled, bindings)];
  const list = compiled.each.evaluate(bindings);
  const failed = 'error' in list ? list.error : Array.isArray(list.value) ? null : 'it is no list';
  if (failed !== null)
    return [unknown(compiled.check.id, `\`${compiled.each.source}\` cannot be evaluated: ${failed}`)];
  return ((list as { value: unknown[] }).value ?? []).map((item) => one(compiled, { ...bindings, item: toCel(item) }));
}

const unknown = (component: string, pending: string): Partly => ({
  component,
  verdict: 'unknown',
  evidence: {},
  pending,
});

function one(compiled: HostCheck, bindings: Bindings): Partly {
  const { check } = compiled;
  const named = compiled.component?.evaluate(bindings);
  const component = named && 'value' in named ? String(named.value) : check.id;
  const when = truth(compiled.when, bindings);
  if (typeof when === 'string') return unknown(component, when);
  if (!when) return { component, verdict: 'not-applicable', evidence: {}, pending: null };
  const pass = truth(compiled.expect, bindings);
  if (typeof pass === 'string') return unknown(component, pass);
  const doubtful = pass ? truth(compiled.unknown, bindings) : false;
  if (doubtful !== false)
    return unknown(component, typeof doubtful === 'string' ? doubtful : `\`${check.unknown}\` holds on this host`);
  return { component, verdict: pass ? 'pass' : 'fail', evidence: collect(compiled.evidence, bindings), pending: null };
}

const WORST = ['fail', 'unknown', 'pass', 'not-applicable'];

/** Several items may be parts of one thing (processes of a unit): it is as bad as its worst part. */
function worstOfEach(found: readonly Partly[]): Partly[] {
  const worst = new Map<string, Partly>();
  for (const item of found) {
    const known = worst.get(item.component);
    if (!known || WORST.indexOf(item.verdict) < WORST.indexOf(known.verdict)) worst.set(item.component, item);
  }
  return [...worst.values()];
}
