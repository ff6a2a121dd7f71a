import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { sql } from 'kysely';
import { testSshServer, type TestSshServer } from '../../host/ssh/testing/server.ts';
import type { CredentialInput } from '../../model/enrollment.ts';
import { isAppError } from '../../model/errors/index.ts';
import { testPlatform, type TestPlatform } from '../../platform/testing.ts';
import { createDiscovery, type Discovery } from '../discovery/index.ts';
import { addScope, newSshKey } from '../discovery/testing/index.ts';
import { addCredential, listCredentials, removeCredential } from './credentials.ts';
import { createDeployment } from './make-deployment.ts';
import { createEnrollment } from './index.ts';
import { deployList, ListInput } from './onboard.ts';
import { deployments } from './store-deployments.ts';
import { pinKey, pinnedKey, unpinKeys } from './store-login.ts';

const operator = { kind: 'user' as const, id: 'user_1', name: 'alex', role: 'operator' as const };
const [OUTER, INNER] = ['127.77.0.1', '127.77.0.2'];
const root = mkdtempSync(join(tmpdir(), 'lastember-bastion-'));
let platform: TestPlatform;
let discovery: Discovery;
let outer: TestSshServer;
let inner: TestSshServer;
let [outerId, innerId] = ['', ''];

before(async () => {
  platform = await testPlatform();
  discovery = createDiscovery(platform);
  platform.handle({
    ...createEnrollment(platform, discovery, async () => 'lastember.test+00000000+key').jobs,
    'audit.collect': async () => undefined,
  });
  mkdirSync(join(root, 'bin'));
  // Whoever runs the test is root on these machines.
  writeFileSync(join(root, 'bin/id'), '#!/bin/sh\necho 0\n', { mode: 0o755 });
  const common = { root, username: 'ops', path: join(root, 'bin') };
  outer = await testSshServer({ ...common, password: 'outer', hostKey: newSshKey(), address: OUTER });
  inner = await testSshServer({ ...common, password: 'inner', hostKey: newSshKey(), address: INNER });
  for (const [address, { port }] of [
    [OUTER, outer],
    [INNER, inner],
  ] as const)
    await addScope(platform, { cidrs: [address], ports: `${port}` });
  outerId = (await discovery.probeNow(OUTER, outer.port)).hostId;
  innerId = (await discovery.probeNow(INNER, inner.port)).hostId;
});
after(async () => {
  await Promise.all([outer?.close(), inner?.close()]);
  await platform?.close();
  rmSync(root, { recursive: true, force: true });
});

const add = (name: string, password: string, more: Partial<CredentialInput> = {}) =>
  addCredential(platform, discovery, operator, { kind: 'password', name, username: 'ops', password, ...more } as never);

async function adopt(credential: string): Promise<string | null> {
  const made = await createDeployment(platform, discovery, operator, {
    hostIds: [innerId],
    credentials: [credential],
    force: true,
    acceptHostKey: false,
    agentless: true,
  });
  await platform.drain();
  return (await deployments(platform.db, [made.id]))[0]!.hosts[0]!.why;
}

test('a server that was seen, but whose key nobody could read, is not taken at its first sight', async () => {
  await add('front', 'outer', { for: [OUTER] });
  await add('back', 'inner', { for: [INNER], via: { credential: 'front', host: outerId } });
  const [seen] = await discovery.endpoints({ hostId: innerId });
  const setKeys = (keys: unknown): Promise<unknown> =>
    platform.observe(operator, async (tx) => {
      const text = JSON.stringify(keys);
      await sql`update discovery.endpoint set probe = jsonb_set(probe, '{hostKeys}', ${text}::jsonb)
        where id = ${seen!.id}`.execute(tx.db);
      await tx.record({ type: 'discovery.endpoint.changed', subject: { kind: 'endpoint', id: seen!.id } });
    });
  await setKeys([]);
  const logins = inner.logins();
  assert.match((await adopt('back')) ?? '', /its SSH host key could not be read.*lastember scan 127\.77\.0\.2/);
  assert.equal(inner.logins(), logins);
  await setKeys(seen!.probe?.protocol === 'ssh' ? seen!.probe.hostKeys : []);
  assert.equal(await adopt('back'), null);
});

