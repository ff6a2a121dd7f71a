import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { after, before, test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'kysely';
import ssh2 from 'ssh2';
import type { DeploymentInput } from '../../model/deployment.ts';
import { isAppError } from '../../model/errors/index.ts';
import { testPlatform, type TestPlatform } from '../../platform/testing.ts';
import { createDiscovery, type Discovery } from '../discovery/index.ts';
import { addScope, newSshKey } from '../discovery/testing/index.ts';
import { addCredential } from './credentials.ts';
import { createDeployment } from './make-deployment.ts';
import { createEnrollment } from './index.ts';
import { deployments } from './store-deployments.ts';

const operator = { kind: 'user' as const, id: 'user_1', name: 'alex', role: 'operator' as const };
let platform: TestPlatform;
let discovery: Discovery;
before(async () => {
  platform = await testPlatform({ config: { deploySeconds: 2 } });
  discovery = createDiscovery(platform);
  platform.handle(createEnrollment(platform, discovery, async () => 'lastember.test+00000000+key').jobs);
});
after(() => platform.close());

interface Strange {
  hostId: string;
  address: string;
  /** passwords that were handed to it */
  passwords: string[];
  /** kinds of login that were tried */
  methods: Set<string>;
  /** connections that are open */
  open: ReadonlySet<unknown>;
}

/** An SSH server that nobody knows. It takes every login when it is `mute`, and then never answers anything. */
async function strangeServer(t: TestContext, address: string, mute = false): Promise<Strange> {
  const passwords: string[] = [];
  const methods = new Set<string>();
  const open = new Set<{ end(): void }>();
  const server = new ssh2.Server({ hostKeys: [newSshKey()] }, (client) => {
    open.add(client);
    client.on('error', () => undefined);
    client.on('close', () => open.delete(client));
    client.on('authentication', (context) => {
      methods.add(context.method);
      if (context.method === 'password') passwords.push(context.password);
      if (mute && context.method !== 'none') context.accept();
      else context.reject(['password', 'publickey']);
    });
    client.on('session', () => undefined);
  });
  server.listen(0, address);
  await once(server, 'listening');
  t.after(async () => {
    for (const client of open) client.end();
    await new Promise<void>((resolve) => server.close(() => resolve()));
  });
  const { port } = server.address() as AddressInfo;
  await addScope(platform, { cidrs: [address], ports: `${port}` });
  const { hostId } = await discovery.probeNow(address, port);
  return { hostId, address, passwords, methods, open };
}

async function deploy(hostId: string, how: Partial<DeploymentInput> = {}): Promise<string> {
  const made = await createDeployment(platform, discovery, operator, {
    hostIds: [hostId],
    force: false,
    acceptHostKey: false,
    agentless: false,
    ...how,
  });
  await platform.drain();
  const [done] = await deployments(platform.db, [made.id]);
  return done!.hosts[0]!.why ?? '';
}

const password = (name: string, bound?: string[]) =>
  addCredential(platform, discovery, operator, {
    kind: 'password',
    name,
    username: 'root',
    password: `secret of ${name}`,
    ...(bound ? { for: bound } : {}),
  });

test('an unknown server is shown keys; passwords only where they are bound to, or when they are named', async (t) => {
  const one = await strangeServer(t, '127.76.0.1');
  const other = await strangeServer(t, '127.76.1.1');
  await password('loose');
  await assert.rejects(deploy(one.hostId), (error) => isAppError(error, 'DEPLOY_NO_CREDENTIAL'));
  const privateKey = newSshKey();
  const key = { kind: 'private-key' as const, username: 'root', privateKey };
  await addCredential(platform, discovery, operator, { ...key, name: 'key' });
  await addCredential(platform, discovery, operator, { ...key, name: 'key-sudo', become: 'sudo', becomePassword: 'x' });
  const bound = await password('bound', ['127.76.1.0/24']);
  assert.deepEqual(bound.for, ['127.76.1.0/24']);
  assert.match(await deploy(one.hostId), /refused with every credential tried \(key\)\./);
  assert.ok(one.methods.has('publickey'));
  assert.deepEqual(one.passwords, []);
  assert.match(await deploy(other.hostId), /\(bound, key\)/);
  assert.deepEqual([...new Set(other.passwords)], ['secret of bound']);
  assert.match(await deploy(one.hostId, { credentials: ['loose'] }), /\(loose\)/);
  assert.deepEqual([...new Set(one.passwords)], ['secret of loose']);
  // Bound elsewhere is bound elsewhere, named or not.
  assert.match(
    await deploy(one.hostId, { credentials: ['bound'] }),
    /No credential may be used for .* at 127\.76\.0\.1/,
  );
});

test('what a site has at an address is not what answers there here: nobody logs in to that', async (t) => {
  const atSite = await strangeServer(t, '127.76.4.1');
  const bastion = await strangeServer(t, '127.76.4.2');
  const behind = await strangeServer(t, '127.76.4.3');
  for (const { methods } of [atSite, bastion, behind]) methods.clear();
  await sql`update discovery.address set site = 'berlin' where address in ('127.76.4.1', '127.76.4.2')`.execute(
    platform.db,
  );
  assert.match(await deploy(atSite.hostId, { credentials: ['loose'] }), /127\.76\.4\.1 is meant as site berlin has it/);
  await addCredential(platform, discovery, operator, {
    kind: 'password',
    name: 'over-berlin',
    username: 'root',
    password: 'secret',
    for: [behind.address],
    via: { host: bastion.address, credential: 'loose' },
  });
  assert.match(await deploy(behind.hostId, { credentials: ['over-berlin'] }), /no SSH server was seen on it from here/);
  for (const { methods, passwords } of [atSite, bastion, behind]) assert.deepEqual([...methods, ...passwords], []);
});

test('a login can be bound to a host, kept by its id; to one that is not there it cannot', async (t) => {
  const { hostId, address } = await strangeServer(t, '127.76.2.1');
  assert.deepEqual((await password('of-host', [address, 'env=prod'])).for, [address, 'env=prod']);
  const host = (await discovery.host(hostId))!;
  assert.deepEqual((await password('by-id', [hostId])).for, [hostId]);
  assert.equal(host.name, address);
  await assert.rejects(password('nowhere', ['no-such-host']), (error) => isAppError(error, 'CREDENTIAL_BOUND_INVALID'));
});

test('a server that lets us in and then says nothing ends at the deadline, in words', async (t) => {
  const mute = await strangeServer(t, '127.76.3.1', true);
  const began = performance.now();
  const why = await deploy(mute.hostId, { credentials: ['key'] });
  assert.match(why, /took longer than 2 s; it stopped answering while looking at the machine/);
  assert.ok(performance.now() - began < 8000, `${performance.now() - began} ms`);
  // Nor is it left connected, where it could wait for ever.
  for (let tries = 0; tries < 100 && mute.open.size > 0; tries++) await sleep(20);
  assert.equal(mute.open.size, 0);
});
