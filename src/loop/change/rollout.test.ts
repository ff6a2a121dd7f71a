import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { sql } from 'kysely';
import { isAppError } from '../../model/errors/index.ts';
import type { Entry } from '../../model/trail.ts';
import { takeOutcomes, tasksFor } from './agents.ts';
import { advance } from './advance.ts';
import { campaignOf, updateCampaign } from './campaigns.ts';
import { cancelChange, pauseChange, resumeChange, rollbackChange, runChange } from './control.ts';
import { readRevocationList } from '../../platform/pki/revocation-list.ts';
import { createChange, replan } from './planning.ts';
import { authorityRows } from './store-authorities.ts';
import { OLGA, pollAll, testEstate, type TestEstate } from './testing/estate.ts';
import type { TestHost } from './testing/host.ts';
import { planOf } from './plans.ts';
import { viewChange } from './view.ts';

let estate: TestEstate;
before(async () => {
  estate = await testEstate(51);
});
after(() => estate.close());

const detailOf = (entry: Entry): Record<string, unknown> => entry.detail as Record<string, unknown>;
const stepsOf = (entries: Entry[]): string[] =>
  entries
    .filter((entry) => entry.type === 'change.step.finished')
    .map((entry) => `${String(detailOf(entry)['host'])} ${String(detailOf(entry)['step'])}`);

async function isRevoked(host: TestHost, serial: string): Promise<boolean> {
  const issuers = (await authorityRows(estate.platform.db)).flatMap((row) => row.issuers);
  const list = await readRevocationList(`${estate.authority.url}/1.0/crl`, issuers, new Date());
  assert.ok(!('why' in list), JSON.stringify(list));
  assert.ok(host);
  return list.has(serial);
}
const serialOf = (host: TestHost): string => estate.audit.exposed.find((one) => one.hostId === host.hostId)!.serial;

test('F.1, 5.20, 5.21: a compromised estate, from the plan to the proof', async () => {
  const { deps } = estate;
  const shop = await estate.addHost('shop');
  const pay = await estate.addHost('pay');
  const mail = await estate.addHost('mail', { key: pay.key, version: '0.10.48-1' });
  const change = await estate.approved([shop, pay, mail]);
  assert.deepEqual(change.left, []);
  assert.deepEqual(
    change.waves.map((wave) => wave.tasks.map((task) => task.hostName).sort()),
    [['mail', 'pay'].sort(), ['shop']],
  );
  const burning = await campaignOf(deps, 'heartbleed');
  assert.equal(burning.totals.share, 0);
  await runChange(deps, OLGA, change.id);
  await estate.settle(change.id);
  const done = await viewChange(deps, change.id);
  assert.equal(done.state, 'closed', done.why ?? '');
  assert.deepEqual(mail.log, ['rotate-key', 'install-certificate', 'restart mail.service', 'invalidate-sessions']);
  assert.deepEqual(shop.log, [
    'upgrade-package',
    'restart shop.service',
    ...mail.log.map((line) => line.replace('mail', 'shop')),
  ]);
  for (const host of [shop, pay, mail]) assert.ok(await isRevoked(host, serialOf(host)));
  const entries = await estate.entries(change.id);
  const steps = stepsOf(entries);
  for (const name of ['shop', 'pay', 'mail']) {
    assert.ok(steps.indexOf(`${name} verify-served`) < steps.indexOf(`${name} revoke-certificate`));
  }
  assert.ok(steps.indexOf('pay health check') < steps.indexOf('shop upgrade-package'), 'the canary comes first');
  const host = done.waves.flatMap((wave) => wave.tasks).flatMap((task) => task.outcomes);
  assert.ok(host.filter((one) => one.kind === 'rotate-key').every((one) => one.hostSigned));
  assert.ok(host.filter((one) => one.kind === 'verify-served').every((one) => !one.hostSigned));
  assert.deepEqual(entries.at(-1)!.type, 'change.change.closed');
  assert.equal(detailOf(entries.at(-1)!)['outcome'], 'closed');
  assert.deepEqual(
    done.observed!.packages.map((one) => one.to),
    ['0.10.48-1', '0.10.48-1'],
  );
  await updateCampaign(deps, 'heartbleed');
  const out = await campaignOf(deps, 'heartbleed');
  assert.equal(out.totals.share, 1, JSON.stringify(out.endpoints));
  assert.equal(out.state, 'out');
  assert.ok(out.outAt !== null);
});

