import assert from 'node:assert/strict';
import { createHash, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { request as httpsRequest } from 'node:https';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect, type SecureVersion } from 'node:tls';
import 'reflect-metadata';
import * as x509 from '@peculiar/x509';
import * as z from 'zod';
import { testAuthority, type TestAuthority } from '../../agent/testing/authority.ts';
import { testPlatform, type TestPlatform } from '../testing.ts';
import { buildAgentListener } from './agents.ts';
import { route, type AgentIdentity } from './route.ts';

interface ClientIdentity {
  key: string;
  cert: string;
  fingerprint: string;
}

const known = new Map<string, AgentIdentity>();
const polls = { begun: 0, ended: 0 };
const ROUTES = [
  route({
    method: 'GET',
    path: '/me',
    id: 'agentMe',
    summary: 'Who',
    access: 'agent',
    reply: z.object({ agentId: z.string(), hostId: z.string(), actor: z.string() }),
    handler: async ({ agent, actor }) => ({ ...agent!, actor: `${actor.kind} ${actor.id}` }),
  }),
  route({
    method: 'POST',
    path: '/facts',
    id: 'agentFacts',
    summary: 'Facts',
    access: 'agent',
    body: z.object({ text: z.string() }),
    reply: z.object({ length: z.number() }),
    handler: async ({ body }) => ({ length: body.text.length }),
  }),
  route({
    method: 'POST',
    path: '/enroll',
    id: 'agentEnroll',
    summary: 'Enrol',
    access: 'enroll',
    body: z.object({ token: z.string() }),
    reply: z.object({ ok: z.boolean() }),
    handler: async () => ({ ok: true }),
  }),
  route({
    method: 'GET',
    path: '/people',
    id: 'people',
    summary: 'Mounted on the wrong listener by mistake',
    access: ['viewer'],
    reply: z.object({ secret: z.string() }),
    handler: async () => ({ secret: 'people' }),
  }),
  route({
    method: 'GET',
    path: '/renew',
    id: 'agentRenew',
    summary: 'Also for who comes late',
    access: 'agent',
    lapsedDays: 2,
    reply: z.object({ agentId: z.string() }),
    handler: async ({ agent }) => ({ agentId: agent!.agentId }),
  }),
  route({
    method: 'GET',
    path: '/tasks',
    id: 'agentTasks',
    summary: 'Long poll',
    access: 'agent',
    handler: async ({ signal }) => {
      polls.begun += 1;
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
      polls.ended += 1;
    },
  }),
];

let platform: TestPlatform;
let authority: TestAuthority;
let port: number;
let close: () => Promise<void>;
before(async () => {
  platform = await testPlatform();
  authority = await testAuthority();
  const listener = {
    identity: { ...authority.server, ca: authority.ca },
    authenticate: async (fingerprint: string) => known.get(fingerprint) ?? null,
  };
  const app = buildAgentListener(platform, listener, ROUTES);
  await app.listen({ host: '127.0.0.1', port: 0 });
  port = (app.server.address() as AddressInfo).port;
  close = async () => void (await app.close());
});
after(async () => {
  await close();
  await platform.close();
});

async function identity(name: string, by = authority, life?: { from: number; to: number }): Promise<ClientIdentity> {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const request = await x509.Pkcs10CertificateRequestGenerator.create({
    name: `CN=${name}`,
    keys,
    signingAlgorithm: algorithm,
  });
  const cert = await by.issue(request.toString('pem'), name, life);
  const der = Buffer.from(await crypto.subtle.exportKey('pkcs8', keys.privateKey)).toString('base64');
  const fingerprint = createHash('sha256').update(new X509Certificate(cert).raw).digest('hex');
  return { key: `-----BEGIN PRIVATE KEY-----\n${der}\n-----END PRIVATE KEY-----\n`, cert, fingerprint };
}

function ask(
  path: string,
  given: { as?: ClientIdentity; body?: unknown; signal?: AbortSignal } = {},
): Promise<{ status: number; body: { [key: string]: unknown; error?: { code: string } } }> {
  return new Promise((resolve, reject) => {
    const request = httpsRequest(`https://127.0.0.1:${port}/agent/v1${path}`, {
      method: given.body === undefined ? 'GET' : 'POST',
      ca: authority.ca,
      agent: false,
      ...(given.as ? { key: given.as.key, cert: given.as.cert } : {}),
      ...(given.signal ? { signal: given.signal } : {}),
      headers: { 'content-type': 'application/json' },
    });
    request.on('error', reject);
    request.on('response', (reply) => {
      let text = '';
      reply.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      reply.on('end', () => resolve({ status: reply.statusCode!, body: JSON.parse(text) as never }));
    });
    request.end(given.body === undefined ? undefined : JSON.stringify(given.body));
  });
}

test('a known agent is who its certificate says, at every request', async () => {
  const agent = await identity('agent_1');
  known.set(agent.fingerprint, { agentId: 'agent_1', hostId: 'host_1' });
  const me = await ask('/me', { as: agent });
  assert.deepEqual([me.status, me.body], [200, { agentId: 'agent_1', hostId: 'host_1', actor: 'agent agent_1' }]);
  known.delete(agent.fingerprint);
  const revoked = await ask('/me', { as: agent });
  assert.deepEqual([revoked.status, revoked.body.error?.code], [403, 'AGENT_REVOKED']);
});

