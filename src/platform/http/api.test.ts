import assert from 'node:assert/strict';
import { request as httpRequest } from 'node:http';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import Fastify from 'fastify';
import pino from 'pino';
import * as z from 'zod';
import type { Platform } from '../context.ts';
import { systemActor } from '../../model/actor.ts';
import { changePerson } from '../auth/people.ts';
import { testPlatform, type TestPlatform } from '../testing.ts';
import { mount } from './mount.ts';
import { sendError } from './replies.ts';
import { route, type Route } from './route.ts';
import { serve, type Served } from './testing/served.ts';

let platform: TestPlatform;
let logged: { msg: string; [field: string]: unknown }[] = [];
let heard: Platform;
before(async () => {
  platform = await testPlatform();
  const log = pino(
    { level: 'warn', serializers: { err: pino.stdSerializers.err } },
    { write: (line: string) => void logged.push(JSON.parse(line)) },
  );
  heard = { ...platform, log };
});
after(() => platform.close());

async function served(t: { after(fn: () => Promise<void>): void }, routes: Route[] = []): Promise<Served> {
  const api = await serve(heard, routes);
  t.after(() => api.close());
  logged = [];
  return api;
}

const echo = route({
  method: 'POST',
  path: '/echo/:n',
  id: 'echo',
  summary: 'Echo',
  access: 'public',
  params: z.object({ n: z.coerce.number().int() }),
  query: z.object({ q: z.string().optional() }).strict(),
  body: z.object({ text: z.string().max(10), list: z.array(z.number()).default([]) }).strict(),
  reply: z.object({ text: z.string(), n: z.number() }),
  handler: async ({ body, params }) => ({ text: body.text, n: params.n }),
});

test('input that does not fit is refused with a code of the catalogue, and says where', async (t) => {
  const api = await served(t, [echo]);
  const good = await api.call('echo/7', { body: { text: 'hi' } });
  assert.deepEqual([good.status, good.body], [200, { text: 'hi', n: 7 }]);
  const cases: [string, Parameters<Served['call']>[1], number, string, RegExp][] = [
    ['echo/7', { body: { text: 7 } }, 400, 'INPUT_INVALID', /text: .*string/],
    ['echo/7', { body: {} }, 400, 'INPUT_INVALID', /text/],
    ['echo/7', { body: { text: 'far too long it is' } }, 400, 'INPUT_INVALID', /text/],
    ['echo/7', { body: { text: 'hi', list: [1, 'x'] } }, 400, 'INPUT_INVALID', /list\.1/],
    ['echo/7', { body: { text: 'hi', more: 1 } }, 400, 'INPUT_INVALID', /more/],
    ['echo/seven', { body: { text: 'hi' } }, 400, 'INPUT_INVALID', /n: /],
    ['echo/7?q=%00', { body: { text: 'hi' } }, 400, 'INPUT_INVALID', /null character/],
    ['echo/7?unknown=1', { body: { text: 'hi' } }, 400, 'INPUT_INVALID', /unknown/],
    ['echo/7', { raw: '{"text":' }, 400, 'INPUT_INVALID', /not JSON/],
    ['echo/7', { raw: '' }, 400, 'INPUT_INVALID', /empty/],
    ['echo/7', { raw: '{"__proto__":{"admin":true},"text":"hi"}' }, 400, 'INPUT_INVALID', /./],
    [
      'echo/7',
      { raw: 'text=hi', headers: { 'content-type': 'application/x-www-form-urlencoded' } },
      400,
      'INPUT_INVALID',
      /content type/,
    ],
    ['echo/7', { body: { text: 'x'.repeat(1024 * 1024) } }, 413, 'BODY_TOO_LARGE', /too large/],
    ['echo/%E0%A4%A', { body: { text: 'hi' } }, 400, 'INPUT_INVALID', /./],
    ['no-such-thing', {}, 404, 'NOT_FOUND', /no-such-thing/],
    ['echo/7', { method: 'GET' }, 404, 'NOT_FOUND', /GET/],
  ];
  for (const [path, call, status, code, message] of cases) {
    const refused = await api.call(path, call);
    const what = `${path} ${JSON.stringify(call).slice(0, 80)}`;
    assert.equal(refused.status, status, `${what}: ${refused.text}`);
    assert.equal(refused.body.error.code, code, what);
    assert.match(refused.body.error.message, message, what);
    assert.equal(typeof refused.body.error.params, 'object', what);
  }
  assert.deepEqual(logged, [], 'what a client does wrong is no error of the server');
});

test('a route that does not say who may call is refused at start-up', () => {
  const bad = (access: unknown): Route => ({ ...echo, access }) as Route;
  for (const access of [undefined, [], ''])
    assert.throws(() => mount(Fastify(), [bad(access)], async () => assert.fail()), /does not say who may call/);
});

