import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { isAppError } from '../../model/errors/index.ts';
import { Budget } from './budget.ts';
import { sshHost, type SshHost, type SshTarget } from './index.ts';
import { Patience } from './patience.ts';
import { isKernels } from './regular.ts';
import { newSshKey } from './testing/keys.ts';
import { testSshServer, type TestSshServer } from './testing/server.ts';

const root = fs.mkdtempSync(join(tmpdir(), 'lastember-hostile-'));
let server: TestSshServer;
const target = (): SshTarget => ({
  address: '127.0.0.1',
  port: server.port,
  username: 'ops',
  auth: { password: 'right' },
  trust: server.fingerprint,
  patienceMs: 1000,
});
const text = async (host: SshHost, path: string): Promise<string> => Buffer.from((await host.read(path))!).toString();

before(async () => {
  server = await testSshServer({ root, hostKey: newSshKey().private, username: 'ops', password: 'right' });
  fs.writeFileSync(join(root, 'plain'), 'plain');
  fs.writeFileSync(join(root, 'empty'), '');
  execFileSync('mkfifo', [join(root, 'pipe')]);
  fs.symlinkSync('pipe', join(root, 'link'));
  fs.symlinkSync('/proc/kmsg', join(root, 'kernel'));
  fs.symlinkSync('nowhere', join(root, 'broken'));
});
after(async () => {
  await server.close();
  fs.rmSync(root, { recursive: true, force: true });
});

for (const files of ['sftp', 'shell'] as const) {
  describe(`what anybody may put where we look, files by ${files}`, () => {
    test('a pipe, a link to one, a directory and a link to what the kernel never ends are not opened', async () => {
      const host = await sshHost({ ...target(), ...(files === 'shell' ? { files, root } : {}) });
      for (const path of ['/pipe', '/link', '/'])
        await assert.rejects(host.read(path), (error) => isAppError(error, 'HOST_FILE'), path);
      assert.equal(await text(host, '/empty'), '');
      assert.equal(await text(host, '/kernel'), '');
      assert.equal(await host.read('/broken'), null);
      assert.equal(await text(host, '/plain'), 'plain');
      assert.deepEqual(await host.list('/'), ['broken', 'empty', 'kernel', 'link', 'pipe', 'plain']);
      await host.close();
    });
  });
}

test('a channel that hangs is given up, those who wait are told, and the next question has another', async () => {
  const host = await sshHost({ ...target(), files: 'shell' });
  // What the kernel has is opened whatever it is: so a pipe is reached after all.
  const child = execFileSync('sh', ['-c', `cd ${root}; exec 3<>pipe; sleep 60 >/dev/null 2>&1 & echo $!`], {
    encoding: 'utf8',
  }).trim();
  try {
    const hung = host.read(`/proc/${child}/fd/3`);
    const behind = host.stat(join(root, 'plain'));
    const silent = (error: unknown): boolean => isAppError(error, 'HOST_NO_ANSWER');
    await Promise.all([assert.rejects(hung, silent), assert.rejects(behind, silent)]);
    assert.equal(await text(host, join(root, 'plain')), 'plain');
  } finally {
    process.kill(Number(child));
    await host.close();
  }
});

test('by SFTP: a server that never answers one question is asked on another channel', async () => {
  const host = await sshHost(target());
  server.silent = '/plain';
  await assert.rejects(host.read('/plain'), (error) => isAppError(error, 'HOST_NO_ANSWER'));
  server.silent = null;
  assert.equal(await text(host, '/plain'), 'plain');
  await host.close();
});

test('commands speak our language, and find what is in sbin', async () => {
  const host = await sshHost(target());
  const { stdout } = await host.exec(['sh', '-c', 'printf "%s %s %s" "$LC_ALL" "$LANG" "$PATH"']);
  assert.match(stdout, /^C C .*\/usr\/sbin/);
  assert.equal((await host.exec(['no-such-command-here'])).code, 127);
  await host.close();
});

test('patience: lasts as long as something comes, and ends for all who wait', async () => {
  let [hangs, given] = [0, 0];
  const { promise: hung, resolve } = Promise.withResolvers<void>();
  const patience = new Patience(2000, () => {
    hangs += 1;
    resolve();
  });
  const answered = patience.owe(() => (given += 1));
  patience.owe(() => (given += 1));
  for (let n = 0; n < 6; n += 1) {
    await new Promise((next) => setTimeout(next, 500));
    patience.heard();
  }
  assert.deepEqual([hangs, given], [0, 0]);
  answered();
  await hung;
  assert.deepEqual([hangs, given], [1, 1]);
});

test('budget and kernel paths: nothing is endless, and another’s root is not the kernel’s', () => {
  const budget = new Budget(100);
  budget.spend(100, 'reading', '/x');
  assert.throws(() => budget.spend(1, 'reading', '/x'), /more was read/);
  for (const path of ['/proc/1/status', '/sys/class/dmi/id/x', '/proc/net/tcp']) assert.ok(isKernels(path), path);
  for (const path of ['/proc/7/root/etc/x', '/proc/7/cwd/x', '/home/proc/x', '/proc/../home/x', '/etc/passwd'])
    assert.ok(!isKernels(path), path);
});
