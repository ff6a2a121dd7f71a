import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Assignment } from '../../model/agent.ts';
import { isAppError, type ErrorCode } from '../../model/errors/index.ts';
import type { Plan } from '../../model/plan.ts';
import { canonicalHash, canonicalText, sha256 } from '../canonical.ts';
import { assign, newPerson, newPlan, type Person } from './testing/people.ts';
import { verifyAssignment, type TaskHistory, type Verifier } from './verify.ts';

const ME = 'agent_me';
const anna = newPerson('user_anna');
const bert = newPerson('user_bert');
const author = newPerson('user_author');
const stranger = newPerson('user_stranger');

const write = (path: string): Plan['waves'][number]['tasks'][number]['steps'][number] => ({
  kind: 'write-file',
  path,
  content: 'x',
  mode: '0644',
});
const served = { kind: 'verify-served', address: '127.0.0.1', port: 1, oldSpki: '' } as const;
const STEPS = [write('/a'), write('/b'), served, write('/c')];

const NEW: TaskHistory = { begun: false, done: new Set(), undone: false };
function verifier(history: Partial<TaskHistory> = {}, more: Partial<Verifier> = {}): Verifier {
  return {
    agentId: ME,
    approvers: [anna, bert, author].map((person) => person.pinned),
    now: new Date(),
    history: () => ({ ...NEW, ...history }),
    ...more,
  };
}
function good(
  more: Partial<Plan> = {},
  people: Person[] = [anna],
  leg: Partial<Assignment> = { from: 0, to: 2 },
): Assignment {
  const plan = newPlan(ME, STEPS, more);
  return assign(
    plan,
    people.map((person) => person.approve(plan)),
    leg,
  );
}
function refused(code: ErrorCode, assignment: Assignment, given: Verifier = verifier()): void {
  assert.throws(
    () => verifyAssignment(assignment, given),
    (error) => {
      assert.ok(isAppError(error), String(error));
      assert.equal(error.code, code);
      return true;
    },
  );
}

test('a plan that the right people signed is accepted', () => {
  assert.equal(verifyAssignment(good(), verifier()).task.id, 'task_1');
  assert.equal(verifyAssignment(good({ approvalsRequired: 2 }, [anna, bert]), verifier()).plan.approvalsRequired, 2);
  const second = good({}, [anna], { from: 3, to: 4 });
  assert.ok(verifyAssignment(second, verifier({ begun: true, done: new Set([0, 1]) })));
});

test('altered: a plan that is not the one signed, with the old digest or a fitting one', () => {
  const original = good();
  const altered = original.plan.replace('"/a"', '"/etc/shadow"');
  refused('REFUSED_PLAN_ALTERED', { ...original, plan: altered });
  refused('REFUSED_APPROVAL_OTHER_PLAN', { ...original, plan: altered, digest: sha256(altered) });
});

test('altered: not canonical, or a key that stands twice, even when the digest fits', () => {
  const plan = newPlan(ME, STEPS);
  const spaced = JSON.stringify(plan, null, 1);
  refused('REFUSED_PLAN_UNREADABLE', { ...assign(plan, [anna.approve(plan)]), plan: spaced, digest: sha256(spaced) });
  const twice = canonicalText(plan).replace(
    '{"abortAfterFailures":0',
    '{"abortAfterFailures":9,"abortAfterFailures":0',
  );
  refused('REFUSED_PLAN_UNREADABLE', { ...assign(plan, []), plan: twice, digest: sha256(twice) });
  refused('REFUSED_PLAN_UNREADABLE', { ...assign(plan, []), plan: 'null', digest: sha256('null') });
});

test('forged: a signature that does not fit its statement', () => {
  const assignment = good();
  const [approval] = assignment.approvals;
  const bytes = Buffer.from(approval!.signature, 'base64');
  bytes[5] = bytes[5]! ^ 1;
  refused('REFUSED_APPROVAL_FORGED', {
    ...assignment,
    approvals: [{ ...approval!, signature: bytes.toString('base64') }],
  });
  refused('REFUSED_APPROVAL_FORGED', { ...assignment, approvals: [{ ...approval!, signature: '' }] });
  const moved = { ...approval!, statement: { ...approval!.statement, approvedAt: '2020-01-01T00:00:00.000Z' } };
  refused('REFUSED_APPROVAL_FORGED', { ...assignment, approvals: [moved] });
});

test('wrong signer: anna’s key id over somebody else’s signature', () => {
  const plan = newPlan(ME, STEPS);
  const signed = stranger.approve(plan, { keyId: anna.pinned.keyId });
  refused('REFUSED_APPROVAL_FORGED', assign(plan, [signed], { to: 2 }));
});

test('unpinned key: a genuine approval by somebody this host never heard of', () => {
  refused('REFUSED_APPROVAL_KEY_UNKNOWN', good({}, [stranger]));
  const swapped = { ...stranger.pinned, keyId: anna.pinned.keyId };
  const plan = newPlan(ME, STEPS);
  const signed = stranger.approve(plan, { keyId: anna.pinned.keyId });
  refused('REFUSED_APPROVAL_KEY_UNKNOWN', assign(plan, [signed], { to: 2 }), verifier({}, { approvers: [swapped] }));
});

test('5.2: author-signed, by whatever key the author holds', () => {
  refused('REFUSED_APPROVAL_BY_AUTHOR', good({}, [author]));
  refused('REFUSED_APPROVAL_BY_AUTHOR', good({ approvalsRequired: 2 }, [anna, author]));
});