test('two routes of one address are refused at start-up', async () => {
  await assert.rejects(serve(platform, [echo, { ...echo, id: 'other' }]), /two routes are POST \/echo/);
});

test('a reply that was never authorised becomes a 500, and is logged', async (t) => {
  const app = Fastify();
  app.setErrorHandler((error, request, reply) => sendError(error, request, reply, heard.log));
  void app.register(async (api) => {
    mount(api, [], async () => assert.fail());
    // As somebody in a hurry would add it.
    api.get('/secret', async () => ({ secret: 'the whole estate' }));
  });
  t.after(() => app.close());
  const url = await app.listen({ host: '127.0.0.1', port: 0 });
  logged = [];
  const reply = await fetch(`${url}/secret`);
  const text = await reply.text();
  assert.equal(reply.status, 500);
  assert.doesNotMatch(text, /estate/);
  assert.equal(JSON.parse(text).error.code, 'INTERNAL');
  assert.match(JSON.stringify(logged), /\/secret was never authorised/);
});

test('a handler that was never authorised does not even run', async (t) => {
  const app = Fastify();
  let ran = false;
  app.setErrorHandler((error, request, reply) => sendError(error, request, reply, heard.log));
  const careless = route({ ...echo, method: 'GET', path: '/x', handler: async () => void (ran = true) } as never);
  delete (careless as { params?: unknown }).params;
  delete (careless as { body?: unknown }).body;
  void app.register(async (api) => mount(api, [careless], async () => null as never));
  app.setValidatorCompiler(() => () => true);
  app.setSerializerCompiler(() => JSON.stringify);
  t.after(() => app.close());
  const url = await app.listen({ host: '127.0.0.1', port: 0 });
  assert.equal((await fetch(`${url}/x`)).status, 500);
  assert.equal(ran, false);
});

test('what breaks inside is a 500 with a request id that the log has, and nothing else of it', async (t) => {
  const breaking = route({
    method: 'GET',
    path: '/break',
    id: 'breaks',
    summary: 'Breaks',
    access: 'public',
    handler: async () => Promise.reject(new Error('password hunter2 of 10.0.0.1')),
  });
  const unfit = route({
    method: 'GET',
    path: '/unfit',
    id: 'unfit',
    summary: 'Replies what it does not promise',
    access: 'public',
    reply: z.object({ n: z.number() }),
    handler: async () => ({ n: 'secret' }) as never,
  });
  const api = await served(t, [breaking, unfit]);
  for (const path of ['break', 'unfit']) {
    const broken = await api.call(path);
    assert.equal(broken.status, 500);
    assert.equal(broken.body.error.code, 'INTERNAL');
    assert.doesNotMatch(broken.text, /hunter2|secret/);
    assert.ok(
      logged.some((line) => line['request'] === broken.body.error.params.request),
      path,
    );
  }
  assert.ok(logged.every((line) => ['a request broke', 'a reply does not fit its schema'].includes(line.msg)));
});

test('a reply holds what its schema names, nothing more', async (t) => {
  const leaky = route({
    method: 'GET',
    path: '/leaky',
    id: 'leaky',
    summary: 'Hands over a whole row',
    access: 'public',
    reply: z.object({ name: z.string() }),
    handler: async () => ({ name: 'ops', password: 'hunter2' }),
  });
  const api = await served(t, [leaky]);
  assert.deepEqual((await api.call('leaky')).body, { name: 'ops' });
});

test('every reply carries the security headers', async (t) => {
  const api = await served(t);
  for (const path of ['/api/v1/openapi.json', '/api/v1/me', '/', '/nothing.js']) {
    const { headers } = await api.call(path);
    assert.equal(headers.get('x-content-type-options'), 'nosniff', path);
    assert.equal(headers.get('referrer-policy'), 'no-referrer', path);
    const policy = headers.get('content-security-policy') ?? '';
    assert.match(policy, /default-src 'self'/, path);
    assert.match(policy, /frame-ancestors 'none'/, path);
    assert.doesNotMatch(policy, /script-src|unsafe-eval/, path);
    assert.equal(headers.get('access-control-allow-origin'), null, path);
  }
});

test('the API describes itself: OpenAPI 3.1, every reference resolves, every route is in it', async (t) => {
  const api = await served(t, [echo]);
  const { body: document } = await api.call('openapi.json');
  assert.equal(document.openapi, '3.1.0');
  const operations = Object.values(document.paths as object).flatMap((item) => Object.values(item as object));
  const ids = operations.map((operation) => operation.operationId);
  assert.equal(new Set(ids).size, ids.length);
  for (const { id } of [...api.auth.routes, echo]) assert.ok(ids.includes(id), id);
  const refs = [...JSON.stringify(document).matchAll(/"\$ref":"#\/([^"]+)"/g)].map((match) => match[1]!.split('/'));
  assert.ok(refs.length > 0);
  for (const path of refs)
    assert.ok(
      path.reduce((at, key) => at?.[key as never], document),
      `#/${path.join('/')} leads nowhere`,
    );
  const { parameters, requestBody } = document.paths['/echo/{n}'].post;
  assert.deepEqual(
    parameters.map((one: { name: string; in: string }) => [one.name, one.in]),
    [
      ['n', 'path'],
      ['q', 'query'],
    ],
  );
  assert.deepEqual(requestBody.content['application/json'].schema.required, ['text']);
});

