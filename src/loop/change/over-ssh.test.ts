import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'kysely';
import { isAppError } from '../../model/errors/index.ts';
import { Entry } from '../../model/trail.ts';
import type { TestTree } from '../../host/steps/testing.ts';
import { cancelChange, pauseChange, resumeChange, rollbackChange, runChange } from './control.ts';
import { tick } from './advance.ts';
import { workOverSsh } from './over-ssh.ts';
import { createChange } from './planning.ts';
import { hostsOverSsh } from './store-tasks.ts';
import { ADAM, Approver, OLGA } from './testing/estate.ts';
import { sshEstate, type SshEstate, type SshTestHost } from './testing/over-ssh.ts';
import { viewChange } from './view.ts';

let estate: SshEstate;
before(async () => {
  estate = await sshEstate(61);
});
after(() => estate.close());

const log = (tree: TestTree, name: string): string[] =>
  fs.existsSync(join(tree.root, name)) ? tree.file(name).split('\n').filter(Boolean) : [];

async function entries(changeId: string, type: string): Promise<Entry[]> {
  const subject = `change:${changeId}`;
  const { rows } = await sql<{ bytes: Buffer }>`select bytes from ledger.entry where subject = ${subject}
    and type = ${type} order by seq`.execute(estate.platform.db);
  return rows.map((row) => Entry.parse(JSON.parse(row.bytes.toString('utf8'))));
}

/** Nothing of the kit was done there. */
function untouched({ tree }: SshTestHost): void {
  assert.deepEqual(log(tree, 'run/installed'), []);
  assert.deepEqual(log(tree, 'run/log'), []);
  assert.equal(fs.existsSync(join(tree.root, 'etc/issue')), false);
}

/** Its package run takes so long, and is written down. */
function slow({ tree }: SshTestHost, seconds: number): void {
  const put = `#!/bin/sh\ncase "$*" in *-q*) echo begun >> run/apt; sleep ${seconds}; echo ended >> run/apt;; esac\n`;
  tree.put('usr/bin/apt-get', tree.file('usr/bin/apt-get').replace('#!/bin/sh\n', put));
}

const once = ({ tree }: SshTestHost): void => {
  assert.deepEqual(log(tree, 'run/apt'), ['begun', 'ended']);
  assert.deepEqual(log(tree, 'run/installed'), ['nodejs 0.10.48-1']);
  assert.deepEqual(log(tree, 'run/log'), ['restart']);
};

/** A change whose package run is under way there. */
async function inTheMiddle(
  name: string,
  seconds = 2,
): Promise<{ host: SshTestHost; id: string; working: Promise<unknown> }> {
  const host = await estate.addHost(name);
  slow(host, seconds);
  const { id } = await estate.approved([host]);
  await runChange(estate.deps, OLGA, id);
  const working = estate.platform.drain();
  while (log(host.tree, 'run/apt').length === 0) await sleep(20);
  return { host, id, working };
}

test('2.8: a host without an agent goes through the same plan, approval, steps and proof, observed and not signed', async () => {
  const host = await estate.addHost('one');
  const before = host.server.logins();
  const change = await estate.approved([host]);
  await runChange(estate.deps, OLGA, change.id);
  const done = await estate.settle(change.id);
  assert.equal(done.state, 'closed', done.why ?? '');
  const [task] = done.waves[0]!.tasks;
  assert.equal(task!.over, 'ssh');
  assert.deepEqual(
    task!.outcomes.map(({ kind, ok, hostSigned }) => [kind, ok, hostSigned]),
    ['upgrade-packages', 'write-file', 'set-file-line', 'service', 'health'].map((kind) => [kind, true, false]),
  );
  const access = (await estate.enrollment.sshAccess(host.hostId))!;
  const steps = (await entries(change.id, 'change.step.finished')).map(
    (entry) => entry.detail as Record<string, unknown>,
  );
  assert.deepEqual(
    steps.map(({ step, signedBy, overSsh, signature }) => [step, signedBy, overSsh, signature]),
    [
      ...['upgrade-packages', 'write-file', 'set-file-line', 'service'].map((step) => [
        step,
        'server',
        access.id,
        undefined,
      ]),
      ['health check', 'server', undefined, undefined],
    ],
  );
  assert.deepEqual(
    done.observed?.packages.map(({ name, to }) => [name, to]),
    [['nodejs', '0.10.48-1']],
  );
  assert.equal(access.changingUntil, null);
  assert.ok(host.server.logins() - before <= 3, 'one connection for the steps, the rest for looks');
});

