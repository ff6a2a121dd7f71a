import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { sql } from 'kysely';
import { testSshServer, type TestSshServer } from '../../host/ssh/testing/server.ts';
import { systemActor } from '../../model/actor.ts';
import { isAppError } from '../../model/errors/index.ts';
import type { Host } from '../../model/estate.ts';
import type { Section } from '../../model/facts.ts';
import { listEntries } from '../../platform/ledger/index.ts';
import { testPlatform, type TestPlatform } from '../../platform/testing.ts';
import { createDiscovery, type Discovery } from '../discovery/index.ts';
import { addScope, newSshKey } from '../discovery/testing/index.ts';
import { endAccess } from './agentless.ts';
import { addCredential } from './credentials.ts';
import { createDeployment } from './make-deployment.ts';
import { mintToken } from './enroll.ts';
import { createEnrollment, type Enrollment } from './index.ts';
import { checkIn } from './presence.ts';
import { accessOf } from './store-access.ts';
import { deployments } from './store-deployments.ts';
import { insertAgent, setAgentState } from './store.ts';

const operator = { kind: 'user' as const, id: 'user_1', name: 'alex', role: 'operator' as const };
const ADDRESS = '127.78.0.1';
const root = mkdtempSync(join(tmpdir(), 'lastember-looks-'));
const clock = { now: new Date('2026-03-01T12:00:00.000Z') };
let platform: TestPlatform;
let discovery: Discovery;
let enrollment: Enrollment;
let server: TestSshServer;
let hostId = '';

const later = (minutes: number): void => void (clock.now = new Date(clock.now.getTime() + minutes * 60_000));
const put = (path: string, text: string, mode = 0o644): void => {
  mkdirSync(join(root, path, '..'), { recursive: true });
  writeFileSync(join(root, path), text, { mode });
};
/** What the machine says its login is. */
const uid = (says: string): void => put('bin/id', `#!/bin/sh\nprintf '${says}'\n`, 0o755);

before(async () => {
  platform = await testPlatform({ now: () => new Date(clock.now) });
  discovery = createDiscovery(platform);
  enrollment = createEnrollment(platform, discovery, async () => 'lastember.test+00000000+key');
  platform.handle({ ...enrollment.jobs, 'audit.collect': async () => undefined });
  uid('0');
  put('etc/os-release', 'ID=debian\nVERSION_ID="12"\n');
  put('proc/sys/kernel/osrelease', '6.1.0\n');
  put('proc/stat', 'btime 1700000000\n');
  put('var/lib/dpkg/status', 'Package: bash\nStatus: install ok installed\nVersion: 5.2-1\nArchitecture: amd64\n');
  server = await testSshServer({
    root,
    username: 'ops',
    password: 'secret',
    path: join(root, 'bin'),
    hostKey: newSshKey(),
    address: ADDRESS,
  });
  await addScope(platform, { cidrs: [ADDRESS], ports: `${server.port}` });
  hostId = (await discovery.probeNow(ADDRESS, server.port)).hostId;
  const login = { kind: 'password' as const, name: 'ops', username: 'ops', password: 'secret', for: [ADDRESS] };
  await addCredential(platform, discovery, operator, login as never);
});
after(async () => {
  await server?.close();
  await platform?.close();
  rmSync(root, { recursive: true, force: true });
});

async function deploy(): Promise<{ id: string; state: string; why: string | null }> {
  const how = { hostIds: [hostId], credentials: ['ops'], force: true, acceptHostKey: false, agentless: true };
  const { id } = await createDeployment(platform, discovery, operator, how);
  await platform.drain();
  const [host] = (await deployments(platform.db, [id]))[0]!.hosts;
  return { id, state: host!.state, why: host!.why };
}
const host = async (): Promise<Host> => (await discovery.host(hostId))!;
const access = () => accessOf(platform.db, hostId);
const ask = (): Promise<Set<string>> =>
  platform.observe(operator, (tx) => enrollment.askLooks(tx, [hostId, 'host_none']));

/** A look that somebody asked for; its facts, or null when none came. */
async function look(): Promise<Section[] | null> {
  let came: Section[] | null = null;
  await ask();
  await enrollment.lookOver(hostId, async (sections) => void (came = sections));
  return came;
}

