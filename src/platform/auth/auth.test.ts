import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { after, before, test } from 'node:test';
import { sql } from 'kysely';
import { systemActor, type Actor, type Role } from '../../model/actor.ts';
import { isAppError, type ErrorCode } from '../../model/errors/index.ts';
import { Entry } from '../../model/trail.ts';
import { call, serve, sessionOf, type Answer, type Served } from '../http/testing/served.ts';
import { testPlatform, type TestPlatform } from '../testing.ts';
import { common, mayHold } from './identify.ts';
import { createAuth } from './index.ts';
import { changePerson, makeLink } from './people.ts';
import { checkPassword, hashPassword } from './secrets.ts';
import { people } from './store.ts';

const PASSWORD = 'correct horse battery';
const MINUTE = 60_000;
const MARK = { 'x-lastember': 'console' };

let platform: TestPlatform;
let api: Served;
/** what the clock is ahead */
let ahead = 0;
before(async () => {
  platform = await testPlatform({ now: () => new Date(Date.now() + ahead) });
  api = await serve(platform);
});
after(async () => {
  await api.close();
  await platform.close();
});

function later<T>(ms: number, then: () => Promise<T>): Promise<T> {
  ahead += ms;
  return then().finally(() => (ahead -= ms));
}
function refused(answer: Answer, status: number, code: ErrorCode): void {
  assert.equal(answer.status, status, answer.text);
  assert.equal(answer.body.error.code, code);
}
async function entries(type: string, at = platform): Promise<Entry[]> {
  const { rows } = await sql<{ bytes: Buffer }>`select bytes from ledger.entry order by seq`.execute(at.db);
  return rows.map((row) => Entry.parse(JSON.parse(row.bytes.toString('utf8')))).filter((entry) => entry.type === type);
}
/** Sign-in is limited by address, so each test comes with a server of its own. */
async function fresh(t: { after(fn: () => Promise<void>): void }): Promise<Served> {
  const own = await serve(platform);
  t.after(() => own.close());
  return own;
}
const signIn = (at: Served, name: string, password = PASSWORD): Promise<Answer> =>
  at.call('sign-in', { body: { name, password } });

test('passwords: salted, checked, never stored', async () => {
  const [one, two] = await Promise.all([hashPassword(PASSWORD), hashPassword(PASSWORD)]);
  assert.notEqual(one, two);
  assert.match(one, /^scrypt\$32768\$8\$1\$/);
  assert.ok(await checkPassword(PASSWORD, one));
  assert.ok(!(await checkPassword(`${PASSWORD} `, one)));
  assert.ok(!(await checkPassword('', null)), 'nobody without a password signs in with an empty one');
  assert.ok(!(await checkPassword(PASSWORD, 'scrypt$1$1$1$$')), 'a broken row lets nobody in');
  assert.ok(
    await checkPassword('Caf\u00e9 au lait 12', await hashPassword('Cafe\u0301 au lait 12')),
    'however it is typed',
  );
});

test('a session: opened, used, closed, and on the trail', async (t) => {
  const own = await fresh(t);
  const { name, id } = await own.person('operator', PASSWORD);
  refused(await signIn(own, name, 'wrong'), 401, 'SIGN_IN_REFUSED');
  refused(await signIn(own, 'nobody'), 401, 'SIGN_IN_REFUSED');
  const opened = await signIn(own, name);
  assert.deepEqual([opened.status, opened.body], [200, { id, name, role: 'operator', kind: 'user' }]);
  const cookie = opened.headers.get('set-cookie')!;
  assert.match(cookie, /^lastember_session=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict; Max-Age=43200$/);
  const session = sessionOf(opened)!;
  assert.equal((await own.call('me', { cookie: session })).body.name, name);
  refused(await own.call('me', { cookie: `${session}x` }), 401, 'UNAUTHENTICATED');
  const closed = await own.call('sign-out', { method: 'POST', cookie: session, headers: MARK });
  assert.equal(sessionOf(closed), '');
  assert.match(closed.headers.get('set-cookie')!, /Max-Age=0/);
  refused(await own.call('me', { cookie: session }), 401, 'UNAUTHENTICATED');
  for (const type of ['auth.session.opened', 'auth.session.closed']) {
    const [entry] = (await entries(type)).filter((one) => one.subject.id === id);
    assert.equal(entry?.actor.name, name, type);
    assert.equal(entry.actor.ip, '127.0.0.1', type);
  }
});

