import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { isAppError } from '../model/errors/index.ts';
import type { Host } from './host.ts';
import { localHost } from './local.ts';
import { sshHost, type SshTarget } from './ssh/index.ts';
import { testSshServer, type TestSshServer } from './ssh/testing/server.ts';
import { putSudo } from './ssh/testing/sudo.ts';
import { newSshKey } from './ssh/testing/keys.ts';

const root = fs.mkdtempSync(join(tmpdir(), 'lastember-host-'));
const hostKey = newSshKey().private;
const userKey = newSshKey({ passphrase: 'open', cipher: 'aes256-ctr', rounds: 4 });
let server: TestSshServer;
const target = (): SshTarget => ({
  address: '127.0.0.1',
  port: server.port,
  username: 'ops',
  auth: { password: 'right' },
  trust: server.fingerprint,
});

before(async () => {
  fs.mkdirSync(join(root, 'bin'));
  putSudo(join(root, 'bin'), 'up');
  server = await testSshServer({
    root,
    path: join(root, 'bin'),
    hostKey,
    username: 'ops',
    password: 'right',
    publicKey: userKey.public,
  });
  fs.mkdirSync(join(root, 'etc'));
  fs.mkdirSync(join(root, 'usr/bin'), { recursive: true });
});
after(async () => {
  await server.close();
  fs.rmSync(root, { recursive: true, force: true });
});

const code = (expected: string) => (error: unknown) => isAppError(error) && error.code === expected;

for (const [way, open] of [
  ['local', async () => localHost({ root })],
  ['ssh', () => sshHost(target())],
  ['ssh, files by shell', () => sshHost({ ...target(), files: 'shell', root })],
  ['ssh, become root by sudo', () => sshHost({ ...target(), become: { method: 'sudo', password: 'up' }, root })],
] as [string, () => Promise<Host>][]) {
  describe(`a host, ${way}`, () => {
    let host: Host;
    before(async () => {
      host = await open();
    });
    after(() => host.close());

    test('writes with the mode asked for, over what was there, and leaves nothing else behind', async () => {
      await host.mkdir('/srv/deep/er', 0o755);
      await host.write('/srv/deep/er/file', Buffer.from('one'), 0o640);
      await host.write('/srv/deep/er/file', Buffer.from('two'), 0o600);
      assert.equal(Buffer.from((await host.read('/srv/deep/er/file'))!).toString(), 'two');
      const stat = await host.stat('/srv/deep/er/file');
      assert.equal(stat?.mode, 0o600);
      assert.equal(stat.kind, 'file');
      assert.equal(stat.size, 3);
      assert.deepEqual(await host.list('/srv/deep/er'), ['file']);
    });

    test('carries every byte of a large file', async () => {
      const bytes = Buffer.alloc(3_000_017, 0);
      for (let index = 0; index < bytes.length; index += 1) bytes[index] = (index * 31 + (index >> 8)) & 0xff;
      await host.write('/srv/large', bytes, 0o644);
      assert.ok(Buffer.from((await host.read('/srv/large'))!).equals(bytes));
      await assert.rejects(host.read('/srv/large', { maxBytes: 1000 }), code('HOST_FILE_TOO_LARGE'));
    });

    test('what is not there is null; a directory is not a file', async () => {
      assert.equal(await host.read('/nowhere'), null);
      assert.equal(await host.stat('/nowhere/else'), null);
      assert.equal(await host.list('/nowhere'), null);
      assert.equal(await host.readlink('/nowhere'), null);
      await host.remove('/nowhere');
      await assert.rejects(host.read('/srv'), code('HOST_FILE'));
    });

    test('rename replaces, remove removes, links are told', async () => {
      await host.write('/srv/a', Buffer.from('a'), 0o644);
      await host.write('/srv/b', Buffer.from('b'), 0o644);
      await host.rename('/srv/a', '/srv/b');
      assert.equal(Buffer.from((await host.read('/srv/b'))!).toString(), 'a');
      assert.equal(await host.read('/srv/a'), null);
      await host.remove('/srv/b');
      assert.equal(await host.stat('/srv/b'), null);
      fs.rmSync(join(root, 'etc/link'), { force: true });
      fs.symlinkSync('target', join(root, 'etc/link'));
      assert.equal(await host.readlink('/etc/link'), 'target');
      assert.equal(await host.readlink('/srv'), null);
    });

    test('arguments reach a command as they are, whatever they contain', async () => {
      fs.writeFileSync(join(root, 'usr/bin/show'), '#!/bin/sh\nfor a in "$@"; do printf "[%s]" "$a"; done\n', {
        mode: 0o755,
      });
      const words = ['plain', 'two words', "it's", '$HOME', '`id`', '*', '', 'a\nb', '"', '\\', 'ü'];
      const argv0 = way === 'local' ? 'show' : './usr/bin/show';
      const result = await host.exec([argv0, ...words]);
      assert.equal(result.stdout, words.map((word) => `[${word}]`).join(''));
      assert.equal(result.code, 0);
    });

    test('exit codes, both streams, input, missing commands and time limits', async () => {
      fs.writeFileSync(join(root, 'usr/bin/talk'), '#!/bin/sh\nread line\nprintf %s "$line"\necho bad >&2\nexit 7\n', {
        mode: 0o755,
      });
      fs.writeFileSync(join(root, 'usr/bin/wait'), '#!/bin/sh\nexec /bin/sleep 30\n', { mode: 0o755 });
      const at = (name: string): string => (way === 'local' ? name : `./usr/bin/${name}`);
      assert.deepEqual(await host.exec([at('talk')], { stdin: 'in' }), { code: 7, stdout: 'in', stderr: 'bad\n' });
      assert.equal((await host.exec(['no-such-command-here'])).code, 127);
      const started = Date.now();
      await assert.rejects(host.exec([at('wait')], { timeoutMs: 200 }), code('HOST_COMMAND_TIMEOUT'));
      assert.ok(Date.now() - started < 5000);
      assert.equal((await host.exec([at('talk')], { stdin: 'x'.repeat(999), maxOutput: 10 })).stdout, 'x'.repeat(10));
    });
  });
}

