/**
 * `node run.ts JSON`, run in a lab's namespace: every group of trials on one host, one after the other. What came of each
 * is one line of JSON on standard output.
 */
import { cpSync, readFileSync } from 'node:fs';
import { until } from '../../demo/run/wait.ts';
import { sshHost, type SshHost, type SshTarget } from '../../../src/host/ssh/index.ts';
import { KITS_DIR, loadKits } from '../../../src/loop/audit/kit-tools/parse.ts';
import type { Judgement } from '../../../src/loop/audit/logic/judge/context.ts';
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

const concerns = (trial: Trial, one: Judgement): boolean =>
  nameOfCheck(one) === trial.check &&
  (trial.component === undefined || one.component === trial.component) &&
  (trial.port === undefined || one.endpoint?.port === trial.port);

async function tryGroup(group: Group): Promise<Omit<GroupResult, 'title' | 'seconds' | 'broken'>> {
  const { trials, settle = '', tidy = '', ports = [], udp = [], asOf = null, machine = false } = group;
  const how = { tcp: ports, udp, asOf };
  const skipped = await skippedIn(group);
  const tried = trials.filter(({ check }) => !skipped.has(check));
  await must([...tried.map(({ check, bad }) => [check, bad] as const), ['settle', settle]], machine);
  const concerned = kits.filter(({ kit }) => tried.some(({ check }) => check.startsWith(`${kit.kit}/`)));
  const first = await sshHost(way);
  const evidence = await look(first, target, how);
  const before = judgeAll(concerned, evidence);
  const failing = (trial: Trial): Judgement[] => before.filter((one) => one.verdict === 'fail' && concerns(trial, one));
  const done: { checks: string[]; done: Done }[] = [];
  const byHand = (): Promise<void> =>
    must(
      tried.map(({ check, byHand: script = '' }) => [check, script] as const),
      machine,
    );
  if (group.handsFirst) await byHand();
  for (const kit of concerned) {
    const ours = tried.filter(({ check, byHand }) => byHand === undefined && check.startsWith(`${kit.kit.kit}/`));
    const judged = ours.flatMap(failing);
    if (judged.length > 0)
      done.push({
        checks: ours.map(checkOf),
        done: await changed(first, (access) => remediate(access, kit, evidence, judged)),
      });
  }
  if (!group.handsFirst) await byHand();
  await first.close();
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

function changed(remote: SshHost, work: (access: Parameters<typeof remediate>[0]) => Promise<Done>): Promise<Done> {
  const logIn = async (): Promise<void> => (await sshHost(way)).close();
  const again = (): Promise<SshHost> => until('the host to be back', 300, () => sshHost(way).catch(() => null));
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