test('sign-in is limited by address', async (t) => {
  const api = await served(t);
  const attempt = (localAddress: string): Promise<number> =>
    new Promise((resolve, reject) => {
      const request = httpRequest(`${api.url}/api/v1/sign-in/link`, {
        method: 'POST',
        localAddress,
        headers: { 'content-type': 'application/json' },
      });
      request.on('response', (reply) => resolve(reply.resume().statusCode!)).on('error', reject);
      request.end('{"code":"guess"}');
    });
  const codes: number[] = [];
  for (let n = 0; n < 12; n += 1) codes.push(await attempt('127.0.0.1'));
  assert.deepEqual(codes, [...Array(10).fill(401), 429, 429]);
  assert.equal(await attempt('127.0.0.2'), 401, 'somebody else is not locked out');
  const limited = await api.call('sign-in/link', { body: { code: 'guess' } });
  assert.equal(limited.body.error.code, 'TOO_MANY');
  assert.ok(Number(limited.headers.get('retry-after')) > 0);
});

test('a long poll ends when its client leaves', async (t) => {
  const ended: string[] = [];
  let waiting = (): void => {};
  const begun = new Promise<void>((resolve) => (waiting = resolve));
  const poll = route({
    method: 'GET',
    path: '/poll',
    id: 'poll',
    summary: 'Waits',
    access: 'public',
    handler: async ({ signal }) => {
      waiting();
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
      ended.push('poll');
    },
  });
  const api = await served(t, [poll]);
  const leave = new AbortController();
  const asked = fetch(`${api.url}/api/v1/poll`, { signal: leave.signal }).catch(() => 'left');
  await begun;
  assert.deepEqual(ended, []);
  leave.abort();
  assert.equal(await asked, 'left');
  for (let n = 0; n < 100 && ended.length === 0; n += 1) await sleep(10);
  assert.deepEqual(ended, ['poll']);
});

test('events: what is published arrives at whoever may read, until they leave', async (t) => {
  let listeners = 0;
  const events: Platform['events'] = {
    publish: (topic, payload) => platform.events.publish(topic, payload),
    subscribe: (topic, listener) => {
      const stop = platform.events.subscribe(topic, listener);
      listeners += 1;
      return () => {
        listeners -= 1;
        stop();
      };
    },
  };
  const api = await serve({ ...heard, events });
  t.after(() => api.close());
  assert.equal((await api.call('events')).status, 401);
  const viewer = await api.person('viewer');
  const leave = new AbortController();
  const headers = { authorization: `Bearer ${viewer.token}` };
  const stream = await fetch(`${api.url}/api/v1/events`, { headers, signal: leave.signal });
  assert.equal(stream.headers.get('content-type'), 'text/event-stream');
  const reader = stream.body!.pipeThrough(new TextDecoderStream()).getReader();
  let seen = (await reader.read()).value ?? '';
  assert.equal(listeners, 1);
  await platform.events.publish('hosts', { hostId: 'host_1' });
  while (!seen.includes('host_1')) seen += (await reader.read()).value ?? '';
  assert.match(seen, /^data: \{"topic":"hosts","payload":\{"hostId":"host_1"\}\}\n\n/m);
  leave.abort();
  for (let n = 0; n < 100 && listeners > 0; n += 1) await sleep(10);
  assert.equal(listeners, 0);
});

test('events end for whoever may no longer read', async (t) => {
  const api = await serve(heard, [], null, 50);
  t.after(() => api.close());
  const { name, token } = await api.person('viewer');
  const headers = { authorization: `Bearer ${token}` };
  const stream = await fetch(`${api.url}/api/v1/events`, { headers, signal: AbortSignal.timeout(20_000) });
  const reader = stream.body!.pipeThrough(new TextDecoderStream()).getReader();
  for (let seen = ''; !seen.includes(': alive');) seen += (await reader.read()).value ?? '';
  await changePerson(platform, systemActor('test'), name, { disabled: true });
  while (!(await reader.read()).done);
  assert.equal((await api.call('events', { token })).status, 401);
});

test('stopping the server ends open streams', async () => {
  const api = await serve(heard);
  const { token } = await api.person('viewer');
  const stream = await fetch(`${api.url}/api/v1/events`, { headers: { authorization: `Bearer ${token}` } });
  const reading = stream.text().catch(() => 'cut');
  await api.close();
  await reading;
});
