import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { SMTPServer } from 'smtp-server';
import { systemActor } from '../../../model/actor.ts';
import { isAppError } from '../../../model/errors/index.ts';
import type { Notice, NotifierChannel, NotifierInput } from '../../../model/notice.ts';
import { createPlatform } from '../../../platform/index.ts';
import { testPlatform, type TestPlatform } from '../../../platform/testing.ts';
import { createTrail, type Trail } from '../index.ts';
import { readEntries } from '../entries.ts';
import { addNotifier, listNotifiers, removeNotifier, testNotifier } from './notifiers.ts';
import { notify } from './run.ts';
import { claimPending } from './store.ts';

const actor = systemActor('test');
const KEY = 'a key of the hook, long enough';
let platform: TestPlatform;
let trail: Trail;
let clock = Date.now();
/** a platform whose clock the test moves; everything else is real */
const later = (): TestPlatform => ({ ...platform, now: () => new Date(clock) });

before(async () => {
  platform = await testPlatform();
  trail = createTrail(platform);
});
after(() => platform.close());

const found = (n: number, claim = 'unknown'): Promise<void> =>
  platform.act(
    actor,
    {
      type: 'discovery.host.found',
      subject: { kind: 'host', id: `host_${n}`, name: `h${n}` },
      detail: { claim, addresses: [`192.0.2.${n % 250}`], sources: ['scan'], why: 'new' },
    },
    async () => undefined,
  );
const claimed = (n: number): Promise<void> =>
  platform.act(
    actor,
    { type: 'discovery.host.claimed', subject: { kind: 'host', id: `host_${n}`, name: `h${n}` } },
    async () => undefined,
  );
/** What lies in the trail is looked at, `seconds` from now. */
async function pass(seconds = 0): Promise<void> {
  await trail.jobs['trail.sequence']!({});
  clock = Date.now() + seconds * 1000;
  await notify(later());
}
const sentEntries = async (): Promise<number> => {
  await trail.jobs['trail.sequence']!({});
  return (await readEntries(platform.db, { types: ['trail.notice.sent'], order: 'oldest', limit: 100 })).length;
};

