import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { SignedOutcome } from '../../model/plan.ts';
import { compactJournal, FileJournal } from './file-journal.ts';
import type { JournalRecord } from './journal.ts';

const directory = fs.mkdtempSync(join(tmpdir(), 'lastember-journal-'));
after(() => fs.rmSync(directory, { recursive: true, force: true }));
let count = 0;
const newPath = (): string => join(directory, `${(count += 1)}`, 'journal.jsonl');

const digest = 'a'.repeat(64);
const task = { assignment: 'asg_1', digest, taskId: 'task_1' };
const signed = (index: number, ok = true, phase: 'apply' | 'undo' = 'apply'): SignedOutcome => ({
  agentId: 'agent_1',
  plan: digest,
  outcome: {
    taskId: 'task_1',
    index,
    kind: 'service',
    phase,
    ok,
    changed: true,
    startedAt: '2026-01-01T00:00:00.000Z',
    finishedAt: '2026-01-01T00:00:00.000Z',
    before: { pid: index },
    after: {},
    error: ok ? null : 'no',
  },
  signature: '',
});
const start: JournalRecord = { t: 'start', ...task, mode: 'apply', notAfter: '2026-01-02T00:00:00.000Z' };
const intent = (index: number, before = {}): JournalRecord => ({ t: 'intent', ...task, index, phase: 'apply', before });
const done = (index: number, ok = true): JournalRecord => ({
  t: 'done',
  ...task,
  index,
  phase: 'apply',
  signed: signed(index, ok),
});

test('what was written is there after opening again, and a torn last line is cut off', async () => {
  const path = newPath();
  const first = new FileJournal(path);
  for (const record of [start, intent(0, { pid: 7 }), done(0), intent(1)]) await first.write(record);
  first.close();
  fs.appendFileSync(path, '{"t":"done","assignment":"asg');
  const again = new FileJournal(path);
  assert.deepEqual([...again.task(digest, 'task_1').done], [0]);
  assert.deepEqual(again.task(digest, 'task_1').steps.get(0)?.before, { pid: 7 });
  assert.equal(again.task(digest, 'task_1').steps.get(1)?.last, null);
  assert.equal(again.ended({ id: 'asg_1', digest }), null);
  await again.write(done(1));
  await again.write({ t: 'end', ...task });
  again.close();
  const third = new FileJournal(path);
  assert.equal(third.ended({ id: 'asg_1', digest })?.length, 2);
  assert.equal(fs.statSync(path).mode & 0o777, 0o600);
  third.close();
});

test('pending is what was not acknowledged, oldest first, also after opening again', async () => {
  const path = newPath();
  const journal = new FileJournal(path);
  await journal.write(start);
  const first = await journal.write(done(0));
  await journal.write(done(1));
  await journal.write({
    t: 'refused',
    assignment: 'asg_2',
    taskId: 'task_2',
    fingerprint: digest,
    code: 'X',
    why: 'y',
  });
  await journal.write({ t: 'acked', records: [first] });
  const kinds = (one: FileJournal): string[] =>
    one.pending().map((record) => (record.t === 'done' ? `done ${record.index}` : record.t));
  assert.deepEqual(kinds(journal), ['done 1', 'refused']);
  journal.close();
  const again = new FileJournal(path);
  assert.deepEqual(kinds(again), ['done 1', 'refused']);
  again.close();
});

test('`before` is the one of the first try; a failed step is not done; an undone one is not done any more', async () => {
  const journal = new FileJournal(newPath());
  for (const record of [start, intent(0, { pid: 1 }), done(0, false), intent(0, { pid: 2 }), done(0)])
    await journal.write(record);
  const memory = journal.task(digest, 'task_1');
  assert.deepEqual(memory.steps.get(0)?.before, { pid: 1 });
  assert.ok(memory.done.has(0) && !memory.undone);
  await journal.write({ t: 'start', ...task, assignment: 'asg_u', mode: 'undo', notAfter: '2026-01-02T00:00:00.000Z' });
  assert.ok(journal.task(digest, 'task_1').undone);
  await journal.write({
    t: 'done',
    ...task,
    assignment: 'asg_u',
    index: 0,
    phase: 'undo',
    signed: signed(0, true, 'undo'),
  });
  assert.equal(journal.task(digest, 'task_1').done.size, 0);
  journal.close();
});

test('compacting forgets what expired and keeps everything else, numbers included', async () => {
  const path = newPath();
  const journal = new FileJournal(path);
  for (const record of [start, intent(0), done(0)]) await journal.write(record);
  const other = { assignment: 'asg_9', digest: 'b'.repeat(64), taskId: 'task_9' };
  await journal.write({ t: 'start', ...other, mode: 'apply', notAfter: '2027-01-01T00:00:00.000Z' });
  const n = await journal.write({ t: 'done', ...other, index: 0, phase: 'apply', signed: signed(0) });
  journal.close();
  compactJournal(path, '2026-06-01T00:00:00.000Z');
  const again = new FileJournal(path);
  assert.equal(again.task(digest, 'task_1').begun, false);
  assert.ok(again.task(other.digest, 'task_9').done.has(0));
  assert.deepEqual(
    again.pending().map((record) => record.n),
    [n],
  );
  again.close();
});
