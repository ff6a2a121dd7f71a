import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { sql } from 'kysely';
import type * as z from 'zod';
import { testSshServer, type TestSshServer } from '../../host/ssh/testing/server.ts';
import { systemActor } from '../../model/actor.ts';
import type { Coverage, Deployment, DeploymentInput } from '../../model/deployment.ts';
import { isAppError } from '../../model/errors/index.ts';
import { listEntries } from '../../platform/ledger/index.ts';
import { testPlatform, type TestPlatform } from '../../platform/testing.ts';
import { createDiscovery, type Discovery } from '../discovery/index.ts';
import { addScope, newSshKey } from '../discovery/testing/index.ts';
import { endAccess } from './agentless.ts';
import { approveDeployment, approveRule, cancelDeployment } from './approve-deployment.ts';
import { coverage } from './coverage.ts';
import { addCredential } from './credentials.ts';
import { createEnrollment } from './index.ts';
import { createDeployment } from './make-deployment.ts';
import { addRule, endRule, listRules, tick } from './rules.ts';
import { runDeployment } from './run-deployment.ts';
import {
  claimDeploymentHost,
  deployments,
  holdDeployment,
  letGoOfDeployment,
  setDeploymentHost,
  takeDeployment,
} from './store-deployments.ts';
import { Approver } from './testing/approver.ts';
import { MISSING } from './testing/box.ts';
import { keepPacked, PACKS_SMALL } from './testing/packed.ts';

const olga = { kind: 'user' as const, id: 'user_olga', name: 'olga', role: 'operator' as const };
const anna = new Approver('anna');
const KEY = 'lastember.test+00000000+key';
const root = mkdtempSync(join(tmpdir(), 'lastember-governed-'));
const clock = { now: new Date('2026-03-02T12:00:00.000Z') };
const keys = [anna.key];
let base: TestPlatform;
let platform: TestPlatform;
let discovery: Discovery;
let scope = 0;
const servers: TestSshServer[] = [];

const later = (minutes: number): void => void (clock.now = new Date(clock.now.getTime() + minutes * 60_000));
const inHours = (hours: number): string => new Date(clock.now.getTime() + hours * 3_600_000).toISOString();
const code =
  (...codes: string[]) =>
  (error: unknown): boolean =>
    codes.some((one) => isAppError(error, one as never));

before(async () => {
  base = await testPlatform({ now: () => new Date(clock.now) });
  await keepPacked(base.config.dataDir);
  platform = { ...base, approverKeys: async () => [...keys] };
  discovery = createDiscovery(platform);
  const enrollment = createEnrollment(platform, discovery, async () => KEY);
  base.handle({ ...enrollment.jobs, 'audit.collect': async () => undefined });
  for (const [path, text] of [
    ['bin/id', "#!/bin/sh\nprintf '0'\n"],
    ['bin/df', '#!/bin/sh\necho "F 1024-blocks U Available C M"\necho "/dev/x 9 9 9000000 9% /"\n'],
    ['bin/systemctl', '#!/bin/sh\nexit 0\n'],
    ...PACKS_SMALL.map((name) => [`bin/${name}`, MISSING] as const),
  ] as const) {
    mkdirSync(join(root, path, '..'), { recursive: true });
    writeFileSync(join(root, path), text, { mode: 0o755 });
  }
  // Nothing can be put below a file: an installation breaks there, after it has begun.
  writeFileSync(join(root, 'opt'), '');
  await addCredential(platform, discovery, olga, {
    kind: 'password',
    name: 'ops',
    username: 'ops',
    password: 'secret',
    for: ['127.79.0.0/16'],
  });
});
after(async () => {
  await Promise.all(servers.map((server) => server.close()));
  await base?.close();
  rmSync(root, { recursive: true, force: true });
});