test('a session changes nothing without the console’s header: no other site can use it', async (t) => {
  const own = await fresh(t);
  const { name } = await own.person('admin', PASSWORD);
  const session = sessionOf(await signIn(own, name))!;
  const body = { name: 'mallory', role: 'admin' };
  refused(await own.call('users', { cookie: session, body }), 403, 'CSRF');
  // What a form of another site could send at all: no JSON, no header.
  const form = await own.call('users', {
    method: 'POST',
    cookie: session,
    raw: '{"name":"mallory","role":"admin"}',
    headers: { 'content-type': 'text/plain', origin: 'https://evil.example' },
  });
  refused(form, 403, 'CSRF');
  refused(
    await own.call('users', { cookie: session, body, headers: { ...MARK, cookie: 'none=1' } }),
    401,
    'UNAUTHENTICATED',
  );
  assert.equal(
    (await own.call('users', { cookie: session })).body.items.some((one: { name: string }) => one.name === 'mallory'),
    false,
  );
});

test('a session ends by itself after twelve hours, however often it is renewed', async (t) => {
  const own = await fresh(t);
  const { name } = await own.person('viewer', PASSWORD);
  const first = await signIn(own, name);
  const session = sessionOf(first)!;
  assert.equal(sessionOf(await own.call('me', { cookie: session })), undefined, 'a new one is left alone');
  await later(61 * MINUTE, async () => {
    const [one, two] = await Promise.all([own.call('me', { cookie: session }), own.call('me', { cookie: session })]);
    const renewed = [sessionOf(one), sessionOf(two)].filter((value) => value !== undefined);
    assert.equal(renewed.length, 1, 'one successor, however many ask at once');
    const [next] = renewed;
    assert.notEqual(next, session);
    assert.equal((await own.call('me', { cookie: next! })).status, 200);
    assert.equal((await own.call('me', { cookie: session })).status, 200, 'requests under way still pass');
    await later(2 * MINUTE, async () => {
      refused(await own.call('me', { cookie: session }), 401, 'UNAUTHENTICATED');
      assert.equal((await own.call('me', { cookie: next! })).status, 200);
    });
    await later(660 * MINUTE, async () => refused(await own.call('me', { cookie: next! }), 401, 'UNAUTHENTICATED'));
  });
});

test('signing out also ends what the session was renewed from', async (t) => {
  const own = await fresh(t);
  const { name } = await own.person('viewer', PASSWORD);
  const other = sessionOf(await signIn(own, name))!;
  await later(61 * MINUTE, async () => {
    const session = sessionOf(await signIn(own, name))!;
    await later(61 * MINUTE, async () => {
      const next = sessionOf(await own.call('me', { cookie: session }))!;
      await own.call('sign-out', { method: 'POST', cookie: next, headers: MARK });
      for (const cookie of [session, next]) refused(await own.call('me', { cookie }), 401, 'UNAUTHENTICATED');
      assert.equal((await own.call('me', { cookie: other })).status, 200, 'another browser stays signed in');
    });
  });
});

