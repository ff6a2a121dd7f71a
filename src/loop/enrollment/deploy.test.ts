import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { FastifyInstance } from 'fastify';
import { startEstate, type Estate } from '../../../lab/demo/estate.ts';
import type { Deployment } from '../../model/deployment.ts';
import { buildAgentListener } from '../../platform/http/agents.ts';
import { testPlatform, type TestPlatform } from '../../platform/testing.ts';
import { listEntries } from '../../platform/ledger/index.ts';
import { createDiscovery, type Discovery } from '../discovery/index.ts';
import { addCredential, removeCredential } from './credentials.ts';
import { createDeployment } from './make-deployment.ts';
import { createEnrollment, type Enrollment } from './index.ts';
import { deployments } from './store-deployments.ts';
import { keepPacked } from './testing/packed.ts';
import { freePort } from './testing/ports.ts';

const skip = process.arch === 'x64' ? false : 'the demo estate needs binaries that exist for x64 only';
const operator = { kind: 'user' as const, id: 'user_1', name: 'alex', role: 'operator' as const };
let dir: string;
let estate: Estate;
let platform: TestPlatform;
let discovery: Discovery;
let enrollment: Enrollment;
let listener: FastifyInstance;

before(async () => {
  if (skip) return;
  dir = await mkdtemp(join(tmpdir(), 'lastember-deploy-'));
  const port = await freePort();
  estate = await startEstate({ dir: join(dir, 'estate'), only: ['files', 'build'], net: 98 });
  platform = await testPlatform({ config: { agentAddress: `127.0.0.1:${port}` } });
  await keepPacked(platform.config.dataDir);
  discovery = createDiscovery(platform);
  enrollment = createEnrollment(platform, discovery, async () => 'lastember.test+00000000+key');
  const identity = await enrollment.listenerIdentity();
  listener = buildAgentListener(platform, { identity, authenticate: enrollment.authenticate }, enrollment.agentRoutes);
  await listener.listen({ host: '127.0.0.1', port });
  platform.handle({ ...discovery.jobs, ...enrollment.jobs });
  await scan();
});
after(async () => {
  await estate?.stop();
  await listener?.close();
  await platform?.close();
  if (dir) await rm(dir, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
});

async function scan(): Promise<void> {
  const scopes = discovery.routes.find((route) => route.id === 'createScope')!;
  const scans = discovery.routes.find((route) => route.id === 'createScan')!;
  const request = (body: object): never =>
    ({
      params: {},
      query: {},
      body,
      actor: operator,
      agent: null,
      ip: '',
      signal: AbortSignal.timeout(60_000),
    }) as never;
  const fields = { name: 'lab', cidrs: estate.scope.cidrs, ports: '2222', rate: 2000 };
  const isThere = (await discovery.scopes()).some(({ name }) => name === 'lab');
  // As the server does it, with the defaults of what is left out.
  if (!isThere) await scopes.handler(request(scopes.body!.parse(fields) as object));
  await scans.handler(request({ scope: 'lab' }));
  await platform.drain();
}

async function deploy(
  name: string,
  how: Partial<Parameters<typeof createDeployment>[3]>,
): Promise<Deployment['hosts'][number]> {
  const host = await discovery.hostByAddress(estate.host(name).address);
  const made = await createDeployment(platform, discovery, operator, {
    hostIds: [host!.id],
    force: false,
    acceptHostKey: false,
    agentless: false,
    ...how,
  });
  await platform.drain();
  const [done] = await deployments(platform.db, [made.id]);
  return done!.hosts[0]!;
}

test('wrong credentials: the host says why it is not managed, and stays visible', { skip }, async () => {
  await addCredential(platform, discovery, operator, {
    kind: 'password',
    name: 'wrong',
    username: estate.login.username,
    password: 'not this one',
  });
  const result = await deploy('files', { credentials: ['wrong'] });
  assert.equal(result.state, 'failed');
  assert.match(result.why ?? '', /refused with every credential tried \(wrong\)/);
  const host = await discovery.hostByAddress(estate.host('files').address);
  assert.equal(host?.management, 'unmanageable');
});

test('a login that cannot become root: the host says why, and nothing was written to it', { skip }, async () => {
  const made = await addCredential(platform, discovery, operator, {
    kind: 'private-key',
    name: 'needs-sudo',
    username: estate.login.username,
    privateKey: estate.login.privateKey,
    become: 'sudo',
    becomePassword: 'of sudo',
  });
  assert.equal(made.become, 'sudo');
  assert.doesNotMatch(JSON.stringify(made), /of sudo/);
  const result = await deploy('files', { credentials: ['needs-sudo'] });
  assert.equal(result.state, 'failed');
  assert.match(result.why ?? '', /Becoming root on .* with sudo did not work: .*not found/);
  assert.ok(!existsSync(join(estate.host('files').root, 'opt/lastember')));
  await removeCredential(platform, operator, 'needs-sudo');
});

test('no room for the agent: said before anything is written', { skip }, async () => {
  const { root } = estate.host('files');
  const key = { username: estate.login.username, privateKey: estate.login.privateKey };
  await addCredential(platform, discovery, operator, { kind: 'private-key', name: 'first-key', ...key });
  const df = join(root, 'bin/df');
  writeFileSync(
    df,
    '#!/bin/sh\necho "Filesystem 1024-blocks Used Available Capacity Mounted on"\necho "/dev/x 9 9 5120 99% /"\n',
    {
      mode: 0o755,
    },
  );
  const result = await deploy('files', { credentials: ['first-key'] });
  rmSync(df);
  assert.equal(result.state, 'failed');
  assert.match(result.why ?? '', /has 5 MB free at \/opt.*--agentless/);
  assert.ok(!existsSync(join(root, 'opt/lastember')));
  await removeCredential(platform, operator, 'first-key');
});

test(
  'the right one after wrong ones: the agent enrols over mutual TLS; a host without Node gets it as one file',
  { skip },
  async () => {
    await addCredential(platform, discovery, operator, {
      kind: 'private-key',
      name: 'ops-key',
      username: estate.login.username,
      privateKey: estate.login.privateKey,
    });
    await addCredential(platform, discovery, operator, {
      kind: 'password',
      name: 'ops-password',
      username: estate.login.username,
      password: estate.login.password,
      for: estate.scope.cidrs,
    });
    const build = estate.host('build').root;
    rmSync(join(build, 'usr/bin/node'));
    for (const name of ['files', 'build']) {
      const result = await deploy(name, {});
      assert.deepEqual([result.state, result.why], ['done', null]);
      const host = await discovery.hostByAddress(estate.host(name).address);
      assert.equal(host?.management, 'managed');
      assert.equal((await enrollment.agentOfHost(host!.id))?.state, 'active');
    }
    const brought = readdirSync(join(build, 'opt/lastember')).sort();
    assert.deepEqual(brought, ['lastember-agent'], 'nothing of the transfer is left');
    const said = execFileSync(join(build, 'opt/lastember/lastember-agent'), ['--version'], {
      encoding: 'utf8',
      env: {},
    });
    assert.match(said, /^\d+\.\d+\.\d+\n$/);
    const packed = readdirSync(join(platform.config.dataDir, 'cache')).filter((name) => name !== 'pieces');
    assert.match(packed.join(), /^lastember-agent-[0-9a-f]{16}-linux-\w+\.(?:xz|deb|zst|gz)$/, 'it travelled packed');
  },
);

test(
  'an agent that the server does not take: the deployment says why, and the trail does, once',
  { skip },
  async () => {
    const id = join(estate.host('build').root, 'etc/machine-id');
    const own = readFileSync(id, 'utf8');
    writeFileSync(id, `${'5'.repeat(32)}\n`);
    const result = await deploy('build', { force: true });
    writeFileSync(id, own);
    assert.equal(result.state, 'failed');
    assert.match(
      result.why ?? '',
      /was started, and this server did not take it \(The token is for .* this machine is another one/,
    );
    const entries = (await listEntries(platform.db)).map(({ entry }) => entry);
    const refused = entries.filter(({ type }) => type === 'enrollment.agent.refused');
    assert.deepEqual(
      refused.map(({ detail }) => (detail as { code: string }).code),
      ['ENROLL_OTHER_HOST'],
    );
    const again = await deploy('build', { force: true });
    assert.deepEqual([again.state, again.why], ['done', null]);
  },
);

test('a rebuilt machine has another SSH host key: refused until somebody says that it is meant', { skip }, async () => {
  await estate.recreate('files');
  const refused = await deploy('files', { force: true });
  assert.equal(refused.state, 'failed');
  assert.match(refused.why ?? '', /host key .* SHA256:\S+, but SHA256:\S+ was seen before.*--accept-host-key/s);
  await scan();
  const accepted = await deploy('files', { acceptHostKey: true, force: true });
  assert.deepEqual([accepted.state, accepted.why], ['done', null]);
});

test('nobody answers any more: unreachable, in words', { skip }, async () => {
  const { address } = estate.host('build');
  await estate.stop();
  const host = await discovery.hostByAddress(address);
  const made = await createDeployment(platform, discovery, operator, {
    hostIds: [host!.id],
    force: true,
    acceptHostKey: false,
    agentless: false,
  });
  await platform.drain();
  const [done] = await deployments(platform.db, [made.id]);
  assert.match(done!.hosts[0]!.why ?? '', /over SSH did not work/);
});
