import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TaskState } from '../../../model/change.ts';
import type { Step } from '../../../model/kit.ts';
import type { StepOutcome, Task } from '../../../model/plan.ts';
import { currentLeg, nextStep } from './legs.ts';
import { decide, STALL_MS, type RolloutView, type TaskView } from './rollout.ts';
import { FRAME, inputOf } from './testing.ts';
import { assemblePlan, planTasks } from './planner.ts';

const [template] = planTasks(inputOf([{ name: 'web' }])).tasks;
const indexOf = (kind: Step['kind']): number => template!.steps.findIndex((step) => step.kind === kind);
const NOW = Date.parse('2026-01-02T00:00:00.000Z');

function outcome(task: Task, index: number, more: Partial<StepOutcome> = {}): StepOutcome {
  const at = '2026-01-01T00:00:00.000Z';
  const base = { taskId: task.id, index, kind: task.steps[index]?.kind ?? 'health', phase: 'apply' as const };
  return {
    ...base,
    ok: true,
    changed: true,
    startedAt: at,
    finishedAt: at,
    before: {},
    after: {},
    error: null,
    ...more,
  };
}

function view(name: string, state: TaskState, done: number, more: Partial<TaskView> = {}): TaskView {
  const task = { ...template!, id: `task_${name}`, hostName: name };
  const outcomes = Array.from({ length: done }, (_, index) => outcome(task, index));
  const rest = { error: null, movedAt: NOW, handed: 0, stuck: false, attempted: new Set<number>() };
  return { task, wave: 0, state, outcomes, ...rest, ...more };
}

function rollout(tasks: TaskView[], more: Partial<RolloutView> = {}): RolloutView {
  const plan = assemblePlan(
    inputOf([]),
    tasks.map((one) => one.task),
    FRAME,
  );
  const waves = [{ name: 'canary', canary: true, tasks: tasks.map((one) => one.task) }];
  return { state: 'running', stopping: null, plan: { ...plan, waves }, wavesDone: 0, tasks, now: NOW, ...more };
}

test('legs: contiguous host steps, split where it is the server’s turn', () => {
  const task = template!;
  const at = (done: number) =>
    currentLeg(
      task,
      'running',
      Array.from({ length: done }, (_, i) => outcome(task, i)),
    );
  assert.deepEqual(at(0), { mode: 'apply', from: 0, to: indexOf('reissue-certificate') });
  assert.deepEqual(at(1), { mode: 'apply', from: 1, to: indexOf('reissue-certificate') });
  assert.equal(at(indexOf('reissue-certificate')), null);
  assert.deepEqual(at(indexOf('install-certificate')), {
    mode: 'apply',
    from: indexOf('install-certificate'),
    to: indexOf('verify-served'),
  });
  assert.deepEqual(at(indexOf('invalidate-sessions')), {
    mode: 'apply',
    from: task.steps.length - 1,
    to: task.steps.length,
  });
  assert.equal(at(task.steps.length), null, 'the health check is the server’s');
});

test('a wave begins, its tasks go their way, and it ends when all are done', () => {
  assert.deepEqual(decide(rollout([view('a', 'waiting', 0)])), { kind: 'start-wave', wave: 0, taskIds: ['task_a'] });
  assert.equal(decide(rollout([view('a', 'running', 0)])).kind, 'wait');
  const reissue = indexOf('reissue-certificate');
  assert.deepEqual(decide(rollout([view('a', 'running', reissue)])), {
    kind: 'work',
    steps: [{ taskId: 'task_a', index: reissue }],
  });
  const all = template!.steps.length;
  assert.deepEqual(decide(rollout([view('a', 'running', all)])), {
    kind: 'work',
    steps: [{ taskId: 'task_a', index: all }],
  });
  assert.deepEqual(decide(rollout([view('a', 'running', all + 1)])), {
    kind: 'move',
    moves: [{ taskId: 'task_a', to: 'done' }],
  });
  assert.deepEqual(decide(rollout([view('a', 'done', all + 1)])), { kind: 'finish-wave', wave: 0, ok: true });
  assert.equal(decide(rollout([view('a', 'done', all + 1)], { wavesDone: 1 })).kind, 'verify');
});