test('what runs there was signed by approvers who were pinned when the host was adopted, whoever was added later', async () => {
  const host = await estate.addHost('pinned');
  const eve = new Approver({ ...ADAM, id: 'user_eve' });
  estate.added.push(eve);
  const change = await estate.approved([host], eve);
  assert.equal(change.state, 'scheduled', 'to the server her approval counts');
  await runChange(estate.deps, OLGA, change.id);
  const failed = await estate.settle(change.id);
  assert.equal(failed.state, 'failed');
  assert.match(failed.why!, /REFUSED_APPROVAL_KEY_UNKNOWN/);
  untouched(host);

  // A signature that was made up in the database, and one that was taken from another plan.
  const other = await estate.approved([host]);
  await runChange(estate.deps, OLGA, other.id);
  await estate.platform.observe(OLGA, async (tx) => {
    await sql`update change.approval set signature = ${Buffer.alloc(64).toString('base64')}
      where digest = ${other.planDigest}`.execute(tx.db);
    await tx.record({ type: 'change.plan.approved', subject: { kind: 'change', id: other.id } });
  });
  const forged = await estate.settle(other.id);
  assert.match(forged.why!, /REFUSED_APPROVAL_FORGED/);
  untouched(host);

  // Adopted again, she is pinned as well; what was planned before names another access.
  const old = await estate.approved([host], eve);
  await estate.adopt(host);
  await assert.rejects(runChange(estate.deps, OLGA, old.id), (e) => isAppError(e, 'CHANGE_STALE'));
  const anew = await estate.approved([host], eve);
  await runChange(estate.deps, OLGA, anew.id);
  assert.equal((await estate.settle(anew.id)).state, 'closed');
});

test('a host that was adopted before approvers could be pinned is left out, with what to do', async () => {
  const host = await estate.addHost('early');
  await estate.platform.observe(OLGA, async (tx) => {
    await sql`update enrollment.access set approver_keys = '[]' where host_id = ${host.hostId}`.execute(tx.db);
    await tx.record({ type: 'enrollment.access.granted', subject: { kind: 'host', id: host.hostId } });
  });
  const wish = { kit: 'tidy', title: 'Tidy', reason: 'test', hosts: [host.hostId] };
  await assert.rejects(createChange(estate.deps, OLGA, wish), /deploy --agentless --force/);
});

test('the connection is cut in the middle: the step goes on, is waited for, and done once', async () => {
  const { host, id, working } = await inTheMiddle('cut');
  host.server.drop();
  await working;
  const view = await viewChange(estate.deps, id);
  assert.equal(view.state, 'running');
  assert.ok(view.waves[0]!.tasks[0]!.note);
  const done = await estate.settle(id, { ahead: true });
  assert.equal(done.state, 'closed', done.why ?? '');
  assert.equal(done.waves[0]!.tasks[0]!.note, null);
  once(host);
});

test('the server is shut down in the middle: the step is not failed, and the next worker brings it to its end', async () => {
  const { host, id, working } = await inTheMiddle('shutdown');
  estate.stop();
  await working;
  assert.equal((await viewChange(estate.deps, id)).waves[0]!.tasks[0]!.outcomes.length, 0);
  estate.start();
  assert.equal((await estate.settle(id, { ahead: true })).state, 'closed');
  once(host);
});

