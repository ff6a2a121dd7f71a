/**
 * `node run.ts JSON`, run in a lab's namespace: every group of trials on one host, one after the other. What came of each
 * is one line of JSON on standard output.
 */
import { cpSync, readFileSync } from 'node:fs';
import { until } from '../../demo/run/wait.ts';
import { sshHost, type SshHost, type SshTarget } from '../../../src/host/ssh/index.ts';
import { KITS_DIR, loadKits } from '../../../src/loop/audit/kit-tools/parse.ts';
import type { Evidence, Judgement } from '../../../src/loop/audit/logic/judge/context.ts';
import type { CompiledKit } from '../../../src/loop/audit/logic/kit/compile.ts';
import { findInit } from '../start.ts';
import { judgeAll, look, nameOfCheck, shell, type Target } from './machine.ts';
import { isRecording, record } from './recording/index.ts';
import { remediate, type Done } from './remediate.ts';
import type { Group, GroupResult, Said, Trial, TrialResult } from './spec.ts';
import { GROUPS_OF } from './tables/index.ts';
import { FIXED_RUNTIME, OLD_RUNTIME } from './tables/listeners.ts';

export interface Input {
  target: Target;
  user: string;
  /** path of the key that logs in */
  key: string;
  /** paths of a runtime that still speaks what others do not, and of one that was mended; null: they are not to be had */
  runtimes: { old: string; fixed: string } | null;
  /** titles; without, all */
  only?: string[];
}

/** QEMU without the processor's help, on a machine with other work, takes minutes to boot. */
const BOOT_S = 900;

const { target, user, key, runtimes, only } = JSON.parse(process.argv[2]!) as Input;
const kits = loadKits(KITS_DIR);
const way: SshTarget = {
  address: target.address,
  port: 22,
  username: user,
  auth: { privateKey: readFileSync(key, 'utf8') },
  become: { method: 'sudo' },
  trust: () => true,
};

const checkOf = ({ check }: Trial): string => check;
const said = ({ component, verdict, proven, pending }: Judgement): Said => ({ component, verdict, proven, pending });

/** Which trials this machine can show; why not, by check. */
async function skippedIn({ trials, machine }: Group): Promise<Map<string, string>> {
  const skipped = new Map<string, string>();
  for (const trial of trials)
    if (trial.where !== undefined && (await shell(target, trial.where, machine)).code !== 0)
      skipped.set(trial.check, trial.else ?? 'this machine cannot show it');
  return skipped;
}

async function must(scripts: readonly (readonly [string, string])[], machine: boolean): Promise<void> {
  for (const [what, script] of scripts) {
    const { code, stdout, stderr } =
      script === '' ? { code: 0, stdout: '', stderr: '' } : await shell(target, script, machine);
    if (code !== 0) throw new Error(`${what}: \`${script}\` ended with ${code}: ${`${stdout}${stderr}`.slice(-500)}`);
  }
}

/** How the proofs end now, by check. */
async function proofs(trials: readonly Trial[], machine: boolean): Promise<Map<string, number>> {
  const codes = new Map<string, number>();
  for (const { check, proof } of trials)
    if (proof !== undefined) codes.set(check, (await shell(target, proof, machine)).code);
  return codes;
}

const concerns = (trial: Trial, one: Judgement): boolean =>
  nameOfCheck(one) === trial.check &&
  (trial.component === undefined || one.component === trial.component) &&
  (trial.port === undefined || one.endpoint?.port === trial.port);

interface Mending {
  group: Group;
  tried: readonly Trial[];
  concerned: readonly CompiledKit[];
  first: SshHost;
  evidence: Evidence;
  failing(trial: Trial): Judgement[];
}
type Mended = { checks: string[]; done: Done }[];

/** Each kit’s own change, what people do, and those kits that come afterwards. */
async function mend({ group, tried, concerned, first, evidence, failing }: Mending): Promise<Mended> {
  const all: Mended = [];
  const byHand = (): Promise<void> =>
    must(
      tried.map(({ check, byHand: script = '' }) => [check, script] as const),
      group.machine ?? false,
    );
  if (group.handsFirst) await byHand();
  for (const kit of concerned) {
    const ours = tried.filter(({ check, byHand }) => byHand === undefined && check.startsWith(`${kit.kit.kit}/`));
    const judged = ours.flatMap(failing);
    if (judged.length > 0)
      all.push({
        checks: ours.map(checkOf),
        done: await changed(first, (access) => remediate(access, kit, evidence, judged)),
      });
  }
  if (!group.handsFirst) await byHand();
  await first.close();
  for (const name of group.afterwards ?? []) all.push({ checks: [], done: await lookAndMend(name) });
  return all;
}

