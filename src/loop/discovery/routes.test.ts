import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import * as z from 'zod';
import type { Host, Scan, Scope } from '../../model/estate.ts';
import { isAppError } from '../../model/errors/index.ts';
import type { Route } from '../../platform/http/route.ts';
import { testPlatform, type TestPlatform } from '../../platform/testing.ts';
import { createDiscovery, type Discovery } from './index.ts';
import { entriesSince, OPERATOR, sshServer } from './testing/index.ts';

let platform: TestPlatform;
let discovery: Discovery;
before(async () => {
  platform = await testPlatform();
  discovery = createDiscovery(platform);
  platform.handle(discovery.jobs);
});
after(() => platform.close());

/** Calls a route as the server does: input and reply go through its schemas. */
async function call<T>(id: string, input: { params?: object; query?: object; body?: object } = {}): Promise<T> {
  const route = discovery.routes.find((one) => one.id === id) as Route;
  assert.ok(route, id);
  const parse = (schema: z.ZodType | undefined, value: unknown): unknown => (schema ? schema.parse(value) : undefined);
  const request = {
    params: parse(route.params, input.params),
    query: parse(route.query, input.query ?? {}),
    body: parse(route.body, input.body),
    actor: OPERATOR,
    agent: null,
    ip: '127.0.0.1',
    signal: new AbortController().signal,
  };
  return parse(route.reply, await route.handler(request)) as T;
}

const refuses = (code: Parameters<typeof isAppError>[1]) => (error: unknown) => isAppError(error, code);

test('every route says who may call it, and only operators may change anything', () => {
  for (const route of discovery.routes) {
    assert.ok(Array.isArray(route.access), route.id);
    const roles = route.access as string[];
    if (route.method !== 'GET') assert.deepEqual(roles, ['operator', 'admin'], route.id);
  }
  const ids = discovery.routes.map((route) => route.id);
  assert.equal(new Set(ids).size, ids.length);
});

test('a scope: added, refused twice, changed, scanned, removed; each on the trail', async (t) => {
  const ssh = await sshServer('127.76.0.1');
  t.after(() => ssh.close());
  const body = { name: 'lan', cidrs: ['127.76.0.0/30'], ports: `${ssh.port}` };
  const scope = await call<Scope>('createScope', { body });
  assert.deepEqual(scope.exclude, []);
  await assert.rejects(call('createScope', { body }), refuses('SCOPE_EXISTS'));
  const changed = await call<Scope>('updateScope', {
    params: { id: 'lan' },
    body: { exclude: ['127.76.0.2'], every: '0 3 * * *' },
  });
  assert.deepEqual(changed.cidrs, scope.cidrs);
  const scan = await call<Scan>('createScan', { body: { scope: 'lan' } });
  await assert.rejects(call('createScan', { body: { scope: 'lan' } }), refuses('SCAN_ACTIVE'));
  await platform.drain();
  const done = await call<Scan>('getScan', { params: { id: scan.id } });
  assert.equal(done.state, 'done');
  assert.equal(done.counts.targets, 3);
  assert.equal((await call<{ items: Scan[] }>('listScans')).items[0]?.id, scan.id);
  await call('deleteScope', { params: { id: scope.id } });
  assert.deepEqual((await call<{ items: Scope[] }>('listScopes')).items, []);
  const types = (await entriesSince(platform, 0))
    .map((entry) => entry.type)
    .filter((type) => type.startsWith('discovery.scope.'));
  assert.deepEqual(types, ['discovery.scope.added', 'discovery.scope.changed', 'discovery.scope.removed']);
});