/** A hook on our own loopback that answers what the test wants it to. */
async function hook(t: { after(fn: () => Promise<void>): void }, answer: () => number = () => 204) {
  const got: { headers: IncomingHttpHeaders; body: string }[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8');
    request.on('data', (chunk: string) => (body += chunk));
    request.on('end', () => {
      got.push({ headers: request.headers, body });
      const status = answer();
      response.writeHead(status).end(status > 299 ? `no, not with ${KEY}` : '');
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/in`, got };
}

async function add(
  t: { after(fn: () => Promise<void>): void },
  name: string,
  channel: NotifierChannel,
  rest: Partial<NotifierInput> = {},
): Promise<void> {
  await addNotifier(platform, actor, { name, channel, topics: ['unknown-host'], gather: 900, ...rest });
  t.after(() => removeNotifier(platform, actor, name));
}

test('M.10 500 new unknown hosts are one signed message, a list of what is known is none', async (t) => {
  const { url, got } = await hook(t);
  await found(1);
  await trail.jobs['trail.sequence']!({});
  await add(t, 'hook', { kind: 'webhook', url, key: KEY });
  for (let n = 100; n < 600; n += 50)
    await Promise.all(Array.from({ length: 50 }, (_, i) => found(n + i, n + i === 599 ? 'known' : 'unknown')));
  await claimed(598);
  await pass();
  assert.equal(got.length, 0, 'it is still coming in');
  await pass(61);
  await pass(62);
  assert.equal(got.length, 1);
  const { headers, body } = got[0]!;
  const notice = JSON.parse(body) as Notice;
  assert.deepEqual(notice.counts, { 'unknown-host': 498 }, 'neither the known one nor the claimed, nor the one before');
  assert.equal(notice.events.length + notice.more, 498);
  assert.match(notice.text, /^Lastember: 498 new unknown hosts\n- h\d+ \(at 192\.0\.2\.\d+; seen by scan\)\n/);
  const [, time, mac] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(String(headers['lastember-signature']))!;
  assert.equal(mac, createHmac('sha256', KEY).update(`${time}.${body}`).digest('hex'));
  assert.equal(headers['lastember-notice'], notice.id);
  assert.equal(await sentEntries(), 1);
  const [row] = await listNotifiers(platform);
  assert.equal(row!.sent, 1);
  assert.ok(!JSON.stringify(row).includes(KEY), 'the key is never shown');
});

test('a message that is not taken is sent again as it is, also by another server after a crash; failing is said once', async (t) => {
  let status = 503;
  const { url, got } = await hook(t, () => status);
  await add(t, 'flaky', { kind: 'webhook', url, key: KEY }, { gather: 0 });
  const before = await sentEntries();
  await found(700);
  await pass();
  await pass(10);
  assert.equal(got.length, 1, 'not before a while');
  const [failing] = await listNotifiers(platform);
  assert.equal(failing!.lastError, 'it answered 503: no, not with …');
  await found(701);
  await pass(65);
  assert.equal(got.length, 2);
  // A server takes the message up and dies before it says how that went.
  status = 204;
  const other = await createPlatform(platform.config);
  t.after(() => other.close());
  const crashed = await claimPending(other.db, failing!.id, new Date(clock + 3_600_000), new Date(clock + 3_780_000));
  assert.ok(crashed);
  await pass(3_700);
  assert.equal(got.length, 2, 'while it may still be at it, nobody else is');
  await pass(3_900);
  assert.equal(got.length, 3);
  const ids = new Set(got.map(({ headers }) => headers['lastember-notice']));
  assert.equal(ids.size, 1, 'one id, whoever sends');
  assert.equal(new Set(got.map(({ body }) => body)).size, 1);
  assert.equal(await sentEntries(), before + 1);
  await pass(3_901);
  assert.equal(got.length, 4, 'what came meanwhile is the next one');
  assert.deepEqual(
    (JSON.parse(got[3]!.body) as Notice).events.map(({ subject }) => subject.name),
    ['h701'],
  );
  const failures = await readEntries(platform.db, { types: ['trail.notifier.failed'], order: 'oldest', limit: 10 });
  assert.equal(failures.length, 1);
  assert.ok(!JSON.stringify(failures).includes(KEY));
});

test('two servers that look at the same moment send one message', async (t) => {
  const { url, got } = await hook(t);
  await add(t, 'once', { kind: 'webhook', url }, { gather: 0 });
  await found(710);
  await trail.jobs['trail.sequence']!({});
  clock = Date.now();
  await Promise.all([notify(later()), notify(later()), notify(later())]);
  assert.equal(got.length, 1);
});

test('mail goes out with a login and an id that stays; the password is in no row and no entry', async (t) => {
  const mails: string[] = [];
  const logins: string[] = [];
  const server = new SMTPServer({
    disabledCommands: ['STARTTLS'],
    allowInsecureAuth: true,
    onAuth: ({ username, password }, _, done) => {
      logins.push(`${username}:${password}`);
      done(null, { user: username });
    },
    onData: (stream, _, done) => {
      let text = '';
      stream.on('data', (chunk: Buffer) => (text += chunk.toString()));
      stream.on('end', () => {
        mails.push(text);
        done();
      });
    },
  });
  server.listen(0, '127.0.0.1');
  await once(server.server, 'listening');
  t.after(() => new Promise<void>((resolve) => server.close(() => resolve())));
  const smtp = `127.0.0.1:${(server.server.address() as AddressInfo).port}`;
  await add(
    t,
    'mail',
    {
      kind: 'email',
      smtp,
      security: 'none',
      from: 'lastember@example.org',
      to: ['ops@example.org', 'night@example.org'],
      user: 'lastember',
      password: 'correct horse',
    },
    { gather: 0, topics: ['unknown-host', 'agent-lost'] },
  );
  await testNotifier(platform, actor, 'mail');
  await add(t, 'strict', {
    kind: 'email',
    smtp,
    security: 'starttls',
    from: 'lastember@example.org',
    to: ['ops@example.org'],
  });
  await assert.rejects(
    testNotifier(platform, actor, 'strict'),
    (error: unknown) => isAppError(error, 'NOTIFIER_FAILED') && /STARTTLS/i.test(error.message),
    'in the clear where STARTTLS is not offered',
  );
  await found(720);
  await platform.act(
    actor,
    {
      type: 'enrollment.agent.lost',
      subject: { kind: 'agent', id: 'agent_1', name: 'web-1\r\nBcc: all@example.org' },
      reason: 'silent for 5 minutes',
    },
    async () => undefined,
  );
  await pass();
  assert.equal(mails.length, 2);
  assert.deepEqual(new Set(logins), new Set(['lastember:correct horse']));
  assert.match(mails[0]!, /Subject: Lastember: a test/);
  assert.match(mails[1]!, /^To: ops@example.org, night@example.org\r$/m);
  assert.match(mails[1]!, /^Message-ID: <notice_\w+@[\w.-]+>\r$/m);
  assert.match(mails[1]!, /Subject: Lastember: 1 new unknown host, 1 silent agent/);
  assert.doesNotMatch(mails[1]!, /^Bcc:/m);
  const trailed = await readEntries(platform.db, { types: ['trail'], order: 'oldest', limit: 100 });
  assert.ok(!JSON.stringify([trailed, await listNotifiers(platform)]).includes('correct horse'));
});

test('a chat gets text alone, with nothing in it that it would follow', async (t) => {
  const { url, got } = await hook(t);
  await add(t, 'room', { kind: 'chat', url: `${url}?sig=s3cret` }, { gather: 0 });
  const [room] = await listNotifiers(platform);
  assert.ok(!JSON.stringify(room).includes('s3cret'), 'the URL is the secret');
  await platform.act(
    actor,
    {
      type: 'discovery.host.found',
      subject: { kind: 'host', id: 'host_x', name: '<!channel>' },
      detail: { claim: 'unknown' },
    },
    async () => undefined,
  );
  await pass();
  assert.deepEqual(JSON.parse(got[0]!.body), { text: 'Lastember: 1 new unknown host\n- &lt;!channel&gt;' });
});

test('messages go encrypted, or nowhere but to this machine; a wrong one is refused in words', async () => {
  const refused = (channel: NotifierChannel, why: RegExp) =>
    assert.rejects(
      addNotifier(platform, actor, { name: 'x', channel, topics: ['findings'], gather: 0 }),
      (error: unknown) => isAppError(error, 'NOTIFIER_INVALID') && why.test(error.message),
    );
  await refused({ kind: 'webhook', url: 'http://192.0.2.1/in' }, /https/);
  await refused({ kind: 'chat', url: 'http://192.0.2.1/in?x=y' }, /https/);
  const mail = { kind: 'email' as const, from: 'a@example.org', to: ['b@example.org'] };
  await refused({ ...mail, smtp: '192.0.2.1:25', security: 'none' }, /this machine only/);
  await refused({ ...mail, smtp: '192.0.2.1:587', security: 'starttls', user: 'x' }, /both a user and a password/);
});