/** Machines nobody has listed, in a network of their own. */
async function found(
  count: number,
  tag?: [string, string],
): Promise<{ ids: string[]; net: string; servers: (TestSshServer & { hostKey: string })[] }> {
  scope += 1;
  const made: (TestSshServer & { hostKey: string })[] = [];
  const ids: string[] = [];
  const net = `127.79.${scope}.0/24`;
  await addScope(platform, { name: `net-${scope}`, cidrs: [net], ports: '1-65535' });
  for (let index = 1; index <= count; index += 1) {
    const address = `127.79.${scope}.${index}`;
    const how = { root, username: 'ops', password: 'secret', path: join(root, 'bin'), hostKey: newSshKey(), address };
    const server = await testSshServer(how);
    made.push(Object.assign(server, { hostKey: how.hostKey }));
    servers.push(server);
    ids.push((await discovery.probeNow(address, server.port)).hostId);
  }
  if (tag)
    await platform.observe(olga, async (tx) => {
      await sql`update discovery.host set tags = ${JSON.stringify({ [tag[0]]: tag[1] })}::jsonb where id = any(${ids})`.execute(
        tx.db,
      );
      await tx.record({ type: 'discovery.host.tagged', subject: { kind: 'system', id: 'test' } });
    });
  return { ids, net, servers: made };
}

const deploy = (how: z.input<typeof DeploymentInput>): Promise<Deployment> =>
  createDeployment(platform, discovery, olga, { agentless: true, ...how });
const again = async (id: string): Promise<Deployment> => (await deployments(platform.db, [id]))[0]!;
const states = (deployment: Deployment): string[] => deployment.hosts.map((host) => host.state);
const managed = async (ids: string[]): Promise<string[]> =>
  (await discovery.hosts({ ids })).filter((host) => host.management === 'managed').map((host) => host.id);
const byRule = async (ruleId: string): Promise<Deployment[]> =>
  (await deployments(platform.db)).filter((one) => one.rule === ruleId);

test('2.2: an installation that breaks half-way stops the waves after it; the failed only are retried', async () => {
  const { ids } = await found(7);
  const made = await deploy({ hostIds: ids, agentless: false, wave: 3, maxFailed: 1, concurrency: 1 });
  await base.drain();
  const broken = await again(made.id);
  assert.deepEqual(
    broken.hosts.map((host) => host.wave),
    [0, 0, 0, 1, 1, 1, 2],
  );
  // The second one was one too many: the rest of its own wave is protected as well.
  assert.deepEqual(states(broken), ['failed', 'failed', ...Array.from({ length: 5 }, () => 'stopped')]);
  assert.match(broken.why!, /broke after it had begun \(.*\); 1 were allowed/);
  assert.match(broken.hosts[6]!.why!, /broke after it had begun/);
  assert.equal((await discovery.host(broken.hosts[6]!.hostId))!.management, 'unmanaged', 'left alone is not refused');
  await assert.rejects(deploy({ retryOf: 'dep_none' }), code('NOT_FOUND'));

  // What failed before anything was written counts for nothing: machines that let nobody in are normal.
  const strangers = await deploy({ hostIds: ids, agentless: true, concurrency: 2, wave: 4 });
  await base.drain();
  assert.deepEqual(new Set(states(await again(strangers.id))), new Set(['done']));
  for (const id of ids.slice(0, 2)) await endAccess(platform, discovery, olga, (await discovery.host(id))!);
  const nothing = await deploy({ retryOf: made.id, agentless: true }).then((one) =>
    one.hosts.map((host) => host.hostId),
  );
  assert.deepEqual(nothing.toSorted(), ids.toSorted(), 'hosts without an agent still have none');
  await base.drain();
});

test('2.2: one that fails is retried alone, with the same logins, and only when the deployment is over', async () => {
  const { ids, servers: made } = await found(3);
  await made[1]!.close();
  const first = await deploy({ hostIds: ids, credentials: ['ops'] });
  await assert.rejects(deploy({ retryOf: first.id }), code('DEPLOY_NOT_OVER'));
  await base.drain();
  const done = await again(first.id);
  const failed = done.hosts.filter((host) => host.state === 'failed');
  assert.deepEqual(
    failed.map((host) => host.hostId),
    [ids[1]],
  );
  assert.match(failed[0]!.why!, /over SSH did not work/);
  const address = (await discovery.host(ids[1]!))!.addresses[0]!;
  const how = { root, username: 'ops', password: 'secret', path: join(root, 'bin'), address };
  servers.push(await testSshServer({ ...how, port: made[1]!.port, hostKey: made[1]!.hostKey }));
  const second = await deploy({ retryOf: first.id, agentless: false });
  assert.deepEqual([second.hosts.map((host) => host.hostId), second.agentless], [[ids[1]], true]);
  await base.drain();
  assert.deepEqual(states(await again(second.id)), ['done']);
  await assert.rejects(deploy({ retryOf: second.id }), code('DEPLOY_NOTHING_LEFT'));
});