test('whoever is disabled, demoted or gets a new password has no session left', async (t) => {
  const own = await fresh(t);
  const admin = await own.person('admin');
  for (const set of [{ disabled: true }, { role: 'viewer' }, { password: 'another long password' }]) {
    const { name, token } = await own.person('operator', PASSWORD);
    const session = sessionOf(await signIn(own, name))!;
    const changed = await own.call(`users/${name}`, { method: 'PATCH', token: admin.token, body: set });
    assert.equal(changed.status, 200, changed.text);
    refused(await own.call('me', { cookie: session }), 401, 'UNAUTHENTICATED');
    const byToken = await own.call('me', { token });
    if ('disabled' in set) {
      refused(byToken, 401, 'UNAUTHENTICATED');
      refused(await signIn(own, name), 401, 'SIGN_IN_REFUSED');
    } else assert.equal(byToken.body.role, 'role' in set ? 'viewer' : 'operator');
  }
});

test('a one-time link signs in once, within the hour, whoever clicks twice', async (t) => {
  const own = await fresh(t);
  const person = await own.person('approver');
  const link = async (): Promise<string> => (await makeLink(platform, systemActor('test'), person)).code;
  const redeem = (code: string): Promise<Answer> => own.call('sign-in/link', { body: { code } });
  const code = await link();
  const both = await Promise.all([redeem(code), redeem(code)]);
  assert.deepEqual(both.map((one) => one.status).sort(), [200, 401]);
  refused(await redeem(code), 401, 'LINK_REFUSED');
  const old = await link();
  await later(61 * MINUTE, async () => refused(await redeem(old), 401, 'LINK_REFUSED'));
  const disabled = await link();
  await changePerson(platform, systemActor('test'), person.name, { disabled: true });
  refused(await redeem(disabled), 401, 'LINK_REFUSED');
});

test('one’s own password: with the old one, never by a token', async (t) => {
  const own = await fresh(t);
  const { name, token } = await own.person('viewer', PASSWORD);
  const session = sessionOf(await signIn(own, name))!;
  const set = (body: object): Promise<Answer> =>
    own.call('me/password', { method: 'PUT', cookie: session, headers: MARK, body });
  const next = 'a new long password';
  refused(await set({ password: next }), 403, 'PASSWORD_WRONG');
  refused(await set({ password: next, current: 'wrong' }), 403, 'PASSWORD_WRONG');
  refused(await set({ password: 'short', current: PASSWORD }), 400, 'INPUT_INVALID');
  refused(
    await own.call('me/password', { method: 'PUT', token, body: { password: next, current: PASSWORD } }),
    403,
    'PASSWORD_BY_TOKEN',
  );
  assert.equal((await set({ password: next, current: PASSWORD })).status, 200);
  refused(await own.call('me', { cookie: session }), 401, 'UNAUTHENTICATED');
  refused(await signIn(own, name), 401, 'SIGN_IN_REFUSED');
  assert.equal((await signIn(own, name, next)).status, 200);
});

