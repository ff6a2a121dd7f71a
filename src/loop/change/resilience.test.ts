import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { after, before, test } from 'node:test';
import { isAppError } from '../../model/errors/index.ts';
import type { Platform } from '../../platform/context.ts';
import { takeOutcomes, tasksFor } from './agents.ts';
import { advance } from './advance.ts';
import type { AuthorityKind } from './authorities/contract.ts';
import { runChange, scheduleChange } from './control.ts';
import type { Deps } from './deps.ts';
import { outcomesOf } from './store-tasks.ts';
import { OLGA, pollAll, testEstate, type TestEstate } from './testing/estate.ts';
import type { TestHost } from './testing/host.ts';
import { viewChange } from './view.ts';

let estate: TestEstate;
before(async () => {
  estate = await testEstate(53);
});
after(() => estate.close());

class Killed extends Error {}

/** The same worker, killed as soon as it would write down what came of its n-th server step. */
function killedAt(deps: Deps, fatal: number): Deps {
  let working = 0;
  const observe: Platform['observe'] = (actor, fn) =>
    deps.platform.observe(actor, async (tx) => {
      const result = await fn(tx);
      if (result === 'finished' && working++ === fatal) throw new Killed();
      return result;
    });
  return { ...deps, platform: { ...deps.platform, observe } };
}

/** Counts what goes out to the authority. */
function counted(deps: Deps): { deps: Deps; calls: string[] } {
  const calls: string[] = [];
  const real = deps.authorities['step-ca']!;
  const kind: AuthorityKind = {
    issuers: real.issuers,
    issue: (access, csr, names) => {
      calls.push(`issue ${names.join()}`);
      return real.issue(access, csr, names);
    },
    revoke: (access, serial, reason) => {
      calls.push(`revoke ${serial}`);
      return real.revoke(access, serial, reason);
    },
    find: (access, spki) => real.find!(access, spki),
  };
  return { deps: { ...deps, authorities: { 'step-ca': kind } }, calls };
}

const LEASE_AND_MORE = 31_000;

test('a worker killed in any server step: the next one goes on, the host does nothing twice, each outcome stands once', async () => {
  // reissue, verify-served, revoke, verify-revoked, health check
  const { deps, calls } = counted(estate.deps);
  const hosts = await Promise.all([0, 1, 2, 3, 4].map(async (n) => ({ n })));
  for (const { n } of hosts) {
    const host = await estate.addHost(`kill-${n}`);
    const change = await estate.approved([host]);
    await runChange(deps, OLGA, change.id);
    const deadly = killedAt(deps, n);
    let deaths = 0;
    for (let round = 0; round < 40; round++) {
      const { state } = await viewChange(deps, change.id);
      if (state === 'closed' || state === 'failed') break;
      // From the death on another worker is there; until the lease of the dead one ends it finds nothing to do.
      const worker = deaths === 0 ? deadly : deps;
      let working = true;
      const work = advance(worker, change.id)
        .catch((error: unknown) => {
          if (!(error instanceof Killed)) throw error;
          deaths += 1;
          estate.later(LEASE_AND_MORE);
        })
        .finally(() => (working = false));
      while (working) await pollAll(deps, estate.audit, [host]);
      await work;
      await pollAll(deps, estate.audit, [host]);
    }
    const done = await viewChange(deps, change.id);
    assert.equal(deaths, 1, `step ${n}: nobody was killed`);
    assert.equal(done.state, 'closed', `killed in step ${n}: ${done.why}`);
    assert.equal(
      new Set(host.log.map((line, i) => (line.startsWith('restart') ? `${line} ${i}` : line))).size,
      host.log.length,
    );
    const [task] = done.waves[0]!.tasks;
    const seen = task!.outcomes.map((one) => `${one.phase} ${one.index}`);
    assert.equal(new Set(seen).size, seen.length);
    const entries = (await estate.entries(change.id)).filter((entry) => entry.type === 'change.step.finished');
    assert.equal(entries.length, seen.length, 'one entry on the trail for each');
  }
  // A certificate that was issued and not written down is found at the authority. A revocation goes out once more, of
  // the same serial number: that does no harm, and nothing else is repeated.
  assert.equal(calls.filter((call) => call === 'issue kill-0.test').length, 1);
  assert.equal(calls.filter((call) => call === 'issue kill-1.test').length, 1);
  const revoked = calls.filter((call) => call.startsWith('revoke'));
  assert.equal(revoked.length, 6);
  assert.equal(new Set(revoked).size, 5);
});