test('two workers at once: one connection, everything once; a look waits, and nobody looks while a leg is half-way', async () => {
  const { host, id, working } = await inTheMiddle('two', 3);
  const before = host.server.logins();
  await workOverSsh(estate.deps, host.hostId);
  await estate.platform.observe(OLGA, (tx) => estate.enrollment.askLooks(tx, [host.hostId]));
  await estate.enrollment.lookOver(host.hostId, async () => assert.fail('a look beside a change'));
  assert.equal(host.server.logins(), before, 'neither logged in');
  // A worker that was killed renews nothing: after a minute another may come, but nobody looks at what is half-way.
  estate.later(61_000);
  assert.ok(!(await estate.enrollment.dueForLook(10)).includes(host.hostId));
  assert.equal((await estate.settle(id)).state, 'closed');
  await working;
  once(host);
});

test('nobody changes a host while it is looked at', async () => {
  const host = await estate.addHost('looked-at');
  const { id } = await estate.approved([host]);
  await runChange(estate.deps, OLGA, id);
  await estate.platform.observe(OLGA, (tx) => estate.enrollment.askLooks(tx, [host.hostId]));
  let seen = false;
  await estate.enrollment.lookOver(host.hostId, async () => {
    seen = true;
    await estate.platform.drain();
    untouched(host);
  });
  assert.ok(seen);
  assert.equal((await estate.settle(id, { ahead: true })).state, 'closed');
});

test('a host that is away: tried again and said why, then failed; one that comes back goes on', async () => {
  const host = await estate.addHost('away');
  const { id } = await estate.approved([host]);
  await host.server.close();
  await runChange(estate.deps, OLGA, id);
  await estate.platform.drain();
  assert.match((await viewChange(estate.deps, id)).waves[0]!.tasks[0]!.note!, /Connecting to .* did not work/);
  await host.back();
  assert.equal((await estate.settle(id, { ahead: true })).state, 'closed');

  const gone = await estate.addHost('gone');
  const other = await estate.approved([gone]);
  await gone.server.close();
  await runChange(estate.deps, OLGA, other.id);
  await estate.platform.drain();
  estate.later(16 * 60_000);
  await tick(estate.deps);
  const failed = await estate.settle(other.id);
  assert.equal(failed.state, 'failed');
  assert.match(failed.why!, /nothing could be done over SSH for a quarter of an hour: Connecting to/);
  untouched(gone);
});

test('a step that fails: what was done is undone in reverse, on the canary alone', async () => {
  const host = await estate.addHost('broken');
  const next = await estate.addHost('next');
  host.tree.put('run/fail', '');
  const { id } = await estate.approved([host, next]);
  await runChange(estate.deps, OLGA, id);
  while (!['failed', 'rolled-back'].includes((await estate.settle(id, { seconds: 3 })).state)) {
    // The canary is whichever the planner took.
    fs.rmSync(join(host.tree.root, 'run/fail'), { force: true });
    next.tree.put('run/fail', '');
  }
  for (const { tree } of [host, next]) {
    if (log(tree, 'run/log').length === 0) continue;
    assert.match(tree.file('var/lib/dpkg/status'), /0\.10\.0-1/);
    assert.match(tree.file('etc/ssh/sshd_config'), /PermitRootLogin yes/);
    assert.equal(fs.existsSync(join(tree.root, 'etc/issue')), false);
  }
});

test('paused, nothing more is begun; resumed, it goes on; rolled back by a person, it is as before', async () => {
  const host = await estate.addHost('paused');
  const { id } = await estate.approved([host]);
  await runChange(estate.deps, OLGA, id);
  await pauseChange(estate.deps, OLGA, id);
  await estate.platform.drain();
  untouched(host);
  await resumeChange(estate.deps, OLGA, id);
  assert.equal((await estate.settle(id)).state, 'closed');
  assert.match(host.tree.file('etc/ssh/sshd_config'), /PermitRootLogin no/);
  await rollbackChange(estate.deps, OLGA, id);
  const back = await estate.settle(id);
  assert.equal(back.state, 'rolled-back', back.why ?? '');
  assert.match(host.tree.file('etc/ssh/sshd_config'), /PermitRootLogin yes/);
  assert.match(host.tree.file('var/lib/dpkg/status'), /0\.10\.0-1/);
  assert.ok(back.waves[0]!.tasks[0]!.outcomes.filter(({ phase }) => phase === 'undo').every(({ ok }) => ok));
});