test('2.7: a deployment that asks is not begun before an approver other than its author signed exactly it', async () => {
  const { ids, servers: made } = await found(2);
  const asked = await deploy({ hostIds: ids, ask: true });
  assert.deepEqual([asked.state, asked.approvalsRequired, asked.approvers], ['awaiting-approval', 1, []]);
  await base.drain({ ahead: true });
  await tick(platform, discovery);
  await base.drain();
  assert.deepEqual(
    made.map((server) => server.logins()),
    [0, 0],
  );
  const own = new Approver('olga', 'admin');
  keys.push(own.key);
  await assert.rejects(
    approveDeployment(platform, own.actor, asked.id, own.sign(asked.id, asked.planDigest!, clock.now)),
    code('APPROVAL_BY_AUTHOR'),
  );
  await assert.rejects(
    approveDeployment(platform, anna.actor, asked.id, anna.sign(asked.id, 'e'.repeat(64), clock.now)),
    code('APPROVAL_OTHER_PLAN'),
  );
  await assert.rejects(
    approveDeployment(platform, anna.actor, asked.id, anna.sign('dep_other', asked.planDigest!, clock.now)),
    code('APPROVAL_OTHER_PLAN'),
  );
  const given = await approveDeployment(
    platform,
    anna.actor,
    asked.id,
    anna.sign(asked.id, asked.planDigest!, clock.now),
  );
  assert.deepEqual([given.state, given.approvers.map(({ name }) => name)], ['scheduled', ['anna']]);
  await base.drain();
  assert.deepEqual([(await again(asked.id)).state, await managed(ids)], ['done', ids.toSorted()]);
  const entries = await listEntries(platform.db, { subject: { kind: 'deployment', id: asked.id } });
  assert.deepEqual(entries.map(({ entry }) => entry.type.slice('enrollment.deployment.'.length)).toSorted(), [
    'approved',
    'finished',
    'planned',
    'refused',
    'refused',
    'refused',
    'started',
  ]);
});

test('2.7: what was not in the signed plan is not touched, whatever the tables say', async () => {
  const { ids } = await found(2);
  const [one, other] = ids as [string, string];
  const asked = await deploy({ hostIds: [one], ask: true });
  await approveDeployment(platform, anna.actor, asked.id, anna.sign(asked.id, asked.planDigest!, clock.now));
  await sql`insert into enrollment.deployment_host (deployment_id, host_id, host_name, state) values (${asked.id}, ${other}, 'x', 'waiting')`.execute(
    platform.db,
  );
  await base.drain();
  const done = await again(asked.id);
  assert.deepEqual(await managed(ids), [one]);
  assert.match(done.hosts.find((host) => host.hostId === other)!.why!, /not in the plan that was approved/);
});

test('2.7: a key that was revoked before the start approves nothing any more; nor does time that has passed', async () => {
  const { ids, servers: made } = await found(1);
  const leaver = new Approver('leo');
  keys.push(leaver.key);
  const asked = await deploy({ hostIds: ids, ask: true, notBefore: inHours(2), notAfter: inHours(3) });
  await approveDeployment(platform, leaver.actor, asked.id, leaver.sign(asked.id, asked.planDigest!, clock.now));
  keys.splice(keys.indexOf(leaver.key), 1);
  later(121);
  await base.drain({ ahead: true });
  const ended = await again(asked.id);
  assert.equal(ended.state, 'cancelled');
  assert.match(ended.why!, /approval does not hold any more/);

  const missed = await deploy({ hostIds: ids, ask: true, notAfter: inHours(1) });
  later(61);
  await assert.rejects(
    approveDeployment(platform, anna.actor, missed.id, anna.sign(missed.id, missed.planDigest!, clock.now)),
    code('APPROVAL_EXPIRED'),
  );
  await tick(platform, discovery);
  await base.drain({ ahead: true });
  assert.deepEqual(
    [(await again(missed.id)).state, (await again(missed.id)).why],
    ['cancelled', 'nobody approved it in time'],
  );
  await assert.rejects(deploy({ hostIds: ids, notBefore: inHours(2), notAfter: inHours(1) }), code('DEPLOY_TIME'));
  assert.equal(made[0]!.logins(), 0);
});

