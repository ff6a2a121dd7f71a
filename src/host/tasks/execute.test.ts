import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { localHost } from '../local.ts';
import { testTree } from '../steps/testing.ts';
import { carryOut, type Executor } from './execute.ts';
import { FileJournal } from './file-journal.ts';
import type { Journal } from './journal.ts';
import { assign, newPerson, newPlan } from './testing/people.ts';

const ME = 'agent_me';
const anna = newPerson('user_anna');
const tree = testTree();
after(() => tree.remove());

const killed = (systemctl: string): string => systemctl.split('restart|start)').join('restart|start) kill -TERM $$;');

/** What keeps assignments is not what is tested here. */
const kept = { keep: async () => {}, drop: async () => {} };

const executor = (journal: Journal, stopping: () => boolean = () => false): Executor => ({
  host: localHost({ root: tree.root }),
  journal,
  kept,
  agentId: ME,
  sign: () => null,
  approvers: [anna.pinned],
  log: { info: () => {}, warn: () => {}, error: () => {} },
  login: null,
  now: () => new Date(),
  progress: async () => {},
  stopping,
});

test('a machine that goes down ends its programs first: the step has not failed, it is done after the start', async () => {
  const plan = newPlan(ME, [{ kind: 'service', name: 'shop.service', action: 'restart' }]);
  const assignment = assign(plan, [anna.approve(plan)], { from: 0, to: 1 });
  const path = join(tree.root, 'journal.jsonl');
  let stopping = false;
  const restart = tree.file('usr/bin/systemctl');
  // Its systemctl is ended by the signal that all get; ours comes a little later.
  tree.put('usr/bin/systemctl', killed(restart));
  const first = new FileJournal(path);
  setTimeout(() => (stopping = true), 300);
  await carryOut(
    executor(first, () => stopping),
    assignment,
  );
  assert.deepEqual(first.pending(), [], 'nothing is told: nothing has come to an end');
  first.close();
  stopping = false;
  tree.put('usr/bin/systemctl', restart);
  const again = new FileJournal(path);
  await carryOut(executor(again), assignment);
  const told = again.pending().flatMap((record) => (record.t === 'done' ? [record.signed.outcome] : []));
  assert.deepEqual(
    told.map(({ index, ok, error }) => [index, ok, error]),
    [[0, true, null]],
  );
  again.close();
});

test('a command that was killed on a machine that stays up is a failed step', async () => {
  const plan = newPlan(ME, [{ kind: 'service', name: 'shop.service', action: 'restart' }]);
  const assignment = assign(plan, [anna.approve(plan)], { from: 0, to: 1 });
  const restart = tree.file('usr/bin/systemctl');
  tree.put('usr/bin/systemctl', killed(restart));
  const journal = new FileJournal(join(tree.root, 'other.jsonl'));
  await carryOut(executor(journal), assignment);
  const [record] = journal.pending();
  assert.ok(record?.t === 'done' && !record.signed.outcome.ok);
  assert.match(record.signed.outcome.error ?? '', /143/);
  journal.close();
});
