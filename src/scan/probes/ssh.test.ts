import assert from 'node:assert/strict';
import { execFile, execFileSync, spawn, spawnSync } from 'node:child_process';
import { chmodSync, chownSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { test, type TestContext } from 'node:test';
import { promisify } from 'node:util';
import ssh2 from 'ssh2';
import { newSshKey, type SshKeyKind } from '../../host/ssh/testing/keys.ts';
import type { SshProbe } from '../../model/probe.ts';
import { createConnection } from 'node:net';
import { readElement, readElements } from '../../model/ber.ts';
import { newTarget } from './contract.ts';
import { isSignedBy } from './ssh-signature.ts';
import { freePort, listenWith, look, loopbackGuard } from './testing.ts';
import { parseKexInit, sshString } from './ssh-wire.ts';
import { sshProbe } from './ssh.ts';

const serve = (t: TestContext, kinds: SshKeyKind[]) =>
  serveKeys(
    t,
    kinds.map((kind) => newSshKey({}, kind).private),
  );

async function serveKeys(t: TestContext, hostKeys: string[]): Promise<{ port: number; authentications: () => number }> {
  let authentications = 0;
  const server = new ssh2.Server({ hostKeys }, (client) => {
    client.on('authentication', (context) => {
      authentications++;
      context.reject();
    });
    client.on('error', () => undefined);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  return { port: (server.address() as AddressInfo).port, authentications: () => authentications };
}

test('the probe reads version, algorithms and a host key of each kind, and never authenticates', async (t) => {
  const { port, authentications } = await serve(t, ['ed25519', 'ecdsa', 'rsa']);
  const probe = (await look(port)) as SshProbe;
  assert.equal(probe.protocol, 'ssh');
  assert.match(probe.banner, /^SSH-2\.0-ssh2js/);
  assert.deepEqual(
    probe.hostKeys.map((key) => key.type),
    ['ssh-ed25519', 'ecdsa-sha2-nistp256', 'ssh-rsa'],
  );
  assert.ok(probe.algorithms.kex.includes('curve25519-sha256'));
  assert.ok(probe.algorithms.cipher.includes('aes256-ctr'));
  assert.ok(probe.algorithms.mac.includes('hmac-sha2-256'));
  assert.equal(authentications(), 0);
});

test('what is in a version line beyond plain letters is part of what the server signs', async (t) => {
  const ident = Buffer.from('OpenSSH_9.2p1 nur für Befugte\tz', 'utf8');
  const server = new ssh2.Server({ hostKeys: [newSshKey().private], ident: ident as never }, (client) => {
    client.on('error', () => undefined);
  });
  t.after(() => server.close());
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const probe = (await look((server.address() as AddressInfo).port)) as SshProbe;
  assert.equal(probe.banner, 'SSH-2.0-OpenSSH_9.2p1 nur f??r Befugte?z');
  assert.equal(probe.hostKeys.length, 1);
});

test('its fingerprints are those of ssh-keyscan and ssh-keygen', async (t) => {
  const missing = ['ssh-keyscan', 'ssh-keygen'].find((program) => spawnSync(program, ['-?']).error !== undefined);
  if (missing) return t.skip(`${missing} is not installed`);
  if (/No user exists/.test(spawnSync('ssh-keygen', ['-lf', '-'], { input: '', encoding: 'utf8' }).stderr))
    return t.skip('ssh-keygen works only for users who have an account');
  const { port } = await serve(t, ['ed25519', 'rsa']);
  const probe = (await look(port)) as SshProbe;
  // Not the synchronous kind: the server answers in this very process.
  const { stdout: keys } = await promisify(execFile)('ssh-keyscan', ['-p', String(port), '127.0.0.1'], {
    timeout: 20_000,
  });
  const prints = execFileSync('ssh-keygen', ['-lf', '-'], { input: keys, encoding: 'utf8' });
  const theirs = prints
    .trim()
    .split('\n')
    .map((line) => line.split(' ')[1]!);
  assert.deepEqual(probe.hostKeys.map((key) => key.fingerprint).sort(), theirs.sort());
});

test('a KEXINIT whose lengths lie is no KEXINIT', () => {
  const list = (text: string): Buffer => Buffer.concat([Buffer.from([0, 0, 0, text.length]), Buffer.from(text)]);
  const good = Buffer.concat([Buffer.from([20]), Buffer.alloc(16), ...['k', 'h', 'c1', 'c2,c3', 'm1', 'm2'].map(list)]);
  assert.deepEqual(parseKexInit(good), { kex: ['k'], hostKey: ['h'], cipher: ['c2', 'c3'], mac: ['m2'] });
  for (let cut = 0; cut < good.length; cut++) assert.equal(parseKexInit(good.subarray(0, cut)), null);
});

const SSHD = '/usr/sbin/sshd';
const whyNoSshd = (): string | false => (existsSync(SSHD) ? false : `${SSHD} is not installed`);

/** As a user without rights: it lets nobody in, which is all the same to us. */
async function realSshd(
  t: TestContext,
  options: readonly string[],
): Promise<{ port: number; fingerprint: string; said: () => string }> {
  const dir = mkdtempSync(join(tmpdir(), 'lastember-sshd-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  const [port, key, config] = [await freePort(), join(dir, 'key'), join(dir, 'config')];
  writeFileSync(key, newSshKey().private, { mode: 0o600 });
  const lines = [`Port ${port}`, 'ListenAddress 127.0.0.1', `HostKey ${key}`, 'PidFile none', ...options];
  writeFileSync(config, `${lines.join('\n')}\nUsePAM no\n`);
  const user = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};
  if (user.uid !== undefined) [dir, key, config].forEach((path) => chownSync(path, user.uid, user.gid));
  chmodSync(dir, 0o700);
  const child = spawn(SSHD, ['-D', '-e', '-f', config], { ...user, stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
  t.after(() => child.kill());
  for (let tries = 0; !said.includes('listening'); tries++) {
    assert.ok(tries < 100 && child.exitCode === null, said);
    await sleep(50);
  }
  return { port, fingerprint: fingerprintOf(readFileSync(key, 'utf8')), said: () => said };
}

function fingerprintOf(privateKey: string): string {
  const parsed = ssh2.utils.parseKey(privateKey);
  assert.ok(!(parsed instanceof Error));
  return `SHA256:${createHash('sha256').update(parsed.getPublicSSH()).digest('base64').replace(/=+$/, '')}`;
}

// Old switches and hardened servers each have one method only.
for (const method of [
  'curve25519-sha256',
  'ecdh-sha2-nistp256',
  'ecdh-sha2-nistp521',
  'diffie-hellman-group1-sha1',
  'diffie-hellman-group14-sha1',
  'diffie-hellman-group16-sha512',
  'diffie-hellman-group-exchange-sha256',
]) {
  test(`the host key is read from a real sshd that knows only ${method}`, { skip: whyNoSshd() }, async (t) => {
    const { port, fingerprint } = await realSshd(t, [`KexAlgorithms ${method}`]);
    const probe = (await look(port)) as SshProbe;
    assert.deepEqual(
      probe.algorithms.kex.filter((name) => !/^(kex-strict|ext-info)/.test(name)),
      [method],
    );
    assert.deepEqual(probe.hostKeys, [{ type: 'ssh-ed25519', fingerprint }]);
  });
}

const ask = async (port: number): Promise<SshProbe> => {
  const at = { address: '127.0.0.1', port, connectMs: 1000, asksWays: true };
  return (await sshProbe.probe(newTarget(loopbackGuard(), at))) as SshProbe;
};

// Each way to encrypt is a path of its own, with its own numbers and lengths.
for (const options of [
  ['Ciphers aes128-ctr', 'MACs hmac-sha1'],
  ['Ciphers aes256-ctr', 'MACs hmac-sha2-512-etm@openssh.com'],
  ['Ciphers aes256-gcm@openssh.com', 'KexAlgorithms diffie-hellman-group-exchange-sha256'],
  ['PasswordAuthentication no', 'KbdInteractiveAuthentication no'],
]) {
  test(
    `a real sshd with ${options.join(', ')} names its ways to log in, and counts no try`,
    { skip: whyNoSshd() },
    async (t) => {
      const { port, fingerprint, said } = await realSshd(t, options);
      const probe = await ask(port);
      assert.deepEqual(probe.hostKeys, [{ type: 'ssh-ed25519', fingerprint }]);
      const onlyKeys = options.includes('PasswordAuthentication no');
      const ways = onlyKeys ? ['publickey'] : ['publickey', 'password', 'keyboard-interactive'];
      assert.deepEqual(probe.login, { methods: ways });
      await sleep(50);
      assert.doesNotMatch(said(), /Failed|Invalid user|maximum authentication/);
    },
  );
}

test(
  'where nobody knows how to encrypt, the ways to log in stay unknown and the rest is told',
  { skip: whyNoSshd() },
  async (t) => {
    const { port, fingerprint } = await realSshd(t, ['Ciphers chacha20-poly1305@openssh.com']);
    const probe = await ask(port);
    assert.deepEqual(probe.hostKeys, [{ type: 'ssh-ed25519', fingerprint }]);
    assert.equal(probe.login, undefined);
  },
);

test('a server that lets in whoever asks is told as such, asked once, and left at once', async (t) => {
  let sessions = 0;
  const asked: string[] = [];
  const server = new ssh2.Server({ hostKeys: [newSshKey().private] }, (client) => {
    client.on('authentication', (context) => {
      asked.push(context.method);
      context.accept();
    });
    client.on('session', () => sessions++);
    client.on('error', () => undefined);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const probe = await ask((server.address() as AddressInfo).port);
  assert.deepEqual(probe.login, { methods: [], open: true });
  assert.deepEqual([asked, sessions], [['none'], 0]);
});

test('a server that shows a key which it does not hold has not shown one', async (t) => {
  const [own, foreign] = [newSshKey(), newSshKey()].map((pair) => {
    const parsed = ssh2.utils.parseKey(pair.private);
    assert.ok(!(parsed instanceof Error));
    return { private: pair.private, blob: parsed.getPublicSSH() };
  });
  const { port } = await serveKeys(t, [own!.private]);
  const liar = await listenWith((socket) => {
    const inside = createConnection(port, '127.0.0.1');
    inside.on('error', () => undefined).on('close', () => socket.destroy());
    inside.on('data', (bytes: Buffer) => {
      const at = bytes.indexOf(own!.blob);
      if (at >= 0) foreign!.blob.copy(bytes, at);
      socket.write(bytes);
    });
    socket.on('close', () => inside.destroy());
    socket.pipe(inside);
  });
  t.after(() => liar.close());
  assert.equal((await ask(port)).hostKeys.length, 1);
  await assert.rejects(ask(liar.port), /proved to hold/);
});

test('a signature counts for its own key and its own words only, whatever is broken about it', () => {
  for (const kind of ['ed25519', 'ecdsa', 'rsa'] as const) {
    const [key, other] = [newSshKey({}, kind), newSshKey({}, kind)].map((pair) => {
      const parsed = ssh2.utils.parseKey(pair.private);
      assert.ok(!(parsed instanceof Error));
      return parsed;
    });
    const words = Buffer.from('all that was said');
    const raw = key!.sign(words, kind === 'rsa' ? 'sha512' : undefined);
    assert.ok(Buffer.isBuffer(raw));
    // The library gives DER; SSH writes the two numbers as strings.
    const numbers = readElements(readElement(raw)?.element.body ?? Buffer.alloc(0)).map(({ body }) => sshString(body));
    const written = kind === 'ecdsa' ? Buffer.concat(numbers) : raw;
    const name = { ed25519: 'ssh-ed25519', ecdsa: 'ecdsa-sha2-nistp256', rsa: 'rsa-sha2-512' }[kind];
    const blob = Buffer.concat([sshString(name), sshString(written)]);
    assert.equal(isSignedBy(key!.getPublicSSH(), blob, words), true, kind);
    assert.equal(isSignedBy(other!.getPublicSSH(), blob, words), false, kind);
    assert.equal(isSignedBy(key!.getPublicSSH(), blob, Buffer.from('something else')), false, kind);
    for (let cut = 0; cut < blob.length; cut += 7)
      assert.equal(isSignedBy(key!.getPublicSSH(), blob.subarray(0, cut), words), false, kind);
    for (let cut = 20; cut < key!.getPublicSSH().length - 1; cut += 7)
      assert.equal(isSignedBy(key!.getPublicSSH().subarray(0, cut), blob, words), false, kind);
  }
});