test('2.7: it begins at its time, and begins with no host after its window', async () => {
  const { ids, servers: made } = await found(2);
  const planned = await deploy({ hostIds: ids, notBefore: inHours(1), notAfter: inHours(2), wave: 1 });
  assert.equal(planned.state, 'scheduled');
  await base.drain();
  assert.equal(made[0]!.logins(), 0);
  later(61);
  await runDeployment({ ...platform, now: oneLookThenLate(60) }, discovery, planned.id, async () => KEY);
  await base.drain();
  const done = await again(planned.id);
  assert.deepEqual(states(done), ['done', 'stopped']);
  assert.match(done.why!, /its time was over at/);
});

/** The clock jumps once a host has been begun with. */
function oneLookThenLate(minutes: number): () => Date {
  const late = new Date(clock.now.getTime() + minutes * 60_000);
  const begun = servers.reduce((sum, server) => sum + server.logins(), 0);
  return () => (servers.reduce((sum, server) => sum + server.logins(), 0) > begun ? late : new Date(clock.now));
}

test('2.7: cancelled before or while it runs, no further host is begun with', async () => {
  const { ids } = await found(2);
  const waiting = await deploy({ hostIds: ids, ask: true });
  const cancelled = await cancelDeployment(platform, olga, waiting.id);
  assert.deepEqual(
    [cancelled.state, states(cancelled), cancelled.why],
    ['cancelled', ['stopped', 'stopped'], 'cancelled by olga'],
  );
  await assert.rejects(cancelDeployment(platform, olga, waiting.id), code('DEPLOY_STATE'));
  const running = await deploy({ hostIds: ids });
  await cancelDeployment(platform, olga, running.id);
  await base.drain();
  assert.deepEqual(
    [(await again(running.id)).state, states(await again(running.id))],
    ['done', ['stopped', 'stopped']],
  );
  assert.deepEqual(await managed(ids), []);
});

test('2.7: where policy wants it, every deployment asks', async () => {
  const { ids } = await found(1);
  const strict = { ...platform, config: { ...platform.config, deployApproval: 'required' } };
  const made = await createDeployment(strict, discovery, olga, { hostIds: ids, agentless: true });
  assert.equal(made.state, 'awaiting-approval');
  await cancelDeployment(platform, olga, made.id);
});

const RULE = {
  redeploy: false,
  credentials: [],
  agentless: true,
  standing: false,
  hours: null,
  most: 20,
  within: 24,
};

test('2.3: a new server in a segment is proposed by itself, once, and managed after the approval', async () => {
  const { ids, net } = await found(2);
  const rule = await addRule(platform, olga, { ...RULE, name: 'segment', where: [net], notAfter: inHours(240) });
  assert.equal(rule.state, 'in-force');
  await base.drain();
  await tick(platform, discovery);
  const [asked, ...more] = await byRule(rule.id);
  assert.deepEqual([more.length, asked!.state, asked!.author], [0, 'awaiting-approval', olga.id]);
  assert.deepEqual(asked!.hosts.map((host) => host.hostId).toSorted(), ids.toSorted());
  const author = new Approver('olga', 'admin');
  keys.push(author.key);
  await assert.rejects(
    approveDeployment(platform, author.actor, asked!.id, author.sign(asked!.id, asked!.planDigest!, clock.now)),
    code('APPROVAL_BY_AUTHOR'),
    'whoever wrote the rule does not approve what it asks for',
  );
  await approveDeployment(platform, anna.actor, asked!.id, anna.sign(asked!.id, asked!.planDigest!, clock.now));
  await base.drain();
  assert.deepEqual(await managed(ids), ids.toSorted());
  await endRule(platform, olga, rule.id);
});