test('tokens: shown once, never above their maker, and end when they are told to', async () => {
  const [operator, admin, other] = await Promise.all([
    api.person('operator'),
    api.person('admin'),
    api.person('viewer'),
  ]);
  const make = (token: string, body: object): Promise<Answer> =>
    api.call('tokens', { token, body: { name: 'ci', ...body } });
  const made = await make(operator.token, { days: 1 });
  assert.equal(made.status, 201);
  assert.match(made.body.secret, /^lemb_[\w-]{43}$/);
  const me = await api.call('me', { token: made.body.secret });
  assert.deepEqual(me.body, { id: operator.id, name: `${operator.name} (ci)`, role: 'operator', kind: 'token' });
  await later(1441 * MINUTE, async () =>
    refused(await api.call('me', { token: made.body.secret }), 401, 'UNAUTHENTICATED'),
  );
  for (const role of ['approver', 'admin']) refused(await make(operator.token, { role }), 403, 'ROLE_TOO_HIGH');
  const low = await make(operator.token, { role: 'viewer' });
  refused(await make(low.body.secret, { role: 'operator' }), 403, 'ROLE_TOO_HIGH');
  refused(await make(operator.token, { user: other.name }), 403, 'FORBIDDEN');
  refused(await make(admin.token, { user: other.name, role: 'operator' }), 403, 'ROLE_TOO_HIGH');
  assert.equal((await make(admin.token, { user: other.name })).status, 201);
  refused(await make(operator.token, { days: 0 }), 400, 'INPUT_INVALID');

  const list = async (token: string): Promise<{ id: string; person: string; lastUsedAt: string | null }[]> => {
    const answer = await api.call('tokens', { token });
    assert.doesNotMatch(answer.text, /lemb_|hash/);
    return answer.body.items;
  };
  const own = await list(operator.token);
  assert.deepEqual([...new Set(own.map((one) => one.person))], [operator.name]);
  assert.ok(own.find((one) => one.id === made.body.id)?.lastUsedAt);
  assert.ok((await list(admin.token)).some((one) => one.person === other.name));
  const end = (token: string, id: string): Promise<Answer> => api.call(`tokens/${id}`, { method: 'DELETE', token });
  refused(await end(other.token, low.body.id), 404, 'NOT_FOUND');
  assert.equal((await end(operator.token, low.body.id)).status, 200);
  refused(await api.call('me', { token: low.body.secret }), 401, 'UNAUTHENTICATED');
  refused(await end(operator.token, low.body.id), 404, 'NOT_FOUND');
  assert.equal((await entries('auth.token.revoked')).at(-1)?.subject.id, low.body.id);
});

test('a token that was made with a token ends with it, and never later', async () => {
  const operator = await api.person('operator');
  const make = async (token: string, days: number | null): Promise<{ id: string; secret: string }> =>
    (await api.call('tokens', { token, body: { name: 'ci', days } })).body;
  const end = (id: string): Promise<Answer> => api.call(`tokens/${id}`, { method: 'DELETE', token: operator.token });
  const isGood = async (token: string): Promise<boolean> => (await api.call('me', { token })).status === 200;
  const parent = await make(operator.token, 2);
  const child = await make(parent.secret, 90);
  const grandchild = await make(child.secret, null);
  await later(24 * 60 * MINUTE, async () => assert.ok(await isGood(grandchild.secret)));
  await later(49 * 60 * MINUTE, async () => {
    assert.ok(await isGood(operator.token));
    for (const { secret } of [parent, child, grandchild]) assert.ok(!(await isGood(secret)));
  });
  const sibling = await make(parent.secret, 1);
  assert.equal((await end(child.id)).status, 200);
  assert.deepEqual(await Promise.all([parent, child, grandchild, sibling].map(({ secret }) => isGood(secret))), [
    true,
    false,
    false,
    true,
  ]);
  assert.deepEqual((await entries('auth.token.revoked')).at(-1)?.detail, {
    person: operator.name,
    madeWithIt: [grandchild.id],
  });
  assert.equal((await end(parent.id)).status, 200);
  assert.ok(!(await isGood(sibling.secret)));
  // However it came to be there: what descends from an ended token is not good.
  await platform.act(systemActor('test'), { type: 'test.revived', subject: { kind: 'token', id: sibling.id } }, (tx) =>
    sql`update auth.token set revoked_at = null where id = ${sibling.id}`.execute(tx.db),
  );
  assert.ok(!(await isGood(sibling.secret)));
});

test('what was made with the local command line’s token outlives the server', async (t) => {
  const own = await serve(platform);
  t.after(() => own.close());
  const auth = createAuth(platform);
  const local = await auth.localToken();
  const made = await own.call('tokens', { token: local, body: { name: 'ci', days: 400 } });
  await auth.endLocalToken(local);
  assert.equal((await own.call('me', { token: local })).status, 401);
  assert.equal((await own.call('me', { token: made.body.secret })).status, 200);
});

