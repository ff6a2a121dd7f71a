import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { oldRuntime } from '../../../../lab/demo/runtimes.ts';
import type { TlsKnown, TlsProbe } from '../../../model/probe.ts';
import { weaknessOf } from '../../logic/tls-ciphers.ts';
import { newTarget, type ProbeTarget } from '../contract.ts';
import { freePort, listenWith, loopbackGuard, type Pki, selfSigned, startServer, targetAt, wants } from '../testing.ts';
import { tlsProbe } from './index.ts';

let pki: Pki;
before(() => {
  pki = selfSigned();
});
after(() => pki.remove());

/** TLS alone: s_server says nothing within, and waiting for that takes seconds. */
const look = async (target: ProbeTarget): Promise<TlsProbe> => {
  const result = await tlsProbe.probe(target);
  assert.equal(result.protocol, 'tls');
  return result as TlsProbe;
};

/** `SSLv3 3des` … as nmap's own enumeration, one cipher at a time, comes to; it does not try to be short. */
async function nmapSays(port: number): Promise<string[]> {
  const argv = ['-Pn', '-n', '-sT', '-p', String(port), '--script', '+ssl-enum-ciphers', '127.0.0.1'];
  const { stdout } = await promisify(execFile)('nmap', argv);
  const found = new Set<string>();
  let version = '';
  for (const line of stdout.split('\n')) {
    version = /(SSLv3|TLSv1\.\d):/.exec(line)?.[1] ?? version;
    const name = /\s(TLS_\w+) /.exec(line)?.[1];
    const code = name === undefined ? undefined : codeOf(name);
    if (code !== undefined) found.add(`${version} ${weaknessOf(code)!.family}`);
  }
  return [...found].sort();
}

const codeOf = (name: string): number | undefined =>
  Array.from({ length: 0x10000 }, (_, code) => code).find((code) => weaknessOf(code)?.cipher === name);

test('weak ciphers of a really old server are those that nmap finds by trying each, family by version', async (t) => {
  if (spawnSync('nmap', ['--version']).error) return t.skip('nmap is not installed');
  const node = await oldRuntime('0.10.2').catch((error: Error) => error);
  if (node instanceof Error) return t.skip(`the old runtime could not be fetched: ${node.message}`);
  const [port, script] = [await freePort(), join(pki.dir, 'weak.js')];
  const files = `key: fs.readFileSync(${JSON.stringify(pki.key)}), cert: fs.readFileSync(${JSON.stringify(pki.certificate)})`;
  writeFileSync(
    script,
    `var fs = require('fs'); require('https').createServer({ ${files}, ciphers: 'ALL:COMPLEMENTOFALL' }).listen(${port}, '127.0.0.1');`,
  );
  const server = await startServer([node, script], port);
  t.after(() => server.close());
  const { depth, secureRenegotiation, compression } = await look(targetAt(port));
  assert.deepEqual(depth?.unknown, []);
  const ours = depth.weak.map(({ version, family }) => `${version} ${family}`).sort();
  assert.ok(
    ['null', 'des', 'rc4', '3des'].every((family) => ours.includes(`SSLv3 ${family}`)),
    ours.join(', '),
  );
  assert.deepEqual(ours, await nmapSays(port));
  assert.equal(depth.forwardSecrecy, 'never');
  assert.deepEqual([secureRenegotiation, compression], [true, false]);
});