test('2.3: a standing rule needs one signature, holds to its limits, and ends at once', async () => {
  const { ids, net } = await found(3, ['env', 'lab']);
  const input = { ...RULE, name: 'standing', where: ['env=lab'], standing: true, most: 2, notAfter: inHours(240) };
  const rule = await addRule(platform, olga, input);
  assert.equal(rule.state, 'awaiting-approval');
  await assert.rejects(addRule(platform, olga, input), code('DEPLOY_RULE_EXISTS'));
  await assert.rejects(addRule(platform, olga, { ...input, name: 'x', where: ['web-1'] }), code('DEPLOY_RULE_WHERE'));
  await assert.rejects(
    addRule(platform, olga, { ...input, name: 'x', notAfter: inHours(-1) }),
    code('DEPLOY_RULE_TIME'),
  );
  const many = await addRule(platform, olga, { ...input, name: 'many', most: platform.config.secondApprovalHosts });
  await approveRule(platform, anna.actor, many.id, anna.sign(many.id, many.planDigest, clock.now));
  assert.equal((await listRules(platform, [many.id]))[0]!.state, 'awaiting-approval', 'so many hosts need two people');
  await endRule(platform, olga, many.id);
  await tick(platform, discovery);
  assert.deepEqual(await byRule(rule.id), []);
  await approveRule(platform, anna.actor, rule.id, anna.sign(rule.id, rule.planDigest, clock.now));
  assert.equal((await listRules(platform, [rule.id]))[0]!.state, 'in-force');
  await base.drain();
  assert.equal((await managed(ids)).length, 2, 'two in 24 hours');
  later(25 * 60);
  await tick(platform, discovery);
  await base.drain();
  assert.equal((await managed(ids)).length, 3);

  const { ids: next } = await found(1, ['env', 'lab']);
  keys.splice(keys.indexOf(anna.key), 1);
  await tick(platform, discovery);
  await base.drain();
  assert.deepEqual(await managed(next), [], 'its approver’s key was revoked');
  keys.push(anna.key);
  await sql`update enrollment.deploy_rule set plan = replace(plan, '"env=lab"', '"env=lab","127.0.0.0/8"') where id = ${rule.id}`
    .execute(platform.db)
    .then(
      () => assert.fail('a rule was changed without an entry on the trail'),
      () => undefined,
    );
  await endRule(platform, olga, rule.id);
  await tick(platform, discovery);
  await base.drain();
  assert.deepEqual(await managed(next), []);
  assert.ok(net);
});

test('2.3: a running deployment whose rule was ended comes to its end, told once', async () => {
  const { ids, net } = await found(2);
  const input = { ...RULE, name: 'ended', where: [net], standing: true, notAfter: inHours(240) };
  const rule = await addRule(platform, olga, input);
  await approveRule(platform, anna.actor, rule.id, anna.sign(rule.id, rule.planDigest, clock.now));
  await tick(platform, discovery);
  const [made] = await byRule(rule.id);
  assert.equal(made!.state, 'running');
  await endRule(platform, olga, rule.id);
  await base.drain();
  assert.deepEqual([(await again(made!.id)).state, states(await again(made!.id))], ['done', ['stopped', 'stopped']]);
  const entries = await listEntries(platform.db, { subject: { kind: 'deployment', id: made!.id } });
  assert.equal(entries.filter(({ entry }) => entry.type === 'enrollment.deployment.cancelled').length, 1);
  assert.deepEqual(await managed(ids), []);
});

test('2.3: what broke half-way on some hosts is not tried on the next ones by the same rule, until a day has passed', async () => {
  const { net } = await found(9);
  const input = { ...RULE, name: 'breaks', where: [net], standing: true, agentless: false, notAfter: inHours(240) };
  const rule = await addRule(platform, olga, input);
  await approveRule(platform, anna.actor, rule.id, anna.sign(rule.id, rule.planDigest, clock.now));
  await base.drain();
  for (let minute = 0; minute < 3; minute += 1) {
    later(1);
    await tick(platform, discovery);
    await base.drain();
  }
  const [only, ...more] = await byRule(rule.id);
  assert.equal(more.length, 0);
  assert.ok(states(only!).includes('stopped'));
  assert.match((await listRules(platform, [rule.id]))[0]!.rests ?? '', /broke after it had begun/);
  later(24 * 60);
  await tick(platform, discovery);
  assert.equal((await byRule(rule.id)).length, 2);
  await endRule(platform, olga, rule.id);
  await base.drain();
});

test('2.3: a rule hands no password to whatever machine turns up', async () => {
  await addCredential(platform, discovery, olga, {
    kind: 'password',
    name: 'loose',
    username: 'ops',
    password: 'secret',
  });
  const input = { ...RULE, name: 'loose', where: ['127.79.0.0/16'], notAfter: inHours(24) };
  await assert.rejects(addRule(platform, olga, { ...input, credentials: ['loose'] }), code('DEPLOY_RULE_LOGIN'));
});

