import 'reflect-metadata';
import * as x509 from '@peculiar/x509';
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { sql } from 'kysely';
import * as z from 'zod';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';
import { note, treeRoot } from '../../host/tasks/testing/merkle.ts';
import { newPerson, rawKey } from '../../host/tasks/testing/people.ts';
import { testTree } from '../../host/steps/testing.ts';
import { Release, type CheckInReply } from '../../model/agent.ts';
import type { Actor } from '../../model/actor.ts';
import type { AgentUpdate } from '../../model/enrollment.ts';
import { isAppError } from '../../model/errors/index.ts';
import type { Approval } from '../../model/plan.ts';
import { buildAgentListener } from '../../platform/http/agents.ts';
import { route } from '../../platform/http/route.ts';
import { testPlatform, type TestPlatform } from '../../platform/testing.ts';
import { createDiscovery, type Discovery } from '../discovery/index.ts';
import { authorityCertificate } from './authority.ts';
import { BUNDLE } from './bundle.ts';
import { enroll, mintToken } from './enroll.ts';
import { createEnrollment } from './index.ts';
import { sha256 } from '../../host/canonical.ts';
import { checkIn } from './presence.ts';
import type { AgentRecord } from './face.ts';
import { allAgents } from './store.ts';
import { stopOverdue } from './update-progress.ts';
import { approveUpdate, cancelUpdate, createUpdate, mustFindUpdate } from './updates.ts';
import { freePort } from './testing/ports.ts';

const OLGA: Actor = { kind: 'user', id: 'user_olga', name: 'Olga', role: 'operator' };
const ANNA: Actor = { kind: 'user', id: 'user_anna', name: 'Anna', role: 'approver' };
const PAUL: Actor = { kind: 'user', id: 'user_paul', name: 'Paul', role: 'approver' };
const anna = newPerson(ANNA.id);
const mallory = newPerson('user_mallory');
/** Agents take nothing from a server that shows no trail. */
const trail = generateKeyPairSync('ed25519');
const ORIGIN = 'lastember.test';
const shown = note(
  `${ORIGIN}\n1\n${treeRoot(['genesis']).toString('base64')}\n`,
  ORIGIN,
  trail.privateKey,
  rawKey(trail.publicKey),
);
const checkpointKey = async (): Promise<string> => shown.keyLine;
const trailRoute = route({
  method: 'GET',
  path: '/checkpoint',
  id: 'agentCheckpoint',
  summary: 'The trail of the test',
  access: 'agent',
  query: z.object({ size: z.string() }),
  reply: z.object({ checkpoint: z.string(), consistency: z.array(z.string()) }),
  handler: async () => ({ checkpoint: shown.text, consistency: [] }),
});
let platform: TestPlatform;
let discovery: Discovery;
let listener: FastifyInstance;
const children: ChildProcess[] = [];

before(async () => {
  const port = await freePort();
  const made = await testPlatform({ config: { agentAddress: `127.0.0.1:${port}` } });
  platform = Object.assign(Object.create(made) as TestPlatform, { approverKeys: async () => [anna.pinned] });
  discovery = createDiscovery(platform);
  const enrollment = createEnrollment(platform, discovery, checkpointKey);
  const identity = await enrollment.listenerIdentity();
  listener = buildAgentListener(platform, { identity, authenticate: enrollment.authenticate }, [
    ...enrollment.agentRoutes,
    trailRoute,
  ]);
  await listener.listen({ host: '127.0.0.1', port });
});
after(async () => {
  for (const child of children) child.kill('SIGKILL');
  await listener?.close();
  await platform?.close();
});

const token = async (): Promise<string> => {
  const entry = { type: 'enrollment.token.made', subject: { kind: 'token' as const, id: 't' } };
  return (await platform.act(OLGA, entry, (tx) => mintToken(platform, tx, { hostId: null, minutes: 5 }))).token;
};

interface Joined {
  agentId: string;
  hostId: string;
}
let agentsMade = 0;
async function newAgent(name: string): Promise<Joined> {
  // One address each: of two machines at one address, the one that has not reported yet counts as replaced.
  agentsMade += 1;
  const address = `192.0.2.${agentsMade}`;
  const keys = (await crypto.subtle.generateKey({ name: 'Ed25519' }, true, ['sign', 'verify'])) as CryptoKeyPair;
  const signingAlgorithm = { name: 'Ed25519' };
  const csr = await x509.Pkcs10CertificateRequestGenerator.create({ name: 'CN=web', keys, signingAlgorithm });
  const machine = { hostname: name, machineId: name, addresses: [address], sshHostKeys: [] };
  const body = { token: await token(), csr: csr.toString('pem'), version: '0.0.9', platform: 'linux-x64', ...machine };
  const { agentId, hostId } = await enroll(platform, discovery, checkpointKey, body, address);
  await report({ agentId, hostId }, OLD);
  return { agentId, hostId };
}
const OLD = '0'.repeat(64);
const NEW = sha256(readFileSync(BUNDLE));
const report = (
  agent: Joined,
  program: string,
  more: { notUpdated?: { updateId: string; why: string } } = {},
): Promise<CheckInReply> =>
  checkIn(platform, discovery, agent, {
    version: '1',
    bootId: null,
    startedAt: new Date().toISOString(),
    program,
    ...more,
  });
