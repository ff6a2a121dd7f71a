import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import type { X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { element } from '../../../model/ber.ts';
import type { Finding } from '../../../model/finding.ts';
import { download } from '../../../platform/http/outgoing.ts';
import { withClient } from '../../../platform/db/pool.ts';
import { addScope } from '../../discovery/testing/index.ts';
import { world, type World } from '../testing/world.ts';
import { askDue, askedOf } from './index.ts';
import { tlsShowing } from '../../../scan/probes/testing.ts';
import { RealAuthority } from './testing.ts';
import { Trusted } from './trusted.ts';

const HAS_OPENSSL = spawnSync('openssl', ['version']).error === undefined;
const HOST = '10.74.20.9';
const HOUR = 60;

interface Scene {
  w: World;
  ca: RealAuthority;
  hostId: string;
  /** asks, as the timer does, and judges */
  ask(): Promise<void>;
  finding(): Promise<Finding | undefined>;
}

async function scene(
  t: TestContext,
  address: string,
  setting: 'ask' | 'ask-any' | 'off' = 'ask-any',
  revocationPorts: 'any' | number[] = 'any',
): Promise<Scene> {
  const ca = new RealAuthority(address);
  const revocationAuthorities = join(ca.dir, 'added.pem');
  const w = await world({ askPauseMs: 1 }, { revocation: setting, revocationPorts, revocationAuthorities });
  t.after(async () => {
    ca.close();
    await w.close();
  });
  w.clock.now = new Date();
  await ca.start();
  await addScope(w.platform, { name: 'lab', cidrs: ['127.0.0.1', address], ports: '443' });
  const hostId = await w.find(HOST, 'key of the host');
  return {
    w,
    ca,
    hostId,
    ask: async () => {
      await w.audit.jobs['audit.revocations']!({});
      await w.settle();
    },
    finding: async () => (await w.audit.findings({ hostId, check: 'revoked-but-served' }))[0],
  };
}

const serve = async (s: Scene, ...chain: X509Certificate[]): Promise<void> => {
  await s.w.look(s.hostId, HOST, 443, tlsShowing(...chain));
  await s.w.settle();
};

/** Its time has come, however long its last answer holds. */
const due = (w: World): Promise<void> =>
  withClient(w.platform.urls.owner, async (client) => {
    await client.query("update audit.certificate_status set next_at = 'epoch'");
  });

const known = (w: World) =>
  withClient(w.platform.urls.owner, async (client) => {
    const { rows } = await client.query<{ status: string; why: string | null; source: string | null; next_at: Date }>(
      'select status, why, source, next_at from audit.certificate_status',
    );
    return rows[0]!;
  });

test('3.17: a responder says that a served certificate is revoked, and silence takes nothing back', async (t) => {
  if (!HAS_OPENSSL) return t.skip('openssl is not installed');
  const s = await scene(t, '127.74.20.1');
  const { w, ca } = s;
  const { leaf, issuer } = await ca.issue('shop.example', [ca.points.ocsp]);
  await ca.respond();
  await serve(s, leaf, issuer);
  await s.ask();
  const first = await known(w);
  assert.deepEqual([first.status, first.why], ['good', null]);
  assert.ok(first.next_at.getTime() - w.clock.now.getTime() > 22 * 3_600_000, 'asked again when it runs out');
  ca.revoke('shop.example');
  await ca.respond();
  await s.ask();
  assert.equal(await s.finding(), undefined, 'the answer of before still holds: nobody was asked');
  await due(w);
  await s.ask();
  const found = await s.finding();
  assert.equal(found?.state, 'open');
  assert.match(String(found.evidence['source']), /^OCSP responder http:/);
  ca.silence();
  w.later(48 * HOUR);
  await due(w);
  await s.ask();
  assert.equal((await s.finding())?.state, 'open');
  const last = await known(w);
  assert.equal(last.status, 'revoked');
  assert.match(last.why ?? '', /ECONNREFUSED/);
});

test('what was good is unknown when nobody says it again in time, never green', async (t) => {
  if (!HAS_OPENSSL) return t.skip('openssl is not installed');
  const s = await scene(t, '127.74.20.2');
  const { w, ca } = s;
  const { leaf, issuer } = await ca.issue('shop.example', [ca.points.ocsp]);
  await ca.respond('ca');
  await serve(s, leaf, issuer);
  await s.ask();
  const asked = async (): Promise<string | undefined> => {
    const endpoints = await w.discovery.endpoints({ hostId: s.hostId });
    return [...(await askedOf(w.platform, endpoints)).values()][0]?.status;
  };
  assert.equal(await asked(), 'good');
  ca.silence();
  w.later(25 * HOUR);
  await s.ask();
  assert.equal(await asked(), 'unknown');
});

test('a list in which the certificate is means revoked; a later list without it, good', async (t) => {
  if (!HAS_OPENSSL) return t.skip('openssl is not installed');
  const s = await scene(t, '127.74.20.3');
  const { w, ca } = s;
  // The server shows its own certificate alone: that of its issuer is fetched from where it says.
  const { leaf } = await ca.issue('shop.example', [ca.points.crl, ca.points.issuer]);
  ca.revoke('shop.example');
  ca.publish();
  await serve(s, leaf);
  await s.ask();
  const found = await s.finding();
  assert.equal(found?.state, 'open');
  assert.match(String(found.evidence['source']), /^revocation list http:/);
  assert.deepEqual(ca.asked, ['/ca.der', '/ca.crl']);
  ca.forget();
  await sleep(1100);
  ca.publish();
  w.later(2);
  await due(w);
  await s.ask();
  assert.equal((await s.finding())?.state, 'fixed');
});

test('lists that are altered, of a stranger, run out or too large, and servers that send elsewhere, say nothing', async (t) => {
  if (!HAS_OPENSSL) return t.skip('openssl is not installed');
  const s = await scene(t, '127.74.20.4');
  const { w, ca } = s;
  const stranger = new RealAuthority('127.74.20.4');
  await stranger.start();
  t.after(() => stranger.close());
  const { leaf, issuer } = await ca.issue('shop.example', [ca.points.crl]);
  await serve(s, leaf, issuer);
  const altered = readFileSync(join(ca.dir, 'ca.crl'));
  altered[altered.length - 5]! ^= 1;
  const foreign = readFileSync(join(stranger.dir, 'ca.crl'));
  const elsewhere = `http://127.74.20.4:${stranger.port}/ca.crl`;
  const cases: [string, RegExp, () => { status: number; headers?: Record<string, string>; body?: Buffer }][] = [
    ['altered', /no configured authority signed it/, () => ({ status: 200, body: altered })],
    ['of a stranger', /no configured authority signed it/, () => ({ status: 200, body: foreign })],
    ['none', /./, () => ({ status: 200, body: Buffer.from('hello') })],
    ['too large', /too large/, () => ({ status: 200, body: Buffer.alloc(17 * 1024 * 1024) })],
    ['missing', /answered 404/, () => ({ status: 404 })],
    ['elsewhere', /redirect/, () => ({ status: 302, headers: { location: elsewhere } })],
  ];
  for (const [name, why, answers] of cases) {
    ca.answers = answers;
    await due(w);
    await s.ask();
    const said = await known(w);
    assert.equal(said.status, 'unknown', name);
    assert.match(said.why ?? '', why, name);
  }
  assert.deepEqual(stranger.asked, [], 'nobody followed a redirect');
});

test('an address with bytes that no URL has is neither kept nor shown', async (t) => {
  if (!HAS_OPENSSL) return t.skip('openssl is not installed');
  const s = await scene(t, '127.74.20.6');
  const { w, ca } = s;
  const uri = (text: string): Buffer => element(0x86, Buffer.from(text, 'latin1'));
  const names = element(0xa0, uri('http://127.74.20.6/\0'), uri('http://127.74.20.6/\x1b[2J'));
  const points = element(0x30, element(0x30, element(0xa0, names)));
  const { leaf, issuer } = await ca.issue('nul.example', [
    `crlDistributionPoints=DER:${points.toString('hex')}`,
    `authorityInfoAccess=OCSP;URI:http://127.0.0.1:${ca.ocspPort}`,
  ]);
  ca.revoke('nul.example');
  await ca.respond();
  await serve(s, leaf, issuer);
  await s.ask();
  assert.equal((await s.finding())?.state, 'open');
  const { rows } = await withClient(w.platform.urls.owner, (client) =>
    client.query<{ crl_urls: string[] }>('select crl_urls from audit.certificate_status'),
  );
  assert.deepEqual(rows[0]!.crl_urls, []);
});

test('a run ends in its time, however slow those are who are asked; the others come next', async (t) => {
  if (!HAS_OPENSSL) return t.skip('openssl is not installed');
  const s = await scene(t, '127.74.20.7');
  const { w, ca } = s;
  for (const index of [1, 2, 3]) {
    const { leaf, issuer } = await ca.issue(`shop${index}.example`, [`${ca.points.crl}/${index}`]);
    await w.look(s.hostId, HOST, 443 + index, tlsShowing(leaf, issuer));
  }
  await w.settle();
  // The third would be asked when the time of the run is long over.
  await askDue({ platform: w.platform, discovery: w.discovery, pauseMs: 500, runMs: 100 });
  assert.deepEqual(new Set(ca.asked).size < 3, true, ca.asked.join());
  w.later(1);
  await s.ask();
  assert.deepEqual(ca.asked.toSorted(), ['/ca.crl/1', '/ca.crl/2', '/ca.crl/3']);
});

test('nobody is asked where scopes do not reach or exclude, whatever the name is', async (t) => {
  if (!HAS_OPENSSL) return t.skip('openssl is not installed');
  const s = await scene(t, '127.74.20.5');
  const { w, ca } = s;
  await addScope(w.platform, { name: 'other', cidrs: ['127.74.21.0/24'], ports: '443', exclude: ['127.74.20.5'] });
  const { leaf, issuer } = await ca.issue('shop.example', [ca.points.crl]);
  await serve(s, leaf, issuer);
  await s.ask();
  assert.match((await known(w)).why ?? '', /127\.74\.20\.5 is excluded/);
  assert.deepEqual(ca.asked, []);
  const refuses = await w.discovery.reach();
  const allowed = ['8.8.8.8', '2001:4860:4860::8888', '127.74.21.7'];
  assert.deepEqual(
    allowed.map((address) => refuses(address)),
    [null, null, null],
  );
  for (const address of [
    '127.0.0.9',
    '169.254.169.254',
    '10.0.0.1',
    '::1',
    '::ffff:10.0.0.1',
    'fd00::1',
    '0.0.0.0',
    'x',
  ])
    assert.notEqual(refuses(address), null, address);
  // A name is judged by what it stands for, at the moment of connecting.
  const url = `http://localhost:${ca.port}/ca.crl`;
  const within = { timeoutMs: 2000, limit: 100 };
  await assert.rejects(download(url, { ...within, refuses: (at) => `no ${at}` }), /no (127\.0\.0\.1|::1)/);
});

test('with the setting off nobody is asked and nothing is kept', async (t) => {
  if (!HAS_OPENSSL) return t.skip('openssl is not installed');
  const s = await scene(t, '127.74.20.6', 'off');
  const { leaf, issuer } = await s.ca.issue('shop.example', [s.ca.points.crl]);
  s.ca.revoke('shop.example');
  s.ca.publish();
  await serve(s, leaf, issuer);
  await s.ask();
  assert.deepEqual([await known(s.w), s.ca.asked, await s.finding()], [undefined, [], undefined]);
});

test('3.17: at ports that are not for authorities nobody is asked, and that is said', async (t) => {
  if (!HAS_OPENSSL) return t.skip('openssl is not installed');
  const s = await scene(t, '127.74.20.9', 'ask-any', [80, 443]);
  const { leaf, issuer } = await s.ca.issue('shop.example', [s.ca.points.crl]);
  await serve(s, leaf, issuer);
  await s.ask();
  assert.deepEqual(s.ca.asked, []);
  assert.match((await known(s.w)).why ?? '', /authorities are asked at 80, 443 only \(LASTEMBER_REVOCATION_PORTS\)/);
});

test('3.17: `ask` asks only below an authority of the trust store or one that was added; a stranger’s certificate leads nowhere', async (t) => {
  if (!HAS_OPENSSL) return t.skip('openssl is not installed');
  const s = await scene(t, '127.74.20.11', 'ask');
  const { w, ca } = s;
  const { leaf, issuer } = await ca.issue('shop.example', [ca.points.crl]);
  await serve(s, leaf, issuer);
  await s.ask();
  assert.deepEqual(ca.asked, [], 'neither its list nor its issuer');
  const first = await known(w);
  assert.equal(first.status, 'unknown');
  assert.match(first.why ?? '', /LASTEMBER_REVOCATION_AUTHORITIES/);
  writeFileSync(join(ca.dir, 'added.pem'), issuer.toString());
  await due(w);
  await s.ask();
  const then = await known(w);
  assert.deepEqual([then.status, then.why, ca.asked], ['good', null, ['/ca.crl']]);
});

test('3.17: below an authority is who a chain of authorities leads to, and not who has a certificate of one', (t) => {
  if (!HAS_OPENSSL) return t.skip('openssl is not installed');
  const dir = mkdtempSync(join(tmpdir(), 'lastember-chain-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  const run = (...argv: string[]) => execFileSync('openssl', argv, { cwd: dir, stdio: 'ignore' });
  const make = (name: string, by: string | null, ca: boolean): string => {
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', `${name}.key`];
    const signer = by === null ? [] : ['-CA', `${by}.pem`, '-CAkey', `${by}.key`];
    const kind = ['-addext', `basicConstraints=critical,CA:${ca ? 'TRUE' : 'FALSE'}`];
    run('req', '-x509', ...key, '-subj', `/CN=${name}`, '-days', '30', ...signer, ...kind, '-out', `${name}.pem`);
    return readFileSync(join(dir, `${name}.pem`), 'utf8');
  };
  const [root, middle, low] = [make('root', null, true), make('middle', 'root', true), make('low', 'middle', true)];
  const [leaf, below] = [make('leaf', 'low', false), make('below', 'leaf', false)];
  const other = make('other', null, true);
  const now = new Date();
  const trusted = new Trusted([root, '-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----']);
  const cases: [string, string[], boolean][] = [
    ['whole', [leaf, low, middle], true],
    ['with its root', [leaf, low, middle, root], true],
    ['right below', [middle], true],
    ['a link is missing', [leaf, middle], false],
    ['not shown to its end', [leaf, low], false],
    ['signed by a mere server', [below, leaf, low, middle], false],
    ['of a stranger', [other], false],
    ['a stranger before the real one', [other, low, middle], false],
    ['nothing', [], false],
  ];
  for (const [name, chain, told] of cases) assert.equal(trusted.has(chain, now), told, name);
  assert.equal(trusted.has([leaf, low, middle], new Date(now.getTime() + 60 * 86_400_000)), false, 'the root ran out');
});
