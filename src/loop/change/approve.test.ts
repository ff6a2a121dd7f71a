import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { isAppError } from '../../model/errors/index.ts';
import { approveChange } from './approve.ts';
import { cancelChange, runChange } from './control.ts';
import { createChange, replan } from './planning.ts';
import { ADAM, ANNA, OLGA, testEstate, type TestEstate } from './testing/estate.ts';
import { viewChange } from './view.ts';

let estate: TestEstate;
before(async () => {
  estate = await testEstate(54);
});
after(() => estate.close());

const code = (wanted: Parameters<typeof isAppError>[1]) => (error: unknown) => isAppError(error, wanted);
const asked = (hostId: string) => ({
  kit: 'heartbleed',
  title: 'Heartbleed',
  reason: 'CVE-2014-0160',
  hosts: [hostId],
});

test('5.2: nobody approves a change of their own, an administrator neither', async () => {
  const { deps, approvers } = estate;
  const host = await estate.addHost('own');
  const { change } = await createChange(deps, ADAM, asked(host.hostId));
  const { adam, anna } = approvers;
  const own = adam.approve(change.id, change.planDigest!);
  await assert.rejects(approveChange(deps, ADAM, change.id, own), code('APPROVAL_BY_AUTHOR'));
  // Planned again by somebody else it is still Adam's change.
  const { change: again } = await replan(deps, OLGA, change.id);
  const second = adam.approve(change.id, again.planDigest!);
  await assert.rejects(approveChange(deps, ADAM, change.id, second), code('APPROVAL_BY_AUTHOR'));
  assert.equal((await viewChange(deps, change.id)).state, 'awaiting-approval');
  await assert.rejects(runChange(deps, ADAM, change.id), code('CHANGE_NOT_APPROVED'));
  const approved = await approveChange(deps, ANNA, change.id, anna.approve(change.id, again.planDigest!));
  assert.equal(approved.state, 'scheduled');
  const types = (await estate.entries(change.id)).map((entry) => entry.type);
  assert.equal(types.filter((type) => type === 'change.approval.refused').length, 2, 'refusals are on the trail');
});

test('an approval is for one plan, by the person who is signed in, and once', async () => {
  const { deps, approvers } = estate;
  const host = await estate.addHost('once');
  const { change } = await createChange(deps, OLGA, asked(host.hostId));
  const { anna, adam } = approvers;
  const digest = change.planDigest!;
  const borrowed = adam.approve(change.id, digest);
  await assert.rejects(approveChange(deps, ANNA, change.id, borrowed), code('APPROVAL_OTHER_PERSON'));
  const stale = anna.approve(change.id, 'e'.repeat(64));
  await assert.rejects(approveChange(deps, ANNA, change.id, stale), code('APPROVAL_OTHER_PLAN'));
  const forged = { ...anna.approve(change.id, digest), signature: borrowed.signature };
  await assert.rejects(approveChange(deps, ANNA, change.id, forged), code('APPROVAL_FORGED'));
  const early = anna.approve(change.id, digest, '2020-01-01T00:00:00.000Z');
  await assert.rejects(approveChange(deps, ANNA, change.id, early), code('APPROVAL_TIME'));
  await approveChange(deps, ANNA, change.id, anna.approve(change.id, digest));
  await assert.rejects(approveChange(deps, ADAM, change.id, borrowed), code('CHANGE_STATE'));
  const { change: again } = await replan(deps, OLGA, change.id);
  assert.deepEqual(again.approvals, []);
  // The signature for the plan before does not count for this one.
  await assert.rejects(
    approveChange(deps, ANNA, change.id, anna.approve(change.id, digest)),
    code('APPROVAL_OTHER_PLAN'),
  );
});

test('a plan that is too large for one takes two people', async () => {
  const { deps, approvers } = estate;
  const { anna, adam } = approvers;
  const strict = {
    ...deps,
    platform: { ...deps.platform, config: { ...deps.platform.config, secondApprovalHosts: 1 } },
  };
  const host = await estate.addHost('large');
  const { change } = await createChange(strict, OLGA, asked(host.hostId));
  assert.equal(change.approvalsRequired, 2);
  const digest = change.planDigest!;
  const first = await approveChange(deps, ANNA, change.id, anna.approve(change.id, digest));
  assert.equal(first.state, 'awaiting-approval');
  await assert.rejects(approveChange(deps, ANNA, change.id, anna.approve(change.id, digest)), code('APPROVAL_TWICE'));
  const second = await approveChange(deps, ADAM, change.id, adam.approve(change.id, digest));
  assert.equal(second.state, 'scheduled');
});

test('a plan whose time is over is neither approved nor run', async () => {
  const { deps, approvers } = estate;
  const host = await estate.addHost('expired');
  const { change } = await createChange(deps, OLGA, asked(host.hostId));
  const ready = await estate.approved([await estate.addHost('ready')]);
  estate.later(8 * 86_400_000);
  const now = deps.platform.now().toISOString();
  const late = approvers.anna.approve(change.id, change.planDigest!, now);
  await assert.rejects(approveChange(deps, ANNA, change.id, late), code('APPROVAL_EXPIRED'));
  await assert.rejects(runChange(deps, OLGA, ready.id), code('CHANGE_WINDOW'));
});

test('a host is in one change of a kit at a time', async () => {
  const { deps } = estate;
  const host = await estate.addHost('claimed');
  const { change } = await createChange(deps, OLGA, asked(host.hostId));
  assert.equal((await estate.audit.findings({ ids: ['finding_claimed'] }))[0]!.changeId, change.id);
  await assert.rejects(
    createChange(deps, OLGA, asked(host.hostId)),
    (e) => isAppError(e, 'CHANGE_NOTHING_TO_DO') && e.message.includes(`change ${change.id} covers it already`),
  );
  await cancelChange(deps, OLGA, change.id);
  const { change: other } = await createChange(deps, OLGA, asked(host.hostId));
  assert.deepEqual(other.findings, ['finding_claimed']);
});
