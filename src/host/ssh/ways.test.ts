import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import ssh2 from 'ssh2';
import { isAppError } from '../../model/errors/index.ts';
import { sshHost, type SshTarget } from './index.ts';
import { newSshKey } from './testing/keys.ts';
import { testSshServer, type TestSshServer } from './testing/server.ts';
import { putSudo } from './testing/sudo.ts';

const root = fs.mkdtempSync(join(tmpdir(), 'lastember-ways-'));
const bin = join(root, 'bin');
let inner: TestSshServer;
let bastion: TestSshServer;
const at = (server: TestSshServer): SshTarget => ({
  address: '127.0.0.1',
  port: server.port,
  username: 'ops',
  auth: { password: 'right' },
  trust: server.fingerprint,
});
const refused = (why: RegExp) => (error: unknown) =>
  isAppError(error, 'HOST_BECOME_REFUSED') && why.test(error.message);

before(async () => {
  fs.mkdirSync(bin);
  const options = { root, username: 'ops', password: 'right', path: bin };
  inner = await testSshServer({ ...options, hostKey: newSshKey().private, sftp: false });
  bastion = await testSshServer({ ...options, hostKey: newSshKey().private });
});
after(async () => {
  await Promise.all([inner.close(), bastion.close()]);
  fs.rmSync(root, { recursive: true, force: true });
});

test('2.2: a server that asks for the password by keyboard-interactive gets it, and for nothing that it shows', async (t) => {
  const asked: string[] = [];
  const key = newSshKey();
  const server = new ssh2.Server({ hostKeys: [key.private] }, (client) => {
    client.on('error', () => {});
    client.on('authentication', (context) => {
      if (context.method !== 'keyboard-interactive') return context.reject(['keyboard-interactive']);
      const prompts = [
        { prompt: 'Your department: ', echo: true },
        { prompt: 'Password: ', echo: false },
      ];
      return context.prompt(prompts, 'PAM', (answers) => {
        asked.push(...answers);
        if (answers[1] === 'right') context.accept();
        else context.reject(['keyboard-interactive']);
      });
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const target = {
    address: '127.0.0.1',
    port: (server.address() as AddressInfo).port,
    username: 'ops',
    trust: () => true,
  };
  const host = await sshHost({ ...target, auth: { password: 'right' } });
  await host.close();
  assert.deepEqual(asked, ['', 'right']);
  await assert.rejects(sshHost({ ...target, auth: { password: 'wrong' } }), (error) =>
    isAppError(error, 'HOST_AUTH_REFUSED'),
  );
  const shown = asked.length;
  await assert.rejects(sshHost({ ...target, auth: { privateKey: key.private } }), (error) =>
    isAppError(error, 'HOST_AUTH_REFUSED'),
  );
  assert.ok(asked.slice(shown).every((answer) => answer === ''));
});

test('a server without SFTP is looked at by its shell', async () => {
  const host = await sshHost(at(inner));
  const file = join(root, 'note');
  await host.write(file, Buffer.from('plain'), 0o640);
  assert.equal(Buffer.from((await host.read(file))!).toString(), 'plain');
  const seen = fs.statSync(file, { bigint: true });
  const stat = await host.stat(file);
  assert.deepEqual([stat?.inode, stat?.mode, stat?.size], [String(seen.ino), 0o640, 5]);
  assert.match(Buffer.from((await host.read('/proc/self/status'))!).toString(), /^Name:/);
  assert.equal(await host.readlink('/proc/1/nothing'), null);
  const many = await Promise.all(Array.from({ length: 200 }, () => host.read(file)));
  assert.ok(
    many.every((bytes) => Buffer.from(bytes!).toString() === 'plain'),
    'answers come in the order of questions',
  );
  await host.close();
});

test('names that only a shell would trip over are names', async () => {
  const host = await sshHost({ ...at(inner), root });
  for (const name of ["it's", 'a b', '$(id)', '`id`', '-n', 'x;y', 'new\nline', 'ü', '*']) {
    await host.write(`/odd/../${name}`, Buffer.from(name), 0o600).catch(() => {});
    await host.mkdir('/odd', 0o755);
    await host.write(`/odd/${name}`, Buffer.from(name), 0o600);
    assert.equal(Buffer.from((await host.read(`/odd/${name}`))!).toString(), name);
  }
  assert.equal((await host.list('/odd'))!.length, 9);
  assert.ok((await host.list('/odd'))!.includes('new\nline'));
  await host.close();
});

test('sudo: asked once for its password; a wrong one, none and one who may not are told apart', async () => {
  putSudo(bin, 'up');
  const target = (password?: string): SshTarget => ({
    ...at(inner),
    become: password === undefined ? { method: 'sudo' } : { method: 'sudo', password },
  });
  const host = await sshHost(target('up'));
  assert.deepEqual(await host.exec(['cat'], { stdin: 'through' }), { code: 0, stdout: 'through', stderr: '' });
  assert.equal((await host.exec(['sh', '-c', 'exit 9'])).code, 9);
  await host.close();
  await assert.rejects(
    sshHost(target('down')).then((other) => other.exec(['true'])),
    refused(/the password is wrong/),
  );
  await assert.rejects(
    sshHost(target()).then((other) => other.exec(['true'])),
    refused(/asks for a password, and none/),
  );
  await assert.rejects(
    sshHost(target('down')).then((other) => other.read('/etc/hosts')),
    refused(/is wrong/),
  );
  putSudo(bin, null);
  const free = await sshHost(target());
  assert.equal((await free.exec(['echo', 'no password'])).stdout, 'no password\n');
  await free.close();
  fs.writeFileSync(join(bin, 'sudo'), '#!/bin/sh\necho "ops is not in the sudoers file." >&2\nexit 1\n', {
    mode: 0o755,
  });
  await assert.rejects(
    sshHost(target('up')).then((o) => o.exec(['true'])),
    refused(/not in the sudoers file/),
  );
  fs.rmSync(join(bin, 'sudo'));
});

test('through a bastion: each server proves its own key, and one that does not lead there says so', async () => {
  const via = at(bastion);
  const host = await sshHost({ ...at(inner), via });
  assert.equal(host.hostKey, inner.fingerprint);
  assert.equal((await host.exec(['echo', 'inside'])).stdout, 'inside\n');
  await host.close();
  const twice = await sshHost({ ...at(inner), via: { ...via, via } });
  assert.equal((await twice.exec(['echo', 'deeper'])).stdout, 'deeper\n');
  await twice.close();
  const other = { ...at(inner), trust: bastion.fingerprint, via };
  await assert.rejects(sshHost(other), (error) => isAppError(error, 'HOST_KEY_CHANGED'));
  const nowhere = { ...at(inner), port: 1, via };
  await assert.rejects(
    sshHost(nowhere),
    (error) => isAppError(error, 'HOST_UNREACHABLE') && /does not lead there/.test(error.message),
  );
});
