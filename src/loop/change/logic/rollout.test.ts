import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TaskState } from '../../../model/change.ts';
import { isServerStep, type Step } from '../../../model/kit.ts';
import type { StepOutcome, Task } from '../../../model/plan.ts';
import { currentLeg, nextStep, toUndo } from './legs.ts';
import { decide, STALL_MS, type RolloutView, type TaskMove, type TaskView } from './rollout.ts';
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

const indexesOf = (task: Task, from: number, to: number): number[] =>
  task.steps.flatMap((step, index) => (index >= from && index < to && !isServerStep(step) ? [index] : []));

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
  assert.equal(decide(tolerant).kind, 'stop', 'a canary that failed is enough');
  const rest = tolerant.plan.waves.map((wave) => ({ ...wave, canary: false }));
  assert.equal(decide({ ...tolerant, plan: { ...tolerant.plan, waves: rest } }).kind, 'wait');
});

const stopping = { stopping: 'a: disk full' };

test('taking back: what had not begun is skipped, what had is undone, and then it is over', () => {
  const failed = view('a', 'failed', 1);
  const waiting = view('b', 'waiting', 0);
  assert.deepEqual(decide(rollout([failed, waiting], stopping)), {
    kind: 'move',
    moves: [
      { taskId: 'task_a', to: 'rolling-back' },
      { taskId: 'task_b', to: 'skipped' },
    ],
  });
  assert.equal(decide(rollout([view('a', 'rolling-back', 1)], stopping)).kind, 'wait');
  const undone = view('a', 'rolling-back', 1);
  undone.outcomes = [...undone.outcomes, outcome(undone.task, 0, { phase: 'undo' })];
  assert.deepEqual(decide(rollout([undone], stopping)), {
    kind: 'move',
    moves: [{ taskId: 'task_a', to: 'rolled-back' }],
  });
  const over = decide(rollout([view('a', 'rolled-back', 2), view('b', 'skipped', 0)], stopping));
  assert.deepEqual(over, { kind: 'end', state: 'rolled-back', why: 'a: disk full' });
});

test('what closes the hole stays, once all of it is done; the keys are taken back, and only they', () => {
  const key = indexOf('rotate-key');
  const failing = indexOf('verify-served');
  const bad = (task: Task): StepOutcome => outcome(task, failing, { ok: false, error: 'served key unchanged' });
  const late = view('a', 'rolling-back', failing);
  late.outcomes = [...late.outcomes, bad(late.task)];
  assert.deepEqual(toUndo(late.task, late.outcomes).toSorted(), indexesOf(late.task, key, failing));
  const leg = currentLeg(late.task, 'rolling-back', late.outcomes)!;
  assert.ok(leg.mode === 'undo' && leg.from >= key && leg.to <= failing);
  // The restart failed: the new version does not run, so the old one comes back.
  const early = view('b', 'failed', key - 1);
  early.outcomes = [...early.outcomes, outcome(early.task, key - 1, { ok: false, error: 'it does not start' })];
  assert.ok(toUndo(early.task, early.outcomes).includes(0));
  // Between the two there is nothing to take back, and nothing to be called skipped.
  const [move] = (decide(rollout([view('c', 'running', key)], stopping)) as { moves: TaskMove[] }).moves;
  assert.equal(move?.to, 'failed');
  assert.match(move?.error ?? '', /they close the hole/);
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

test('F.3: nothing is revoked while another host of the wave may still serve it', () => {
  const revoke = indexOf('revoke-certificate');
  const last = view('b', 'running', revoke);
  const other = view('a', 'running', indexOf('install-certificate'));
  assert.equal(decide(rollout([other, last])).kind, 'wait');
  const served = view('a', 'running', indexOf('verify-served') + 1);
  const both = decide(rollout([served, last]));
  assert.ok(both.kind === 'work' && both.steps.some(({ taskId, index }) => taskId === 'task_b' && index === revoke));
  // With failures that the plan tolerates it is the same: the one that failed would be cut off.
  const lost = view('a', 'failed', indexOf('install-certificate'), { error: 'disk full' });
  const { plan } = rollout([lost, last]);
  const waves = plan.waves.map((wave) => ({ ...wave, canary: false }));
  const given = decide(rollout([lost, last], { plan: { ...plan, waves, abortAfterFailures: 1 } }));
  assert.ok(given.kind === 'move' && given.moves[0]!.to === 'failed');
  assert.match(given.moves[0]!.error!, /a did not get its new certificate/);
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

test('a host that does not come back from its reboot in the time that the plan gives it: the task fails and says so', () => {
  const steps: Step[] = [{ kind: 'reboot', returnSeconds: 1800 }];
  const gone = (movedAt: number): TaskMove[] => {
    const one = view('a', 'running', 0, { movedAt, handed: 1 });
    const decision = decide(rollout([{ ...one, task: { ...one.task, steps } }]));
    return decision.kind === 'move' ? decision.moves : [];
  };
  assert.deepEqual(gone(NOW - STALL_MS - 1), [], 'a reboot may take longer than other steps');
  assert.match(gone(NOW - 1_800_001)[0]!.error!, /not reported that it is back within 1800 s/);
});