test('M.2, F.3: a host that goes on serving the old key stops the run; nothing of it is revoked', async () => {
  const stubborn = await estate.addHost('stubborn');
  const waiting = await estate.addHost('waiting');
  stubborn.stubborn = true;
  const change = await estate.approved([stubborn, waiting]);
  assert.deepEqual(
    change.waves.map((wave) => wave.tasks[0]!.hostName),
    ['stubborn', 'waiting'],
  );
  await runChange(estate.deps, OLGA, change.id);
  const probes = estate.settle(change.id);
  await new Promise((resolve) => setTimeout(resolve, 3000));
  estate.later(20_000);
  await probes;
  const failed = await viewChange(estate.deps, change.id);
  assert.equal(failed.state, 'rolled-back');
  assert.match(failed.why!, /stubborn: verify-served: served key unchanged/);
  assert.equal(await isRevoked(stubborn, serialOf(stubborn)), false);
  assert.deepEqual(waiting.log, []);
  const steps = stepsOf(await estate.entries(change.id));
  assert.ok(!steps.some((step) => step.endsWith('revoke-certificate')));
  // What the host did to its keys is undone, the newest first; the hole stays closed.
  assert.deepEqual(
    stubborn.log.filter((line) => line.startsWith('undo')),
    ['undo service', 'undo install-certificate', 'undo rotate-key'],
  );
  assert.equal(failed.waves[1]!.tasks[0]!.state, 'skipped');
  assert.equal((await estate.audit.findings({ ids: ['finding_stubborn'] }))[0]!.state, 'open');
});

test('M.1, 5.21: upgraded, but the old program runs on: the change fails and says what is missing', async () => {
  const lazy = await estate.addHost('lazy');
  lazy.lazy = true;
  const change = await estate.approved([lazy]);
  await runChange(estate.deps, OLGA, change.id);
  const rollout = estate.settle(change.id);
  for (let tries = 0; (await viewChange(estate.deps, change.id)).state !== 'verifying' && tries < 200; tries++) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  estate.later(181_000);
  await rollout;
  const failed = await viewChange(estate.deps, change.id);
  assert.equal(failed.state, 'failed');
  assert.match(failed.why!, /not proven to be fixed: lazy: Installed package .* is planned/);
  assert.equal((await estate.audit.findings({ ids: ['finding_lazy'] }))[0]!.state, 'open');
  const entries = await estate.entries(change.id);
  const verified = entries.find((entry) => entry.type === 'change.change.verified')!;
  assert.equal((detailOf(verified)['findings'] as { state: string }[])[0]!.state, 'planned');
  const lazyInFunnel = (await campaignOf(estate.deps, 'heartbleed')).endpoints.find((one) => one.hostName === 'lazy')!;
  assert.equal(lazyInFunnel.steps.patched.state, 'done');
  assert.equal(lazyInFunnel.steps.restarted.state, 'open');
});

test('3.4: what only a boot or a person ends is no failure of the change; the finding goes on being open and says so', async () => {
  const host = await estate.addHost('booting');
  host.lazy = true;
  const { judge } = estate.audit;
  const pending = 'installed, but PID 1 (/sbin/init) run what was replaced until the next boot (kit kernel)';
  estate.audit.judge = async (hostId) => {
    const finding = estate.audit.all.get('finding_booting')!;
    if (hostId !== host.hostId) return judge(hostId);
    const lastSeenAt = estate.deps.platform.now().toISOString();
    estate.audit.all.set(finding.id, { ...finding, evidence: { needs: ['boot', 'person'] }, pending, lastSeenAt });
  };
  try {
    const change = await estate.approved([host]);
    await runChange(estate.deps, OLGA, change.id);
    await estate.settle(change.id);
    const done = await viewChange(estate.deps, change.id);
    assert.deepEqual([done.state, done.why], ['closed', null]);
    const [finding] = await estate.audit.findings({ ids: ['finding_booting'] });
    assert.deepEqual([finding!.state, finding!.changeId], ['open', null]);
    const verified = (await estate.entries(change.id)).find((entry) => entry.type === 'change.change.verified')!;
    assert.equal((detailOf(verified)['findings'] as { pending: string }[])[0]!.pending, pending);
  } finally {
    estate.audit.judge = judge;
  }
});

test('5.21: fresh sockets say nothing about processes: a change closes on facts that are all of them new', async () => {
  const host = await estate.addHost('partly');
  const change = await estate.approved([host]);
  await runChange(estate.deps, OLGA, change.id);
  // Its agent reads everything anew but the services, which it cannot.
  const setFacts = estate.audit.setFacts.bind(estate.audit);
  let blind = true;
  estate.audit.setFacts = (hostId, sections) => {
    setFacts(hostId, sections);
    if (hostId !== host.hostId || !blind) return;
    void estate.audit.facts(hostId).then(({ meta }) => {
      meta.services = { ...meta.services!, collectedAt: 'before', error: 'permission denied' };
    });
  };
  setFacts(host.hostId, host.facts(), 'before');
  let state = '';
  try {
    const rollout = estate.settle(change.id);
    for (let tries = 0; state !== 'verifying' && tries < 400; tries++) {
      await new Promise((resolve) => setTimeout(resolve, 25));
      ({ state } = await viewChange(estate.deps, change.id));
    }
    await new Promise((resolve) => setTimeout(resolve, 1500));
    assert.equal((await viewChange(estate.deps, change.id)).state, 'verifying', 'not on half of the facts');
    estate.later(181_000);
    await rollout;
  } finally {
    estate.audit.setFacts = setFacts;
    blind = false;
  }
  const failed = await viewChange(estate.deps, change.id);
  assert.equal(failed.state, 'failed');
  assert.match(failed.why!, /partly: no fresh facts yet \(services could not be read: permission denied\)/);
});