/** What openssl s_server is told, and what a look says of it. */
const SERVERS: { argv: string[]; says: Partial<NonNullable<TlsProbe['depth']>>; weak: string[] }[] = [
  { argv: ['-tls1_3'], says: { forwardSecrecy: 'always' }, weak: [] },
  {
    argv: ['-tls1_2', '-cipher', 'ECDHE+AESGCM', '-curves', 'P-384'],
    says: { forwardSecrecy: 'always', curve: 'secp384r1' },
    weak: [],
  },
  { argv: ['-tls1_2', '-cipher', 'AES128-SHA:ECDHE-RSA-AES128-SHA'], says: { forwardSecrecy: 'offered' }, weak: [] },
  { argv: ['-tls1_2', '-cipher', 'AES128-SHA'], says: { forwardSecrecy: 'never' }, weak: [] },
  { argv: ['-cipher', 'AES128-SHA'], says: { forwardSecrecy: 'offered' }, weak: [] },
  {
    argv: ['-tls1_2', '-cipher', 'DHE-RSA-AES128-SHA@SECLEVEL=0', '-dhparam', 'dh.pem'],
    says: { forwardSecrecy: 'always', dhBits: 1024 },
    weak: [],
  },
  {
    argv: ['-tls1_2', '-cipher', 'aNULL:eNULL:AES128-SHA@SECLEVEL=0'],
    says: { forwardSecrecy: 'never' },
    weak: ['anon', 'null'],
  },
];
/** RFC 2409 §6.2, the second Oakley group: no need to search for a prime. */
const GROUP = `-----BEGIN DH PARAMETERS-----
MIGHAoGBAP//////////yQ/aoiFowjTExmKLgNwc0SkCTgiKZ8x0Agu+pjsTmyJR
Sgh5jjQE3e+VGbPNOkMbMCsKbfJfFDdP4TVtbVHCReSFtXZiXn7G9ExC6aY37WsL
/1y29Aa37e44a/taiZ+lrp8kEXxLH+ZJKGZR7OZTgf//////////AgEC
-----END DH PARAMETERS-----
`;

for (const { argv, says, weak } of SERVERS) {
  test(`key exchange and weak ciphers of openssl s_server ${argv.join(' ')}`, async (t) => {
    if (!wants(t, 'openssl')) return;
    const dh = join(pki.dir, 'dh.pem');
    writeFileSync(dh, GROUP);
    const port = await freePort();
    const shared = ['openssl', 's_server', '-quiet', '-key', pki.key, '-cert', pki.certificate];
    const own = argv.map((word) => (word === 'dh.pem' ? dh : word));
    const server = await startServer([...shared, '-accept', `127.0.0.1:${port}`, ...own], port);
    t.after(() => server.close());
    const { depth, versions, secureRenegotiation } = await look(targetAt(port));
    assert.deepEqual(depth?.unknown, []);
    assert.deepEqual({ ...depth, ...says }, depth);
    assert.deepEqual(depth.weak.map(({ family }) => family).sort(), weak);
    // A group that it finds too small makes it fail, after it said what we want to know.
    const client = ['s_client', '-connect', `127.0.0.1:${port}`];
    const saidByClient = spawnSync('openssl', client, { input: '', encoding: 'utf8' }).stdout;
    if (versions.includes('TLSv1.2') && !versions.includes('TLSv1.3'))
      assert.equal(secureRenegotiation, saidByClient.includes('Secure Renegotiation IS supported'));
    if (!versions.includes('TLSv1.2')) assert.equal(secureRenegotiation, undefined);
  });
}

test('an unchanged endpoint is not asked again for what its handshakes do not show, until a week is over', async (t) => {
  const inner = await freePort();
  const argv = ['openssl', 's_server', '-quiet', '-key', pki.key, '-cert', pki.certificate, '-no_tls1_1'];
  const server = await startServer([...argv, '-accept', `127.0.0.1:${inner}`], inner);
  t.after(() => server.close());
  let connections = 0;
  const counted = await listenWith((socket) => {
    connections++;
    const inside = connect(inner, '127.0.0.1');
    inside.on('error', () => socket.destroy()).on('close', () => socket.destroy());
    socket.on('close', () => inside.destroy());
    socket.pipe(inside).pipe(socket);
  });
  t.after(() => counted.close());
  let now = new Date('2026-01-01T00:00:00Z');
  const lookWith = async (known: TlsKnown | null): Promise<{ cost: number; result: TlsProbe }> => {
    const before = connections;
    const at = { address: '127.0.0.1', port: counted.port, connectMs: 1000, known, now: () => now };
    const result = await look(newTarget(loopbackGuard(), at));
    return { cost: connections - before, result };
  };
  const first = await lookWith(null);
  now = new Date('2026-01-05T00:00:00Z');
  const again = await lookWith(first.result);
  assert.equal(first.cost - again.cost, 3);
  assert.deepEqual(again.result.depth, first.result.depth);
  const other = await lookWith({ ...first.result, depth: { ...first.result.depth!, basis: 'another certificate' } });
  assert.equal(other.cost, first.cost);
  now = new Date('2026-01-09T00:00:00Z');
  const later = await lookWith(again.result);
  assert.equal(later.cost, first.cost);
  assert.equal(later.result.depth?.at, now.toISOString());
});

