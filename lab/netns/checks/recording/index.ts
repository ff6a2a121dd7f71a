/** Evidence of trials, kept as fixtures of the kits that were tried: LASTEMBER_RECORD_FIXTURES=1. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { NOW } from '../../../../src/loop/audit/kit-tools/fixtures.ts';
import { KITS_DIR } from '../../../../src/loop/audit/kit-tools/parse.ts';
import { RECORDED, type RecordedCase } from '../../../../src/loop/audit/kit-tools/recorded.ts';
import { type Evidence, type Judgement, nameOf } from '../../../../src/loop/audit/logic/judge/context.ts';
import { withAsked } from '../../../../src/loop/audit/logic/revocation.ts';
import type { CompiledKit } from '../../../../src/loop/audit/logic/kit/compile.ts';
import type { Endpoint } from '../../../../src/model/estate.ts';
import { type ProbeResult, tlsOf } from '../../../../src/model/probe.ts';
import type { Group, Trial } from '../spec.ts';
import { cut, saidOf, type Seen, type Subject } from './cut.ts';
import { steady, withoutMachine, withSteadyIds } from './steady.ts';
import { merged } from './text.ts';

/** A look at the host, and what all checks concerned say of it. */
export interface Moment {
  evidence: Evidence;
  judged: readonly Judgement[];
}
type State = RecordedCase['from']['state'];

export const isRecording = process.env['LASTEMBER_RECORD_FIXTURES'] === '1';

interface Tried {
  group: Group;
  /** of the group's, those that this machine could show */
  trials: readonly Trial[];
  kits: readonly CompiledKit[];
  before: Moment;
  after: Moment;
  concerns(trial: Trial, one: Judgement): boolean;
}

/** A file for each check that failed and was put right. What cannot be recorded is told at the end. */
export function record(tried: Tried): void {
  const byCheck = Map.groupBy(tried.trials, ({ check }) => check);
  const problems = [...byCheck].flatMap(([check, trials]) => {
    try {
      keep(
        check,
        tried.group.title,
        trials.flatMap((trial) => casesOf(tried, trial)),
      );
      return [];
    } catch (error) {
      return [`${check}: ${(error as Error).message}`];
    }
  });
  if (problems.length > 0) throw new Error(problems.join('\n'));
}

/** In the file of that check, beside what other trials said of it. */
export function keep(check: string, title: string, cases: readonly RecordedCase[]): void {
  if (cases.length === 0) return;
  const path = fileOf(check);
  mkdirSync(dirname(path), { recursive: true });
  const text = existsSync(path) ? readFileSync(path, 'utf8') : null;
  writeFileSync(path, merged(text, title, cases));
}

export function fileOf(check: string): string {
  const [kit, id] = check.split('/') as [string, string];
  return join(KITS_DIR, kit, 'fixtures', `${RECORDED}${id}.yaml`);
}

const isWell = ({ verdict, proven }: Judgement): boolean =>
  proven && (verdict === 'pass' || verdict === 'not-applicable');

function casesOf({ group, kits, before, after, concerns }: Tried, trial: Trial): RecordedCase[] {
  const kit = kits.find((one) => trial.check.startsWith(`${one.kit.kit}/`));
  const failed = before.judged.find((one) => one.verdict === 'fail' && concerns(trial, one));
  if (!kit || !failed) return [];
  const wellIn = ({ judged }: Moment): Judgement[] =>
    judged.filter((one) => one.check.id === failed.check.id && one.kit === failed.kit && isWell(one));
  // What speaks at a port may have another name afterwards.
  const isSame = ({ component, endpoint }: Judgement): boolean =>
    failed.endpoint ? endpoint?.id === failed.endpoint.id : component === failed.component;
  const same = wellIn(after).find(isSame);
  const one = (state: State, judgement: Judgement | undefined): RecordedCase[] =>
    judgement ? [caseOf({ kit, group, moment: state === 'made bad' ? before : after, judgement, state })] : [];
  const cases = [...one('made bad', failed), ...one('put right', same)];
  if (same?.verdict === 'pass') return cases;
  // What is gone passes nothing: something else that does is shown beside it.
  const passes = (moment: Moment): Judgement | undefined => wellIn(moment).find(({ verdict }) => verdict === 'pass');
  const later = passes(after);
  return [...cases, ...(later ? one('put right', later) : one('made bad', passes(before)))];
}

interface Told {
  kit: CompiledKit;
  group: Group;
  moment: Moment;
  judgement: Judgement;
  state: State;
}

function caseOf({ kit, group, moment: { evidence }, judgement, state }: Told): RecordedCase {
  const { component, check, verdict } = judgement;
  const open = state === 'put right' && wantsOpen(judgement) ? { open: component } : {};
  const subject: Subject = { kit, check: check.id, component, ...open };
  const seen = withSteadyIds(cut(subject, wholeOf(judgement, evidence, group.asOf)));
  const said = saidOf(subject, seen);
  if (said?.verdict !== verdict || said.proven !== judgement.proven)
    throw new Error(`${component} is ${verdict} on the host, and ${said?.verdict ?? 'nothing'} by what was recorded`);
  const system = evidence.facts.os?.prettyName ?? 'unknown';
  const from = { system, host: evidence.host.name, trial: group.title, state, date: today() };
  return { from, expect: verdict, component, ...open, ...seen };
}

function wholeOf(judgement: Judgement, evidence: Evidence, asOf: string | undefined): Seen {
  const endpoint = endpointFor(judgement, evidence);
  const found = { facts: evidence.facts as Seen['facts'], ...(endpoint ? { endpoint } : {}) };
  const { release, installed = [] } = evidence.facts.kernel ?? {};
  const borrowed = installed.some((one) => one.release === release) ? undefined : release;
  const whole = steady(withoutMachine(found, borrowed), new Date(evidence.now), new Date(asOf ?? NOW));
  return asOf === undefined ? whole : { ...whole, now: asOf };
}

/** Only a finding that is open has what is gone judged at all, and what was put right held until it runs. */
const wantsOpen = ({ check, verdict, endpoint }: Judgement): boolean =>
  endpoint === null && (verdict === 'not-applicable' || (check.kind === 'host' && check.until !== undefined));

export const today = (): string => new Date().toISOString().slice(0, 10);

/** That which is judged, or, of a package, the listener that may clear it. */
function endpointFor({ endpoint, check, evidence: said }: Judgement, { endpoints, asked }: Evidence): Endpoint | null {
  const proofs = (said['listeners'] ?? []) as { endpoint: string }[];
  const found =
    endpoint ??
    (check.kind === 'package' && check.provenBy !== undefined
      ? endpoints.find((one) => proofs.some((proof) => proof.endpoint === nameOf(one)))
      : undefined);
  if (!found) return null;
  const tls = tlsOf(found.probe);
  const told = withAsked(tls, asked);
  if (!told || !found.probe) return found;
  const probe = found.probe.protocol === 'tls' ? told : { ...found.probe, tls: told };
  return { ...found, probe: probe as ProbeResult };
}
