import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import * as fs from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import ssh2 from 'ssh2';
import { isAppError } from '../../model/errors/index.ts';
import { localHost } from '../local.ts';
import { connect, type Connected, type SshTarget } from './connect.ts';
import { sshHost } from './index.ts';
import { READER_PROGRAMS } from './reader-programs.ts';
import { openReader, type Reader } from './reader.ts';
import { newSshKey } from './testing/keys.ts';
import { testSshServer, type TestSshServer } from './testing/server.ts';

const root = fs.mkdtempSync(join(tmpdir(), 'lastember-reader-'));
const NAMES = ["it's", 'a b', '$(id)', '-n', 'new\nline', 'ü', 'tab\t', '%s', '"', '\\'];
let server: TestSshServer;
let target: SshTarget;
before(async () => {
  const key = newSshKey().private;
  server = await testSshServer({ root, hostKey: key, username: 'ops', password: 'right', interpreters: true });
  target = {
    address: '127.0.0.1',
    port: server.port,
    username: 'ops',
    auth: { password: 'right' },
    trust: server.fingerprint,
    patienceMs: 3000,
  };
  fs.mkdirSync(join(root, 'odd'));
  for (const name of NAMES) fs.writeFileSync(join(root, 'odd', name), name);
  fs.writeFileSync(join(root, 'binary'), Buffer.from(Array.from({ length: 70_000 }, (_, i) => i % 256)));
  fs.writeFileSync(join(root, 'empty'), '');
  fs.writeFileSync(join(root, 'like-an-answer'), 'D 3\nabcN 0\n\0\n');
  fs.symlinkSync('binary', join(root, 'link'));
  fs.symlinkSync('nowhere', join(root, 'broken'));
  fs.symlinkSync('loop', join(root, 'loop'));
  fs.symlinkSync('/proc/kmsg', join(root, 'kernel'));
  execFileSync('mkfifo', [join(root, 'pipe')]);
});
after(async () => {
  await server.close();
  fs.rmSync(root, { recursive: true, force: true });
});

for (const program of READER_PROGRAMS.slice(0, 2)) {
  const missing = spawnSync(program.argv[0]!, ['--version']).error !== undefined;
  describe(`files by ${program.argv[0]}`, { skip: missing ? `no ${program.argv[0]} on this machine` : false }, () => {
    let connected: Connected;
    let reader: Reader;
    before(async () => {
      connected = await connect(target);
      const { client } = connected;
      const way = { client, host: 'test', become: null, patienceMs: 3000, root, onEnd: () => {} };
      reader = (await openReader(way, [program]))!;
    });
    after(() => connected?.end());

    test('what it says is what the machine itself says', async () => {
      const local = localHost({ root });
      assert.deepEqual(await reader.list('/'), await local.list('/'));
      for (const path of [
        '/binary',
        '/empty',
        '/like-an-answer',
        '/link',
        '/broken',
        '/none',
        ...NAMES.map((name) => `/odd/${name}`),
      ]) {
        const [ours, own] = [await reader.read(path), await local.read(path)];
        assert.deepEqual(ours && Buffer.from(ours), own && Buffer.from(own), path);
        assert.equal(await reader.readlink(path), await local.readlink(path), path);
        const [seen, is] = [await reader.stat(path), await local.stat(path)];
        // Whole seconds are what either language tells.
        assert.deepEqual(seen, is && { ...is, mtime: Math.floor(is.mtime / 1000) * 1000 }, path);
      }
      assert.deepEqual(await reader.list('/odd'), NAMES.toSorted());
      assert.equal(await reader.list('/none'), null);
      assert.equal(await reader.readlink('/link'), 'binary');
    });

    test('a pipe, a directory, a link to itself and what may not be so large are refused, and nothing waits', async () => {
      for (const path of ['/pipe', '/odd', '/loop'])
        await assert.rejects(reader.read(path), (error) => isAppError(error, 'HOST_FILE'), path);
      assert.equal(Buffer.from((await reader.read('/kernel'))!).length, 0);
      await assert.rejects(reader.read('/binary', { maxBytes: 69_999 }), (error) =>
        isAppError(error, 'HOST_FILE_TOO_LARGE'),
      );
      assert.equal((await reader.read('/binary', { maxBytes: 70_000 }))!.length, 70_000);
      assert.equal(await reader.list('/binary'), null);
    });

    test('thousands of questions at once are each answered', async () => {
      const asked = Array.from({ length: 4000 }, (_, i) => `/odd/${NAMES[i % NAMES.length]}`);
      const told = await Promise.all(asked.map((path) => reader.read(path)));
      for (const [i, path] of asked.entries())
        assert.equal(Buffer.from(told[i]!).toString(), path.slice('/odd/'.length));
    });
  });
}