test('M.4: what the host says has changed since the approval stops the change, with the difference', async () => {
  const drifted = await estate.addHost('drifted');
  const change = await estate.approved([drifted]);
  await runChange(estate.deps, OLGA, change.id);
  await advance(estate.deps, change.id);
  const agent = { agentId: drifted.agentId, hostId: drifted.hostId };
  const { assignments } = await tasksFor(estate.deps, agent, 0, new AbortController().signal);
  const why = 'nodejs: plan says 0.10.48-1, candidate is 0.10.49-1';
  const { id, taskId } = assignments[0]!;
  const refused = [{ assignmentId: id, taskId, code: 'REFUSED_DRIFT', why }];
  await takeOutcomes(estate.deps, agent, { outcomes: [], refused });
  await takeOutcomes(estate.deps, agent, { outcomes: [], refused });
  await advance(estate.deps, change.id);
  const stopped = await viewChange(estate.deps, change.id);
  assert.equal(stopped.state, 'failed');
  assert.equal(stopped.why, `drifted: ${why} (REFUSED_DRIFT)`);
  assert.deepEqual(drifted.log, []);
  const types = (await estate.entries(change.id)).map((entry) => entry.type);
  assert.equal(types.filter((type) => type === 'change.task.refused').length, 1);
  // Planned again from the host as it is, the newer version is in the plan, and the old approval is worth nothing.
  drifted.candidate = '0.10.49-1';
  await pollAll(estate.deps, estate.audit, [drifted]);
  const { change: again } = await replan(estate.deps, OLGA, change.id);
  assert.equal(again.state, 'awaiting-approval');
  assert.notEqual(again.planDigest, change.planDigest);
  const step = (await planOf(estate.platform.db, again.planDigest!)).waves[0]!.tasks[0]!.steps[0];
  assert.deepEqual(step, { kind: 'upgrade-package', name: 'nodejs', version: '0.10.49-1' });
  await assert.rejects(runChange(estate.deps, OLGA, change.id), (e) => isAppError(e, 'CHANGE_NOT_APPROVED'));
});

test('M.4: facts that changed between approval and start stop it before a host is asked', async () => {
  const host = await estate.addHost('moved');
  const change = await estate.approved([host]);
  host.candidate = '0.10.50-1';
  estate.audit.setFacts(host.hostId, host.facts());
  const message = /nodejs on moved: plan says 0\.10\.48-1, candidate is 0\.10\.50-1/;
  await assert.rejects(
    runChange(estate.deps, OLGA, change.id),
    (e) => isAppError(e, 'CHANGE_STALE') && message.test(e.message),
  );
  const refused = await viewChange(estate.deps, change.id);
  assert.equal(refused.state, 'failed');
  assert.match(refused.why!, message);
  const last = (await estate.entries(change.id)).at(-1)!;
  assert.equal(last.type, 'change.plan.refused');
  assert.equal(detailOf(last)['code'], 'CHANGE_STALE');
});

test('paused, nothing begins; resumed, it goes on; a cancelled change leaves what was done and says so', async () => {
  const host = await estate.addHost('pausing');
  const change = await estate.approved([host]);
  await runChange(estate.deps, OLGA, change.id);
  await advance(estate.deps, change.id);
  await pauseChange(estate.deps, OLGA, change.id);
  await pollAll(estate.deps, estate.audit, [host]);
  await advance(estate.deps, change.id);
  assert.deepEqual(host.log, []);
  await assert.rejects(pauseChange(estate.deps, OLGA, change.id), (e) => isAppError(e, 'CHANGE_STATE'));
  await resumeChange(estate.deps, OLGA, change.id);
  await pollAll(estate.deps, estate.audit, [host]);
  assert.deepEqual(host.log, ['upgrade-package', 'restart pausing.service', 'rotate-key']);
  const cancelled = await cancelChange(estate.deps, OLGA, change.id);
  assert.equal(cancelled.state, 'cancelled');
  assert.equal((await estate.entries(change.id)).at(-1)!.type, 'change.change.closed', 'its record has an end');
  await advance(estate.deps, change.id);
  await pollAll(estate.deps, estate.audit, [host]);
  assert.equal(host.log.length, 3);
  assert.equal((await estate.audit.findings({ ids: ['finding_pausing'] }))[0]!.state, 'open');
  // What was done can still be taken back, but for what closes the hole.
  await rollbackChange(estate.deps, OLGA, change.id);
  await estate.settle(change.id);
  assert.deepEqual(host.log.slice(3), ['undo rotate-key']);
  assert.equal((await viewChange(estate.deps, change.id)).state, 'rolled-back');
});