test('bad input is refused with what to do', async () => {
  const scope = (fields: object) => call('createScope', { body: { name: 'bad', cidrs: ['10.0.0.0/24'], ...fields } });
  await assert.rejects(scope({ cidrs: ['10.0.0.0/33'] }), refuses('TARGET_INVALID'));
  await assert.rejects(scope({ cidrs: ['0.0.0.0/0'] }), refuses('TARGET_WIDE'));
  await assert.rejects(scope({ cidrs: ['10.0.0.0/7'] }), refuses('TARGET_WIDE'));
  await assert.rejects(scope({ cidrs: ['2001:db8::/64'] }), refuses('TARGET_V6_WIDE'));
  await assert.rejects(scope({ exclude: ['10.0.0.0/23'] }), refuses('TARGETS_EMPTY'));
  await assert.rejects(scope({ exclude: ['some.name'] }), refuses('TARGET_INVALID'));
  await assert.rejects(scope({ follow: ['0.0.0.0/0'] }), refuses('TARGET_WIDE'));
  await assert.rejects(scope({ ports: '0-5' }), refuses('PORTS_INVALID'));
  await assert.rejects(scope({ every: 'often' }), refuses('SCHEDULE_INVALID'));
  await assert.rejects(call('createScan', { body: { targets: ['0.0.0.0/0'] } }), refuses('TARGET_WIDE'));
  await assert.rejects(call('createScan', { body: { targets: ['no-such-host.invalid'] } }), refuses('TARGETS_EMPTY'));
  await assert.rejects(call('createScan', { body: { scope: 'none' } }), refuses('NOT_FOUND'));
  await assert.rejects(call('createScan', { body: {} }), z.ZodError);
  await assert.rejects(call('createScan', { body: { scope: 'x', targets: ['10.0.0.1'] } }), z.ZodError);
  assert.equal(
    (await call<Scope>('createScope', { body: { name: 'all', cidrs: ['0.0.0.0/0'], ports: '443', confirmWide: true } }))
      .name,
    'all',
  );
  await call('deleteScope', { params: { id: 'all' } });
  assert.deepEqual(await platform.waiting('discovery.scan'), []);
});

test('a host: found, claimed, tagged, ignored, listed; by id, name or address', async (t) => {
  const ssh = await sshServer('127.76.1.1');
  t.after(() => ssh.close());
  await call('createScan', { body: { targets: ['127.76.1.1'], ports: `${ssh.port}` } });
  await platform.drain();
  const { items } = await call<{ items: Host[] }>('listHosts', { query: { address: '127.76.1.1' } });
  const id = items[0]!.id;
  const claimed = await call<Host>('claimHost', {
    params: { id: '127.76.1.1' },
    body: { owner: 'web team', tags: { env: 'prod' } },
  });
  assert.deepEqual(
    [claimed.id, claimed.claim, claimed.discoveredAs, claimed.owner],
    [id, 'known', 'unknown', 'web team'],
  );
  assert.deepEqual(
    (await call<{ items: Host[] }>('listHosts', { query: { tag: 'env=prod' } })).items.map((h) => h.id),
    [id],
  );
  assert.equal(
    (await call<Host>('setHostTags', { params: { id }, body: { tags: { env: 'a=b' } } })).tags['env'],
    'a=b',
  );
  await assert.rejects(call('ignoreHost', { params: { id }, body: { reason: ' ' } }), z.ZodError);
  const past = { reason: 'a printer', until: '2020-01-01T00:00:00.000Z' };
  await assert.rejects(call('ignoreHost', { params: { id }, body: past }), (error) =>
    isAppError(error, 'INPUT_INVALID'),
  );
  assert.equal((await call<Host>('ignoreHost', { params: { id }, body: { reason: 'a printer' } })).claim, 'ignored');
  assert.deepEqual(
    (await call<{ items: Host[] }>('listHosts', { query: { claim: 'unknown', address: '127.76.1.1' } })).items,
    [],
  );
  const detail = await call<{ host: Host; endpoints: { id: string }[]; why: { kind: string; why: string }[] }>(
    'getHost',
    { params: { id } },
  );
  assert.equal(detail.endpoints.length, 1);
  assert.equal(detail.why[0]?.kind, 'new');
  await assert.rejects(call('getHost', { params: { id: 'host_none' } }), refuses('NOT_FOUND'));
  await assert.rejects(call('probeEndpoint', { params: { id: 'ep_none' } }), refuses('NOT_FOUND'));
  // Found by an ad-hoc scan only: no scope covers it, so nobody connects to it on request.
  await assert.rejects(
    call('probeEndpoint', { params: { id: detail.endpoints[0]!.id } }),
    refuses('ADDRESS_NOT_ALLOWED'),
  );
  const sources = await call<{ items: { source: string; hosts: number; only: number }[] }>('listSourceStats');
  const scanned = sources.items.find((source) => source.source === 'scan')!;
  assert.ok(scanned.hosts >= 1 && scanned.only === scanned.hosts);
});
