import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Role } from '../model/actor.ts';
import { eventsRoute } from '../platform/http/events.ts';
import type { Route } from '../platform/http/route.ts';
import { serve, type Answer, type Served } from '../platform/http/testing/served.ts';
import { testPlatform, type TestPlatform } from '../platform/testing.ts';
import { compose, type Composition } from './compose.ts';

const ROLES: Role[] = ['viewer', 'operator', 'approver', 'admin'];
let platform: TestPlatform;
let loop: Composition;
let api: Served;
const tokens = new Map<Role, string>();
before(async () => {
  platform = await testPlatform();
  loop = compose(platform);
  api = await serve(platform, loop.routes);
  for (const role of ROLES) tokens.set(role, (await api.person(role)).token);
});
after(async () => {
  await api.close();
  await platform.close();
});

/** An address that fits the route and leads to nothing that is there. */
const addressOf = (route: Route): string =>
  route.path.slice(1).replace(/:(\w+)/g, (_, name: string) => (name === 'index' ? '999999' : 'none_such'));

async function ask(route: Route, token: string | undefined): Promise<Answer> {
  if (route.id === 'events') return askForEvents(token);
  // A body that no route takes: whoever passes the door is told so, and nothing happens.
  const body = route.method === 'GET' ? {} : { body: { '\u0000walk': true } };
  return api.call(addressOf(route), { method: route.method, token, ...body });
}

/** The one reply that never ends. */
async function askForEvents(token: string | undefined): Promise<Answer> {
  const headers: Record<string, string> = token ? { authorization: `Bearer ${token}` } : {};
  const stream = await fetch(`${api.url}/api/v1/events`, { headers, signal: AbortSignal.timeout(10_000) });
  if (stream.status !== 200) return { ...stream, status: stream.status, text: '', body: await stream.json() };
  await stream.body!.cancel();
  return { headers: stream.headers, status: 200, text: '', body: null };
}

function checkRole(route: Route, role: Role, answer: Answer): void {
  const may = (route.access as readonly Role[]).includes(role);
  const what = `${role} ${may ? 'may' : 'may not'} ${route.method} ${route.path}: ${answer.status} ${answer.text.slice(0, 200)}`;
  const code = answer.body?.error?.code as string | undefined;
  // Past the door: whatever the route then says, it is not "sign in" and not "your role may not".
  if (may) assert.ok(code !== 'UNAUTHENTICATED' && code !== 'FORBIDDEN', what);
  else assert.deepEqual([answer.status, code], [403, 'FORBIDDEN'], what);
  assert.ok(answer.status < 500, what);
}

test('every route × every role: whoever is not named is refused, whoever is named passes the door', async () => {
  const routes = [...loop.auth.routes, ...loop.routes, eventsRoute(platform.events)];
  assert.ok(routes.length > 70, `${routes.length} routes`);
  const open = routes.filter((route) => !Array.isArray(route.access)).map((route) => route.id);
  assert.deepEqual(open, ['signIn', 'redeemLink'], 'nothing else is open to nobody in particular');
  for (const route of routes.filter((one) => !open.includes(one.id))) {
    const name = `${route.method} ${route.path}`;
    assert.ok((route.access as readonly Role[]).includes('admin'), `${name} is closed to administrators`);
    for (const token of [undefined, 'lemb_made-up']) {
      const { status, body } = await ask(route, token);
      assert.deepEqual([status, body.error.code], [401, 'UNAUTHENTICATED'], `${name} with ${token}`);
    }
    for (const role of ROLES) checkRole(route, role, await ask(route, tokens.get(role)!));
  }
});

test('what changes something is never open to a viewer, but for what is their own', () => {
  const OWN = ['signOut', 'addToken', 'revokeToken', 'changeOwnPassword'];
  // Asked with a long list of findings, or with whole policies; they change nothing.
  const QUESTIONS = ['previewImpact', 'previewPolicies'];
  for (const route of [...loop.auth.routes, ...loop.routes]) {
    if (route.method === 'GET' || !Array.isArray(route.access)) continue;
    if (OWN.includes(route.id) || QUESTIONS.includes(route.id)) continue;
    assert.ok(!(route.access as Role[]).includes('viewer'), `${route.method} ${route.path}`);
  }
});

test('operators do not approve and approvers do not operate', () => {
  const accessOf = (id: string): unknown => loop.routes.find((route) => route.id === id)?.access;
  assert.deepEqual(accessOf('approveChange'), ['approver', 'admin']);
  for (const id of ['createChange', 'runChange', 'cancelChange', 'createScan', 'createDeployment', 'addCredential'])
    assert.deepEqual(accessOf(id), ['operator', 'admin'], id);
});

test('agents’ routes are for agents, scanners’ for scanners, and those of whoever is to become one are few', () => {
  assert.ok(loop.agentRoutes.length >= 5);
  const open = loop.agentRoutes.filter((route) => route.access !== 'agent');
  assert.deepEqual(open.map((route) => [route.access, route.method, route.path]).sort(), [
    ['enroll', 'GET', '/authority'],
    ['enroll', 'GET', '/install.sh'],
    ['enroll', 'GET', '/install/:file'],
    ['enroll', 'POST', '/enroll'],
    ['enroll', 'POST', '/scanner/enroll'],
    ['scanner', 'POST', '/scanner/lease'],
    ['scanner', 'POST', '/scanner/renew'],
    ['scanner', 'POST', '/scanner/report'],
  ]);
});

test('no route hands out what was put into the vault, or anybody’s secret', async () => {
  const secret = 'hunter2-of-the-estate';
  const token = tokens.get('admin')!;
  const body = { kind: 'password', name: 'ops', username: 'ops', password: secret };
  assert.equal((await api.call('credentials', { token, body })).status, 201);
  for (const route of [...loop.auth.routes, ...loop.routes].filter(
    (one) => one.method === 'GET' && one.id !== 'events',
  )) {
    const answer = await ask(route, token);
    assert.ok(!answer.text.includes(secret) && !/lemb_|scrypt\$/.test(answer.text), route.path);
  }
});