test('two workers at the same change at once: each server step goes out once', async () => {
  const { deps, calls } = counted(estate.deps);
  const host = await estate.addHost('twice');
  const change = await estate.approved([host]);
  await runChange(deps, OLGA, change.id);
  for (let round = 0; round < 60; round++) {
    if ((await viewChange(deps, change.id)).state !== 'running') break;
    let working = true;
    const work = Promise.all([1, 2, 3].map(() => advance(deps, change.id))).finally(() => (working = false));
    while (working) await pollAll(deps, estate.audit, [host]);
    await work;
  }
  assert.deepEqual(
    calls.map((call) => call.split(' ')[0]),
    ['issue', 'revoke'],
  );
  assert.equal((await viewChange(deps, change.id)).state, 'closed');
});

/** A change at work on a fresh host, with its assignment. */
async function atWork(
  name: string,
): Promise<{ host: TestHost; changeId: string; agent: { agentId: string; hostId: string } }> {
  const host = await estate.addHost(name);
  const change = await estate.approved([host]);
  await runChange(estate.deps, OLGA, change.id);
  await advance(estate.deps, change.id);
  return { host, changeId: change.id, agent: { agentId: host.agentId, hostId: host.hostId } };
}
const poll = async (agent: { agentId: string; hostId: string }) =>
  (await tasksFor(estate.deps, agent, 0, new AbortController().signal)).assignments;

test('6.12: an outcome that the host did not sign is refused, and that is on the trail', async () => {
  const { host, changeId, agent } = await atWork('forged');
  const [assignment] = await poll(agent);
  const [good] = await host.run({ ...assignment!, to: assignment!.from + 1 });
  const eve = generateKeyPairSync('ed25519').privateKey;
  const other = await atWork('other');
  const forgeries = {
    'signed by another key': host.sign(good!.plan, good!.outcome, eve),
    'altered after it was signed': { ...good!, outcome: { ...good!.outcome, ok: false, error: 'no' } },
    'for another plan': host.sign('e'.repeat(64), good!.outcome),
    'a step of the server': host.sign(good!.plan, { ...good!.outcome, index: 3, kind: 'reissue-certificate' }),
    'another kind of step': host.sign(good!.plan, { ...good!.outcome, kind: 'sysctl' }),
    'a step that is not in the plan': host.sign(good!.plan, { ...good!.outcome, index: 99 }),
    'no such task': host.sign(good!.plan, { ...good!.outcome, taskId: 'task_none' }),
  };
  const refused = (error: unknown): boolean => isAppError(error, 'OUTCOME_REFUSED');
  for (const [what, forged] of Object.entries(forgeries)) {
    await assert.rejects(takeOutcomes(estate.deps, agent, { outcomes: [forged], refused: [] }), refused, what);
  }
  // Genuine, but told by another agent than the one whose task it is; and a refusal in another's name.
  await assert.rejects(takeOutcomes(estate.deps, other.agent, { outcomes: [good!], refused: [] }), refused);
  const inName = { assignmentId: assignment!.id, taskId: assignment!.taskId, code: 'X', why: 'x' };
  await assert.rejects(takeOutcomes(estate.deps, other.agent, { outcomes: [], refused: [inName] }), refused);
  assert.deepEqual(await outcomesOf(estate.platform.db, [assignment!.taskId]), []);
  await takeOutcomes(estate.deps, agent, { outcomes: [good!], refused: [] });
  assert.equal((await outcomesOf(estate.platform.db, [assignment!.taskId])).length, 1);
  assert.equal((await viewChange(estate.deps, changeId)).waves[0]!.tasks[0]!.step, 1);
});

