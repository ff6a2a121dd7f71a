import 'reflect-metadata';
import * as x509 from '@peculiar/x509';
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { EnrollRequest } from '../../model/agent.ts';
import { isAppError } from '../../model/errors/index.ts';
import { testPlatform, type TestPlatform } from '../../platform/testing.ts';
import { createDiscovery, type Discovery } from '../discovery/index.ts';
import { addCredential, listCredentials, removeCredential } from './credentials.ts';
import { enroll, mintToken } from './enroll.ts';
import { createEnrollment, type Enrollment } from './index.ts';
import { checkIn } from './presence.ts';
import { renew } from './renew.ts';
import { setAgentState } from './store.ts';

let platform: TestPlatform;
let discovery: Discovery;
let enrollment: Enrollment;
const operator = { kind: 'user' as const, id: 'user_1', name: 'alex', role: 'operator' as const };
const checkpointKey = async (): Promise<string> => 'lastember.test+00000000+key';

before(async () => {
  platform = await testPlatform();
  discovery = createDiscovery(platform);
  enrollment = createEnrollment(platform, discovery, checkpointKey);
});
after(() => platform.close());

async function newKeys(): Promise<CryptoKeyPair> {
  return (await crypto.subtle.generateKey({ name: 'Ed25519' }, true, ['sign', 'verify'])) as CryptoKeyPair;
}
async function requestOf(token: string, keys: CryptoKeyPair, machineId: string): Promise<EnrollRequest> {
  const csr = await x509.Pkcs10CertificateRequestGenerator.create({
    name: 'CN=web',
    keys,
    signingAlgorithm: { name: 'Ed25519' },
  });
  return {
    token,
    csr: csr.toString('pem'),
    version: '0.1.0',
    platform: 'linux-x64',
    hostname: 'web-1',
    machineId,
    addresses: ['192.0.2.10'],
    sshHostKeys: [],
  };
}
async function token(minutes = 5): Promise<string> {
  const made = await platform.act(
    operator,
    { type: 'enrollment.token.made', subject: { kind: 'token', id: 't' } },
    (tx) => mintToken(platform, tx, { hostId: null, minutes }),
  );
  return made.token;
}
const refused = (error: unknown): boolean => isAppError(error, 'ENROLL_TOKEN_REFUSED');
const join = (body: EnrollRequest): ReturnType<typeof enroll> =>
  enroll(platform, discovery, checkpointKey, body, '192.0.2.10');

test('a token enrols one agent; the same key may ask again, another key and a used or expired token may not', async () => {
  const once = await token();
  const keys = await newKeys();
  const first = await join(await requestOf(once, keys, 'machine-a'));
  const again = await join(await requestOf(once, keys, 'machine-a'));
  assert.equal(again.agentId, first.agentId);
  assert.equal(again.certificate, first.certificate);
  await assert.rejects(join(await requestOf(once, await newKeys(), 'machine-a')), refused);
  await assert.rejects(join(await requestOf('lee_unknown', await newKeys(), 'machine-a')), refused);
  await assert.rejects(join(await requestOf(await token(-1), await newKeys(), 'machine-a')), refused);
  const [host] = await discovery.hosts({ ids: [first.hostId] });
  assert.equal(host?.management, 'managed');
});

test('who has no good token makes us sign nothing, nor read a certificate request', async () => {
  let used = 0;
  const vault = {
    ...platform.vault,
    use: ((id, fn) => (used++, platform.vault.use(id, fn))) as typeof platform.vault.use,
  };
  const counting = Object.create(platform, { vault: { value: vault } }) as typeof platform;
  const ask = (body: EnrollRequest): ReturnType<typeof enroll> =>
    enroll(counting, discovery, checkpointKey, body, '192.0.2.10');
  const good = await requestOf(await token(), await newKeys(), 'machine-z');
  await ask(good);
  assert.equal(used, 1);
  await assert.rejects(ask(await requestOf(good.token, await newKeys(), 'machine-z')), refused);
  await assert.rejects(ask({ ...good, token: 'lee_unknown', csr: 'no request' }), refused);
  await assert.rejects(ask({ ...good, token: await token(-1), csr: 'no request' }), refused);
  await ask(good);
  assert.equal(used, 1, 'signed once');
});