test('local: absolute links lead below the root, never out of it', async () => {
  const host = localHost({ root });
  fs.writeFileSync(join(root, 'etc/real'), 'inside');
  fs.rmSync(join(root, 'etc/absolute'), { force: true });
  fs.symlinkSync('/etc/real', join(root, 'etc/absolute'));
  assert.equal(Buffer.from((await host.read('/etc/absolute'))!).toString(), 'inside');
  await host.write('/etc/absolute', Buffer.from('through'), 0o644);
  assert.equal(fs.readFileSync(join(root, 'etc/real'), 'utf8'), 'through');
  fs.symlinkSync(join(root, 'etc/real'), join(root, 'etc/prefixed'));
  assert.equal(await host.readlink('/etc/prefixed'), '/etc/real');
  fs.symlinkSync('/etc/loop', join(root, 'etc/loop'));
  await assert.rejects(host.read('/etc/loop'), code('HOST_FILE'));
});

test('local: on the machine itself, what a link leads to is written, and the link stays', async () => {
  const host = localHost({ root: '/' });
  fs.mkdirSync(join(root, 'live'), { recursive: true });
  fs.writeFileSync(join(root, 'live/key1.pem'), 'old');
  fs.symlinkSync('key1.pem', join(root, 'live/key.pem'));
  await host.write(join(root, 'live/key.pem'), Buffer.from('new'), 0o600);
  assert.equal(fs.readlinkSync(join(root, 'live/key.pem')), 'key1.pem');
  assert.equal(fs.readFileSync(join(root, 'live/key1.pem'), 'utf8'), 'new');
});

test('local: a service started by a command does not keep the command waiting', async () => {
  fs.writeFileSync(join(root, 'usr/bin/daemon'), '#!/bin/sh\necho up\n/bin/sleep 5 &\n', { mode: 0o755 });
  const started = Date.now();
  assert.equal((await localHost({ root }).exec(['daemon'])).stdout, 'up\n');
  assert.ok(Date.now() - started < 3000);
});

test('ssh: a private key with passphrase opens, one connection serves many calls', async () => {
  const before = server.logins();
  const host = await sshHost({ ...target(), auth: { privateKey: userKey.private, passphrase: 'open' } });
  assert.equal(host.hostKey, server.fingerprint);
  const results = await Promise.all(Array.from({ length: 8 }, (_, index) => host.exec(['echo', String(index)])));
  assert.deepEqual(
    results.map((result) => result.stdout),
    Array.from({ length: 8 }, (_, index) => `${index}\n`),
  );
  assert.equal(server.logins(), before + 1);
  await host.close();
});

test('ssh: each way of not getting in has its own error', async () => {
  await assert.rejects(sshHost({ ...target(), auth: { password: 'wrong' } }), code('HOST_AUTH_REFUSED'));
  await assert.rejects(sshHost({ ...target(), username: 'root' }), code('HOST_AUTH_REFUSED'));
  await assert.rejects(
    sshHost({ ...target(), auth: { privateKey: userKey.private, passphrase: 'shut' } }),
    code('HOST_KEY_UNREADABLE'),
  );
  const before = server.logins();
  const other = 'SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU';
  await assert.rejects(sshHost({ ...target(), trust: other }), (error) => {
    assert.ok(isAppError(error, 'HOST_KEY_CHANGED'));
    assert.equal(error.params['presented'], server.fingerprint);
    return true;
  });
  await assert.rejects(sshHost({ ...target(), trust: () => false }), code('HOST_KEY_CHANGED'));
  assert.equal(server.logins(), before, 'no password was shown to a server with another key');
});

test('ssh: nobody there, or somebody silent, is unreachable', async () => {
  const silent = createServer((socket) => socket.resume());
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  const { port } = silent.address() as AddressInfo;
  await assert.rejects(sshHost({ ...target(), port, timeoutMs: 300 }), code('HOST_UNREACHABLE'));
  await new Promise((resolve) => silent.close(resolve));
  await assert.rejects(sshHost({ ...target(), port }), code('HOST_UNREACHABLE'));
});

test('ssh: a connection that is dropped ends what runs on it with an error', async () => {
  const host = await sshHost(target());
  const running = host.exec(['sleep', '20']);
  setTimeout(() => server.drop(), 100);
  await assert.rejects(running, (error) => isAppError(error));
  await assert.rejects(async () => host.read('/etc/real'), code('HOST_CONNECTION_LOST'));
});
