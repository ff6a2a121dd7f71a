import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import * as z from 'zod';
import { route } from '../platform/http/route.ts';
import { serve, type Served } from '../platform/http/testing/served.ts';
import { testPlatform, type TestPlatform } from '../platform/testing.ts';
import { compose } from './compose.ts';
import { ApiError, createClient, request, Unreachable, type Client } from '../client/client.ts';
import { OPERATIONS } from '../client/generated.ts';

let platform: TestPlatform;
let api: Served;
let client: Client;
let headers: Record<string, string>;
before(async () => {
  platform = await testPlatform();
  api = await serve(platform, compose(platform).routes);
  headers = { authorization: `Bearer ${(await api.person('admin')).token}` };
  client = createClient({ baseUrl: api.url, headers });
});
after(async () => {
  await api.close();
  await platform.close();
});

test('every operation of the API has its function, and there are no others', async () => {
  const { body: document } = await api.call('openapi.json');
  const described = Object.entries(document.paths as Record<string, Record<string, { operationId: string }>>).flatMap(
    ([path, item]) =>
      Object.entries(item).map(([method, { operationId }]) => [operationId, method.toUpperCase(), path]),
  );
  const generated = Object.entries(OPERATIONS).map(([name, { method, path }]) => [name, method, path]);
  assert.deepEqual(generated.sort(), described.sort());
  assert.deepEqual(Object.keys(client).sort(), Object.keys(OPERATIONS).sort());
});

test('input goes where it belongs: address, query, body', async () => {
  const made = await client.createScope({ body: { name: 'lan', cidrs: ['192.0.2.0/30'], ports: '22' } });
  assert.equal(made.name, 'lan');
  await client.updateScope({ params: { id: 'lan' }, body: { exclude: ['192.0.2.1'] } });
  const { items } = await client.listScopes();
  assert.deepEqual(
    items.map((scope) => scope.exclude),
    [['192.0.2.1']],
  );
  const wrong = client.listExceptions({ query: { active: 'now & then' as never } });
  await assert.rejects(wrong, (error: unknown) => error instanceof ApiError && /active/.test(error.message));
  await client.deleteScope({ params: { id: made.id } });
  assert.deepEqual((await client.listScopes()).items, []);
});

test('what stands in an address stays one part of it', async () => {
  for (const id of ['../users', 'a/b', 'a?b=c', '%2e%2e', 'ü', ' '])
    await assert.rejects(client.getHost({ params: { id } }), (error: unknown) => {
      assert.ok(error instanceof ApiError, String(error));
      assert.deepEqual([error.status, error.code, error.params['id']], [404, 'NOT_FOUND', id]);
      return true;
    });
});

test('a refusal is an ApiError with its code; nobody there is Unreachable', async () => {
  const stranger = createClient({ baseUrl: api.url });
  const refusal = await stranger.listHosts().catch((error: unknown) => error);
  assert.ok(refusal instanceof ApiError);
  assert.deepEqual([refusal.status, refusal.code, refusal.name], [401, 'UNAUTHENTICATED', 'ApiError']);
  const nowhere = createClient({ baseUrl: 'http://127.0.0.1:9' });
  await assert.rejects(nowhere.me(), Unreachable);
});

test('what is no JSON comes as it is: text from the client, the bare reply from request', async () => {
  const { code } = await client.makeUserLink({ params: { name: (await client.me()).name.split(' ')[0]! } });
  assert.match(code, /^lnk_/);
  const key = await client.getTrailKey();
  assert.equal(typeof key.verifierKey, 'string');
  const reply = await request({ baseUrl: api.url, headers }, 'exportTrail', {});
  assert.equal(typeof (await reply.text()), 'string');
  await assert.rejects(request({ baseUrl: api.url }, 'exportTrail', {}), ApiError);
});

test('a list in the query is sent item by item, and what is undefined not at all', async (t) => {
  const echo = route({
    method: 'GET',
    path: '/hosts',
    id: 'listHosts',
    summary: 'Echo',
    access: 'public',
    query: z
      .object({ tag: z.union([z.string(), z.array(z.string())]).optional(), claim: z.string().optional() })
      .strict(),
    reply: z.any(),
    handler: async ({ query }) => query,
  });
  const own = await serve(platform, [echo]);
  t.after(() => own.close());
  const ask = createClient({ baseUrl: own.url }).listHosts as unknown as (input: object) => Promise<unknown>;
  assert.deepEqual(await ask({ query: { tag: ['a=b', 'c d&e'], claim: undefined } }), { tag: ['a=b', 'c d&e'] });
});