const approval = (update: AgentUpdate, who = anna): Approval => who.approve(Release.parse(JSON.parse(update.release)));
const code = (wanted: Parameters<typeof isAppError>[1]) => (error: unknown) => isAppError(error, wanted);
const states = async (id: string): Promise<string[]> =>
  (await mustFindUpdate(platform, id)).hosts.map((host) => `${host.wave} ${host.state}`);

test('nobody is offered anything before an approver signed; then one host, then waves, each after the one before', async () => {
  const agents = await Promise.all(['a1', 'a2', 'a3', 'a4'].map(newAgent));
  const asked = await createUpdate(platform, discovery, OLGA, { all: true, wave: 2 });
  assert.deepEqual([asked.state, asked.program, asked.hosts.length], ['awaiting-approval', NEW, 4]);
  const of = (wave: number): Joined[] =>
    asked.hosts.filter((host) => host.wave === wave).map(({ agentId, hostId }) => ({ agentId, hostId }));
  for (const agent of agents) assert.equal((await report(agent, OLD)).update, undefined);
  await assert.rejects(approveUpdate(platform, ANNA, asked.id, approval(asked, mallory)), code('APPROVAL_KEY_UNKNOWN'));
  await assert.rejects(approveUpdate(platform, OLGA, asked.id, approval(asked)), code('APPROVAL_BY_AUTHOR'));
  await assert.rejects(approveUpdate(platform, PAUL, asked.id, approval(asked)), code('APPROVAL_OTHER_PERSON'));
  const forged = { ...approval(asked), signature: approval(asked, mallory).signature };
  await assert.rejects(approveUpdate(platform, ANNA, asked.id, forged), code('APPROVAL_FORGED'));
  assert.equal((await approveUpdate(platform, ANNA, asked.id, approval(asked))).state, 'running');

  const [canary] = of(0);
  assert.equal((await report(of(1)[0]!, OLD)).update, undefined, 'not yet');
  const offered = (await report(canary!, OLD)).update!;
  assert.deepEqual([offered.digest, offered.approvals.length], [asked.digest, 1]);
  assert.equal(sha256(offered.release), asked.digest);
  assert.equal((await report(canary!, NEW)).update, undefined);
  for (const agent of of(1)) assert.ok((await report(agent, OLD)).update);
  await report(of(1)[0]!, NEW);
  assert.equal((await report(of(2)[0]!, OLD)).update, undefined, 'one of the wave before is not done');
  await report(of(1)[1]!, NEW);
  assert.ok((await report(of(2)[0]!, OLD)).update);
  await report(of(2)[0]!, NEW);
  const done = await mustFindUpdate(platform, asked.id);
  assert.deepEqual([done.state, done.why], ['done', null]);
  await assert.rejects(createUpdate(platform, discovery, OLGA, { all: true, wave: 2 }), code('UPDATE_NOTHING'));
});

test('one that takes it back stops the rest, and says why', async () => {
  const agents = await Promise.all(['b1', 'b2', 'b3'].map(newAgent));
  const asked = await createUpdate(platform, discovery, OLGA, { hostIds: agents.map((a) => a.hostId), wave: 1 });
  await approveUpdate(platform, ANNA, asked.id, approval(asked));
  const { agentId, hostId, hostName } = asked.hosts[0]!;
  const notUpdated = { updateId: asked.id, why: 'it ended 3 times before it reached the server' };
  assert.equal((await report({ agentId, hostId }, OLD, { notUpdated })).update, undefined);
  const stopped = await mustFindUpdate(platform, asked.id);
  assert.deepEqual([stopped.state, stopped.why], ['stopped', `${hostName}: ${notUpdated.why}`]);
  assert.deepEqual(await states(asked.id), ['0 failed', '1 waiting', '2 waiting']);
  for (const agent of agents) assert.equal((await report(agent, OLD)).update, undefined);
});