test('without a certificate there is enrolling and nothing else', async () => {
  for (const path of ['/me', '/tasks']) {
    const refused = await ask(path);
    assert.deepEqual([refused.status, refused.body.error?.code], [401, 'AGENT_UNAUTHENTICATED'], path);
  }
  assert.equal((await ask('/facts', { body: { text: 'x' } })).status, 401);
  assert.deepEqual((await ask('/enroll', { body: { token: 'x' } })).body, { ok: true });
});

test('a forged certificate is refused, even with the name of a known agent', async () => {
  const real = await identity('agent_2');
  known.set(real.fingerprint, { agentId: 'agent_2', hostId: 'host_2' });
  const forged = await identity('agent_2', await testAuthority());
  const unknown = await identity('agent_2');
  const refused = await ask('/me', { as: forged });
  assert.deepEqual([refused.status, refused.body.error?.code], [401, 'AGENT_UNAUTHENTICATED']);
  // Even if its fingerprint were known somehow: the chain does not end at our authority.
  known.set(forged.fingerprint, { agentId: 'agent_2', hostId: 'host_2' });
  assert.equal((await ask('/me', { as: forged })).status, 401);
  // By our authority, but not one that enrolled.
  assert.equal((await ask('/me', { as: unknown })).status, 403);
});

test('facts of a large host fit; more does not, and nobody without a certificate may send as much', async () => {
  const agent = await identity('agent_4');
  known.set(agent.fingerprint, { agentId: 'agent_4', hostId: 'host_4' });
  const text = 'x'.repeat(8 * 1024 * 1024);
  assert.deepEqual((await ask('/facts', { as: agent, body: { text } })).body, { length: text.length });
  const refusal = (given: Parameters<typeof ask>[1], path: string): Promise<string | undefined> =>
    ask(path, given).then(
      (reply) => reply.body.error?.code,
      // The server may close while we are still sending.
      (error: NodeJS.ErrnoException) =>
        ['ECONNRESET', 'EPIPE'].includes(error.code ?? '') ? 'BODY_TOO_LARGE' : error.code,
    );
  assert.equal(await refusal({ as: agent, body: { text: text + text } }, '/facts'), 'BODY_TOO_LARGE');
  assert.equal(await refusal({ body: { token: 'x'.repeat(100_000) } }, '/enroll'), 'BODY_TOO_LARGE');
});

test('a route for people that lands on this listener is closed to everybody', async () => {
  const agent = await identity('agent_5');
  known.set(agent.fingerprint, { agentId: 'agent_5', hostId: 'host_5' });
  for (const as of [agent, undefined]) assert.equal((await ask('/people', as ? { as } : {})).status, 404);
});

test('a long poll ends when its agent goes away', async () => {
  const agent = await identity('agent_6');
  known.set(agent.fingerprint, { agentId: 'agent_6', hostId: 'host_6' });
  const leave = new AbortController();
  const asked = ask('/tasks', { as: agent, signal: leave.signal }).catch(() => 'left');
  for (let n = 0; n < 200 && polls.begun === 0; n += 1) await sleep(10);
  assert.equal(polls.ended, 0);
  leave.abort();
  assert.equal(await asked, 'left');
  for (let n = 0; n < 200 && polls.ended === 0; n += 1) await sleep(10);
  assert.equal(polls.ended, 1);
});

test('TLS 1.2 and 1.3, nothing older', async () => {
  const version = async (maxVersion: SecureVersion): Promise<string | null> => {
    const socket = connect({
      host: '127.0.0.1',
      port,
      ca: authority.ca,
      minVersion: 'TLSv1',
      maxVersion,
      ciphers: 'DEFAULT@SECLEVEL=0',
    });
    try {
      await once(socket, 'secureConnect');
      return socket.getProtocol();
    } catch {
      return null;
    } finally {
      socket.destroy();
    }
  };
  assert.equal(await version('TLSv1.3'), 'TLSv1.3');
  assert.equal(await version('TLSv1.2'), 'TLSv1.2');
  assert.equal(await version('TLSv1.1'), null);
  assert.equal(await version('TLSv1'), null);
});

test('who comes with a certificate that ended not long ago may ask for another one, and for nothing else', async () => {
  const day = 86_400_000;
  const ended = (days: number, by = authority): Promise<ClientIdentity> =>
    identity('late', by, { from: -90 * day, to: -days * day });
  const codeOf = async (path: string, as: ClientIdentity): Promise<string | undefined> =>
    (await ask(path, { as })).body.error?.code;
  const late = await ended(1);
  known.set(late.fingerprint, { agentId: 'agent_late', hostId: 'host_late' });
  assert.deepEqual((await ask('/renew', { as: late })).body, { agentId: 'agent_late' });
  assert.equal(await codeOf('/tasks', late), 'AGENT_UNAUTHENTICATED');
  known.delete(late.fingerprint);
  assert.equal(await codeOf('/renew', late), 'AGENT_REVOKED');
  const tooLate = await ended(3);
  known.set(tooLate.fingerprint, { agentId: 'agent_too_late', hostId: 'host_late' });
  assert.equal(await codeOf('/renew', tooLate), 'AGENT_UNAUTHENTICATED');
  // Of another authority: the same name and time are not enough.
  const stranger = await ended(1, await testAuthority());
  assert.match((await codeOf('/renew', stranger))!, /AGENT_UNAUTHENTICATED|AGENT_REVOKED/);
});