test('2.7: one that runs already is joined by nobody, so that its pace holds; two are never at one host', async () => {
  const { ids, servers: made } = await found(1);
  const first = await deploy({ hostIds: ids });
  await sql`insert into enrollment.deployment_run values (${first.id}, ${new Date(clock.now.getTime() + 60_000)})`.execute(
    platform.db,
  );
  await runDeployment(platform, discovery, first.id, async () => KEY);
  assert.equal(made[0]!.logins(), 0, 'somebody else carries it out');
  const second = await deploy({ hostIds: ids, force: true });
  await sql`update enrollment.deployment_host set state = 'running', claimed_until = ${new Date(clock.now.getTime() + 60_000)} where deployment_id = ${first.id}`.execute(
    platform.db,
  );
  await runDeployment(platform, discovery, second.id, async () => KEY);
  assert.deepEqual([made[0]!.logins(), states(await again(second.id))], [0, ['waiting']]);
  later(2);
  await base.drain({ ahead: true });
  assert.deepEqual([states(await again(first.id)), states(await again(second.id))], [['done'], ['done']]);
});

test('2.7: who was away for a minute speaks for nothing that another has taken over since', async () => {
  const { ids } = await found(1);
  const { id } = await deploy({ hostIds: ids });
  const hostId = ids[0]!;
  const at = (holder: string, minutes: number) => {
    const now = new Date(clock.now.getTime() + minutes * 60_000);
    return { holder, now, until: new Date(now.getTime() + 60_000) };
  };
  const { db } = platform;
  const taken = async (holder: string, minutes: number): Promise<boolean[]> => [
    await takeDeployment(db, id, at(holder, minutes)),
    await claimDeploymentHost(db, id, hostId, at(holder, minutes)),
  ];
  assert.deepEqual(await taken('one', 0), [true, true]);
  assert.deepEqual(await taken('other', 0.5), [false, false]);
  assert.deepEqual(await taken('other', 2), [true, true]);
  await holdDeployment(db, id, 'one', at('one', 99).until);
  await letGoOfDeployment(db, id, 'one');
  assert.equal(await setDeploymentHost(db, { id, hostId, holder: 'one' }, { claimed_until: new Date(0) }), false);
  assert.equal(await setDeploymentHost(db, { id, hostId, holder: 'one' }, { state: 'done' }), false);
  assert.deepEqual(await taken('third', 2.5), [false, false], 'still the other’s');
  assert.deepEqual(await taken('third', 4), [true, true], 'and not longer than it said');
  assert.equal(await setDeploymentHost(db, { id, hostId, holder: 'third' }, { state: 'done' }), true);
  await letGoOfDeployment(db, id, 'third');
  assert.deepEqual(states(await again(id)), ['done']);
});

test('2.7: a plan whose terms were changed behind the back of its signature is not begun', async () => {
  const { ids, servers: made } = await found(1);
  for (const change of [
    'agentless = false',
    'forced = true',
    'concurrency = 64',
    "not_after = not_after + interval '1 year'",
  ]) {
    const asked = await deploy({ hostIds: ids, ask: true });
    await approveDeployment(platform, anna.actor, asked.id, anna.sign(asked.id, asked.planDigest!, clock.now));
    await platform.observe(systemActor('test'), async (tx) => {
      await sql.raw(`update enrollment.deployment set ${change} where id = '${asked.id}'`).execute(tx.db);
      await tx.record({ type: 'enrollment.deployment.planned', subject: { kind: 'deployment', id: asked.id } });
    });
    await base.drain();
    assert.equal((await again(asked.id)).state, 'cancelled', change);
  }
  assert.equal(made[0]!.logins(), 0);
});

test('2.3: a standing rule begins at its hours only', async () => {
  const { ids, net } = await found(1);
  const rule = await addRule(platform, olga, {
    ...RULE,
    name: 'night',
    where: [net],
    standing: true,
    hours: '01:00-02:00',
    notAfter: inHours(2400),
  });
  await approveRule(platform, anna.actor, rule.id, anna.sign(rule.id, rule.planDigest, clock.now));
  await base.drain();
  assert.deepEqual(await managed(ids), []);
  const night = new Date(clock.now);
  night.setUTCHours(25, 30, 0, 0);
  clock.now = night;
  await tick(platform, discovery);
  await base.drain();
  assert.deepEqual(await managed(ids), ids);
  await endRule(platform, olga, rule.id);
});

