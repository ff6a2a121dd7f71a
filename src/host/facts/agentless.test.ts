import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import type { Facts } from '../../model/facts.ts';
import { sshHost } from '../ssh/index.ts';
import { newSshKey } from '../ssh/testing/keys.ts';
import { testSshServer } from '../ssh/testing/server.ts';
import { collectFacts } from './collect.ts';

const LISTENER = `require('net').createServer().listen(0, '127.0.0.1', function () { console.log(this.address().port) })`;

test('1.3: over SSH, with a login and without an agent: which processes run, what they listen on, which packages there are', async (t) => {
  const key = newSshKey().private;
  const server = await testSshServer({
    root: '/',
    hostKey: key,
    username: 'ops',
    password: 'right',
    interpreters: true,
  });
  t.after(() => server.close());
  const child = spawn(process.execPath, ['-e', LISTENER], { stdio: ['ignore', 'pipe', 'ignore'] });
  t.after(() => child.kill());
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
  const auth = { password: 'right' };
  const target = { address: '127.0.0.1', port: server.port, username: 'ops', auth, trust: server.fingerprint };
  const host = await sshHost(target);
  t.after(() => host.close());
  const names = ['packages', 'processes', 'sockets'] as const;
  const told = new Map((await collectFacts(host, { names })).map((section) => [section.name, section]));
  const dataOf = <K extends (typeof names)[number]>(name: K): Facts[K] => {
    assert.equal(told.get(name)?.error, undefined);
    return told.get(name)!.data as Facts[K];
  };
  const listening = dataOf('sockets').find(({ port }) => port === Number(line));
  assert.deepEqual([listening?.address, listening?.pid], ['127.0.0.1', child.pid]);
  const running = dataOf('processes').find(({ pid }) => pid === child.pid);
  assert.equal(running?.ppid, process.pid);
  assert.match(running?.command ?? '', /createServer/);
  const packages = dataOf('packages');
  if (!existsSync('/usr/bin/dpkg-query'))
    return t.diagnostic('there is no dpkg here that packages could be compared with');
  const lines = execFileSync('dpkg-query', ['-W', '-f', '${db:Status-Status} ${Package} ${Version}\\n'], {
    encoding: 'utf8',
  });
  const installed = lines.split('\n').filter((one) => one.startsWith('installed '));
  const ours = packages.filter(({ status }) => status === 'installed');
  assert.deepEqual(ours.map(({ name, version }) => `installed ${name} ${version}`).toSorted(), installed.toSorted());
});