test('a token never gains from what happens to its person', () => {
  const roles: Role[] = ['viewer', 'operator', 'approver', 'admin'];
  for (const token of roles)
    for (const person of roles) {
      const effective = common(token, person);
      assert.ok(mayHold(effective, token), `${token} token of a ${person} acts as ${effective}`);
      assert.ok(mayHold(effective, person), `${token} token of a ${person} acts as ${effective}`);
    }
  assert.equal(common('approver', 'operator'), 'viewer');
  assert.equal(common('admin', 'operator'), 'operator');
});

test('no secret of anybody is in the database or on the trail', async (t) => {
  const own = await fresh(t);
  const { name, token } = await own.person('operator', PASSWORD);
  const session = sessionOf(await signIn(own, name))!;
  const { rows } = await sql<{ everything: string }>`
    select query_to_xml('select * from auth.person', true, false, '')::text
      || query_to_xml('select * from auth.session', true, false, '')::text
      || query_to_xml('select * from auth.token', true, false, '')::text
      || (select string_agg(convert_from(bytes, 'UTF8'), '') from ledger.entry) as everything`.execute(platform.db);
  const everything = rows[0]!.everything;
  assert.ok(everything.includes(name));
  for (const secret of [PASSWORD, session, token, token.replace('lemb_', '')]) assert.ok(!everything.includes(secret));
});

