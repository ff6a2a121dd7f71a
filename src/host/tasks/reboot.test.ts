import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { StepOf } from '../../model/kit.ts';
import type { StepOutcome } from '../../model/plan.ts';
import { testTree, type TestTree } from '../steps/testing.ts';
import { assign, newPerson, newPlan } from './testing/people.ts';

const ME = 'agent_me';
const anna = newPerson('user_anna');
const trees: TestTree[] = [];
after(() => trees.forEach((tree) => tree.remove()));

const BOOT = 'proc/sys/kernel/random/boot_id';
const KERNEL = 'proc/sys/kernel/osrelease';

/** A machine that ends whoever asked it to reboot, as going down does, and is up with the next kernel right after. */
function machine(files: Record<string, string> = {}): TestTree {
  const tree = testTree({
    [BOOT]: 'boot-1\n',
    [KERNEL]: '6.1.0-17\n',
    'boot/next': '6.1.0-18\n',
    'run/log': '',
    ...files,
  });
  trees.push(tree);
  const asked = `  reboot) echo reboot >> run/log; echo boot-2 > ${BOOT}; /bin/cat boot/next > ${KERNEL}
    kill -9 $PPID ;;\n`;
  tree.put('usr/bin/systemctl', tree.file('usr/bin/systemctl').replace('  stop)', `${asked}  stop)`));
  return tree;
}

const step: StepOf<'reboot'> = { kind: 'reboot', kernel: '6.1.0-18', returnSeconds: 900 };

type Run = { signal: string | null; told: StepOutcome[] };
function runner(steps: StepOf<'reboot' | 'set-file-mode'>[]) {
  const plan = newPlan(ME, steps);
  const json = JSON.stringify({
    assignment: assign(plan, [anna.approve(plan)]),
    approvers: [anna.pinned],
    agentId: ME,
  });
  return (tree: TestTree, at = 0, when = ''): Promise<Run> => {
    const program = join(import.meta.dirname, 'testing/cut.ts');
    const child = spawn(process.execPath, [program, tree.root, json, String(at), when]);
    let [out, error] = ['', ''];
    child.stdout.on('data', (data: Buffer) => (out += data.toString()));
    child.stderr.on('data', (data: Buffer) => (error += data.toString()));
    return new Promise((resolve, reject) => {
      child.on('close', (code, signal) => {
        if (signal === null && code !== 0) reject(new Error(error));
        else resolve({ signal, told: out === '' ? [] : (JSON.parse(out) as StepOutcome[]) });
      });
    });
  };
}
const reboots = (tree: TestTree): number =>
  tree
    .file('run/log')
    .split('\n')
    .filter((line) => line === 'reboot').length;

test('a reboot is asked for once, and done when the machine is back with the wanted kernel and its units', async () => {
  const tree = machine();
  const run = runner([step]);
  assert.equal((await run(tree)).signal, 'SIGKILL', 'the machine went down under it');
  const [outcome] = (await run(tree)).told;
  assert.ok(outcome?.ok && outcome.changed);
  assert.deepEqual([outcome.before['bootId'], outcome.before['kernel']], ['boot-1', '6.1.0-17']);
  assert.deepEqual(
    [outcome.after['bootId'], outcome.after['kernel'], outcome.after['units']],
    ['boot-2', '6.1.0-18', 1],
  );
  assert.equal(reboots(tree), 1);
  const again = await run(tree);
  assert.deepEqual([again.signal, again.told.length, reboots(tree)], [null, 1, 1], 'told again, not done again');
});

test('killed at every write of the journal, before the boot and after it: one reboot, and the step before it once', async () => {
  const mode: StepOf<'set-file-mode'> = { kind: 'set-file-mode', path: '/etc/hostname', mode: '0600' };
  const run = runner([mode, step]);
  /** cuts of the first program: start, intent, done, intent; of the one after the boot: done, end */
  const cuts = [1, 2, 3, 4, 101, 102].flatMap((at) => [`${at} before`, `${at} after`]);
  const one = async (cut: string): Promise<void> => {
    const [at = 0, when] = [Number.parseInt(cut, 10), cut.split(' ')[1]];
    const tree = machine();
    assert.equal((await run(tree, at < 100 ? at : 0, when)).signal, 'SIGKILL', cut);
    let last = await run(tree, at > 100 ? at - 100 : 0, when);
    for (let tries = 0; last.signal !== null; tries += 1) {
      assert.ok(tries < 2, cut);
      last = await run(tree);
    }
    assert.deepEqual(
      last.told.map((told) => [told.index, told.ok, told.changed]),
      [
        [0, true, true],
        [1, true, true],
      ],
      cut,
    );
    assert.equal(reboots(tree), 1, cut);
  };
  for (let index = 0; index < cuts.length; index += 4) await Promise.all(cuts.slice(index, index + 4).map(one));
});

test('another kernel than wanted is said; nothing reboots a second time', async () => {
  const run = runner([step]);
  const other = machine({ 'boot/next': '6.1.0-17\n' });
  await run(other);
  const [outcome] = (await run(other)).told;
  assert.match(outcome!.error!, /has rebooted, but kernel 6\.1\.0-17 runs instead of 6\.1\.0-18/);
  assert.equal(reboots(other), 1);
});

test('rebooted since it was planned, or the kernel runs already: nothing is done', async () => {
  for (const given of [{ since: 'boot-0' }, {}]) {
    const tree = machine({ [KERNEL]: '6.1.0-18\n', 'run/log': '' });
    const [outcome] = (await runner([{ ...step, ...given }])(tree)).told;
    assert.deepEqual([outcome?.ok, outcome?.changed, reboots(tree)], [true, false, 0]);
  }
});