const later = (minutes: number): TestPlatform =>
  Object.assign(Object.create(platform) as TestPlatform, { now: () => new Date(Date.now() + minutes * 60_000) });

test('one that took it and is not heard of with it stops the rest; one that comes late after all is not offered it again', async () => {
  const agents = await Promise.all(['c1', 'c2'].map(newAgent));
  const asked = await createUpdate(platform, discovery, OLGA, { hostIds: agents.map((a) => a.hostId), wave: 1 });
  await approveUpdate(platform, ANNA, asked.id, approval(asked));
  const first = asked.hosts[0]!;
  assert.ok((await report(first, OLD)).update);
  await stopOverdue(later(16));
  const stopped = await mustFindUpdate(platform, asked.id);
  assert.equal(stopped.state, 'stopped');
  assert.match(stopped.why ?? '', /did not report with the new program within 15 minutes/);
  assert.equal((await report(first, OLD)).update, undefined);
});

test('one that is off holds up nobody, another goes first, and it has the program when it comes, also after the others', async () => {
  const agents = await Promise.all(['e1', 'e2', 'e3', 'e4'].map(newAgent));
  const asked = await createUpdate(platform, discovery, OLGA, { hostIds: agents.map((a) => a.hostId), wave: 3 });
  await approveUpdate(platform, ANNA, asked.id, approval(asked));
  const [off, second, third, fourth] = asked.hosts as unknown as [Joined, Joined, Joined, Joined];
  await stopOverdue(later(16));
  assert.deepEqual(await states(asked.id), ['0 away', '1 offered', '1 waiting', '1 waiting'], 'one proves it first');
  assert.equal((await report(off, OLD)).update, undefined, 'another one is the first now');
  assert.equal((await report(third, OLD)).update, undefined);
  assert.ok((await report(second, OLD)).update);
  await report(second, NEW);
  assert.deepEqual(await states(asked.id), ['0 away', '1 done', '1 offered', '1 offered']);
  await report(third, NEW);
  await stopOverdue(later(16));
  const done = await mustFindUpdate(platform, asked.id);
  assert.deepEqual([done.state, done.counts.away, done.counts.done], ['done', 2, 2]);
  assert.ok((await report(off, OLD)).update);
  await report(off, NEW);
  assert.ok((await report(fourth, OLD)).update);
  const notUpdated = { updateId: asked.id, why: 'it hung' };
  await report(fourth, OLD, { notUpdated });
  const end = await mustFindUpdate(platform, asked.id);
  assert.deepEqual([end.state, end.counts.done, end.counts.failed], ['stopped', 3, 1]);
});

test('one that is at work asks on with its old program, and is waited for; not for ever', async () => {
  const agents = await Promise.all(['f1', 'f2'].map(newAgent));
  const asked = await createUpdate(platform, discovery, OLGA, { hostIds: agents.map((a) => a.hostId), wave: 1 });
  await approveUpdate(platform, ANNA, asked.id, approval(asked));
  const busy = asked.hosts[0]!;
  assert.ok((await report(busy, OLD)).update);
  await sleep(20);
  await report(busy, OLD);
  await stopOverdue(later(14));
  assert.deepEqual(await states(asked.id), ['0 offered', '1 waiting']);
  await sql`update enrollment.agent_update_host set offered_at = offered_at - interval '25 hours' where update_id = ${asked.id}`.execute(
    platform.db,
  );
  await stopOverdue(platform);
  assert.equal((await mustFindUpdate(platform, asked.id)).state, 'stopped');
});

test('who was not told when it stopped is not at it; what nobody signs keeps no agent and ends after a week', async () => {
  const agents = await Promise.all(['g1', 'g2', 'g3'].map(newAgent));
  const hostIds = agents.map((a) => a.hostId);
  const unsigned = await createUpdate(platform, discovery, OLGA, { hostIds, wave: 5 });
  const asked = await createUpdate(platform, discovery, OLGA, { hostIds, wave: 5 });
  await approveUpdate(platform, ANNA, asked.id, approval(asked));
  const [first, second] = asked.hosts as unknown as [Joined, Joined];
  await report(first, OLD);
  await report(first, NEW);
  await report(second, OLD);
  await report(second, OLD, { notUpdated: { updateId: asked.id, why: 'no' } });
  assert.deepEqual(await states(asked.id), ['0 done', '1 failed', '1 waiting']);
  await stopOverdue(later(7 * 24 * 60 + 1));
  const ended = await mustFindUpdate(platform, unsigned.id);
  assert.deepEqual([ended.state, ended.why], ['cancelled', 'nobody signed it within 7 days']);
});

