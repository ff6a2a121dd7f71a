import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import * as fs from 'node:fs';
import { createServer, connect, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { deserialize, serialize } from 'node:v8';
import { Facts, SECTION_NAMES, type Section } from '../../model/facts.ts';
import { localHost } from '../local.ts';
import { parseDpkgStatus } from '../packages/dpkg.ts';
import { parseMaps } from '../proc/maps.ts';
import { parseTcp } from '../proc/net.ts';
import { effectiveSshd } from '../settings/sshd.ts';
import { testTree } from '../steps/testing.ts';
import { parsePolicy } from '../packages/apt.ts';
import { collectFacts } from './collect.ts';
import type { FactCache } from './look.ts';
import { FACT_SECTIONS } from './registry.ts';

const trees: string[] = [];
after(() => trees.forEach((tree) => fs.rmSync(tree, { recursive: true, force: true })));

/** A host's file tree from a list of files. */
function tree(files: Record<string, string> = {}): string {
  const root = fs.mkdtempSync(join(tmpdir(), 'lastember-facts-'));
  trees.push(root);
  for (const [path, text] of Object.entries(files)) {
    fs.mkdirSync(join(root, path, '..'), { recursive: true });
    fs.writeFileSync(join(root, path), text, { mode: text.startsWith('#!') ? 0o755 : 0o644 });
  }
  return root;
}

const collect = async (root: string, ...names: (typeof SECTION_NAMES)[number][]): Promise<Section[]> =>
  collectFacts(localHost({ root }), names.length > 0 ? { names } : {});

async function data<N extends (typeof SECTION_NAMES)[number]>(root: string, name: N): Promise<Facts[N]> {
  const [section] = await collect(root, name);
  assert.equal(section?.error, undefined);
  return Facts.shape[name].parse(section?.data) as Facts[N];
}

test('conformance: the registry holds every section of the model, in order, each with its own name and a version', () => {
  assert.deepEqual(Object.keys(FACT_SECTIONS), [...SECTION_NAMES].sort());
  for (const [name, section] of Object.entries(FACT_SECTIONS)) {
    assert.equal(section.name, name);
    assert.ok(Number.isInteger(section.version) && section.version > 0);
    assert.ok(fs.existsSync(join(import.meta.dirname, `${name}.ts`)));
  }
});

test('conformance: every section of this machine fits its schema', async () => {
  // Not every machine has systemd, and who is not root may not read everything: it is said, section by section.
  const excuse = process.getuid?.() === 0 ? /systemd/ : /systemd|login is root/;
  for (const section of await collectFacts(localHost())) {
    if (section.error !== undefined) {
      assert.match(section.error, excuse, `${section.name}: ${section.error}`);
      continue;
    }
    Facts.shape[section.name].parse(section.data);
    assert.match(section.hash, /^[0-9a-f]{64}$/);
  }
});

test('a section that cannot be collected says why and does not touch the others', async () => {
  const root = tree({ 'etc/os-release': 'ID=debian\nVERSION_ID="12"\n' });
  fs.mkdirSync(join(root, 'var/lib/dpkg/status'), { recursive: true });
  const sections = await collect(root);
  assert.deepEqual(
    sections.map((section) => section.name),
    SECTION_NAMES,
  );
  const failed = sections.filter((section) => section.error !== undefined).map((section) => section.name);
  assert.ok(failed.includes('packages'));
  assert.ok(!failed.includes('settings') && !failed.includes('neighbours'));
});

test('packages: source name and version come from the Source field (binary rebuilds, epochs of their own)', () => {
  const status = `Package: libcap2
Status: install ok installed
Architecture: amd64
Source: libcap2
Version: 1:2.66-4+deb12u3+b1

Package: libcap2-bin
Status: install ok installed
Architecture: amd64
Source: libcap2 (1:2.66-4+deb12u3)
Version: 1:2.66-4+deb12u3+b1
Description: tools
 Source: not a field

Package: bash
Status: install ok installed
Architecture: amd64
Source: bash (5.2.15-2)
Version: 5.2.15-2+b13

Package: gone
Status: deinstall ok config-files
Architecture: amd64
Version: 1
`;
  assert.deepEqual(
    parseDpkgStatus(status, 'Debian').map((fact) => [fact.name, fact.source, fact.version, fact.sourceVersion]),
    [
      ['libcap2', 'libcap2', '1:2.66-4+deb12u3+b1', '1:2.66-4+deb12u3+b1'],
      ['libcap2-bin', 'libcap2', '1:2.66-4+deb12u3+b1', '1:2.66-4+deb12u3'],
      ['bash', 'bash', '5.2.15-2+b13', '5.2.15-2'],
    ],
  );
});

test('packages: the same as dpkg-query says about this machine', async (context) => {
  const format = '${db:Status-Status}\t${Package}\t${Version}\t${source:Package}\t${source:Version}\n';
  let said: string;
  try {
    said = execFileSync('dpkg-query', ['-W', '-f', format], { encoding: 'utf8' });
  } catch {
    context.skip('no dpkg-query on this machine');
    return;
  }
  const oracle = said
    .split('\n')
    .filter((line) => line.startsWith('installed\t'))
    .map((line) => line.slice(10))
    .sort();
  const ours = (await data('/', 'packages'))
    .filter((fact) => fact.status === 'installed')
    .map((fact) => [fact.name, fact.version, fact.source, fact.sourceVersion].join('\t'));
  assert.deepEqual(ours.sort(), oracle);
});

test('packages: what the archive offers is asked once until lists or packages change', async () => {
  const host = testTree();
  const names = async (cache: FactCache): Promise<unknown[]> => {
    const [section] = await collectFacts(localHost({ root: host.root }), { names: ['packages'], cache });
    return (section!.data as Facts['packages']).map((fact) => [fact.name, fact.version, fact.candidate]);
  };
  const cache: FactCache = new Map();
  const offered = (version: string): unknown[] => [
    ['nodejs', '0.10.0-1', version],
    ['tzdata', '2024a-1', version],
  ];
  assert.deepEqual(await names(cache), offered('0.10.48-1'));
  host.put('repo/candidate', '0.10.49-1\n');
  assert.deepEqual(await names(cache), offered('0.10.48-1'), 'nothing changed that we can see');
  host.put('var/lib/apt/lists/new', '');
  assert.deepEqual(await names(cache), offered('0.10.49-1'));
  host.put('usr/bin/apt-cache', '#!/bin/sh\necho "nodejs:\n  Installiert: 1\n  Installationskandidat: 2\n"\n');
  assert.deepEqual((await names(new Map())).at(0), ['nodejs', '0.10.0-1', undefined], 'not understood: not known');
  host.put(
    'usr/bin/apt-cache',
    '#!/bin/sh\nprintf "tzdata:amd64:\\n  Candidate: (none)\\nnodejs:amd64:\\n  Candidate: 7\\n"\n',
  );
  assert.deepEqual(
    await names(new Map()),
    [
      ['nodejs', '0.10.0-1', '7'],
      ['tzdata', '2024a-1', undefined],
    ],
    'by name and architecture; of others nothing is said',
  );
  host.put('usr/bin/apt-cache', '#!/bin/sh\nexit 1\n');
  assert.deepEqual((await names(new Map())).at(0), ['nodejs', '0.10.0-1', undefined], 'nobody to ask: not known');
  host.remove();
});

test('archive: what apt knows of its lists, since when, and null where there is no apt to ask', async () => {
  const root = tree({
    'var/lib/apt/lists/partial/x': '',
    'usr/bin/apt-cache': `#!/bin/sh
echo 'Package files:
 100 /var/lib/dpkg/status
     release a=now
 500 http://deb.test/debian-security bookworm-security/main amd64 Packages
     release v=12,o=Debian,a=oldstable-security,n=bookworm-security,l=Debian-Security,c=main,b=amd64
     origin deb.test
 500 http://deb.test/debian bookworm/main amd64 Packages
     release v=12.12,o=Debian,a=oldstable,n=bookworm,l=Debian,c=main,b=amd64
     origin deb.test
Pinned packages:'
`,
  });
  const old = new Date(Date.now() - 3.5 * 86_400_000);
  for (const path of ['var/lib/apt/lists/partial', 'var/lib/apt/lists']) fs.utimesSync(join(root, path), old, old);
  const archives = ['Debian bookworm main', 'Debian bookworm-security main'];
  assert.deepEqual(await data(root, 'archive'), { tool: 'apt', archives, security: true, listsAgeDays: 3 });
  fs.utimesSync(join(root, 'var/lib/apt/lists/partial'), new Date(), new Date());
  assert.equal((await data(root, 'archive')).listsAgeDays, 0, 'asked, and nothing had changed');
  const bare = tree({
    'usr/bin/apt-cache': '#!/bin/sh\nprintf "Package files:\\n 100 /var/lib/dpkg/status\\n     release a=now\\n"\n',
  });
  assert.deepEqual(await data(bare, 'archive'), { tool: 'apt', archives: [], security: false, listsAgeDays: null });
  assert.deepEqual(await data(tree(), 'archive'), { tool: null, archives: [], security: false, listsAgeDays: null });
});

test('packages: reads what apt-cache policy really prints', (context) => {
  let text: string;
  try {
    text = execFileSync('apt-cache', ['policy', 'bash', 'dpkg', 'no-such-package-here'], { encoding: 'utf8' });
  } catch {
    context.skip('no apt-cache on this machine');
    return;
  }
  const found = parsePolicy(text);
  assert.deepEqual([...found.keys()], ['bash', 'dpkg']);
  for (const [name, version] of found)
    assert.ok(text.includes(`${name}:\n`) && text.includes(`Candidate: ${version}\n`));
});

test('packages that are as before are neither joined nor hashed again by the next process; what changed is', async () => {
  const status = (version: string): string =>
    `Package: zlib1g\nStatus: install ok installed\nVersion: ${version}\nArchitecture: amd64\n\n`;
  const root = tree({ 'etc/os-release': 'ID=debian\n', 'var/lib/dpkg/status': status('1.0') });
  let cache: FactCache = new Map();
  const look = async (): Promise<Section> => {
    const [section] = await collectFacts(localHost({ root }), { cache, names: ['packages'] });
    // As it goes from the process of one look to that of the next.
    cache = deserialize(serialize(cache)) as FactCache;
    return section!;
  };
  const kept = (): unknown =>
    (cache.get('told')!.value as Map<string, { of: unknown; told: { data: unknown } }>).get('packages');
  const first = await look();
  const { of, told } = kept() as { of: unknown; told: { hash: string; data: unknown } };
  assert.equal(told.data, of, 'it is there once');
  told.hash = 'known';
  assert.equal((await look()).hash, 'known');
  fs.writeFileSync(join(root, 'var/lib/dpkg/status'), status('1.0.1'));
  const changed = await look();
  assert.ok(changed.hash !== first.hash && changed.hash !== 'known');
  const [fresh] = await collectFacts(localHost({ root }), { names: ['packages'] });
  assert.deepEqual([changed.hash, changed.data], [fresh!.hash, fresh!.data]);
});

test('3.3, trap 10: maps: scratch files that the kernel calls deleted are no replaced libraries', () => {
  const pseudo = [
    '/dev/zero',
    '/memfd:x',
    '/SYSV00000000',
    '/dev/shm/y',
    '/tmp/z',
    '/run/q',
    'anon_inode:[eventfd]',
    '[heap]',
  ];
  const lines = pseudo.map((name) => `7f0000000000-7f0000001000 r-xp 00000000 00:01 77 ${name} (deleted)`);
  const real =
    '7f1f702c5000-7f1f70542000 r-xp 000c5000 fe:00 2828415                    /usr/lib/libcrypto.so.3 (deleted)';
  assert.deepEqual(
    parseMaps([...lines, real].join('\n'), (path) => path),
    [{ path: '/usr/lib/libcrypto.so.3', deleted: true, device: 'fe:00', inode: '2828415', executable: true }],
  );
});

test('processes: recorded before and after an upgrade of libssl and libpcre, as needrestart saw them', async (context) => {
  const source = join(import.meta.dirname, '../../../../shared/data/stale-libs');
  if (!fs.existsSync(source)) {
    context.skip('the recorded processes are not here');
    return;
  }
  const list = '/usr/lib/x86_64-linux-gnu/libcrypto.so.3\n/usr/lib/x86_64-linux-gnu/libssl.so.3\n';
  const pcre = '/lib/x86_64-linux-gnu/libpcre2-8.so.0.11.2\n';
  const stale = async (when: string): Promise<[string, string[], (string | null)[]][]> => {
    const root = tree({
      'var/lib/dpkg/info/libssl3:amd64.list': list,
      // named as before /usr was merged
      'var/lib/dpkg/info/libpcre2-8-0:amd64.list': pcre,
    });
    fs.cpSync(join(source, `proc-${when}`), join(root, 'proc'), { recursive: true });
    for (const pid of fs.readdirSync(join(root, 'proc'))) {
      const link = join(root, 'proc', pid, 'exe');
      const target = fs.readFileSync(link, 'utf8').trim();
      fs.rmSync(link);
      fs.symlinkSync(target, link);
    }
    const facts = (await data(root, 'processes')).filter((fact) => fact.replaced.length > 0);
    return facts.map((fact) => [
      fact.exe ?? '',
      fact.replaced.map((file) => file.path.split('/').at(-1)!),
      fact.replaced.map((file) => file.package),
    ]);
  };
  assert.deepEqual(await stale('before'), []);
  const old = ['libcrypto.so.3', 'libpcre2-8.so.0.11.2', 'libssl.so.3'];
  const after = await stale('after');
  assert.equal(after.length, 4, 'checkrestart: "Found 4 processes using old versions of upgraded files"');
  const nginx = after.filter(([exe]) => exe === '/usr/sbin/nginx');
  assert.equal(nginx.length, 3);
  for (const [, files, packages] of nginx) {
    assert.deepEqual(files, old);
    assert.deepEqual(packages, ['libssl3', 'libpcre2-8-0', 'libssl3']);
  }
  assert.deepEqual(after.find(([exe]) => exe === '/usr/sbin/sshd')?.[1], ['libcrypto.so.3', 'libpcre2-8.so.0.11.2']);
});

test('3.3, M.1: a real process whose program is replaced on disk is named with package and unit until it restarts', async () => {
  const root = tree({
    'etc/os-release': 'ID=debian\n',
    'var/lib/dpkg/info/sleeper.list': '/.\n/usr\n/usr/lib/sleeper/run\n',
    'usr/lib/sleeper/x': '',
  });
  const program = join(root, 'usr/lib/sleeper/run');
  fs.copyFileSync('/bin/sleep', program);
  const child = spawn(program, ['60', '60'], { stdio: 'ignore' });
  fs.mkdirSync(join(root, 'proc'));
  fs.symlinkSync(`/proc/${child.pid}`, join(root, `proc/${child.pid}`));
  fs.mkdirSync(join(root, 'usr/bin'));
  const unit = `Id=sleeper.service\nActiveState=active\nUnitFileState=enabled\nMainPID=${child.pid}\nFragmentPath=\nExecStart={ path=/usr/lib/sleeper/run ; argv[]=/usr/lib/sleeper/run 60 ; ignore_errors=no ; start_time=[now] ; pid=1 }\n`;
  fs.writeFileSync(join(root, 'usr/bin/systemctl'), `#!/bin/sh\nprintf '%s' '${unit}'\n`, { mode: 0o755 });
  try {
    await new Promise((resolve) => setTimeout(resolve, 50));
    const before = await data(root, 'processes');
    assert.deepEqual(
      before.map((fact) => [fact.exe, fact.unit, fact.replaced, fact.packages]),
      [['/usr/lib/sleeper/run', 'sleeper.service', [], ['sleeper']]],
    );
    assert.equal(before[0]!.command, '/usr/lib/sleeper/run 60 60');
    const [first, second] = [await collect(root, 'processes'), await collect(root, 'processes')];
    assert.equal(first[0]!.hash, second[0]!.hash, 'an unchanged host has unchanged hashes');
    fs.copyFileSync('/bin/sleep', `${program}.new`);
    fs.renameSync(`${program}.new`, program);
    const [stale] = await data(root, 'processes');
    assert.deepEqual(stale?.replaced, [{ path: '/usr/lib/sleeper/run', package: 'sleeper' }]);
    assert.deepEqual([stale.pid, stale.unit, stale.packages], [child.pid, 'sleeper.service', []]);
    const [service] = await data(root, 'services');
    assert.equal(service?.exec, '/usr/lib/sleeper/run 60');
    assert.equal(service?.mainPid, child.pid);
  } finally {
    child.kill();
  }
});

test('services: a failing systemctl makes the section unknown, not empty', async () => {
  const root = tree({ 'usr/bin/systemctl': '#!/bin/sh\nexit 1\n' });
  const [section] = await collect(root, 'services');
  assert.match(section?.error ?? '', /systemd/);
});

test('services: files declared in the X-Lastember section, drop-ins included, other sections left alone', async () => {
  const show =
    'Id=shop.service\nActiveState=active\nUnitFileState=enabled\nMainPID=0\nFragmentPath=/etc/systemd/system/shop.service\nExecStart=/usr/bin/node /srv/shop/server.js\n\nId=cron.service\nActiveState=failed\nUnitFileState=static\nMainPID=0\nFragmentPath=\nExecStart=\n';
  const root = tree({
    'usr/bin/systemctl': `#!/bin/sh\nprintf '%s' '${show}'\n`,
    'etc/systemd/system/shop.service':
      '[Service]\nCertificate=/wrong\n[X-Lastember]\nCertificate=/srv/shop/tls/cert.pem\nPrivateKey=relative\n[Install]\n',
    'etc/systemd/system/shop.service.d/10-keys.conf':
      '[X-Lastember]\nPrivateKey=/srv/shop/tls/key.pem\nSessionSecret=/srv/shop/secret\n',
  });
  const [cron, shop] = await data(root, 'services');
  assert.deepEqual([cron?.name, cron?.state, cron?.enabled], ['cron.service', 'failed', null]);
  assert.deepEqual(
    [shop?.exec, shop?.certificate, shop?.privateKey, shop?.sessionSecret, shop?.mainPid],
    ['/usr/bin/node /srv/shop/server.js', '/srv/shop/tls/cert.pem', '/srv/shop/tls/key.pem', '/srv/shop/secret', null],
  );
});

test('certificates: those that nginx names in its settings are found where they lie', async () => {
  const show =
    'Id=nginx.service\nActiveState=active\nUnitFileState=enabled\nMainPID=0\nFragmentPath=\nExecStart=/usr/sbin/nginx\n';
  const root = tree({
    'usr/bin/systemctl': `#!/bin/sh\nprintf '%s' '${show}'\n`,
    'etc/nginx/sites-enabled/default': 'server {\n    ssl_certificate_key /srv/tls/web.key;\n}\n',
    'srv/tls/web.key': generateKeyPairSync('ed25519').privateKey.export({ format: 'pem', type: 'pkcs8' }) as string,
  });
  assert.deepEqual(
    (await data(root, 'certificates')).map((fact) => [fact.path, fact.kind]),
    [['/srv/tls/web.key', 'private-key']],
  );
});

test('sockets and connections: addresses of both families, direction, owner', () => {
  const text = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0E4A4A7F:20FB 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1105 1 0 100 0 0 10 0
   1: 0000000000000000FFFF00000100007F:0050 0000000000000000FFFF00000200007F:D431 01 00000000:00000000 00:00000000 00000000 0 0 42 1
   2: B80D0120000000000000000001000000:01BB 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 43 1
`;
  assert.deepEqual(
    parseTcp(text).map((row) => [row.localAddress, row.localPort, row.peerAddress, row.state, row.inode]),
    [
      ['127.74.74.14', 8443, '0.0.0.0', 'listen', '1105'],
      ['127.0.0.1', 80, '127.0.0.2', 'established', '42'],
      ['2001:db8::1', 443, '::', 'listen', '43'],
    ],
  );
});

test('sockets and connections: a real listener and a real client are found with pid and direction', async (context) => {
  const server = createServer((socket) => socket.resume());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const clients = [connect(port, '127.0.0.1'), connect(port, '127.0.0.1')];
  // Whatever is found: a socket left open would keep this file from ending.
  context.after(() => {
    clients.forEach((client) => client.destroy());
    server.close();
  });
  await Promise.all(clients.map((client) => new Promise((resolve) => client.once('connect', resolve))));
  const listener = (await data('/', 'sockets')).find((fact) => fact.port === port);
  assert.equal(listener?.pid, process.pid);
  const found = (await data('/', 'connections')).filter((fact) => fact.localPort === port || fact.peerPort === port);
  assert.deepEqual(
    found.map((fact) => [fact.direction, fact.localPort, fact.peerPort, fact.count, fact.pid]),
    [
      ['in', port, 0, 2, process.pid],
      ['out', 0, port, 2, process.pid],
    ],
  );
});

test('connections: what waits to be accepted is counted for whoever listens', async () => {
  // Stopped, it accepts nothing; the kernel does all the same.
  const child = spawn(process.execPath, [
    '-e',
    "require('net').createServer().listen(0, '127.0.0.1', function () { console.log(this.address().port) })",
  ]);
  const port = Number(String((await once(child.stdout, 'data'))[0]));
  process.kill(child.pid!, 'SIGSTOP');
  const clients = [connect(port, '127.0.0.1'), connect(port, '127.0.0.1')];
  try {
    await Promise.all(clients.map((client) => once(client, 'connect')));
    const found = (await data('/', 'connections')).filter((fact) => fact.localPort === port);
    assert.deepEqual(
      found.map((fact) => [fact.direction, fact.count, fact.pid]),
      [['in', 2, child.pid]],
    );
  } finally {
    clients.forEach((client) => client.destroy());
    child.kill('SIGKILL');
  }
});

test('files: modes without contents for shadow, contents for settings, absence is said', async () => {
  const root = tree({
    'etc/shadow': 'root:$6$secret:1::::::\n',
    'etc/login.defs': 'PASS_MAX_DAYS 99999\n',
    'etc/sudoers': 'root ALL=(ALL) ALL\n',
  });
  fs.chmodSync(join(root, 'etc/shadow'), 0o640);
  const [section] = await collect(root, 'files');
  assert.doesNotMatch(JSON.stringify(section), /secret/);
  const facts = new Map((await data(root, 'files')).map((fact) => [fact.path, fact]));
  assert.deepEqual([facts.get('/etc/shadow')?.mode, facts.get('/etc/shadow')?.sha256], ['0640', null]);
  assert.equal(facts.get('/etc/login.defs')?.text, 'PASS_MAX_DAYS 99999\n');
  assert.deepEqual([facts.get('/etc/sudoers')?.text, facts.get('/etc/sudoers')?.sha256?.length], [null, 64]);
  assert.equal(facts.get('/etc/crontab')?.exists, false);
});

test('sshd: the first value counts, includes stand where they are written, Match blocks do not leak', async () => {
  const included: Record<string, string[]> = {
    '/etc/ssh/sshd_config.d/*.conf': [
      'PermitRootLogin no\n',
      'PermitRootLogin yes\nMaxAuthTries 3\nMatch User x\nX11Forwarding yes\n',
    ],
  };
  const text = `Include /etc/ssh/sshd_config.d/*.conf
permitrootlogin yes
PasswordAuthentication=no   # why
#MaxSessions 2
Banner "/etc/issue net"
Port 22
Port 2222
Match Group sftp
  AllowTcpForwarding no
`;
  const settings = await effectiveSshd(text, async (pattern) => included[pattern] ?? []);
  assert.deepEqual(
    [
      'permitrootlogin',
      'passwordauthentication',
      'maxauthtries',
      'maxsessions',
      'banner',
      'port',
      'allowtcpforwarding',
      'x11forwarding',
    ].map((key) => settings[key]),
    ['no', 'no', '3', '10', '/etc/issue net', '22 2222', 'yes', 'no'],
  );
});

// As ssh-keygen -t ed25519 wrote it; the fingerprint as ssh-keygen -lf printed it.
const HOST_KEY = 'AAAAC3NzaC1lZDI1NTE5AAAAIIuGthGB9Od7hQkE/1u4Ux166nDKvH+UXoqedGiHxCbU';
const HOST_KEY_PRINT = 'SHA256:bv+kqkjBf6Elnas2GduIRSlwwysEQb6sD7Y2zRyRDaI';

test('settings: includes are found on disk, users and kernel parameters are read', async () => {
  const root = tree({
    'etc/ssh/sshd_config': 'Include sshd_config.d/*.conf\nX11Forwarding yes\n',
    'etc/ssh/sshd_config.d/10.conf': 'X11Forwarding no\n',
    'etc/ssh/sshd_config.d/20.disabled': 'UseDNS yes\n',
    'etc/ssh/ssh_host_ed25519_key.pub': `ssh-ed25519 ${HOST_KEY} root@host\n`,
    'etc/passwd': 'root:x:0:0:root:/root:/bin/bash\nops:x:1000:1000::/home/ops:/bin/sh\n\n',
    'proc/sys/net/ipv4/ip_forward': '1\n',
  });
  const settings = await data(root, 'settings');
  assert.deepEqual([settings.sshd['x11forwarding'], settings.sshd['usedns']], ['no', 'no']);
  assert.equal(settings.sysctl['net.ipv4.ip_forward'], '1');
  const hostKey = { path: '/etc/ssh/ssh_host_ed25519_key', type: 'ssh-ed25519', fingerprint: HOST_KEY_PRINT };
  assert.deepEqual(settings.sshHostKeys, [hostKey]);
  assert.deepEqual(
    settings.users.map((user) => [user.name, user.shell]),
    [
      ['root', '/bin/bash'],
      ['ops', '/bin/sh'],
    ],
  );
  assert.deepEqual((await data(tree(), 'settings')).sshd, {}, 'no sshd, no settings of it');
});

test('certificates: names, serial and SPKI as openssl tells them; keys only by their hash; our own left out', async (context) => {
  const root = tree({ 'etc/ssl/private/x': '', 'etc/ssl/certs/x': '', 'etc/lastember/x': '' });
  const at = (path: string): string => join(root, path);
  try {
    const names = 'subjectAltName=DNS:shop.test,DNS:www.shop.test,IP:127.74.14.10';
    execFileSync(
      'openssl',
      [
        'req',
        '-x509',
        '-newkey',
        'rsa:2048',
        '-nodes',
        '-subj',
        '/O=Demo/CN=shop.test',
        '-addext',
        names,
        '-keyout',
        at('etc/ssl/private/shop.key'),
        '-out',
        at('etc/ssl/certs/shop.pem'),
      ],
      { stdio: 'ignore' },
    );
  } catch {
    context.skip('no openssl on this machine');
    return;
  }
  fs.copyFileSync(at('etc/ssl/private/shop.key'), at('etc/lastember/agent.key'));
  const [section] = await collect(root, 'certificates');
  assert.doesNotMatch(JSON.stringify(section), /BEGIN/);
  const [certificate, key, ...rest] = await data(root, 'certificates');
  assert.equal(rest.length, 0);
  const spki = execFileSync(
    'sh',
    ['-c', `openssl pkey -in ${at('etc/ssl/private/shop.key')} -pubout -outform DER | sha256sum`],
    { encoding: 'utf8' },
  ).slice(0, 64);
  assert.deepEqual([certificate?.spki, key?.spki], [spki, spki]);
  assert.deepEqual(certificate?.names, ['127.74.14.10', 'shop.test', 'www.shop.test']);
  const serial = execFileSync('openssl', ['x509', '-in', at('etc/ssl/certs/shop.pem'), '-noout', '-serial'], {
    encoding: 'utf8',
  });
  assert.equal(certificate?.serial, serial.trim().slice('serial='.length));
  assert.equal(certificate?.subject, 'O=Demo, CN=shop.test');
});
