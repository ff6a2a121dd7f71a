import { parse } from 'yaml';
import * as z from 'zod';
import { AppError } from '../../../model/errors/index.ts';
import { Endpoint } from '../../../model/estate.ts';
import { Facts } from '../../../model/facts.ts';
import { Verdict } from '../../../model/finding.ts';
import type { CompiledKit } from '../logic/kit/compile.ts';
import type { Evidence } from '../logic/judge/context.ts';
import { judge } from '../logic/judge/judge.ts';
import { Identities } from '../logic/identities.ts';
import { KnownName } from '../logic/served-names.ts';
import { evidenceOf } from './evidence.ts';
import type { KitFolder } from './folder.ts';
import { RECORDED, type RecordedCase, RecordedCases } from './recorded.ts';

/** A case made by hand: what it changes in the kit's `base.yaml`. */
export const Case = z
  .object({
    /** `none`: the check finds nothing to judge */
    expect: z.union([Verdict, z.literal('none')]),
    component: z.string().optional(),
    /** that it is about has a finding which is open */
    open: z.string().optional(),
    /** taken out of the base before the rest is put in */
    without: z.string().optional(),
    facts: z.unknown().optional(),
    endpoint: z.unknown().optional(),
    /** by which the host is known */
    names: z.array(KnownName).optional(),
    /** what tells it from others, with who has it as well */
    identities: Identities.optional(),
  })
  .strict();
export type Case = z.infer<typeof Case>;
const Cases = z.object({ cases: z.array(Case).min(1).max(200) }).strict();

/** Fixtures are judged at this time, so that what expires does so on the same day for everybody. */
export const NOW = '2025-03-01T12:00:00.000Z';

export interface CheckTested {
  check: string;
  cases: number;
  /** what is wrong, a sentence each; none: it holds */
  problems: string[];
}

/** Every check of the kit on its fixtures: each wants a case that passes, one that fails, and one that it is not about. */
export function testKit(kit: CompiledKit, folder: KitFolder): CheckTested[] {
  const base = read(folder, 'base.yaml', (text) => parse(text) as unknown) ?? {};
  const tested = kit.checks.map(({ check }) => testCheck(kit, check.id, folder, base));
  const ids = kit.checks.flatMap(({ check }) => [`${check.id}.yaml`, `${RECORDED}${check.id}.yaml`]);
  const known = new Set(['base.yaml', ...ids]);
  const orphans = [...folder.fixtures.keys()].filter((name) => !known.has(name));
  const lost = orphans.map((name) => ({ check: name, cases: 0, problems: ['There is no check of that name.'] }));
  return [...tested, ...lost];
}

/** The kit with that check alone, and the one that may clear it. */
export function only(kit: CompiledKit, id: string): CompiledKit {
  const { check } = kit.checks.find((one) => one.check.id === id)!;
  const proof = check.kind === 'package' ? check.provenBy : undefined;
  return { ...kit, checks: kit.checks.filter((one) => one.check.id === id || one.check.id === proof) };
}

function testCheck(whole: CompiledKit, id: string, folder: KitFolder, base: unknown): CheckTested {
  const name = `${id}.yaml`;
  const recordedName = `${RECORDED}${name}`;
  if (!folder.fixtures.has(name) && !folder.fixtures.has(recordedName))
    return { check: id, cases: 0, problems: [`There is no fixtures/${name}.`] };
  const kit = only(whole, id);
  const byHand = read(folder, name, (text) => Cases.parse(parse(text)).cases) ?? [];
  const recorded = read(folder, recordedName, (text) => RecordedCases.parse(parse(text)).cases) ?? [];
  const seen = new Set([...byHand, ...recorded].map((one) => one.expect));
  const problems = [
    ...(seen.has('pass') ? [] : ['No case passes.']),
    ...(seen.has('fail') ? [] : ['No case fails.']),
    ...(seen.has('not-applicable') || seen.has('none') ? [] : ['There is no case that it does not apply to.']),
  ];
  const tell = (what: string, one: Case | RecordedCase, why: string | null): void => {
    if (why !== null) problems.push(`${what} wants ${one.expect}, and ${why}.`);
  };
  for (const [index, one] of byHand.entries())
    tell(
      `Case ${index + 1}`,
      one,
      read(folder, name, () => judged(kit, id, one, evidenceFor(base, one))),
    );
  for (const [index, one] of recorded.entries())
    tell(`Recorded case ${index + 1}`, one, judged(kit, id, one, recordedEvidence(one)));
  return { check: id, cases: byHand.length + recorded.length, problems };
}

