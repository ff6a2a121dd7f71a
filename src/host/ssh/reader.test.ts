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
import { openReader, type FarReader } from './reader.ts';
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
    let reader: FarReader;
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
        const whole = (ms: number): number => Math.floor(ms / 1000) * 1000;
        assert.deepEqual(seen, is && { ...is, mtime: whole(is.mtime), ctime: whole(is.ctime!) }, path);
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

    test('what is read in one go is what is read one by one, and the rest is asked for', async () => {
      const asked: string[] = [];
      const none = async (path: string): Promise<null> => {
        asked.push(path);
        return null;
      };
      const all = await reader.gather(
        [
          { how: 'read', paths: `${root}/[bel]*` },
          { how: 'read', paths: `${root}/none` },
          { how: 'read', paths: `${root}/pipe` },
          { how: 'list', paths: `${root}/odd` },
          { how: 'stat', paths: `${root}/odd/*` },
          { how: 'readlink', paths: `${root}/*` },
        ],
        { read: none, list: none, stat: none, readlink: none },
      );
      const local = localHost();
      assert.deepEqual(await all.list(`${root}/odd`), NAMES.toSorted());
      for (const name of ['binary', 'empty', 'like-an-answer', 'link', 'broken', 'none'].map(
        (one) => `${root}/${one}`,
      )) {
        const [ours, own] = [await all.read(name), await local.read(name)];
        assert.deepEqual(ours && Buffer.from(ours), own && Buffer.from(own), name);
        assert.equal(await all.readlink(name), await local.readlink(name), name);
      }
      for (const name of NAMES)
        assert.equal((await all.stat(`${root}/odd/${name}`))!.inode, (await local.stat(`${root}/odd/${name}`))!.inode);
      await assert.rejects(all.read(`${root}/pipe`), (error) => isAppError(error, 'HOST_FILE'));
      await assert.rejects(
        all.read(`${root}/link`, { maxBytes: 3 }).then(() => all.read(`${root}/like-an-answer`, { maxBytes: 3 })),
        (error) => isAppError(error, 'HOST_FILE_TOO_LARGE'),
      );
      // `none` has no link, and large contents were told once.
      assert.deepEqual(asked, [`${root}/none`, `${root}/link`]);
    });

    test('commands: words as they are, code, output apart, limits', async () => {
      const words = [...NAMES, '', 'a\nb'];
      const said = await reader.exec(['sh', '-c', 'printf "%s\\n" "$@"; echo bad >&2; exit 3', 'sh', ...words]);
      assert.deepEqual(said, { code: 3, stdout: words.map((word) => `${word}\n`).join(''), stderr: 'bad\n' });
      const { code, stderr } = await reader.exec(['/no/such/program']);
      assert.deepEqual([code, stderr.includes('/no/such/program')], [127, true]);
      assert.equal((await reader.exec(['sh', '-c', 'kill -TERM $$'])).code, 143);
      assert.equal((await reader.exec(['cat'])).stdout, '', 'there is no input');
      const much = await reader.exec(['sh', '-c', 'head -c 3000000 /dev/zero; echo end >&2'], { maxOutput: 1000 });
      assert.deepEqual([much.code, much.stdout.length, much.stderr], [0, 1000, 'end\n']);
      assert.equal((await reader.exec(['sh', '-c', 'echo $LC_ALL; command -v sysctl'])).stdout.split('\n')[0], 'C');
      // Closed both, and went on.
      assert.equal((await reader.exec(['sh', '-c', 'exec >&- 2>&-; sleep 0.3; exit 9'])).code, 9);
    });

    test('a command that takes longer than patience lasts is waited for; one that takes longer than its limit is killed', async () => {
      const slow = reader.exec(['sh', '-c', 'sleep 4; echo done']);
      const after = reader.read('/like-an-answer');
      assert.equal((await slow).stdout, 'done\n');
      assert.equal(Buffer.from((await after)!).toString(), 'D 3\nabcN 0\n\0\n');
      const mark = randomBytes(8).toString('hex');
      const endless = reader.exec(['sh', '-c', `sleep 60 & sleep 60; : ${mark}`], { timeoutMs: 1000 });
      await assert.rejects(endless, (error) => isAppError(error, 'HOST_COMMAND_TIMEOUT'));
      assert.equal(spawnSync('pgrep', ['-f', mark]).status, 1, 'it still runs');
      assert.equal((await reader.exec(['echo', 'still here'])).stdout, 'still here\n');
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
  const ways: Record<string, (channel: ssh2.ServerChannel, word: string, said: string) => void> = {
    nonsense: (channel, word) => channel.write(`${word}hello\n`),
    'another word': (channel) => channel.write(`${randomBytes(12).toString('hex')}\n`),
    'no answer': (channel, word) => channel.write(word),
    'its own input': (channel, _word, said) => channel.write(said),
    'a length of terabytes': (channel, word) => channel.write(`${word}D 99999999999999\n`),
    'without end': (channel, word) => {
      channel.write(`${word}D 9999999999\n`);
      const more = setInterval(() => channel.write(Buffer.alloc(1 << 20)), 2);
      channel.on('close', () => clearInterval(more));
      setTimeout(() => clearInterval(more), 5000);
    },
  };
  const [heard, without] = [new Set<string>(), new Set<string>()];
  for (const [name, answer] of Object.entries(ways)) {
    const hostile = new ssh2.Server({ hostKeys: [newSshKey().private] }, (client) => {
      client.on('error', () => {});
      client.on('authentication', (context) => context.accept());
      client.on('session', (accept) => {
        accept().on('exec', (acceptExec, _reject, { command }) => {
          const channel = acceptExec();
          channel.on('error', () => {});
          if (!/\b(?:perl|python3) /.test(command)) {
            without.add(name);
            return void channel.end();
          }
          channel.once('data', (said: Buffer) => {
            const word = /^w 0 \d+\n([0-9a-f]+)w 0 \d+\n([0-9a-f]+\n)/.exec(said.toString())?.slice(1).join('');
            assert.match(word ?? '', /^[0-9a-f]{24}\n$/);
            heard.add(name);
            answer(channel, word!, said.toString());
          });
          return undefined;
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
  assert.deepEqual([...heard], Object.keys(ways));
  assert.ok(without.has('its own input'), 'it is no reader, so its files are asked for in another way');
});