test('of two updates over one agent the newer one has it, and the older one goes on with the others', async () => {
  const agents = await Promise.all(['h1', 'h2'].map(newAgent));
  const hostIds = agents.map((a) => a.hostId);
  const older = await createUpdate(platform, discovery, OLGA, { hostIds, wave: 5 });
  await sleep(5);
  const newer = await createUpdate(platform, discovery, OLGA, { hostIds, wave: 5 });
  for (const one of [older, newer]) await approveUpdate(platform, ANNA, one.id, approval(one));
  const [first, second] = older.hosts as unknown as [Joined, Joined];
  assert.equal((await report(first, OLD)).update?.digest, newer.digest);
  assert.deepEqual(await states(older.id), ['0 superseded', '1 offered']);
  assert.equal((await report(second, OLD)).update?.digest, older.digest);
  await report(second, NEW);
  assert.equal((await mustFindUpdate(platform, older.id)).state, 'done');
  await report(first, NEW);
  await report(second, NEW);
  assert.deepEqual((await mustFindUpdate(platform, newer.id)).counts.done, 2);
});

test('what was away has nothing to wait for once the update is cancelled or old', async () => {
  const [agent] = await Promise.all(['i1', 'i2'].map(newAgent));
  const made = await createUpdate(platform, discovery, OLGA, { hostIds: [agent!.hostId], wave: 1 });
  await approveUpdate(platform, ANNA, made.id, approval(made));
  await stopOverdue(later(16));
  assert.deepEqual(await states(made.id), ['0 away']);
  await cancelUpdate(platform, OLGA, made.id);
  assert.deepEqual(await states(made.id), ['0 waiting']);
  assert.equal((await report(agent!, OLD)).update, undefined);
});

test('a cancelled one is offered to nobody', async () => {
  const agent = await newAgent('d1');
  const asked = await createUpdate(platform, discovery, OLGA, { hostIds: [agent.hostId], wave: 1 });
  await approveUpdate(platform, ANNA, asked.id, approval(asked));
  await assert.rejects(
    createUpdate(platform, discovery, OLGA, { hostIds: [agent.hostId], wave: 1 }),
    code('UPDATE_NOTHING'),
  );
  await cancelUpdate(platform, OLGA, asked.id);
  assert.equal((await report(agent, OLD)).update, undefined);
  await assert.rejects(approveUpdate(platform, ANNA, asked.id, approval(asked)), code('UPDATE_STATE'));
});

test('a real agent, over the real listener: an older program becomes the one of this server', async () => {
  const tree = testTree({
    'etc/machine-id': 'real\n',
    'proc/net/fib_trie': '  |-- 192.0.2.77\n     /32 host LOCAL\n',
  });
  const older = join(tree.root, 'lastember-agent.cjs');
  writeFileSync(older, readFileSync(BUNDLE, 'utf8').replace(/^\/\/ lastember-agent .*$/m, '// lastember-agent 0.0.1'));
  const server = `https://${platform.config.agentAddress}`;
  const config = { server, ca: await authorityCertificate(platform), token: await token() };
  tree.put('etc/lastember/agent.json', JSON.stringify(config), 0o600);
  let log = '';
  const start = (): ChildProcess => {
    const child = spawn(process.execPath, [older, 'run'], {
      env: { PATH: process.env['PATH'], LASTEMBER_HOST_ROOT: tree.root },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    child.stderr!.on('data', (chunk: Buffer) => (log += chunk.toString()));
    children.push(child);
    return child;
  };
  const until = async (what: string, holds: () => Promise<boolean>): Promise<void> => {
    for (let tries = 0; tries < 300; tries += 1) {
      if (await holds()) return;
      await sleep(100);
    }
    assert.fail(`${what}: ${log}`);
  };
  const program = sha256(readFileSync(older));
  const withProgram = async (digest: string): Promise<AgentRecord[]> =>
    (await allAgents(platform.db)).filter((one) => one.program === digest);
  const first = start();
  await until('it reports', async () => (await withProgram(program)).length === 1);
  const [agent] = await withProgram(program);
  const asked = await createUpdate(platform, discovery, OLGA, { hostIds: [agent!.hostId], wave: 1 });
  await approveUpdate(platform, ANNA, asked.id, approval(asked));
  // It asks once a minute, and when it starts.
  first.kill('SIGTERM');
  await once(first, 'exit');
  const second = start();
  await until('it is done', async () => (await mustFindUpdate(platform, asked.id)).state === 'done');
  assert.ok((await withProgram(NEW)).some((one) => one.id === agent!.id));
  assert.equal(second.exitCode, null);
  second.kill('SIGTERM');
  await once(second, 'exit');
  tree.remove();
});