test('2.4: an agent vanished: its host, found by a scan, is deployed to again', async () => {
  const { ids, net } = await found(1);
  const rule = await addRule(platform, olga, {
    ...RULE,
    name: 'back',
    where: [net],
    standing: true,
    redeploy: true,
    notAfter: inHours(240),
  });
  const plain = await addRule(platform, olga, { ...RULE, name: 'plain', where: [net], notAfter: inHours(240) });
  const vanish = (id: string): Promise<void> =>
    platform.observe(systemActor('test'), async (tx) => {
      await discovery.setManagement(tx, id, 'lost', 'its agent was last heard of long ago');
      await tx.record({ type: 'enrollment.agent.lost', subject: { kind: 'host', id } });
    });
  await vanish(ids[0]!);
  await tick(platform, discovery);
  assert.deepEqual(await byRule(plain.id), [], 'a rule that does not say so leaves it');
  await approveRule(platform, anna.actor, rule.id, anna.sign(rule.id, rule.planDigest, clock.now));
  await base.drain();
  assert.deepEqual(await managed(ids), ids);
  // It was put there by a deployment and vanishes again: in an hour, and not as often as somebody takes it off.
  await vanish(ids[0]!);
  for (const [minutes, back] of [
    [1, []],
    [30, []],
    [30, ids],
  ] as const) {
    later(minutes);
    await tick(platform, discovery);
    await base.drain();
    assert.deepEqual(await managed(ids), back, `${minutes} minutes later`);
  }
  for (const one of [rule, plain]) await endRule(platform, olga, one.id);
});

test('2.3: a host that refused is tried again after a day, not every minute', async () => {
  const { ids, net, servers: made } = await found(1);
  await made[0]!.close();
  const rule = await addRule(platform, olga, {
    ...RULE,
    name: 'patient',
    where: [net],
    standing: true,
    notAfter: inHours(2400),
  });
  await approveRule(platform, anna.actor, rule.id, anna.sign(rule.id, rule.planDigest, clock.now));
  await base.drain();
  assert.equal((await discovery.host(ids[0]!))!.management, 'unmanageable');
  for (const minutes of [1, 60, 600]) {
    later(minutes);
    await tick(platform, discovery);
    await base.drain();
  }
  assert.equal((await byRule(rule.id)).length, 1);
  later(24 * 60);
  await tick(platform, discovery);
  await base.drain();
  assert.equal((await byRule(rule.id)).length, 2);
  await endRule(platform, olga, rule.id);
});

test('2.12, 1.13: how much of a segment is managed, how long it took, and who is over time', async () => {
  const { ids, net, servers: made } = await found(4);
  await made[3]!.close();
  const own = async (): Promise<Coverage> =>
    (await coverage(platform, discovery, 24)).find((one) => one.kind === 'scope' && one.name === `net-${scope}`)!;
  assert.deepEqual([(await own()).hosts, (await own()).unmanaged, (await own()).kept], [4, 4, null]);
  later(60);
  await deploy({ hostIds: [ids[0]!] });
  await base.drain();
  later(60 * 9);
  await deploy({ hostIds: [ids[1]!, ids[3]!] });
  await base.drain();
  const soon = await own();
  assert.deepEqual(
    [soon.managed, soon.agentless, soon.unmanaged, soon.unmanageable, soon.lost, soon.median, soon.p95, soon.kept],
    [2, 2, 1, 1, 0, 1, 10, 1],
  );
  assert.deepEqual(soon.overdue, []);
  later(60 * 15);
  const late = await own();
  assert.deepEqual(
    late.overdue.map((host) => [host.hostId, host.hours]).toSorted(),
    [
      [ids[2], 25],
      [ids[3], 25],
    ].toSorted(),
  );
  assert.match(late.overdue.find((host) => host.hostId === ids[3])!.why!, /over SSH did not work/);
  assert.equal(late.kept, 0.5);
  const rule = await addRule(platform, olga, { ...RULE, name: 'slo', where: [net], within: 2, notAfter: inHours(24) });
  const judged = (await coverage(platform, discovery, 24)).find((one) => one.name === 'slo')!;
  assert.deepEqual([judged.kind, judged.within, judged.kept], ['rule', 2, 0.25]);
  await endRule(platform, olga, rule.id);
});
