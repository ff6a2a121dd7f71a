import pc from 'picocolors';
import type { Change } from '../../../../src/model/change.ts';
import type { Finding } from '../../../../src/model/finding.ts';
import type { Demo } from '../context.ts';
import { runCli } from '../server.ts';
import { until } from '../wait.ts';
import { KIT } from './audit.ts';

/** Exit code of the command line: the server said no. */
const REFUSED = 4;
const ENDED = ['closed', 'failed', 'rolled-back', 'cancelled'];
const changeNow = ({ people: { operator } }: Demo, id: string): Promise<Change> =>
  operator.getChange({ params: { id } });

export interface Wish {
  kit: string;
  title: string;
  reason: string;
}

export const HEARTBLEED: Wish = {
  kit: KIT,
  title: 'Heartbleed: fix, re-key, revoke',
  reason: 'CVE-2014-0160 was proven on our servers',
};
export const BASELINE: Wish = {
  kit: 'linux-baseline',
  title: 'Settings of the baseline',
  reason: 'The audit found settings that our baseline does not allow',
};

/** Asks for a change, shows the plan and what it is predicted to do. */
export async function plan(demo: Demo, wish: Wish): Promise<Change> {
  const { people, account } = demo;
  const { change: created } = await people.author.createChange({ body: wish });
  const change = await until('the plan to be made', 30, async () => {
    const now = await changeNow(demo, created.id);
    return now.planDigest ? now : null;
  });
  account.say(`change ${change.id}, plan ${change.planDigest}`);
  for (const wave of change.waves)
    account.note(
      `${wave.canary ? 'canary' : 'wave'} ${wave.name}: ${wave.tasks.map(({ hostName }) => hostName).join(', ')}`,
    );
  account.say(change.predicted?.summary ?? 'no impact was predicted');
  for (const restart of change.predicted?.restarts ?? []) {
    const clients = restart.clients.map(({ hostName, connections }) => `${hostName} (${connections})`).join(', ');
    account.note(`${restart.hostName}: ${restart.service} restarts${clients ? `; connected now: ${clients}` : ''}`);
  }
  account.claim('the change waits for approval', change.state === 'awaiting-approval', change.state);
  return change;
}

export async function approve(demo: Demo, change: Change): Promise<void> {
  const { people, account, server, options } = demo;
  const args = ['change', 'approve', change.id, '--key', people.keyFile];
  const theirs = ['change', 'approve', change.id, '--key', people.authorKeyFile, '--yes', '--json'];
  const own = await runCli({ url: server.url, token: people.author.token }, theirs);
  const refusal = refusalIn(own.stdout + own.stderr);
  account.claim(
    '5.2: whoever asked for the change may not approve it, an administrator with a key neither',
    own.code === REFUSED && refusal.code === 'APPROVAL_BY_AUTHOR',
    refusal.message,
  );
  if (options.once) {
    const ran = await runCli({ url: server.url, token: people.approver.token }, [...args, '--yes']);
    if (ran.code !== 0) throw new Error(`\`lastember ${args.join(' ')}\` ended with ${ran.code}: ${ran.stderr.trim()}`);
  } else {
    account.say(pc.bold('Your turn: approve this plan.'));
    account.say(`In the console: ${server.url}/changes/${change.id}`);
    account.note(
      `sign in as ${people.approverName} with password ${people.approverPassword}; key file ${people.keyFile}`,
    );
    account.say('Or on the command line:');
    account.note(
      `LASTEMBER_TOKEN=${people.approver.token} npm run --silent lastember -- --server ${server.url} ${args.join(' ')}`,
    );
  }
  const approved = await until('the approval', options.once ? 20 : 86_400, async () => {
    const now = await changeNow(demo, change.id);
    return now.approvals.length >= now.approvalsRequired ? now : null;
  });
  account.claim(
    'the plan is approved by a signature of a key of the approver’s own',
    approved.approvals.every(({ statement }) => statement.plan === change.planDigest),
    approved.approvals.map(({ statement }) => `key ${statement.keyId}`).join(', '),
  );
}