async function tryGroup(group: Group): Promise<Omit<GroupResult, 'title' | 'seconds' | 'broken'>> {
  const { trials, settle = '', tidy = '', ports = [], udp = [], asOf = null, machine = false } = group;
  const how = { tcp: ports, udp, asOf };
  const skipped = await skippedIn(group);
  const tried = trials.filter(({ check }) => !skipped.has(check));
  await must([...tried.map(({ check, bad }) => [check, bad] as const), ['settle', settle]], machine);
  const open = await proofs(tried, machine);
  const concerned = kits.filter(({ kit }) => tried.some(({ check }) => check.startsWith(`${kit.kit}/`)));
  const first = await sshHost(way);
  const evidence = await look(first, target, how);
  const before = judgeAll(concerned, evidence);
  const failing = (trial: Trial): Judgement[] => before.filter((one) => one.verdict === 'fail' && concerns(trial, one));
  const done = await mend({ group, tried, concerned, first, evidence, failing });
  const closed = await proofs(tried, machine);
  const burning = Map.groupBy(tried.flatMap(failing), nameOfCheck);
  const watched = new Map([...burning].map(([check, all]) => [check, all.map(({ component }) => component)]));
  const last = await sshHost(way);
  const mended = await look(last, target, how);
  const after = judgeAll(concerned, mended, watched);
  await last.close();
  const moments = { before: { evidence, judged: before }, after: { evidence: mended, judged: after } };
  if (isRecording) record({ group, trials: tried, kits: concerned, concerns, ...moments });
  await must([['tidy', tidy]], machine);
  const result = (trial: Trial): TrialResult => {
    const mine = new Set(failing(trial).map(({ component }) => component));
    const left = done.filter(({ checks }) => checks.includes(trial.check)).flatMap((one) => one.done.left);
    return {
      check: trial.check,
      skipped: skipped.get(trial.check) ?? null,
      before: before.filter((one) => concerns(trial, one)).map(said),
      proof: trial.proof === undefined ? null : [open.get(trial.check), closed.get(trial.check)],
      left,
      after: after
        .filter((one) => concerns(trial, one) && (trial.port !== undefined || mine.has(one.component)))
        .map(said),
    };
  };
  return {
    trials: trials.map(result),
    errors: done.flatMap((one) => one.done.errors),
    steps: done.reduce((sum, one) => sum + one.done.steps, 0),
  };
}

/** What that kit finds now, whatever it is. */
async function lookAndMend(name: string): Promise<Done> {
  const kit = kits.find((one) => one.kit.kit === name)!;
  const remote = await sshHost(way);
  const evidence = await look(remote, target, { tcp: [], udp: [], asOf: null });
  const judged = judgeAll([kit], evidence).filter(({ verdict }) => verdict === 'fail');
  const done = await changed(remote, (access) => remediate(access, kit, evidence, judged));
  await remote.close();
  return done;
}

function changed(remote: SshHost, work: (access: Parameters<typeof remediate>[0]) => Promise<Done>): Promise<Done> {
  const logIn = async (): Promise<void> => (await sshHost(way)).close();
  const again = (): Promise<SshHost> => until('the host to be back', BOOT_S, () => sshHost(way).catch(() => null));
  return work({ remote, login: { user, method: 'publickey' }, logIn, again });
}

// A host sees none of the machine's files.
if (runtimes !== null) {
  const root = `/proc/${findInit(target.place, target.name)}/root`;
  cpSync(runtimes.old, `${root}${OLD_RUNTIME}`);
  cpSync(runtimes.fixed, `${root}${FIXED_RUNTIME}`);
}
for (const group of GROUPS_OF[target.name]!) {
  if (only && !only.includes(group.title)) continue;
  const began = performance.now();
  let result: Omit<GroupResult, 'title' | 'seconds'>;
  try {
    result = { ...(await tryGroup(group)), broken: null };
  } catch (error) {
    result = { trials: [], errors: [], steps: 0, broken: (error as Error).stack ?? String(error) };
  }
  const seconds = Math.round((performance.now() - began) / 100) / 10;
  process.stdout.write(`${JSON.stringify({ title: group.title, ...result, seconds } satisfies GroupResult)}\n`);
}
// Nothing of ours is left to wait for.
process.exit(0);