test('who has a token takes no host whose agent reports, whatever it says of itself', async () => {
  const real = { ...(await requestOf(await token(), await newKeys(), 'machine-taken')), addresses: ['192.0.2.77'] };
  const first = await join({ ...real, sshHostKeys: ['SHA256:taken'], bootId: 'boot-1' });
  const beat = { version: '1', bootId: 'boot-1', startedAt: '2026-01-01T00:00:00.000Z' };
  await checkIn(platform, discovery, first, beat);
  for (const [machineId, sshHostKeys, bootId] of [
    [null, [], null],
    [null, ['SHA256:taken'], 'another-boot'],
    ['machine-taken', [], null],
  ] as const) {
    const says = { machineId, sshHostKeys: [...sshHostKeys], bootId, addresses: ['192.0.2.77'] };
    const stranger = { ...(await requestOf(await token(), await newKeys(), '')), ...says };
    const got = await enroll(platform, discovery, checkpointKey, stranger, '198.51.100.9').catch((error: unknown) => {
      assert.ok(isAppError(error, 'ENROLL_HOST_TAKEN'), String(error));
      return null;
    });
    assert.notEqual(got?.hostId, first.hostId);
    assert.equal((await enrollment.agent(first.agentId))!.state, 'active');
  }
  // The machine itself, installed anew, has the boot that its agent reported.
  const anew = { ...(await requestOf(await token(), await newKeys(), 'machine-taken')), addresses: ['192.0.2.77'] };
  assert.equal((await join({ ...anew, bootId: 'boot-1' })).hostId, first.hostId);
});

test('two enrolments at the same instant with one token: exactly one wins', async () => {
  const once = await token();
  const bodies = await Promise.all(['machine-b', 'machine-c'].map(async (id) => requestOf(once, await newKeys(), id)));
  const results = await Promise.allSettled(bodies.map(join));
  assert.deepEqual(results.map((result) => result.status).sort(), ['fulfilled', 'rejected']);
});

test('a host that enrols again has one agent; the one before and a revoked one are refused at the listener', async () => {
  const first = await join(await requestOf(await token(), await newKeys(), 'machine-d'));
  const second = await join(await requestOf(await token(), await newKeys(), 'machine-d'));
  assert.equal(second.hostId, first.hostId);
  assert.equal((await enrollment.agentOfHost(first.hostId))?.id, second.agentId);
  const fingerprint = (pem: string): Promise<string> =>
    new x509.X509Certificate(pem).getThumbprint('SHA-256').then((raw) => Buffer.from(raw).toString('hex'));
  assert.equal(await enrollment.authenticate(await fingerprint(first.certificate)), null);
  assert.deepEqual(await enrollment.authenticate(await fingerprint(second.certificate)), {
    agentId: second.agentId,
    hostId: second.hostId,
  });
  await platform.observe(operator, (tx) => enrollment.revoke(tx, second.agentId, 'laptop stolen'));
  assert.equal(await enrollment.authenticate(await fingerprint(second.certificate)), null);
  assert.equal((await discovery.host(second.hostId))?.management, 'unmanaged');
});

test('an agent renews for its own key only; an answer that was lost leaves it with two certificates that count', async () => {
  const keys = await newKeys();
  const agent = await join(await requestOf(await token(), keys, 'machine-r'));
  const fingerprint = (pem: string): Promise<string> =>
    new x509.X509Certificate(pem).getThumbprint('SHA-256').then((raw) => Buffer.from(raw).toString('hex'));
  const identity = { agentId: agent.agentId, hostId: agent.hostId };
  const at = (days: number): typeof platform => ({
    ...platform,
    now: () => new Date(Date.now() + days * 86_400_000),
  });
  const { csr } = await requestOf('', keys, 'machine-r');
  assert.equal((await renew(platform, identity, { csr })).certificate, agent.certificate, 'just enrolled: the same');
  const { csr: others } = await requestOf('', await newKeys(), 'machine-r');
  const otherKey = (error: unknown): boolean => isAppError(error, 'RENEWAL_OTHER_KEY');
  await assert.rejects(renew(at(61), identity, { csr: others }), otherKey);
  await assert.rejects(renew(at(61), identity, { csr: 'no request' }), otherKey);
  const { certificate } = await renew(at(61), identity, { csr });
  assert.notEqual(certificate, agent.certificate);
  assert.equal(
    (await renew(at(61.5), identity, { csr })).certificate,
    certificate,
    'the answer was lost: the same again',
  );
  for (const pem of [agent.certificate, certificate])
    assert.deepEqual(await enrollment.authenticate(await fingerprint(pem)), identity);
  await platform.observe(operator, (tx) => enrollment.revoke(tx, agent.agentId, 'sold'));
  for (const pem of [agent.certificate, certificate])
    assert.equal(await enrollment.authenticate(await fingerprint(pem)), null);
});