/** What `--json` says of a refusal. */
function refusalIn(text: string): { code: string; message: string } {
  const line = text.split('\n').find((each) => each.startsWith('{"error"'));
  const none = { error: { code: '', message: text.trim().split('\n')[0] ?? '' } };
  return (line ? (JSON.parse(line) as typeof none) : none).error;
}

/** Runs it and tells what happens, until it has ended. */
export async function rollOut(demo: Demo, id: string): Promise<Change> {
  const { people, account } = demo;
  const before = await changeNow(demo, id);
  if (before.state === 'awaiting-approval' || before.state === 'scheduled')
    await people.operator.runChange({ params: { id } });
  const told = new Set<string>();
  const tell = (key: string, text: string): void => {
    if (told.has(key)) return;
    told.add(key);
    account.say(text);
  };
  const done = await until('the rollout to end', 180, async () => {
    const now = await changeNow(demo, id);
    for (const wave of now.waves) {
      if (wave.state === 'running' || wave.state === 'done')
        tell(`${wave.name}`, `${wave.canary ? 'canary wave' : 'wave'} ${wave.name} runs`);
      for (const task of wave.tasks) tellTask(task, tell);
    }
    return ENDED.includes(now.state) ? now : null;
  });
  account.claim(
    'the change was carried out and verified',
    done.state === 'closed',
    `${done.state}${done.why ? `: ${done.why}` : ''}`,
  );
  checkOrder(demo, done);
  return done;
}

type Task = Change['waves'][number]['tasks'][number];

function tellTask(task: Task, tell: (key: string, text: string) => void): void {
  const steps = task.outcomes.map(({ kind, ok }) => (ok ? kind : `${kind} failed`)).join(' → ');
  if (task.state === 'done') tell(`${task.id} done`, `${task.hostName}: ${steps}`);
  if (task.state === 'failed') tell(`${task.id} failed`, `${task.hostName} failed: ${task.error ?? ''} (${steps})`);
}

function checkOrder({ account }: Demo, change: Change): void {
  const tasks = change.waves.flatMap(({ tasks: all }) => all);
  const wrong = tasks.filter(({ outcomes }) => {
    const kinds = outcomes.map(({ kind }) => kind);
    const revoked = kinds.indexOf('revoke-certificate');
    return revoked >= 0 && (kinds.indexOf('verify-served') < 0 || kinds.indexOf('verify-served') > revoked);
  });
  account.claim(
    '5.20: no certificate was revoked before the new key was seen served',
    wrong.length === 0 && tasks.length > 0,
    `${tasks.length} tasks`,
  );
  const [first] = change.waves;
  const started = (wave: typeof first): number =>
    Math.min(...(wave?.tasks.flatMap(({ outcomes }) => outcomes.map(({ startedAt }) => Date.parse(startedAt))) ?? []));
  const ended = Math.max(
    ...(first?.tasks.flatMap(({ outcomes }) => outcomes.map(({ finishedAt }) => Date.parse(finishedAt))) ?? []),
  );
  const later = change.waves.slice(1).map(started);
  account.claim(
    'the canary went first and alone',
    Boolean(first?.canary) && later.every((at) => at >= ended),
    `${change.waves.length} waves`,
  );
}

export function checkFixed({ account }: Demo, change: Change, after: Finding[]): void {
  const own = after.filter(({ id }) => change.findings.includes(id));
  const left = own.filter(({ state }) => state !== 'fixed');
  account.claim(
    'every finding of the change is closed on proof',
    own.length > 0 && left.length === 0,
    left.length
      ? left.map(({ hostName, check, state, pending }) => `${hostName} ${check} ${state} ${pending ?? ''}`).join('; ')
      : `${own.length} findings`,
  );
  const predicted = new Set(change.predicted?.restarts.map(({ hostId, service }) => `${hostId} ${service}`));
  const observed = new Set(change.observed?.restarts.map(({ hostId, service }) => `${hostId} ${service}`));
  account.claim(
    'what was predicted to restart is what restarted',
    predicted.size > 0 && [...predicted].every((each) => observed.has(each)) && observed.size === predicted.size,
    `${predicted.size} predicted, ${observed.size} observed`,
  );
}