test('cancelled while its worker is dead: what was begun is brought to its end and written down, nothing else', async () => {
  const { host, id, working } = await inTheMiddle('cancelled');
  host.server.drop();
  await working;
  await cancelChange(estate.deps, OLGA, id);
  await estate.platform.drain({ ahead: true });
  assert.equal((await viewChange(estate.deps, id)).state, 'cancelled');
  assert.deepEqual(log(host.tree, 'run/apt'), ['begun', 'ended']);
  assert.ok((await entries(id, 'change.step.finished')).length > 0);
  assert.equal((await estate.enrollment.sshAccess(host.hostId))!.changingUntil, null, 'looks may come again');
});

test('adopted again in the middle of a plan: its task ends, since what was signed names another access', async () => {
  const host = await estate.addHost('anew');
  const { id } = await estate.approved([host]);
  await runChange(estate.deps, OLGA, id);
  await estate.adopt(host);
  const failed = await estate.settle(id);
  assert.equal(failed.state, 'failed');
  assert.match(failed.why!, /the access over SSH that the plan names has ended/);
  untouched(host);
});

test('M.4: a host that is not as it was planned for is refused with the difference, and nothing runs', async () => {
  const host = await estate.addHost('drifted');
  const { id } = await estate.approved([host]);
  host.tree.put('repo/candidate', '0.10.49-1\n');
  await runChange(estate.deps, OLGA, id);
  const failed = await estate.settle(id);
  assert.match(failed.why!, /nodejs: plan says 0\.10\.48-1, candidate is 0\.10\.49-1.*REFUSED_DRIFT/);
  untouched(host);
});

test('M.8: a history that does not continue the one left on the host stops everything there, and raises the alarm', async () => {
  const host = await estate.addHost('witness');
  estate.trail.push('second', 'third');
  const first = await estate.approved([host]);
  await runChange(estate.deps, OLGA, first.id);
  assert.equal((await estate.settle(first.id)).state, 'closed');
  host.tree.put('etc/ssh/sshd_config', 'Port 22\nPermitRootLogin yes\n');
  host.tree.put('var/lib/dpkg/status', host.tree.file('var/lib/dpkg/status').replace('0.10.48-1', '0.10.0-1'));
  await estate.platform.observe(OLGA, (tx) => estate.enrollment.askLooks(tx, [host.hostId]));
  await estate.enrollment.dueForLook(10);
  await estate.audit.jobs['audit.collect']!({ hostId: host.hostId });
  await estate.platform.drain();
  const change = await estate.approved([host]);
  estate.trail.splice(1, 2, 'other', 'history', 'altogether');
  await runChange(estate.deps, OLGA, change.id);
  const failed = await estate.settle(change.id);
  assert.match(failed.why!, /does not continue the one that was seen .*REFUSED_TRAIL_ALTERED/);
  assert.equal(estate.alarms.length, 1);
  assert.match(host.tree.file('etc/ssh/sshd_config'), /PermitRootLogin yes/);
  assert.deepEqual(log(host.tree, 'run/log'), ['restart']);
  estate.trail.splice(1, 3, 'second', 'third');
});