test('another plan: yesterday’s approval does not carry over', () => {
  const plan = newPlan(ME, STEPS);
  const other = newPlan(ME, STEPS, { nonce: 'other' });
  refused('REFUSED_APPROVAL_OTHER_PLAN', assign(plan, [anna.approve(other)], { to: 2 }));
  refused('REFUSED_APPROVAL_OTHER_PLAN', assign(plan, [anna.approve(plan, { changeId: 'change_2' })], { to: 2 }));
});

test('too few: one person twice is one person', () => {
  refused('REFUSED_APPROVALS_MISSING', good({ approvalsRequired: 2 }, [anna, anna]));
  refused('REFUSED_APPROVALS_MISSING', good({}, []));
});

test('expired and early: the host’s own clock decides; a chain that was begun may end', () => {
  const plan = { notAfter: new Date(Date.now() - 1000).toISOString() };
  refused('REFUSED_EXPIRED', good(plan));
  assert.ok(verifyAssignment(good(plan, [anna], { from: 3, to: 4 }), verifier({ begun: true, done: new Set([0, 1]) })));
  const old = { notAfter: new Date(Date.now() - 25 * 3_600_000).toISOString() };
  refused('REFUSED_EXPIRED', good(old, [anna], { from: 3, to: 4 }), verifier({ begun: true, done: new Set([0, 1]) }));
  refused('REFUSED_TOO_EARLY', good({ notBefore: new Date(Date.now() + 60_000).toISOString() }));
});

test('another host’s task, and a task that the plan does not hold', () => {
  refused('REFUSED_OTHER_HOST', good(), verifier({}, { agentId: 'agent_other' }));
  refused('REFUSED_TASK_UNKNOWN', good({}, [anna], { taskId: 'task_2' }));
});

test('legs hold host steps of the task and nothing else', () => {
  for (const leg of [
    { from: 0, to: 3 },
    { from: 2, to: 3 },
    { from: 1, to: 1 },
    { from: 2, to: 1 },
    { from: 0, to: 9 },
    { from: -1, to: 1 },
  ]) {
    refused('REFUSED_LEG', good({}, [anna], leg));
  }
});

test('replayed: what was done or undone here does not run again', () => {
  refused('REFUSED_REPLAYED', good(), verifier({ begun: true, done: new Set([0, 1, 3]) }));
  refused(
    'REFUSED_REPLAYED',
    good({}, [anna], { from: 3, to: 4 }),
    verifier({ begun: true, undone: true, done: new Set([0, 1]) }),
  );
  assert.ok(verifyAssignment(good(), verifier({ begun: true, done: new Set([0]) })), 'a leg that failed may go on');
  assert.ok(
    verifyAssignment(good(), verifier({ begun: true, done: new Set([0, 1]) })),
    'a leg of it may be told again',
  );
});

test('cut off after its last step, it may come to its end; undone, it may not', () => {
  const all = { begun: true, done: new Set([0, 1, 3]) };
  assert.ok(verifyAssignment(good(), verifier(all, { continuing: true })));
  refused('REFUSED_REPLAYED', good(), verifier({ ...all, undone: true }, { continuing: true }));
});

test('reordered: later steps before earlier ones, forwards and backwards', () => {
  refused('REFUSED_OUT_OF_ORDER', good({}, [anna], { from: 3, to: 4 }));
  refused('REFUSED_OUT_OF_ORDER', good({}, [anna], { from: 3, to: 4 }), verifier({ begun: true, done: new Set([0]) }));
  const undo = good({}, [anna], { mode: 'undo', from: 0, to: 2 });
  refused('REFUSED_OUT_OF_ORDER', undo, verifier({ begun: true, done: new Set([0, 1, 3]) }));
  assert.ok(verifyAssignment(undo, verifier({ begun: true, done: new Set([0, 1]) })));
});

test('undo: only of what was begun here, and only where the plan provides for it', () => {
  refused('REFUSED_UNDO', good({}, [anna], { mode: 'undo', from: 0, to: 2 }));
  const plan = newPlan(ME, STEPS);
  plan.waves[0]!.tasks[0]!.rollback = 'none';
  refused(
    'REFUSED_UNDO',
    assign(plan, [anna.approve(plan)], { mode: 'undo', to: 2 }),
    verifier({ begun: true, done: new Set([0]) }),
  );
});

test('property: no single changed character of plan, digest or signature gets through', () => {
  const plan = newPlan(ME, STEPS);
  const assignment = assign(plan, [anna.approve(plan)], { to: 2 });
  assert.equal(assignment.digest, canonicalHash(plan));
  const text = JSON.stringify({ plan: assignment.plan, digest: assignment.digest, approvals: assignment.approvals });
  fc.assert(
    fc.property(fc.nat(text.length - 1), fc.constantFrom(...'0af"}{,:1Z/'), (index, character) => {
      fc.pre(text[index] !== character);
      let changed: Assignment;
      try {
        changed = {
          ...assignment,
          ...(JSON.parse(text.slice(0, index) + character + text.slice(index + 1)) as object),
        };
      } catch {
        return;
      }
      // The last character of base64 may hold bits that no byte uses: the same signature, written differently.
      const same = changed.plan === assignment.plan && changed.digest === assignment.digest;
      const [before, after] = [assignment, changed].map((one) => one.approvals[0]);
      const bytes = (approval: typeof before): string =>
        `${JSON.stringify(approval?.statement)}${Buffer.from(approval?.signature ?? '', 'base64').toString('hex')}`;
      fc.pre(!(same && bytes(before) === bytes(after)));
      assert.throws(() => verifyAssignment(changed, verifier()));
    }),
    { numRuns: 400 },
  );
});