test('the kernel’s files, which say that they are empty, are read; as one reader may not be able to, another is asked', async () => {
  const host = await sshHost(target);
  assert.match(Buffer.from((await host.read('/proc/self/status'))!).toString(), /^Name:\t(?:perl|python)/);
  assert.notEqual((await host.stat('/'))!.inode, null, 'SFTP would not have told');
  assert.equal(await host.read('/proc/999999999/status'), null);
  await host.close();
});

test('a reader that ended is another one at the next question', async () => {
  const host = await sshHost(target);
  const pid = /^Pid:\t(\d+)$/m.exec(Buffer.from((await host.read('/proc/self/status'))!).toString())![1]!;
  process.kill(Number(pid), 'SIGKILL');
  const lost = await host.read('/proc/self/status').then(
    () => null,
    (error: unknown) => error,
  );
  assert.ok(lost === null || isAppError(lost, 'HOST_CONNECTION_LOST'));
  assert.match(Buffer.from((await host.read('/proc/self/status'))!).toString(), /^Name:/);
  await host.close();
});

test('a machine that runs no program of ours is looked at as before', async (t) => {
  const plain = await testSshServer({ root, hostKey: newSshKey().private, username: 'ops', password: 'right' });
  t.after(() => plain.close());
  const host = await sshHost({ ...target, port: plain.port, trust: plain.fingerprint });
  assert.equal(Buffer.from((await host.read('/like-an-answer'))!).toString(), 'D 3\nabcN 0\n\0\n');
  assert.equal((await host.stat('/binary'))!.inode, null);
  await host.close();
});

test('whoever answers otherwise, without end or not at all is not waited for', async (t) => {
  const ways: Record<string, (channel: ssh2.ServerChannel, word: string) => void> = {
    nonsense: (channel, word) => channel.write(`${word}hello\n`),
    'another word': (channel) => channel.write(`${randomBytes(12).toString('hex')}\n`),
    'no answer': (channel, word) => channel.write(word),
    'a length of terabytes': (channel, word) => channel.write(`${word}D 99999999999999\n`),
    'without end': (channel, word) => {
      channel.write(`${word}D 9999999999\n`);
      const more = setInterval(() => channel.write(Buffer.alloc(1 << 20)), 2);
      channel.on('close', () => clearInterval(more));
      setTimeout(() => clearInterval(more), 5000);
    },
  };
  for (const [name, answer] of Object.entries(ways)) {
    const hostile = new ssh2.Server({ hostKeys: [newSshKey().private] }, (client) => {
      client.on('error', () => {});
      client.on('authentication', (context) => context.accept());
      client.on('session', (accept) => {
        accept().on('exec', (acceptExec, _reject, { command }) => {
          const channel = acceptExec();
          channel.on('error', () => {});
          const word = /'([0-9a-f]{24}\n)'/.exec(command)?.[1];
          if (word === undefined) channel.end();
          else channel.once('data', () => answer(channel, word));
          if (word !== undefined && name !== 'another word') channel.write(word);
        });
      });
    });
    hostile.listen(0, '127.0.0.1');
    await once(hostile, 'listening');
    t.after(() => hostile.close());
    const { port } = hostile.address() as AddressInfo;
    const host = await sshHost({ ...target, port, trust: () => true, patienceMs: 500 });
    await assert.rejects(host.read('/etc/passwd'), name);
    await host.close();
  }
});
