import assert from 'node:assert/strict';
import { createHash, generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, test } from 'node:test';
import canonicalize from 'canonicalize';
import { FUNNEL } from '../model/campaign.ts';
import { snap } from '../model/testing/snap.ts';
import { keyIdOf } from './approval.ts';
import { collect, commandLine, type Ran } from './testing/binary.ts';

const cli = commandLine(process.env);
const servers: Server[] = [];
after(() => {
  for (const server of servers) server.close();
  cli.remove();
});

/** A server that answers with what is given, by method and path; what is asked of it stands in `asked`. */
async function served(replies: Record<string, unknown>, asked: string[] = []): Promise<string> {
  const server = createServer((request, reply) => {
    const { pathname, searchParams } = new URL(request.url!, 'http://here');
    const what = `${request.method} ${pathname.replace('/api/v1', '')}`;
    asked.push(what);
    const answer = (replies[what] ?? {}) as { items?: unknown[] };
    const limit = searchParams.get('limit');
    const cut = answer.items && limit !== null ? { ...answer, items: answer.items.slice(0, Number(limit)) } : answer;
    const refused = (replies[what] as { error?: unknown } | undefined)?.error !== undefined;
    reply
      .writeHead(what in replies ? (refused ? 400 : 200) : 404, { 'content-type': 'application/json' })
      .end(JSON.stringify(cut));
  });
  servers.push(server);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function said(replies: Record<string, unknown>, ...args: string[]): Promise<Ran> {
  return cli.run(['--server', await served(replies), ...args]);
}

const AT = '2026-01-01T00:00:00.000Z';
const ORDER = { type: 'lastember/plan/v1', changeId: 'change_1', author: 'user_1', nonce: 'n' };
const task = (host: string, findings: string[], steps: unknown[]): object => ({
  id: `task_${host}`,
  hostId: `host_${host}`,
  hostName: host,
  agentId: `agent_${host}`,
  findings,
  relies: [],
  steps,
  rollback: 'undo',
  health: [],
});
const UPGRADE = { kind: 'upgrade-package', name: 'nodejs', version: '0.10.48-1' };
const ROTATE = {
  kind: 'rotate-key',
  keyPath: '/etc/ssl/m.key',

  names: ['mail'],
  oldSpki: 'b'.repeat(64),
};
const PACKAGE = { name: 'nodejs', from: '0.10.1-1', to: '0.10.48-1' };
const IMPACT = {
  hosts: ['host_shop', 'host_pay', 'host_mail'],
  packages: [
    { hostId: 'host_shop', ...PACKAGE },
    { hostId: 'host_pay', ...PACKAGE },
  ],
  files: [{ hostId: 'host_mail', path: '/etc/ssl/m.key', change: 'new private key' }],
  restarts: [],
  affectedHosts: [],
  summary: 'No restart.',
};
const TASKS = [task('shop', ['f1', 'f2'], [UPGRADE]), task('pay', ['f3'], [UPGRADE]), task('mail', [], [ROTATE])];
const CHANGE = {
  id: 'change_1',
  title: 'Remediate heartbleed',
  reason: 'CVE-2014-0160',
  kit: 'heartbleed',
  state: 'awaiting-approval',
  author: 'user_1',
  authorName: 'olga',
  findings: ['f1', 'f2', 'f3'],
  planDigest: 'a'.repeat(64),
  approvals: [],
  approvers: [],
  approvalsRequired: 1,
  predicted: IMPACT,
  observed: null,
  waves: [
    {
      name: 'canary',
      canary: true,
      state: 'waiting',
      tasks: ['shop', 'pay', 'mail'].map((host) => ({
        id: `task_${host}`,
        hostId: `host_${host}`,
        hostName: host,
        wave: 0,
        state: 'waiting',
        step: 0,
        steps: 1,
        error: null,
        outcomes: [],
      })),
    },
  ],
  why: null,
  startAt: null,
  createdAt: AT,
  updatedAt: AT,
};
const PLAN = {
  ...ORDER,
  kit: { id: 'heartbleed', version: '1.0.0', digest: 'a'.repeat(64) },
  notBefore: AT,
  notAfter: AT,
  approvalsRequired: 1,
  abortAfterFailures: 0,
  waves: [{ name: 'canary', canary: true, tasks: TASKS }],
  impact: IMPACT,
};
const CHANGE_SERVED = {
  'GET /changes/change_1': CHANGE,
  'GET /changes/change_1/plan': { text: JSON.stringify(PLAN), digest: CHANGE.planDigest },
};

test('a reader that goes away ends a command quietly, whatever it would have said', async () => {
  const server = await served({ 'GET /hosts': { items: [] }, ...CHANGE_SERVED });
  const child = cli.start(['--server', server, 'change', 'show', 'change_1']);
  child.stdout!.destroy();
  const heard = collect(child);
  const [code] = (await once(child, 'close')) as [number];
  assert.deepEqual([code, heard.err], [141, '']);
  // Messages that nobody reads change nothing about the answer.
  const deaf = cli.start(['--server', server, 'findings', '--state', 'sad']);
  deaf.stderr!.destroy();
  assert.deepEqual(await once(deaf, 'close'), [2, null]);
});

test('a change names the host of each package and file, and says which hosts have no finding of their own', async () => {
  const { out, err } = await said(CHANGE_SERVED, 'change', 'show', 'change_1');
  assert.match(out, /package {2}nodejs 0\.10\.1-1 → 0\.10\.48-1 on shop, pay\n/, err);
  assert.match(out, /file {5}\/etc\/ssl\/m\.key on mail: new private key/);
  assert.match(out, /covers +3 findings on 2 hosts, and 1 more host without one\n/);
  assert.match(out, /mail: no finding of its own; it holds a key that leaked, and gets a new one/);
});

test('whose key it is, is settled before a plan is shown', async () => {
  const pem = generateKeyPairSync('ed25519').privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
  const file = join(cli.home, 'a.pem');
  writeFileSync(file, pem);
  const own = { keyId: keyIdOf(pem), name: 'k', person: 'user_2', personName: 'anna', revoked: false };
  const anna = { id: 'user_2', name: 'anna', role: 'approver' };
  const refused = async (words: RegExp, keys: unknown[], me: unknown, change: unknown = CHANGE): Promise<void> => {
    const replies = { ...CHANGE_SERVED, 'GET /changes/change_1': change };
    const asked: string[] = [];
    const server = await served({ ...replies, 'GET /keys': { items: keys }, 'GET /me': me }, asked);
    const ran = await cli.run(['--server', server, 'change', 'approve', 'change_1', '--key', file, '--yes']);
    assert.deepEqual([ran.code, ran.out], [4, '']);
    assert.match(ran.err, words);
    assert.ok(!asked.some((what) => what.startsWith('POST')));
  };
  await refused(/is not registered with this server.*lastember key new NAME.*nothing was signed/, [], anna);
  await refused(/was revoked/, [{ ...own, revoked: true }], anna);
  await refused(/belongs to anna, and you are here as admin/, [own], { ...anna, id: 'user_9', name: 'admin' });
  await refused(/anna asked for this change/, [own], anna, { ...CHANGE, author: 'user_2' });
  await refused(/the change is closed/, [own], anna, { ...CHANGE, state: 'closed' });
});

test('what is signed is shown before: scripts and the content of files, line by line', async () => {
  const pem = generateKeyPairSync('ed25519').privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
  const file = join(cli.home, 'b.pem');
  writeFileSync(file, pem);
  const steps = [
    { kind: 'run-script', script: 'set -e\ncurl x | sh', files: [], services: [], packages: [], timeoutSeconds: 9 },
    { kind: 'set-file-section', path: '/etc/a', name: 'ours', content: 'Match all\n  Banner x', comment: '#' },
    { kind: 'write-file', path: '/etc/issue', content: 'Keep out.', mode: '0644' },
  ];
  const text = canonicalize({
    ...PLAN,
    waves: [{ name: 'all', canary: false, tasks: [task('shop', ['f1'], steps)] }],
  })!;
  const digest = createHash('sha256').update(text).digest('hex');
  const replies = {
    'GET /changes/change_1': { ...CHANGE, planDigest: digest },
    'GET /changes/change_1/plan': { text, digest },
    'GET /keys': {
      items: [{ keyId: keyIdOf(pem), name: 'k', person: 'user_2', personName: 'anna', revoked: false }],
    },
    'GET /me': { id: 'user_2', name: 'anna', role: 'approver' },
  };
  const { out, err } = await said(replies, 'change', 'approve', 'change_1', '--key', file, '--yes');
  assert.match(out, /1\. run a script of 2 lines.*\n +\| set -e\n +\| curl x \| sh\n/, err);
  assert.match(out, /2\. in \/etc\/a set the section ours .*\n +\| Match all\n +\|   Banner x\n/);
  assert.match(out, /3\. write \/etc\/issue .*\n +\| Keep out\.\n/);
});

const COUNTS = { total: 1, unknown: 0, managed: 1, lost: 0 };
const NO_HOSTS = { total: 0, unknown: 0, managed: 0, lost: 0 };
const HOST = { id: 'host_1', name: 'shop', addresses: ['192.0.2.1'], claim: 'known', management: 'managed' };

test('nothing found reads as all clear only where somebody has looked', async () => {
  // Of counts alone: neither hosts nor what kits say of each are read for it.
  const findings = async (hosts: object, unjudged: number, ...more: string[]): Promise<string> => {
    const counts = { 'GET /hosts/counts': hosts, 'GET /affected/unjudged': { hosts: unjudged } };
    return (await said({ 'GET /findings': { items: [] }, ...counts }, 'findings', ...more)).out;
  };
  assert.match(await findings(NO_HOSTS, 0), /Nothing was looked at yet: no host is known.*lastember scan/);
  assert.match(await findings({ ...COUNTS, total: 2 }, 0), /1 of 2 hosts was seen from outside only/);
  assert.equal(await findings(COUNTS, 0), 'Nothing burns.\n');
  assert.equal(await findings(COUNTS, 0, '--state', 'fixed'), 'No finding fits.\n');
  assert.equal(
    await findings(COUNTS, 1),
    'Nothing burns, as far as anybody looked. Of 1 host it is not known whether its packages are affected: lastember affected KIT\n',
  );
  assert.match(await findings(COUNTS, 1, '--kit', 'k'), /No finding fits\. Of 1 host .*lastember affected k\n/);
  const affected = async (unknown: unknown[], counts: object): Promise<string> =>
    (
      await said(
        { 'GET /affected': { query: 'x', kind: 'kit', hosts: [], unknown }, 'GET /hosts/counts': counts },
        'affected',
        'x',
      )
    ).out;
  assert.match(await affected([], NO_HOSTS), /Nothing was looked at yet/);
  assert.match(
    await affected([{ hostId: 'h', hostName: 'shop', why: 'never' }], COUNTS),
    /Nothing that we know of is affected, but of 1 host it is not known.*lastember deploy/,
  );
  assert.equal(await affected([], COUNTS), 'Nothing that we know of is affected.\n');
  const many = Array.from({ length: 1200 }, (_, n) => ({ hostId: `h${n}`, hostName: `web-${n}`, why: 'never' }));
  const { err } = await said(
    {
      'GET /affected': { query: 'x', kind: 'kit', hosts: [], unknown: [...many, { ...many[0], why: 'other' }] },
      'GET /hosts/counts': COUNTS,
    },
    'affected',
    'x',
  );
  assert.deepEqual(err.trim().split('\n'), [
    'not known: 1200 hosts (web-0, web-1, web-2, web-3, web-4, web-5, web-6, web-7 and 1192 more; all: --json): never',
    'not known: web-0: other',
  ]);
  const campaign = { kit: 'k', title: 'K', state: 'unseen', endpoints: [], totals: { excepted: 0, endpoints: 0 } };
  const empty = await said({ 'GET /campaigns/k': campaign, 'GET /hosts/counts': NO_HOSTS }, 'campaign', 'k');
  assert.match(empty.out, /Nothing was looked at yet/, empty.err);
});

test('a campaign is told in the words of the console', async () => {
  const steps = Object.fromEntries(FUNNEL.map((step) => [step, { state: 'open', why: '' }]));
  const row = { endpoint: '192.0.2.1:443', hostName: 'shop', cause: 'vulnerable', rekindled: null, excepted: false };
  const campaign = {
    kit: 'heartbleed',
    title: 'Heartbleed',
    state: 'burning',
    endpoints: [{ ...row, steps: { ...steps, patched: { state: 'unknown', why: '' } } }],
    totals: { endpoints: 7, excepted: 1, complete: 0, share: 0, byStep: { patched: 2 } },
  };
  const { out, code } = await said({ 'GET /campaigns/heartbleed': campaign }, 'campaign', 'heartbleed');
  assert.equal(code, 1);
  assert.match(out, /burning, 0 of 6 endpoints have done every step; 1 more excepted/);
  assert.match(out, /Patched on disk +█+░+ {2}2 of 6/);
  assert.match(out, /Revocation visible in CRL, .*; not known: Patched on disk/);
  assert.doesNotMatch(out, /newKey|\?/);
  const all = await said({ 'GET /campaigns': { items: [campaign] } }, 'campaign');
  assert.match(all.out, /0 of 6; 1 more excepted/);
});

test('one is one: status counts in words', async () => {
  const replies = {
    'GET /hosts/counts': COUNTS,
    'GET /findings/counts': { total: 0, items: [] },
    'GET /feeds': { items: [] },
    'GET /exceptions': { items: [{}] },
    'GET /changes': { items: [{ id: 'change_1', state: 'awaiting-approval' }] },
    'GET /campaigns': { items: [] },
    'GET /trail': { items: [], total: 1 },
  };
  const { out } = await said(replies, 'status');
  assert.match(out, /1 host, 0 that/);
  assert.match(out, /1 exception in force/);
  assert.match(out, /1 waits for approval/);
  assert.match(out, /1 entry\n/);
  const empty = await said({ ...replies, 'GET /hosts/counts': NO_HOSTS }, 'status');
  assert.match(empty.out, /nothing was looked at yet/);
  const burning = { kit: 'k', state: 'open', severity: 'critical', findings: 3 };
  const lost = Array.from({ length: 6 }, (_, n) => ({ ...HOST, id: `host_${n}`, name: `lost-${n}`, note: 'cut off' }));
  const estate = {
    ...replies,
    'GET /hosts/counts': { total: 90_000, unknown: 2, managed: 80_000, lost: 6 },
    'GET /hosts': { items: lost, next: null },
    'GET /findings/counts': { total: 5, items: [burning, { ...burning, severity: 'low', findings: 2 }] },
  };
  const full = await said(estate, 'status');
  assert.match(full.out, /90000 hosts, 2 that nobody claimed/);
  assert.match(full.out, /80000 managed, 6 lost[^]*lost-0 +lost: cut off[^]*and 1 more: lastember hosts --unmanaged/);
  assert.doesNotMatch(full.out, /lost-5/);
  // A program is told of all.
  assert.equal(JSON.parse((await said(estate, 'status', '--json')).out).lost.length, 6);
  assert.match(full.out, /5 findings burn, 3 critical/);
});

test('a word that is no scope is said to be none, and the scopes are named', async () => {
  const replies = {
    'GET /scopes': { items: [{ id: 's', name: 'office' }] },
    'POST /scans': { error: { code: 'TARGETS_EMPTY', message: 'Nothing is left to scan.' } },
  };
  const ran = await said(replies, 'scan', 'nosuchscope');
  assert.equal(ran.code, 2);
  assert.match(ran.err, /there is no scope or host "nosuchscope"; the scopes are: office/);
});

test('an agent whose host record is gone says so; a new key says whose it is', async () => {
  const agent = { id: 'agent_1', hostId: 'host_01m8aakcx9', state: 'lost', version: '1', approverKeyIds: [] };
  const ran = await said({ 'GET /agents': { items: [agent] }, 'GET /hosts': { items: [HOST] } }, 'agents');
  assert.match(ran.out, /gone \(was \w{8}\)/);
  const made = { 'POST /keys': { keyId: 'k', personName: 'admin' } };
  assert.match((await said(made, 'key', 'new', 'one')).out, /of +admin: LASTEMBER_TOKEN is not set/);
  const mine = await cli.run(['--server', await served(made), 'key', 'new', 'two'], { env: { LASTEMBER_TOKEN: 't' } });
  assert.match(mine.out, /of +admin\n/);
});

const scan = (id: string, rest: object): object => ({
  id,
  scopeId: 'scope_1',
  kind: 'full',
  targets: ['192.0.2.0/24'],
  state: 'running',
  counts: { targets: 256, done: 100, open: 3, newHosts: 0, changed: 0, offline: 0, back: 0 },
  pace: null,
  secondsLeft: null,
  waitsUntil: null,
  waitsFor: null,
  site: 'local',
  siteWhy: null,
  startedAt: AT,
  ...rest,
});

test('a scan that waits for a scanner of its site says so', async () => {
  const waiting = {
    state: 'queued',
    startedAt: null,
    site: 'berlin',
    siteWhy: 'no scanner of site berlin has called yet',
  };
  const replies = { 'GET /scans': { items: [scan('scan_aaaa11112222', waiting)] }, 'GET /scopes': { items: [] } };
  const { out } = await said(replies, 'scans');
  assert.match(out, /^11112222 .* waiting .*no scanner of site berlin has called yet/m);
});

test('a scan is found in the list, and stopped by the end of its id', async () => {
  const waiting = { state: 'queued', waitsUntil: '2030-07-01T18:00:00.000Z', waitsFor: 'office', startedAt: null };
  const asked: string[] = [];
  const replies = {
    'GET /scans': { items: [scan('scan_aaaa11112222', {}), scan('scan_bbbb33334444', { scopeId: null, ...waiting })] },
    'GET /scopes': { items: [{ id: 'scope_1', name: 'office' }] },
    'POST /scans/scan_bbbb33334444/cancel': scan('scan_bbbb33334444', { state: 'cancelled' }),
    'POST /scans/scan_aaaa11112222/pause': scan('scan_aaaa11112222', { state: 'paused' }),
  };
  const server = ['--server', await served(replies, asked)];
  const { out } = await cli.run([...server, 'scans']);
  assert.match(out, /^11112222 +office +running +full +100 of 256 looked at, 3 open/m);
  assert.match(out, /^33334444 +192\.0\.2\.0\/24 +waiting .*waits until 2030-07-01 18:00 UTC/m);
  assert.match((await cli.run([...server, 'scans', 'cancel', '33334444'])).out, /state +cancelled/);
  assert.match((await cli.run([...server, 'scans', 'pause', '11112222'])).out, /next +lastember scans resume 11112222/);
  assert.deepEqual(
    asked.filter((one) => one.startsWith('POST')),
    ['POST /scans/scan_bbbb33334444/cancel', 'POST /scans/scan_aaaa11112222/pause'],
  );
  assert.equal((await cli.run([...server, 'scans', 'cancel', '55556666'])).code, 2);
});

test('a host says what its unknown services say, until when it is set aside and why; a list has not seen it', async () => {
  const host = {
    id: 'host_aaaa11112222',
    name: 'printer',
    addresses: ['192.0.2.9'],
    claim: 'ignored',
    ignoredUntil: '2030-07-01T18:00:00.000Z',
    management: 'unmanaged',
    guess: null,
    sources: ['dhcp'],
    identifiers: [],
    firstSeen: AT,
    lastSeen: AT,
  };
  const hex = (text: string): string => Buffer.from(text).toString('hex');
  const probe = { protocol: 'unknown', banner: hex(`@PJL ready\r\n${'x'.repeat(300)}`) };
  const replies = {
    'GET /hosts': { items: [host] },
    [`GET /hosts/${host.id}`]: {
      host,
      endpoints: [{ port: 9100, transport: 'tcp', service: 'unknown', state: 'open', probe }],
      device: { class: { value: 'printer', confidence: 0.8 }, system: null, reasons: [] },
      why: [],
    },
    [`GET /hosts/${host.id}/facts/snaps`]: {
      hostId: host.id,
      sections: {
        snaps: {
          snaps: [snap({ name: 'firefox', version: '133.0-1', publisher: 'mozilla' })],
          unread: [{ path: '/snap/lxd/current', why: 'it is\nnot there' }],
        },
      },
      meta: {},
    },
    'GET /trail': { items: [{ index: 7, entry: { reason: 'the second floor’s' } }] },
    [`POST /hosts/${host.id}/ignore`]: host,
  };
  const { out } = await said(replies, 'host', 'printer');
  assert.match(out, /claim +ignored until 2030-07-01 18:00 UTC\nbecause +the second floor’s/);
  assert.match(out, /:9100 +unknown open, “@PJL ready · x{50,110}…$/m);
  assert.match(out, /device +printer \(0\.80\)/);
  assert.match(out, /seen +never; listed since/);
  assert.match(out, /snap +firefox 133\.0-1, revision 5437, latest\/stable, by mozilla, on core22\n/);
  assert.match(out, /snaps +no feed speaks of snaps: nobody judges them\nsnaps +not read: \/snap\/lxd\/current: it is/);
  assert.match((await said(replies, 'hosts')).out, /dhcp +never +11112222/);
  const ignored = await said(
    replies,
    'host',
    'ignore',
    'printer',
    '--reason',
    'ours',
    '--until',
    '2030-07-01T18:00:00Z',
  );
  assert.match(ignored.out, /until +2030-07-01 18:00 UTC\nbecause +ours/);
});

test('a directory where a file was to be named is said to be one', async () => {
  const { code, err } = await said({}, 'feed', 'import', 'kev', '.');
  assert.deepEqual([code, err], [2, 'lastember: A file was to be named, and this is a directory.\n']);
});