test('approver keys: one’s own, by approvers, only the public half, and agents pin them', async () => {
  const [approver, admin, operator, second] = await Promise.all(
    (['approver', 'admin', 'operator', 'approver'] as const).map((role) => api.person(role)),
  );
  const newKey = (): string =>
    Buffer.from(generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' }).x!, 'base64url').toString('base64');
  const add = (token: string, publicKey: string): Promise<Answer> =>
    api.call('keys', { token, body: { name: 'laptop', publicKey } });
  const publicKey = newKey();
  const made = await add(approver!.token, publicKey);
  assert.equal(made.status, 201);
  assert.equal(made.body.person, approver!.id);
  refused(await add(second!.token, publicKey), 409, 'KEY_EXISTS');
  const both = newKey();
  const race = await Promise.all([add(approver!.token, both), add(second!.token, both)]);
  assert.deepEqual(race.map((one) => one.status).sort(), [201, 409]);
  refused(await add(operator!.token, newKey()), 403, 'FORBIDDEN');
  for (const bad of ['', 'AAAA', `${publicKey.slice(0, -1)}`, publicKey.replace(/./, '!')])
    refused(await add(approver!.token, bad), 400, 'KEY_INVALID');
  const pem = generateKeyPairSync('ed25519').privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
  assert.equal((await add(approver!.token, pem)).status, 400, 'a private key is not taken');
  const pinned = async (): Promise<string[]> => (await platform.approverKeys()).map((key) => key.keyId);
  assert.ok((await pinned()).includes(made.body.keyId));
  const end = (token: string): Promise<Answer> => api.call(`keys/${made.body.keyId}`, { method: 'DELETE', token });
  refused(await end(second!.token), 403, 'FORBIDDEN');
  assert.equal((await end(admin!.token)).status, 200);
  refused(await end(admin!.token), 404, 'NOT_FOUND');
  assert.ok(!(await pinned()).includes(made.body.keyId));
  refused(await add(approver!.token, publicKey), 409, 'KEY_EXISTS');
});

test('the key of somebody who may not approve any more does not count', async () => {
  const person = await api.person('approver');
  const raw = generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' }).x!;
  const publicKey = Buffer.from(raw, 'base64url').toString('base64');
  const { body } = await api.call('keys', { token: person.token, body: { name: 'laptop', publicKey } });
  const counts = async (): Promise<boolean> =>
    (await platform.approverKeys()).some(({ keyId }) => keyId === body.keyId);
  assert.ok(await counts());
  await changePerson(platform, systemActor('test'), person.name, { role: 'operator' });
  assert.ok(!(await counts()));
  await changePerson(platform, systemActor('test'), person.name, { role: 'approver' });
  assert.ok(await counts());
  await changePerson(platform, systemActor('test'), person.name, { disabled: true });
  assert.ok(!(await counts()));
});

test('who was demoted cannot add approver keys with an old token', async () => {
  const person = await api.person('approver');
  await changePerson(platform, systemActor('test'), person.name, { role: 'operator' });
  const answer = await api.call('keys', { token: person.token, body: { name: 'x', publicKey: 'AAAA' } });
  refused(answer, 403, 'FORBIDDEN');
});

const addresses = async (at: TestPlatform): Promise<unknown[]> =>
  (await entries('auth.session.opened', at)).map(({ actor }) => actor.ip);

test('behind a proxy: the cookie is for TLS only, and only that proxy is believed about who is asking', async () => {
  const own = await testPlatform({ config: { publicUrl: 'https://console.example', trustProxy: '127.0.0.1' } });
  const at = await serve(own);
  try {
    const { name } = await at.person('operator', PASSWORD);
    const opened = await at.call('sign-in', {
      body: { name, password: PASSWORD },
      headers: { 'x-forwarded-for': '203.0.113.7, 192.0.2.44' },
    });
    assert.match(opened.headers.get('set-cookie')!, /; Secure$/);
    assert.deepEqual(await addresses(own), ['192.0.2.44'], 'what the proxy itself added, not what the client claims');
    // Without the setting nobody is believed.
    const { name: plain } = await api.person('operator', PASSWORD);
    const direct = await api.call('sign-in', {
      body: { name: plain, password: PASSWORD },
      headers: { 'x-forwarded-for': '203.0.113.7' },
    });
    assert.doesNotMatch(direct.headers.get('set-cookie')!, /Secure/);
    assert.ok(!(await addresses(platform)).includes('203.0.113.7'));
  } finally {
    await at.close();
    await own.close();
  }
});

test('people: names are unique and sane, and administrators do not saw off their branch', async () => {
  const own = await testPlatform();
  const at = await serve(own);
  try {
    const [one, two] = await Promise.all([at.person('admin'), at.person('admin')]);
    const add = (body: object): Promise<Answer> => at.call('users', { token: one.token, body });
    assert.equal((await add({ name: 'sam', role: 'approver' })).status, 201);
    const twice = await Promise.all([add({ name: 'kim', role: 'viewer' }), add({ name: 'kim', role: 'viewer' })]);
    assert.deepEqual(twice.map((answer) => answer.status).sort(), [201, 409]);
    refused(
      twice.find((answer) => answer.status === 409)!,
      409,
      'PERSON_EXISTS',
    );
    for (const name of ['', 'a b', '../x', 'x'.repeat(65), 'a/b'])
      refused(await add({ name, role: 'viewer' }), 400, 'INPUT_INVALID');
    refused(await add({ name: 'lee', role: 'root' }), 400, 'INPUT_INVALID');
    refused(await add({ name: 'lee', role: 'viewer', password: 'short' }), 400, 'INPUT_INVALID');
    // Each demotes the other, at the same moment: one of them stays.
    const demote = (token: string, name: string): Promise<Answer> =>
      at.call(`users/${name}`, { method: 'PATCH', token, body: { role: 'viewer' } });
    const race = await Promise.all([demote(one.token, two.name), demote(two.token, one.name)]);
    assert.deepEqual(race.map((answer) => answer.status === 200).sort(), [false, true], race.map((a) => a.text).join());
    const { items } = (await at.call('users', { token: race[0]!.status === 200 ? one.token : two.token })).body;
    assert.equal(items.filter((person: { role: Role }) => person.role === 'admin').length, 1);
  } finally {
    await at.close();
    await own.close();
  }
});

test('the first administrator: made once, let in once, and nobody else by that way', async () => {
  const own = await testPlatform();
  const at = await serve(own);
  try {
    const codes = await Promise.all([at.auth.firstAdmin(), at.auth.firstAdmin()]);
    // The slower one may come late enough to print a link of its own, but never to make a second administrator.
    assert.ok(codes.some((code) => code !== null));
    assert.equal((await people(own.db)).length, 1, 'two servers that start at once make one');
    // Printed to a terminal nobody read; the next start prints another.
    const again = (await at.auth.firstAdmin())!;
    const redeem = (code: string): Promise<Answer> => at.call('sign-in/link', { body: { code } });
    const first = await redeem(again);
    assert.deepEqual([first.status, first.body.role, first.body.name], [200, 'admin', 'admin']);
    assert.equal(await at.auth.firstAdmin(), null);
    const local = await at.auth.localToken();
    assert.equal((await at.call('me', { token: local })).body.name, 'admin (local command line)');
    await at.auth.endLocalToken(local);
    refused(await at.call('me', { token: local }), 401, 'UNAUTHENTICATED');
    await at.auth.endLocalToken(local);
  } finally {
    await at.close();
    await own.close();
  }
});

test('servers that start at once on an empty database find one administrator, and each gets its own token', async () => {
  const own = await testPlatform();
  const at = await serve(own);
  try {
    const tokens = await Promise.all([1, 2, 3].map(() => at.auth.localToken()));
    assert.equal(new Set(tokens).size, 3);
    for (const token of tokens) assert.equal((await at.call('me', { token })).body.name, 'admin (local command line)');
    assert.equal((await people(own.db)).length, 1);
  } finally {
    await at.close();
    await own.close();
  }
});

test('what changes people, tokens and keys is on the trail, by whom and from where', async () => {
  const admin = await api.person('admin');
  const name = `trail-${platform.newId('n').slice(-6)}`;
  await api.call('users', { token: admin.token, body: { name, role: 'viewer' } });
  await api.call(`users/${name}`, { method: 'PATCH', token: admin.token, body: { role: 'operator' } });
  await api.call(`users/${name}/link`, { method: 'POST', token: admin.token });
  for (const [type, detail] of [
    ['auth.user.added', { name, role: 'viewer' }],
    ['auth.user.changed', { role: 'operator', disabled: null, password: 'same' }],
    ['auth.link.made', null],
  ] as const) {
    const entry = (await entries(type)).findLast((one) => one.subject.name === name);
    const { tokenId, ...actor } = entry!.actor;
    assert.match(tokenId ?? '', /^tok_/);
    assert.deepEqual(actor, {
      kind: 'token',
      id: admin.id,
      name: `${admin.name} (test)`,
      role: 'admin',
      ip: '127.0.0.1',
    });
    if (detail) assert.deepEqual(entry?.detail, detail, type);
  }
});

test('nobody slips in with a malformed credential', async () => {
  const headers: Record<string, string>[] = [
    { authorization: 'Bearer' },
    { authorization: 'Bearer ' },
    { authorization: 'Bearer null' },
    { authorization: 'Basic YWRtaW46YWRtaW4=' },
    { authorization: `Bearer ${"' or 1=1 --".replaceAll(' ', '')}` },
    { cookie: 'lastember_session=' },
    { cookie: 'lastember_session=%00' },
    { cookie: 'lastember_session[]=x' },
  ];
  for (const header of headers)
    refused(await call(`${api.url}/api/v1/me`, { headers: header }), 401, 'UNAUTHENTICATED');
});

test('the last administrator cannot be disabled either', async () => {
  const own = await testPlatform();
  try {
    const at = await serve(own);
    const admin = await at.person('admin');
    const actor: Actor = { kind: 'user', id: admin.id, name: admin.name, role: 'admin' };
    const refuses = (error: unknown): boolean => isAppError(error, 'LAST_ADMIN');
    await assert.rejects(changePerson(own, actor, admin.name, { disabled: true }), refuses);
    await assert.rejects(changePerson(own, actor, admin.name, { role: 'operator' }), refuses);
    await at.close();
  } finally {
    await own.close();
  }
});