test('a pause that comes while an agent is being handed its work: the agent gets nothing', async () => {
  const host = await estate.addHost('raced');
  const change = await estate.approved([host]);
  await runChange(estate.deps, OLGA, change.id);
  await advance(estate.deps, change.id);
  const { platform } = estate.deps;
  let paused = false;
  const observe: typeof platform.observe = async (actor, work) => {
    if (actor.kind === 'agent' && !paused) {
      paused = true;
      await pauseChange(estate.deps, OLGA, change.id);
    }
    return platform.observe(actor, work);
  };
  const deps = { ...estate.deps, platform: { ...platform, observe } };
  const identity = { agentId: host.agentId, hostId: host.hostId };
  const reply = await tasksFor(deps, identity, 0, new AbortController().signal);
  assert.ok(paused);
  assert.deepEqual(reply.assignments, []);
  await cancelChange(estate.deps, OLGA, change.id);
  assert.deepEqual(host.log, []);
});

test('an undo that failed can be tried again by a person', async () => {
  const host = await estate.addHost('undoing');
  host.failAt = 'install-certificate';
  host.failUndoAt = 'rotate-key';
  const change = await estate.approved([host]);
  await runChange(estate.deps, OLGA, change.id);
  await estate.settle(change.id);
  const stuck = await viewChange(estate.deps, change.id);
  assert.equal(stuck.state, 'failed');
  assert.match(stuck.waves[0]!.tasks[0]!.error!, /^undoing rotate-key: it did not work/);
  host.failUndoAt = null;
  await rollbackChange(estate.deps, OLGA, change.id);
  await estate.settle(change.id);
  assert.equal((await viewChange(estate.deps, change.id)).state, 'rolled-back');
  const tried = stepsOf(await estate.entries(change.id)).filter((step) => step.endsWith('rotate-key'));
  assert.equal(tried.length, 3, 'done, undone in vain, undone: all of it stays on the trail');
});

test('a closed change whose certificates are revoked cannot be undone, and says why', async () => {
  const changes = await estate.platform.db
    .withTables<{ 'change.change': { id: string; state: string } }>()
    .selectFrom('change.change')
    .select('id')
    .where('state', '=', 'closed')
    .execute();
  await assert.rejects(
    rollbackChange(estate.deps, OLGA, changes[0]!.id),
    (e) => isAppError(e, 'CHANGE_NO_UNDO') && /shop: the old certificate is revoked/.test(e.message),
  );
});

test('what cannot be planned is left with its reason; with nothing else the change is refused', async () => {
  const legacy = await estate.addHost('legacy', { managed: false });
  const asked = { kit: 'heartbleed', title: 'Heartbleed', reason: 'CVE-2014-0160', hosts: [legacy.hostId] };
  await assert.rejects(
    createChange(estate.deps, OLGA, asked),
    (e) => isAppError(e, 'CHANGE_NOTHING_TO_DO') && /legacy.test: it has no agent/.test(e.message),
  );
  const campaign = await campaignOf(estate.deps, 'heartbleed');
  const seen = campaign.endpoints.find((one) => one.hostId === legacy.hostId)!;
  assert.equal(seen.steps.patched.state, 'unknown');
  assert.equal(seen.complete, false);
});

test('a listener whose record went over to another host is still counted before its exposure has followed', async () => {
  const host = await estate.addHost('twin-record');
  const kept = await estate.addHost('record');
  const own = estate.audit.exposed.findIndex((one) => one.hostId === kept.hostId);
  estate.audit.exposed.splice(own, 1);
  const counted = async () => (await campaignOf(estate.deps, 'heartbleed')).endpoints.map((one) => one.endpoint);
  const name = `${host.address}:${host.port}`;
  assert.ok((await counted()).includes(name));
  const entry = { type: 'discovery.host.merged', subject: { kind: 'host' as const, id: kept.hostId } };
  await estate.platform.act(OLGA, entry, (tx) =>
    sql`update discovery.endpoint set host_id = ${kept.hostId} where host_id = ${host.hostId}`.execute(tx.db),
  );
  assert.ok((await counted()).includes(name));
});