/** Why the case does not hold; null: it does. */
function judged(
  kit: CompiledKit,
  id: string,
  one: Pick<Case, 'expect' | 'component' | 'open'>,
  evidence: Evidence,
): string | null {
  const found = judge(kit, evidence, () => new Set(one.open === undefined ? [] : [one.open]))
    .filter((each) => each.check.id === id)
    .filter((each) => one.component === undefined || each.component === one.component);
  const verdicts = found.map((each) => each.verdict);
  const holds =
    one.expect === 'none'
      ? verdicts.length === 0
      : one.expect === 'fail'
        ? verdicts.includes('fail')
        : verdicts.length > 0 && verdicts.every((verdict) => verdict === one.expect);
  if (holds) return null;
  const told = found.map(
    ({ component, verdict, pending }) => `${component} is ${verdict}${pending ? ` (${pending})` : ''}`,
  );
  return told.length === 0 ? 'nothing was judged' : told.join(', ');
}

function evidenceFor(base: unknown, one: Case): Evidence {
  const whole = merge(without(base, one.without), { facts: one.facts, endpoint: one.endpoint }) as Record<
    string,
    unknown
  >;
  const facts = Facts.partial().parse(whole['facts'] ?? {}) as Partial<Facts>;
  const endpoints = whole['endpoint'] ? [Endpoint.parse(whole['endpoint'])] : [];
  const { names = [], identities = [] } = one;
  return evidenceOf({ facts, endpoints, now: NOW, addresses: addressesOf(endpoints), names, identities });
}

const addressesOf = (endpoints: readonly Endpoint[]): string[] => endpoints.map(({ address }) => address);

type Seen = Pick<RecordedCase, 'facts' | 'endpoint' | 'identities' | 'now'>;

/** As whoever recorded it has it judged, too. */
export function recordedEvidence({ facts = {}, endpoint, identities = [], now = NOW }: Seen): Evidence {
  const endpoints = endpoint ? [endpoint] : [];
  return evidenceOf({ facts: facts as Partial<Facts>, endpoints, now, addresses: addressesOf(endpoints), identities });
}

/** What cannot be read is told by the name of its file and, within it, by the path. */
function read<T>(folder: KitFolder, name: string, work: (text: string) => T): T | null {
  const text = folder.fixtures.get(name);
  if (text === undefined) return null;
  try {
    return work(text);
  } catch (error) {
    const issue = error instanceof z.ZodError ? error.issues[0] : undefined;
    const why = issue ? `${issue.path.join('.') || 'the top'}: ${issue.message}` : (error as Error).message;
    throw new AppError('KIT_FIXTURE', { file: `fixtures/${name}`, why: why.split('\n')[0]!.replace(/[.:]$/, '') });
  }
}

const isPlain = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function merge(base: unknown, change: unknown): unknown {
  if (change === undefined) return base;
  if (!isPlain(base) || !isPlain(change)) return change;
  const keys = new Set([...Object.keys(base), ...Object.keys(change)]);
  return Object.fromEntries(
    [...keys].map((key) => [key, Object.hasOwn(change, key) ? merge(base[key], change[key]) : base[key]]),
  );
}

/** Names of kernel parameters have dots in them; no fixture takes one of those out by itself. */
function without(base: unknown, path: string | undefined): unknown {
  const copy = structuredClone(base) as Record<string, unknown>;
  const keys = path?.split('.') ?? [];
  let at: unknown = copy;
  for (const key of keys.slice(0, -1)) at = isPlain(at) ? at[key] : undefined;
  if (keys.length > 0 && isPlain(at)) delete at[keys.at(-1)!];
  return copy;
}
