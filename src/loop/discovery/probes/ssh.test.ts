import assert from 'node:assert/strict';
import { execFile, execFileSync, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { test, type TestContext } from 'node:test';
import { promisify } from 'node:util';
import ssh2 from 'ssh2';
import { newSshKey, type SshKeyKind } from '../../../host/ssh/testing/keys.ts';
import type { SshProbe } from '../../../model/probe.ts';
import { look } from './testing.ts';
import { parseKexInit } from './ssh.ts';

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
