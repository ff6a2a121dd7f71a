import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Assignment } from '../../model/agent.ts';
import type { StepOutcome } from '../../model/plan.ts';
import { localHost } from '../local.ts';
import type { AnyHostStep } from '../steps/index.ts';
import { testTree, type TestTree } from '../steps/testing.ts';
import { carryOut, type Executor } from '../tasks/execute.ts';
import { FileJournal } from '../tasks/file-journal.ts';
import { openKept } from '../tasks/kept.ts';
import { assign, newPerson, newPlan } from '../tasks/testing/people.ts';
import { sshHost, type SshHost, type SshTarget } from './index.ts';
import { newSshKey } from './testing/keys.ts';
import { testSshServer, type TestSshServer } from './testing/server.ts';
import { openWork, workDir, type Work } from './work/index.ts';

const ACCESS = 'access_1';
const anna = newPerson('user_anna');
const STEPS: AnyHostStep[] = [
  { kind: 'upgrade-packages', packages: ['nodejs=0.10.48-1'] },
  { kind: 'write-file', path: '/etc/issue', content: 'Keep out.\n', mode: '0644' },
  { kind: 'set-file-line', path: '/etc/ssh/sshd_config', key: 'PermitRootLogin', separator: ' ', value: 'no' },
  { kind: 'set-file-mode', path: '/etc/crontab', mode: '0600' },
  { kind: 'sysctl', key: 'net.ipv4.ip_forward', value: '0' },
  { kind: 'service', name: 'shop.service', action: 'restart' },
];
const FILES = {
  'etc/ssh/sshd_config': 'Port 22\nPermitRootLogin yes\n',
  'etc/crontab': '# cron\n',
  'etc/issue': 'Welcome\n',
  'proc/sys/net/ipv4/ip_forward': '1\n',
};

interface Machine {
  tree: TestTree;
  server: TestSshServer;
  target: SshTarget;
}
const machines: Machine[] = [];
after(async () => {
  for (const { server, tree } of machines) {
    await server.close();
    tree.remove();
  }
});

async function machine(): Promise<Machine> {
  const tree = testTree(FILES);
  const address = '127.78.6.1';
  const path = `${join(tree.root, 'usr/bin')}:${join(tree.root, 'usr/sbin')}`;
  const hostKey = newSshKey().private;
  const server = await testSshServer({ root: tree.root, username: 'ops', password: 'up', hostKey, path, address });
  const target = { address, port: server.port, username: 'ops', auth: { password: 'up' }, trust: server.fingerprint };
  const made = { tree, server, target };
  machines.push(made);
  return made;
}

const quiet = { info: () => {}, warn: () => {}, error: () => {} };
const common = {
  agentId: ACCESS,
  approvers: [anna.pinned],
  sign: () => null,
  login: null,
  log: quiet,
  now: () => new Date(),
  progress: async () => {},
  stopping: () => false,
};

async function overSsh<T>(target: SshTarget, use: (work: Work, remote: SshHost) => Promise<T>): Promise<T> {
  const remote = await sshHost(target);
  try {
    const work = await openWork(remote, {
      access: ACCESS,
      name: 'test',
      now: () => new Date(),
      signal: new AbortController().signal,
      guard: () => {},
    });
    const result = await use(work, remote);
    await work.close();
    return result;
  } finally {
    await remote.close();
  }
}
const executor = (work: Work): Executor => ({ ...common, ...work });
const outcomesOf = ({ journal }: Pick<Work, 'journal'>): StepOutcome[] =>
  journal.pending().flatMap((record) => (record.t === 'done' ? [record.signed.outcome] : []));

/** Everything that steps may change. */
function snapshot(tree: TestTree): Record<string, string> {
  const names = fs.readdirSync(tree.root, { recursive: true, encoding: 'utf8' }).sort();
  const kept = names.filter((name) => !/^(run\/lastember|var\/lib\/lastember|journal)/.test(name));
  return Object.fromEntries(
    kept.flatMap((name) => {
      const stat = fs.statSync(join(tree.root, name));
      return stat.isFile() ? [[name, `${(stat.mode & 0o7777).toString(8)} ${tree.file(name)}`]] : [];
    }),
  );
}
const log = (tree: TestTree, name: string): string[] =>
  fs.existsSync(join(tree.root, name)) ? tree.file(name).split('\n').filter(Boolean) : [];
const planOf = (): ReturnType<typeof newPlan> => newPlan(ACCESS, STEPS);