test('check-ins keep an agent alive; a silent one is lost, and back when it reports', async () => {
  const agent = await join(await requestOf(await token(), await newKeys(), 'machine-e'));
  const report = (): Promise<unknown> =>
    checkIn(
      platform,
      discovery,
      { agentId: agent.agentId, hostId: agent.hostId },
      { version: '0.1.0', bootId: null, startedAt: new Date().toISOString() },
    );
  await report();
  const lost = enrollment.jobs['enrollment.lost-agents']!;
  await lost({});
  assert.equal((await enrollment.agent(agent.agentId))?.state, 'active');
  const early = { ...platform, now: () => new Date(Date.now() + 3_600_000) };
  await createEnrollment(early, discovery, checkpointKey).jobs['enrollment.lost-agents']!({});
  assert.equal((await enrollment.agent(agent.agentId))?.state, 'lost');
  assert.equal((await discovery.host(agent.hostId))?.management, 'lost');
  await report();
  assert.equal((await enrollment.agent(agent.agentId))?.state, 'active');
  await platform.observe(operator, (tx) => enrollment.revoke(tx, agent.agentId, 'sold'));
  // Whoever found it silent, or back, before it was revoked does not undo that.
  const set = (from: 'active' | 'lost', to: 'active' | 'lost'): Promise<boolean> =>
    platform.observe(operator, (tx) => setAgentState(tx.db, agent.agentId, [from], to));
  assert.deepEqual([await set('active', 'lost'), await set('lost', 'active')], [false, false]);
  assert.equal((await enrollment.agent(agent.agentId))?.state, 'revoked');
});

test('the agent of a machine that was built anew is lost: when the new one enrols, or once it missed two polls', async () => {
  const enrol = async (n: number, key: string): Promise<Awaited<ReturnType<typeof join>>> => {
    const body = await requestOf(await token(), await newKeys(), `machine-${key}`);
    return join({ ...body, hostname: `image-${n}`, addresses: [`192.0.2.${n}`], sshHostKeys: [`SHA256:${key}`] });
  };
  const report = (agent: { agentId: string; hostId: string }): Promise<unknown> =>
    checkIn(platform, discovery, agent, { version: '0.1.0', bootId: null, startedAt: new Date().toISOString() });
  const see = async (n: number, key: string): Promise<string> => {
    const seen = { source: 'scan' as const, address: `192.0.2.${n}`, at: new Date().toISOString() };
    const identifiers = [{ kind: 'ssh-host-key' as const, value: `SHA256:${key}` }];
    return (await platform.observe(operator, (tx) => discovery.recordSightings(tx, [{ ...seen, identifiers }])))[0]!;
  };
  const state = async (agent: { agentId: string }) => (await enrollment.agent(agent.agentId))?.state;
  const [one, two] = [await enrol(80, 'one-a'), await enrol(81, 'two-a')];
  for (const agent of [one, two]) await report(agent);
  const rebuilt = [await see(80, 'one-b'), await see(81, 'two-b')];
  assert.equal((await discovery.host(one.hostId))?.supersededBy, rebuilt[0]);
  // That another machine answers there is a claim; the agent may still report from elsewhere.
  await enrollment.jobs['enrollment.lost-agents']!({});
  assert.deepEqual([await state(one), await state(two)], ['active', 'active']);
  const again = await enrol(80, 'one-b');
  assert.equal(again.hostId, rebuilt[0]);
  assert.deepEqual([await state(one), await state(again), await state(two)], ['lost', 'active', 'active']);
  assert.equal((await discovery.host(one.hostId))?.management, 'lost');
  const soon = { ...platform, now: () => new Date(Date.now() + 130_000) };
  await createEnrollment(soon, discovery, checkpointKey).jobs['enrollment.lost-agents']!({});
  assert.deepEqual([await state(two), await state(again)], ['lost', 'active']);
  await report(two);
  assert.equal(await state(two), 'active', 'both machines are there');
});

test('a credential is used and listed, its secret never read back, and an unreadable key is refused', async () => {
  await addCredential(platform, discovery, operator, {
    kind: 'password',
    name: 'ops',
    username: 'root',
    password: 'correct horse',
  });
  const listed = await listCredentials(platform, discovery);
  assert.equal(listed.length, 1);
  assert.doesNotMatch(JSON.stringify(listed), /correct horse|secret/);
  await assert.rejects(
    addCredential(platform, discovery, operator, { kind: 'password', name: 'ops', username: 'root', password: 'x' }),
    (e) => isAppError(e, 'CREDENTIAL_EXISTS'),
  );
  await assert.rejects(
    addCredential(platform, discovery, operator, {
      kind: 'private-key',
      name: 'bad',
      username: 'root',
      privateKey: 'not a key',
    }),
    (e) => isAppError(e, 'CREDENTIAL_KEY_INVALID'),
  );
  await removeCredential(platform, operator, 'ops');
  assert.deepEqual(await listCredentials(platform, discovery), []);
});

test('the listener has a certificate of the one authority, made once even when two servers start together', async () => {
  const identities = await Promise.all([enrollment.listenerIdentity(), enrollment.listenerIdentity()]);
  assert.equal(identities[0].ca, identities[1].ca);
  assert.notEqual(identities[0].key, identities[1].key);
  assert.equal(new x509.X509Certificate(identities[0].cert).issuer, new x509.X509Certificate(identities[0].ca).subject);
});
