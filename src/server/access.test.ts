import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Role } from '../model/actor.ts';
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
  // The walk asks more often than anybody may sign in; the limit has a test of its own.
  const routes = loop.routes;
  api = await serve(platform, routes);
  for (const role of ROLES) tokens.set(role, (await api.person(role)).token);
});
after(async () => {
  await api.close();
  await platform.close();
});

/** An address that fits the route and leads to nothing that is there. */
const addressOf = (route: Route): string =>
  route.path.slice(1).replace(/:(\w+)/g, (_, name: string) => (name === 'index' ? '999999' : 'none_such'));

async function ask(route: Route, token: string | undefined): Promise<Answer | 'streaming'> {
  // A body that no route takes: whoever passes the door is told so, and nothing happens.
  const body = route.method === 'GET' ? {} : { body: { '\u0000walk': true } };
  const leave = AbortSignal.timeout(10_000);
  if (route.id !== 'events') return api.call(addressOf(route), { method: route.method, token, ...body });
  const stream = await fetch(`${api.url}/api/v1/events`, {
    headers: token ? { authorization: `Bearer ${token}` } : {},
    signal: leave,
  });
  if (stream.status === 200) {
    await stream.body!.cancel();
    return 'streaming';
  }
  return { status: stream.status, headers: stream.headers, text: '', body: await stream.json() };
}

/** Past the door: whatever the route then says, it is not "sign in" and not "your role may not". */
function passed(answer: Answer | 'streaming'): boolean {
  if (answer === 'streaming') return true;
  const code = answer.body?.error?.code as string | undefined;
  return code !== 'UNAUTHENTICATED' && code !== 'FORBIDDEN';
}

test('every route × every role: whoever is not named is refused, whoever is named passes the door', async () => {
  const routes = [...loop.auth.routes, ...loop.routes];
  assert.ok(routes.length > 70, `${routes.length} routes`);
  for (const route of routes) {
    const name = `${route.method} ${route.path}`;
    const allowed = Array.isArray(route.access) ? (route.access as Role[]) : null;
    assert.ok(allowed || ['signIn', 'redeemLink'].includes(route.id), `${name} is open to nobody in particular`);
    if (!allowed) continue;
    assert.ok(allowed.includes('admin'), `${name} is closed to administrators`);
    const nobody = await ask(route, undefined);
    assert.ok(nobody !== 'streaming' && nobody.status === 401 && nobody.body.error.code === 'UNAUTHENTICATED', name);
    const stranger = await ask(route, 'lemb_made-up');
    assert.ok(stranger !== 'streaming' && stranger.status === 401, `${name} with a made-up token`);
    for (const role of ROLES) {
      const answer = await ask(route, tokens.get(role)!);
      const said = answer === 'streaming' ? answer : `${answer.status} ${answer.text.slice(0, 200)}`;
      if (allowed.includes(role)) assert.ok(passed(answer), `${role} may ${name}: ${said}`);
      else
        assert.ok(
          answer !== 'streaming' && answer.status === 403 && answer.body.error.code === 'FORBIDDEN',
          `${role} may not ${name}: ${said}`,
        );
      if (answer !== 'streaming') assert.ok(answer.status < 500, `${role} ${name}: ${said}`);
    }
  }
});

test('what changes something is never open to a viewer, but for what is their own', () => {
  const OWN = ['signOut', 'addToken', 'revokeToken', 'changeOwnPassword'];
  // Asks with a long list of findings, changes nothing.
  const QUESTIONS = ['previewImpact'];
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

test('agents’ routes are for agents, and one for enrolling', () => {
  assert.ok(loop.agentRoutes.length >= 5);
  const open = loop.agentRoutes.filter((route) => route.access !== 'agent');
  assert.deepEqual(
    open.map((route) => [route.access, route.method]),
    [['enroll', 'POST']],
  );
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
    assert.ok(answer !== 'streaming');
    assert.ok(!answer.text.includes(secret) && !/lemb_|scrypt\$/.test(answer.text), route.path);
  }
});