describe('carrying out over SSH', () => {
  test('2.8: the same steps end in the same machine and the same outcomes as with an agent, and are undone the same', async () => {
    const far = await machine();
    const near = testTree(FILES);
    const plan = planOf();
    const approvals = [anna.approve(plan)];
    const host = localHost({ root: near.root });
    const journal = new FileJournal(join(near.root, 'journal.jsonl'));
    const local: Executor = { ...common, host, journal, kept: openKept(host, '/var/lib/lastember') };
    const timeless = (all: StepOutcome[]): object[] => all.map((one) => ({ ...one, startedAt: '', finishedAt: '' }));
    for (const mode of ['apply', 'undo'] as const) {
      const assignment = assign(plan, approvals, { mode, id: `asg_${mode}` });
      await carryOut(local, assignment);
      const outcomes = await overSsh(far.target, async (work) => {
        await carryOut(executor(work), assignment);
        return outcomesOf(work);
      });
      assert.ok(
        outcomes.every(({ ok }) => ok),
        JSON.stringify(outcomes.filter(({ ok }) => !ok)),
      );
      assert.deepEqual(timeless(outcomes), timeless(outcomesOf(local)));
      assert.deepEqual(snapshot(far.tree), snapshot(near));
    }
    assert.equal(far.server.logins(), 2, 'one connection for all of a leg');
    assert.match(far.tree.file('etc/issue'), /Welcome/);
    near.remove();
  });

  test('what approvers did not sign runs nothing', async () => {
    const { tree, target } = await machine();
    const before = snapshot(tree);
    const eve = newPerson('user_eve');
    const plan = planOf();
    const other = newPlan('access_2', STEPS);
    const two = { ...planOf(), approvalsRequired: 2 };
    const good = anna.approve(plan);
    const cases: [string, Assignment][] = [
      ['REFUSED_APPROVALS_MISSING', assign(plan, [])],
      ['REFUSED_APPROVAL_KEY_UNKNOWN', assign(plan, [eve.approve(plan)])],
      ['REFUSED_APPROVAL_FORGED', assign(plan, [{ ...good, signature: eve.approve(plan).signature }])],
      ['REFUSED_APPROVALS_MISSING', assign(two, [anna.approve(two), anna.approve(two)])],
      ['REFUSED_APPROVAL_OTHER_PLAN', assign(plan, [anna.approve(two)])],
      ['REFUSED_PLAN_ALTERED', { ...assign(plan, [good]), plan: assign(two, []).plan }],
      ['REFUSED_OTHER_HOST', assign(other, [anna.approve(other)])],
    ];
    await overSsh(target, async (work) => {
      for (const [, assignment] of cases) await carryOut(executor(work), assignment);
      const codes = work.journal.pending().map((record) => (record.t === 'refused' ? record.code : 'done'));
      assert.deepEqual(
        codes,
        cases.map(([code]) => code),
      );
    });
    assert.deepEqual(snapshot(tree), before);
  });

  test('the connection is cut in the middle of a package run: it goes on, and is not begun again', async () => {
    const { tree, server, target } = await machine();
    const apt = tree.file('usr/bin/apt-get');
    const slow = `#!/bin/sh\ncase "$*" in *-q*) echo begun >> run/apt; sleep 1.5; echo ended >> run/apt;; esac\n`;
    tree.put('usr/bin/apt-get', apt.replace('#!/bin/sh\n', slow));
    const plan = planOf();
    const assignment = assign(plan, [anna.approve(plan)]);
    const remote = await sshHost(target);
    const work = await openWork(remote, {
      access: ACCESS,
      name: 'first',
      now: () => new Date(),
      signal: new AbortController().signal,
      guard: () => {},
    });
    const cut = carryOut(executor(work), assignment).catch(() => 'cut');
    while (log(tree, 'run/apt').length === 0) await sleep(20);
    server.drop();
    await cut;
    assert.deepEqual(outcomesOf(work), [], 'a step that was cut off has not failed');
    await overSsh(target, async (again) => {
      assert.equal((await again.kept.open()).length, 1);
      await carryOut(executor(again), assignment);
      assert.deepEqual(
        outcomesOf(again).map(({ index, ok }) => [index, ok]),
        STEPS.map((_, index) => [index, true]),
      );
      assert.equal((await again.kept.open()).length, 0);
    });
    assert.deepEqual(log(tree, 'run/apt'), ['begun', 'ended']);
    assert.deepEqual(log(tree, 'run/installed'), ['nodejs 0.10.48-1']);
    assert.deepEqual(log(tree, 'run/log'), ['restart']);
  });

  for (const when of ['before', 'after'] as const) {
    test(`SIGKILL of the worker ${when} every journal record: no step runs twice, no outcome is lost`, async () => {
      let records = 0;
      for (let at = 1; ; at += 1) {
        const { tree, target } = await machine();
        const plan = planOf();
        const assignment = assign(plan, [anna.approve(plan)]);
        const how = { ...target, access: ACCESS, assignment, approvers: [anna.pinned], at, when };
        const file = join(tree.root, 'crash.json');
        fs.writeFileSync(file, JSON.stringify(how));
        const script = fileURLToPath(new URL('./testing/crash.ts', import.meta.url));
        const child = spawn(process.execPath, [script, file], { stdio: ['ignore', 'inherit', 'inherit'] });
        const [code, signal] = (await once(child, 'exit')) as [number | null, string | null];
        if (signal === null) {
          assert.equal(code, 0);
          break;
        }
        records += 1;
        await overSsh(target, async (work) => {
          for (const open of await work.kept.open()) await carryOut(executor(work), open);
          await carryOut(executor(work), assignment);
          const outcomes = outcomesOf(work);
          assert.deepEqual(
            outcomes.map(({ index, ok, error }) => [index, ok, error]),
            STEPS.map((_, index) => [index, true, null]),
            `${when} record ${at}`,
          );
        });
        assert.deepEqual(log(tree, 'run/installed'), ['nodejs 0.10.48-1'], `${when} record ${at}`);
        assert.deepEqual(log(tree, 'run/log'), ['restart'], `${when} record ${at}`);
        assert.equal(fs.existsSync(join(tree.root, workDir(ACCESS), 'open')), true);
        await machines.at(-1)!.server.close();
      }
      // start, intent and done of each step, end, settled
      assert.equal(records, 1 + STEPS.length * 2 + 2);
    });
  }
});