test('an outcome told twice, or ten times at once, stands once', async () => {
  const { host, changeId, agent } = await atWork('again');
  const [assignment] = await poll(agent);
  const outcomes = await host.run(assignment!);
  await Promise.all(Array.from({ length: 10 }, () => takeOutcomes(estate.deps, agent, { outcomes, refused: [] })));
  assert.equal((await outcomesOf(estate.platform.db, [assignment!.taskId])).length, outcomes.length);
  const entries = (await estate.entries(changeId)).filter((entry) => entry.type === 'change.step.finished');
  assert.equal(entries.length, outcomes.length);
});

test('a step that fails on the canary: it is undone there, and the rest of the estate is not touched', async () => {
  const canary = await estate.addHost('broken-a');
  const rest = await estate.addHost('broken-b');
  canary.failAt = 'service';
  const change = await estate.approved([canary, rest]);
  await runChange(estate.deps, OLGA, change.id);
  await estate.settle(change.id);
  const failed = await viewChange(estate.deps, change.id);
  assert.equal(failed.state, 'rolled-back');
  assert.equal(failed.why, 'broken-a: service: it did not work');
  assert.deepEqual(rest.log, []);
  assert.deepEqual(canary.log.slice(1), ['undo service', 'undo upgrade-package']);
  assert.deepEqual(
    failed.waves.map((wave) => wave.state),
    ['stopped', 'stopped'],
  );
});

test('5.4: approved now, it starts by itself at its time', async () => {
  const host = await estate.addHost('later');
  const change = await estate.approved([host]);
  const at = new Date(estate.deps.platform.now().getTime() + 3_600_000).toISOString();
  await scheduleChange(estate.deps, OLGA, change.id, at);
  await advance(estate.deps, change.id);
  assert.equal((await viewChange(estate.deps, change.id)).state, 'scheduled');
  estate.later(3_600_001);
  await estate.settle(change.id);
  assert.equal((await viewChange(estate.deps, change.id)).state, 'closed');
  const beyond = new Date(estate.deps.platform.now().getTime() + 30 * 86_400_000).toISOString();
  const other = await estate.approved([await estate.addHost('beyond')]);
  await assert.rejects(scheduleChange(estate.deps, OLGA, other.id, beyond), (e) => isAppError(e, 'CHANGE_WINDOW'));
});

test('an approver’s key that is revoked before the start takes its approval with it', async () => {
  const host = await estate.addHost('withdrawn');
  const change = await estate.approved([host]);
  estate.approvers.anna.revoked = true;
  try {
    await assert.rejects(runChange(estate.deps, OLGA, change.id), (e) => isAppError(e, 'CHANGE_NOT_APPROVED'));
    await scheduleChange(estate.deps, OLGA, change.id, estate.deps.platform.now().toISOString());
    await advance(estate.deps, change.id);
    assert.equal((await viewChange(estate.deps, change.id)).state, 'awaiting-approval');
    assert.deepEqual(host.log, []);
  } finally {
    estate.approvers.anna.revoked = false;
  }
});

test('an agent that waits is woken when its task comes', async () => {
  const host = await estate.addHost('asleep');
  const change = await estate.approved([host]);
  const agent = { agentId: host.agentId, hostId: host.hostId };
  const began = performance.now();
  const waiting = tasksFor(estate.deps, agent, 20, new AbortController().signal);
  await runChange(estate.deps, OLGA, change.id);
  await advance(estate.deps, change.id);
  assert.equal((await waiting).assignments.length, 1);
  assert.ok(performance.now() - began < 4000, 'it was not the fallback that woke it');
  const gone = new AbortController();
  const other = await estate.addHost('gone');
  const poll = tasksFor(estate.deps, { agentId: other.agentId, hostId: other.hostId }, 20, gone.signal);
  gone.abort();
  assert.deepEqual((await poll).assignments, []);
});