async function withAgent(state: 'active' | 'lost'): Promise<string> {
  const id = `agent_${state}`;
  await platform.observe(systemActor('test'), async (tx) => {
    const token = await mintToken(platform, tx, { hostId, minutes: 5 });
    await insertAgent(tx.db, {
      id,
      host_id: hostId,
      public_key: id,
      certificate: '',
      state: 'active',
      approver_key_ids: [],
      enrolled_at: tx.now,
      token_id: token.id,
    });
    if (state === 'lost') await setAgentState(tx.db, id, ['active'], 'lost');
    await tx.record({ type: 'enrollment.agent.enrolled', subject: { kind: 'agent', id } });
  });
  return id;
}

async function withoutAgent(id: string): Promise<void> {
  await platform.observe(systemActor('test'), async (tx) => {
    await setAgentState(tx.db, id, ['active', 'lost'], 'revoked');
    await tx.record({ type: 'enrollment.agent.revoked', subject: { kind: 'agent', id } });
  });
}

test('words of a host that no column holds: the deployment ends, and says them as far as they go', async () => {
  uid('1\\000 \\355\\240\\275');
  const done = await deploy();
  assert.equal(done.state, 'failed');
  assert.match(done.why!, /is not root \(uid 1\uFFFD/);
  assert.equal((await deployments(platform.db, [done.id]))[0]!.state, 'done');
  uid('0');
});

test('who is at a host is not joined by a job that runs again', async () => {
  const how = { hostIds: [hostId], credentials: ['ops'], force: true, acceptHostKey: false, agentless: true };
  const { id } = await createDeployment(platform, discovery, operator, how);
  await sql`update enrollment.deployment_host set state = 'running', claimed_until = ${new Date(clock.now.getTime() + 1000)}
    where deployment_id = ${id}`.execute(platform.db);
  const before = server.logins();
  await platform.drain();
  assert.equal(server.logins(), before);
  assert.equal((await deployments(platform.db, [id]))[0]!.state, 'running');
  later(1);
  await platform.drain({ ahead: true });
  const [deployment] = await deployments(platform.db, [id]);
  assert.deepEqual([deployment!.state, deployment!.hosts[0]!.state], ['done', 'done']);
  const ends = (await listEntries(platform.db, { types: ['enrollment.deployment.finished'] })).filter(
    ({ entry }) => entry.subject.id === id,
  );
  assert.equal(ends.length, 1);
});

test('a look counts as good once its facts are stored, and only if what matters came', async () => {
  const came = await look();
  assert.deepEqual(came!.map(({ name }) => name).slice(0, 3), ['packages', 'os', 'processes']);
  assert.deepEqual(
    came!.filter(({ name, error }) => error !== undefined && ['os', 'packages', 'processes'].includes(name)),
    [],
  );
  assert.equal((await access())!.failures, 0);
  const good = (await access())!.lastLook;

  later(1);
  await ask();
  await enrollment.lookOver(hostId, async () => {
    throw new Error('no room left\0');
  });
  assert.deepEqual([(await access())!.failures, (await access())!.lastLook], [1, good]);
  assert.equal((await access())!.lastError, 'no room left\uFFFD');

  rmSync(join(root, 'etc/os-release'));
  mkdirSync(join(root, 'etc/os-release'));
  assert.ok(await look(), 'what came is stored all the same');
  assert.equal((await access())!.failures, 2);
  assert.match((await access())!.lastError!, /did not bring what is needed to judge it \(packages: /);
  rmSync(join(root, 'etc/os-release'), { recursive: true });
  put('etc/os-release', 'ID=debian\n');

  uid('1000');
  assert.equal(await look(), null, 'who is root no more sees a part');
  uid('0');
  assert.equal((await host()).management, 'lost');
  assert.match((await host()).note!, /is not root \(uid 1000\)/);
  await look();
  assert.deepEqual([(await host()).management, (await access())!.failures], ['managed', 0]);
});

test('whatever words looks fail with, the third one in a row says that the host is lost', async () => {
  for (const failures of [1, 2, 3]) {
    await ask();
    await enrollment.lookOver(hostId, async () => {
      throw new Error('gone\0 \ud83d');
    });
    assert.equal((await access())!.failures, failures);
  }
  assert.deepEqual([(await host()).management, (await host()).note?.endsWith('gone\uFFFD \uFFFD')], ['lost', true]);
  await look();
  assert.equal((await host()).management, 'managed');
});

test('one look at a time: not beside another, not before it is due, and again when somebody asked meanwhile', async () => {
  const before = server.logins();
  assert.equal(await enrollment.lookOver(hostId, async () => undefined), false);
  assert.deepEqual(await enrollment.dueForLook(10), []);
  assert.equal(server.logins(), before, 'none is due');

  later(6);
  assert.deepEqual(await enrollment.dueForLook(10), [hostId]);
  const again = await enrollment.lookOver(hostId, async () => {
    assert.deepEqual(await enrollment.dueForLook(10), []);
    assert.deepEqual(await ask(), new Set([hostId]));
    assert.equal(await enrollment.lookOver(hostId, async () => assert.fail('two at once')), false);
  });
  assert.equal(again, true);
  assert.equal(server.logins(), before + 1);
  assert.deepEqual(await enrollment.dueForLook(10), [hostId]);
  assert.equal(await enrollment.lookOver(hostId, async () => undefined), false);
  assert.deepEqual(await enrollment.dueForLook(10), []);
});

test('a worker that died over a look holds up the next one for minutes, not for ever', async () => {
  later(6);
  await sql`update enrollment.access_look set claimed_until = ${new Date(clock.now.getTime() + 60_000)}`.execute(
    platform.db,
  );
  assert.deepEqual(await enrollment.dueForLook(10), []);
  later(1);
  assert.deepEqual(await enrollment.dueForLook(10), [hostId]);
});

test('a look that began before the host changed hands decides nothing about it', async () => {
  await ask();
  let held: boolean | null = null;
  await enrollment.lookOver(hostId, async (_, holds) => {
    await endAccess(platform, discovery, operator, await host());
    held = await platform.observe(operator, holds);
  });
  assert.equal(held, false);
  assert.deepEqual([await access(), (await host()).management], [null, 'unmanaged']);

  await deploy();
  await look();
  await ask();
  await enrollment.lookOver(hostId, async (_, holds) => {
    later(1);
    await deploy();
    assert.equal(await platform.observe(operator, holds), false, 'another access than the one it began with');
    throw new Error('an old failure');
  });
  assert.deepEqual([(await access())!.failures, (await host()).management], [0, 'managed']);
});

test('an agent that comes back looks by itself: nobody looks over SSH any more', async () => {
  const id = await withAgent('lost');
  assert.ok(await access());
  const body = { version: '1', bootId: null, startedAt: clock.now.toISOString() };
  await checkIn(platform, discovery, { agentId: id, hostId }, body as never);
  assert.equal(await access(), null);
  assert.equal((await host()).management, 'managed');
  await withoutAgent(id);
});

test('where an agent is active, the end of SSH access leaves the host managed; none begins there', async () => {
  await deploy();
  const id = await withAgent('active');
  await endAccess(platform, discovery, operator, await host());
  assert.deepEqual([await access(), (await host()).management], [null, 'managed']);
  assert.match((await deploy()).why!, /has an agent/);
  await withoutAgent(id);
  await assert.rejects(endAccess(platform, discovery, operator, await host()), (error) =>
    isAppError(error, 'NOT_FOUND'),
  );
});

test('2.8: a look has package lists fetched, six hours apart at least, and does without where that fails', async () => {
  const asked = (): number => readFileSync(join(root, 'asked'), 'utf8').trim().split('\n').length;
  const fetches = (code: number): void =>
    put('bin/apt-get', `#!/bin/sh\necho "$@" >>${join(root, 'asked')}\nexit ${code}\n`, 0o755);
  fetches(0);
  assert.equal((await deploy()).state, 'done');
  later(7 * 60);
  assert.ok(await look());
  const first = asked();
  later(60);
  assert.ok(await look());
  assert.equal(asked(), first);
  fetches(100);
  later(6 * 60);
  assert.equal((await look())!.find(({ name }) => name === 'packages')?.error, undefined);
  assert.equal(asked(), first + 1);
  assert.match(readFileSync(join(root, 'asked'), 'utf8'), /^(-opkgCacheFile::Generate=false update\n)+$/);
  rmSync(join(root, 'bin/apt-get'));
});