test('a server that hangs up on everything after some connections has answered nothing by that', async (t) => {
  if (!wants(t, 'openssl')) return;
  writeFileSync(join(pki.dir, 'dh.pem'), GROUP);
  const inner = await freePort();
  const argv = [
    'openssl',
    's_server',
    '-quiet',
    '-key',
    pki.key,
    '-cert',
    pki.certificate,
    '-dhparam',
    join(pki.dir, 'dh.pem'),
  ];
  const ciphers = 'ECDHE-RSA-AES128-GCM-SHA256:DHE-RSA-AES128-GCM-SHA256:ADH-AES128-SHA:AES128-SHA:@SECLEVEL=0';
  const server = await startServer([...argv, '-tls1_2', '-cipher', ciphers, '-accept', `127.0.0.1:${inner}`], inner);
  t.after(() => server.close());
  let left = Infinity;
  const front = await listenWith((socket) => {
    if (left-- <= 0) return void socket.destroy();
    const inside = connect(inner, '127.0.0.1');
    inside.on('error', () => socket.destroy()).on('close', () => socket.destroy());
    socket.on('close', () => inside.destroy());
    socket.pipe(inside).pipe(socket);
  });
  t.after(() => front.close());
  const whole = await look(targetAt(front.port));
  assert.deepEqual([whole.depth?.unknown, whole.depth?.dhBits, whole.unknownVersions], [[], 1024, undefined]);
  assert.deepEqual(
    whole.depth?.weak.map(({ family }) => family),
    ['anon'],
  );
  for (const connections of [3, 6, 8, 9]) {
    left = connections;
    const { depth, unknownVersions } = await look(targetAt(front.port));
    const { at: _, ...told } = depth!;
    const { at: __, ...known } = whole.depth!;
    for (const [question, key] of [
      ['weak', 'weak'],
      ['forward-secrecy', 'forwardSecrecy'],
      ['dh', 'dhBits'],
    ] as const)
      if (!told.unknown.includes(question)) assert.deepEqual(told[key], known[key], `${question} of ${connections}`);
    assert.ok(told.unknown.includes('weak'), 'it was cut off before the end');
    assert.equal(unknownVersions !== undefined, connections < 5);
  }
});

test('a server that always hangs up on what it does not take has said no', async (t) => {
  if (!wants(t, 'openssl')) return;
  const inner = await freePort();
  const argv = ['openssl', 's_server', '-quiet', '-key', pki.key, '-cert', pki.certificate, '-tls1_2'];
  const own = ['-cipher', 'ECDHE-RSA-AES128-GCM-SHA256', '-accept', `127.0.0.1:${inner}`];
  const server = await startServer([...argv, ...own], inner);
  t.after(() => server.close());
  const front = await listenWith((socket) => {
    const inside = connect(inner, '127.0.0.1');
    inside.on('error', () => socket.destroy()).on('close', () => socket.destroy());
    socket.on('close', () => inside.destroy());
    socket.pipe(inside);
    // It swallows the alert.
    inside.on('data', (bytes) => (bytes[0] === 21 ? socket.destroy() : socket.write(bytes)));
  });
  t.after(() => front.close());
  const { depth, unknownVersions } = await look(targetAt(front.port));
  assert.deepEqual(
    [depth?.unknown, depth?.weak, depth?.forwardSecrecy, unknownVersions],
    [[], [], 'always', undefined],
  );
});