test('the same address behind two bastions is two machines, each with its own pinned key', async () => {
  const at = { address: '10.0.0.5', port: 22 };
  const pin = (via: string, fingerprint: string) =>
    pinKey(platform.db, { ...at, via, fingerprint, pinned_at: platform.now() });
  await pin('host_a', 'SHA256:a');
  await pin('host_b', 'SHA256:b');
  const pinned = (via: string) => pinnedKey(platform.db, { ...at, via });
  assert.deepEqual([await pinned('host_a'), await pinned('host_b'), await pinned('')], ['SHA256:a', 'SHA256:b', null]);
  await platform.db.transaction().execute((tx) => unpinKeys(tx, ['host_b'], [at.address]));
  assert.deepEqual([await pinned('host_a'), await pinned('host_b')], ['SHA256:a', null]);
  assert.equal(await pinnedKey(platform.db, { via: outerId, address: INNER, port: inner.port }), inner.fingerprint);
});

test('a login goes through its bastion, which proves its own key; what stands in the way is said', async () => {
  await add('outer', 'outer', { for: [OUTER] });
  const through = { credential: 'outer', host: outerId };
  assert.equal((await add('inner', 'inner', { for: [INNER], via: through })).via, `outer@${outerId}`);
  assert.equal(await adopt('inner'), null);
  assert.equal(outer.forwarded.at(-1), `${INNER}:${inner.port}`);
  const forwarded = outer.forwarded.length;
  const listed = await listCredentials(platform, discovery);
  assert.deepEqual(
    listed.map(({ name, via }) => [name, via]),
    [
      ['back', `front@${OUTER}`],
      ['front', null],
      ['inner', `outer@${OUTER}`],
      ['outer', null],
    ],
  );
  await assert.rejects(removeCredential(platform, operator, 'outer'), (error) =>
    isAppError(error, 'CREDENTIAL_IS_BASTION'),
  );
  await assert.rejects(add('lost', 'x', { via: { credential: 'none', host: outerId } }), (error) =>
    isAppError(error, 'NOT_FOUND'),
  );
  await add('elsewhere', 'outer', { for: ['192.0.2.1'] });
  await add('barred', 'inner', { for: [INNER], via: { credential: 'elsewhere', host: outerId } });
  assert.match((await adopt('barred')) ?? '', /cannot be gone through: the credential elsewhere is not for it/);
  await add('wrong-outer', 'nonsense', { for: [OUTER] });
  await add('turned-away', 'inner', { for: [INNER], via: { credential: 'wrong-outer', host: outerId } });
  assert.match((await adopt('turned-away')) ?? '', /refused/);
  assert.equal(outer.forwarded.length, forwarded, 'nobody got further than the bastion');
});

test('2.5: a row of a list whose login goes through a bastion is deployed to, though nobody can see it from here', async () => {
  const unseen = '192.0.2.77';
  await add('gate', 'outer', { for: [OUTER] });
  await add('beyond', 'inner', { for: [unseen], via: { credential: 'gate', host: outerId } });
  const list = (text: string) =>
    deployList(platform, discovery, operator, ListInput.parse({ text, agentless: true, ask: true }));
  const without = await list(`address\n${unseen}\n`);
  assert.match(without.rows[0]!.why ?? '', /is in no scope/);
  assert.deepEqual(without.deployments, []);
  const { rows, deployments: made } = await list(`address,login\n${unseen},beyond\n`);
  assert.deepEqual(
    rows.map(({ why }) => why),
    [null],
  );
  const [asked] = await deployments(platform.db, made);
  assert.deepEqual(
    [asked!.state, asked!.agentless, asked!.hosts[0]!.hostId],
    ['awaiting-approval', true, rows[0]!.hostId],
    'nor is anything done that an approver is to sign first',
  );
});
