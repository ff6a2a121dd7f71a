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
import { freePort, look } from './testing.ts';
import { parseKexInit } from './ssh-wire.ts';

async function serve(t: TestContext, kinds: SshKeyKind[]): Promise<{ port: number; authentications: () => number }> {
  const hostKeys = kinds.map((kind) => newSshKey({}, kind).private);
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
async function realSshd(t: TestContext, kex: string): Promise<{ port: number; fingerprint: string }> {
  const dir = mkdtempSync(join(tmpdir(), 'lastember-sshd-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  const [port, key, config] = [await freePort(), join(dir, 'key'), join(dir, 'config')];
  writeFileSync(key, newSshKey().private, { mode: 0o600 });
  const lines = [`Port ${port}`, 'ListenAddress 127.0.0.1', `HostKey ${key}`, `KexAlgorithms ${kex}`, 'PidFile none'];
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
  const probe = (await look(port)) as SshProbe;
  assert.deepEqual(
    probe.algorithms.kex.filter((name) => !/^(kex-strict|ext-info)/.test(name)),
    [kex],
  );
  return { port, fingerprint: fingerprintOf(readFileSync(key, 'utf8')) };
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
    const { port, fingerprint } = await realSshd(t, method);
    const probe = (await look(port)) as SshProbe;
    assert.deepEqual(probe.hostKeys, [{ type: 'ssh-ed25519', fingerprint }]);
  });
}
