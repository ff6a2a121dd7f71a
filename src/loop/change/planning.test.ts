import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { sql } from 'kysely';
import { Plan } from '../../model/plan.ts';
import { packagesOf } from '../../model/step-packages.ts';
import { plannedUpgrades } from './planned-upgrades.ts';
import { isAppError } from '../../model/errors/index.ts';
import { campaignOf } from './campaigns.ts';
import { createChange, replan } from './planning.ts';
import { allChanges } from './store.ts';
import { OLGA, pollAll, testEstate, type TestEstate } from './testing/estate.ts';
import { cancelChange } from './control.ts';
import { toChanges } from './view.ts';

let estate: TestEstate;
before(async () => {
  estate = await testEstate(56);
});
after(() => estate.close());

const asked = { kit: 'heartbleed', title: 'Heartbleed', reason: 'CVE-2014-0160' };

test('a kit that never saw a key leak has no fire: it is neither burning nor out', async () => {
  const campaign = await campaignOf(estate.deps, 'heartbleed');
  assert.deepEqual([campaign.state, campaign.totals.endpoints, campaign.openedAt], ['none', 0, null]);
});

test('two plans that are made at the same instant: one of them has the hosts, the other is told who', async () => {
  const hosts = [await estate.addHost('first'), await estate.addHost('second')].map((host) => host.hostId);
  const results = await Promise.allSettled([
    createChange(estate.deps, OLGA, { ...asked, hosts }),
    createChange(estate.deps, OLGA, { ...asked, hosts: hosts.slice(1) }),
  ]);
  const made = results.flatMap((one) => (one.status === 'fulfilled' ? [one.value.change] : []));
  const refused = results.flatMap((one) => (one.status === 'rejected' ? [one.reason as unknown] : []));
  assert.equal(made.length, 1, JSON.stringify(refused));
  assert.ok(isAppError(refused[0], 'CONFLICT') && refused[0].message.includes(made[0]!.id), String(refused[0]));
  assert.equal((await allChanges(estate.platform.db)).length, 1, 'nothing is left of the other');
  const [finding] = await estate.audit.findings({ ids: ['finding_second'] });
  assert.deepEqual([finding!.state, finding!.changeId], ['planned', made[0]!.id]);

  // The same for two changes that are planned again at once.
  await cancelChange(estate.deps, OLGA, made[0]!.id);
  const { change: other } = await createChange(estate.deps, OLGA, { ...asked, hosts });
  await cancelChange(estate.deps, OLGA, other.id);
  const again = await Promise.allSettled([made[0]!, other].map((change) => replan(estate.deps, OLGA, change.id)));
  assert.deepEqual(again.map((one) => one.status).sort(), ['fulfilled', 'rejected']);
});

test('facts taken while a service restarted: the host looks once more before it is planned', async () => {
  const host = await estate.addHost('restarting');
  const whole = host.facts();
  const sockets = whole.sockets!.map((socket) => ({ ...socket, pid: null, process: null, unit: null, package: null }));
  estate.audit.setFacts(host.hostId, { ...whole, sockets }, '2026-01-01T00:00:00.000Z');
  const making = createChange(estate.deps, OLGA, { ...asked, hosts: [host.hostId] });
  let made = false;
  void making.finally(() => (made = true)).catch(() => undefined);
  while (!made) {
    await pollAll(estate.deps, estate.audit, [host]);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const { change, left } = await making;
  assert.deepEqual(left, []);
  assert.equal(change.waves[0]!.tasks[0]!.steps, 10, 'with its keys');
  await cancelChange(estate.deps, OLGA, change.id);
});

test('the list of changes says the same as each by itself', async () => {
  const { deps, platform } = estate;
  const rows = await allChanges(platform.db);
  const listed = await toChanges(deps, rows);
  assert.equal(listed.length, 3);
  for (const [i, row] of rows.entries()) assert.deepEqual(listed[i], (await toChanges(deps, [row]))[0]);
});

test('3.10: while a change is not over, it tells which packages of a host it brings to which version', async () => {
  const { deps, platform } = estate;
  const [host, other] = [await estate.addHost('planned'), await estate.addHost('unplanned')];
  const { change } = await createChange(deps, OLGA, { ...asked, hosts: [host.hostId] });
  const text = await sql<{ text: string }>`select text from change.plan where digest = ${change.planDigest}`.execute(
    platform.db,
  );
  const plan = Plan.parse(JSON.parse(text.rows[0]!.text));
  const packages = plan.waves[0]!.tasks[0]!.steps.flatMap(packagesOf);
  assert.ok(packages.length > 0);
  const hosts = [host.hostId, other.hostId];
  assert.deepEqual(await plannedUpgrades(platform.db, hosts), [{ hostId: host.hostId, changeId: change.id, packages }]);
  assert.deepEqual(await plannedUpgrades(platform.db, [other.hostId]), []);
  await cancelChange(deps, OLGA, change.id);
  assert.deepEqual(await plannedUpgrades(platform.db, hosts), []);
});