test('more failures than the plan allows stop the rollout; as many do not', () => {
  const failed = view('a', 'failed', 0, { error: 'disk full' });
  const other = view('b', 'running', 0);
  const stop = decide(rollout([failed, other]));
  assert.deepEqual(stop, { kind: 'stop', why: 'a: disk full' });
  const tolerant = rollout([failed, other]);
  tolerant.plan = { ...tolerant.plan, abortAfterFailures: 1 };
  assert.equal(decide(tolerant).kind, 'wait');
});

const stopping = { stopping: 'a: disk full' };

test('taking back: what had not begun is skipped, what had is undone, and then it is over', () => {
  const failed = view('a', 'failed', 2);
  const waiting = view('b', 'waiting', 0);
  assert.deepEqual(decide(rollout([failed, waiting], stopping)), {
    kind: 'move',
    moves: [
      { taskId: 'task_a', to: 'rolling-back' },
      { taskId: 'task_b', to: 'skipped' },
    ],
  });
  assert.equal(decide(rollout([view('a', 'rolling-back', 2)], stopping)).kind, 'wait');
  const undone = view('a', 'rolling-back', 2);
  undone.outcomes = [...undone.outcomes, ...[1, 0].map((i) => outcome(undone.task, i, { phase: 'undo' }))];
  assert.deepEqual(decide(rollout([undone], stopping)), {
    kind: 'move',
    moves: [{ taskId: 'task_a', to: 'rolled-back' }],
  });
  const over = decide(rollout([view('a', 'rolled-back', 2), view('b', 'skipped', 0)], stopping));
  assert.deepEqual(over, { kind: 'end', state: 'rolled-back', why: 'a: disk full' });
});

test('a host that is at work on what it was handed is undone when it has ended, not before', () => {
  const busy = view('a', 'running', 1, { handed: 3 });
  assert.equal(decide(rollout([busy], stopping)).kind, 'wait');
  const ended = view('a', 'running', 3, { handed: 3 });
  assert.deepEqual(decide(rollout([ended], stopping)), {
    kind: 'move',
    moves: [{ taskId: 'task_a', to: 'rolling-back' }],
  });
});

test('once the old certificate may be revoked, nothing brings its key back', () => {
  const revoke = indexOf('revoke-certificate');
  const revoked = view('a', 'failed', revoke, { attempted: new Set([revoke]) });
  assert.deepEqual(decide(rollout([revoked], stopping)), { kind: 'end', state: 'failed', why: 'a: disk full' });
});

test('an undo that failed or was refused is not tried for ever', () => {
  const stuck = view('a', 'failed', 2, { stuck: true });
  assert.deepEqual(decide(rollout([stuck], stopping)), { kind: 'end', state: 'failed', why: 'a: disk full' });
});

test('an agent that is never heard of again fails its task, in time', () => {
  const silent = view('a', 'running', 0, { movedAt: NOW - STALL_MS - 1 });
  const decision = decide(rollout([silent]));
  assert.ok(decision.kind === 'move' && decision.moves[0]!.to === 'failed');
  const servers = view('a', 'running', indexOf('reissue-certificate'), { movedAt: NOW - STALL_MS - 1 });
  assert.equal(decide(rollout([servers])).kind, 'work');
});

test('5.11: after the window nothing begins, and what has begun ends', () => {
  const late = { now: Date.parse(FRAME.notAfter) + 1 };
  assert.equal(decide(rollout([view('a', 'waiting', 0, { movedAt: late.now })], late)).kind, 'stop');
  assert.equal(decide(rollout([view('a', 'running', 1, { movedAt: late.now })], late)).kind, 'wait');
});

test('paused, closed, cancelled: nothing is decided', () => {
  for (const state of ['paused', 'closed', 'cancelled', 'awaiting-approval'] as const) {
    assert.equal(decide(rollout([view('a', 'waiting', 0)], { state })).kind, 'wait');
  }
});

test('a step counts as done only behind all before it', () => {
  const task = template!;
  assert.equal(nextStep(task, [outcome(task, 1)]), 0);
  assert.equal(nextStep(task, [outcome(task, 0), outcome(task, 2)]), 1);
  assert.equal(nextStep(task, [outcome(task, 0, { ok: false })]), 0);
});