/** A re-key over the access that the host has now; its old private key waits for an undo. Returns where. */
async function rekeyed(host: SshTestHost): Promise<string> {
  const access = (await estate.enrollment.sshAccess(host.hostId))!;
  const [assignment, digest, taskId] = ['as_1', 'f'.repeat(64), 'task_rekey'];
  const at = estate.platform.now().toISOString();
  const backup = `etc/ssl/shop.key.bak-${access.id.slice(-8)}`;
  const before = { key: { backup: `/${backup}` }, certificate: {} };
  const step = { taskId, index: 0, kind: 'install-certificate', phase: 'apply', ok: true, error: null, changed: true };
  const outcome = { ...step, startedAt: at, finishedAt: at, before, after: {} };
  const named = { assignment, digest, taskId };
  const signed = { agentId: access.id, plan: digest, outcome, signature: null };
  const journal = `var/lib/lastember/ssh/${access.id}/journal.jsonl`;
  const records = [
    { t: 'start', ...named, mode: 'apply', notAfter: at },
    { t: 'intent', ...named, index: 0, phase: 'apply', before },
    { t: 'done', ...named, index: 0, phase: 'apply', signed },
    { t: 'end', ...named },
  ];
  host.tree.put(backup, 'the old key');
  host.tree.put(journal, host.tree.file(journal) + records.map((one) => `${JSON.stringify(one)}\n`).join(''));
  return join(host.tree.root, backup);
}

async function changed(name: string): Promise<{ host: SshTestHost; key: string }> {
  const host = await estate.addHost(name);
  const { id } = await estate.approved([host]);
  await runChange(estate.deps, OLGA, id);
  assert.equal((await estate.settle(id)).state, 'closed');
  return { host, key: await rekeyed(host) };
}

test('when nothing can be undone any more, the host is visited once to remove what only that would have needed', async () => {
  const { host, key } = await changed('settled');
  const logins = host.server.logins();
  await tick(estate.deps);
  await workOverSsh(estate.deps, host.hostId);
  assert.equal(host.server.logins(), logins, 'not yet');
  assert.ok(fs.existsSync(key));
  estate.later(9 * 24 * 3_600_000);
  await workOverSsh(estate.deps, host.hostId);
  assert.equal(host.server.logins(), logins + 1);
  assert.ok(!fs.existsSync(key), 'the old private key is gone');
  await workOverSsh(estate.deps, host.hostId);
  assert.equal(host.server.logins(), logins + 1);
});

test('adopted anew before that, what was left by the access before is removed as well', async () => {
  const { host, key } = await changed('settled anew');
  await estate.adopt(host);
  estate.later(9 * 24 * 3_600_000);
  await workOverSsh(estate.deps, host.hostId);
  assert.ok(!fs.existsSync(key), 'the old private key is gone');
});

test('where nobody comes over SSH any more, what stays on the host is written down once, and it is not tried for ever', async () => {
  const { host, key } = await changed('let go');
  const access = (await estate.enrollment.sshAccess(host.hostId))!;
  await estate.platform.observe(OLGA, async (tx) => {
    await sql`delete from enrollment.access where host_id = ${host.hostId}`.execute(tx.db);
    await tx.record({ type: 'enrollment.access.ended', subject: { kind: 'host', id: host.hostId } });
  });
  estate.later(9 * 24 * 3_600_000);
  const due = (): Promise<boolean> =>
    hostsOverSsh(estate.platform.db, estate.platform.now()).then((ids) => ids.includes(host.hostId));
  assert.ok(await due());
  for (const _ of [1, 2]) await workOverSsh(estate.deps, host.hostId);
  assert.ok(!(await due()));
  assert.ok(fs.existsSync(key));
  const { rows } = await sql<{ bytes: Buffer }>`select bytes from ledger.entry
    where type = 'change.leftovers.kept'`.execute(estate.platform.db);
  const told = rows.map((row) => Entry.parse(JSON.parse(row.bytes.toString('utf8'))));
  assert.deepEqual(
    told.map(({ subject, detail }) => [subject.id, (detail as { directories: string[] }).directories]),
    [[host.hostId, [`/var/lib/lastember/ssh/${access.id}`]]],
  );
});
