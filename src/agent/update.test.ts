import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { build } from 'esbuild';
import type { Release, UpdateOffer } from '../model/agent.ts';
import type { Approval } from '../model/plan.ts';
import { canonicalHash, canonicalText, sha256 } from '../host/canonical.ts';
import { testTree, type TestTree } from '../host/steps/testing.ts';
import type { ProgramState } from './program.ts';
import { newPerson } from '../host/tasks/testing/people.ts';
import { AGENT_ID, testServer, type TestServer } from './testing/server.ts';

const anna = newPerson('user_anna');
const mallory = newPerson('user_mallory');
const STATE = 'var/lib/lastember';
const dir = fs.mkdtempSync(join(tmpdir(), 'lastember-update-'));
after(() => fs.rmSync(dir, { recursive: true, force: true }));
const INSTALLED = join(dir, 'installed.cjs');
let next: Buffer;
let server: TestServer;
let tree: TestTree;
const children: ChildProcess[] = [];

/** Cuts the power before or after the n-th file of the agent's that is put in its place. */
const POWER = `
const fs = require('node:fs/promises');
const [n, when] = process.env.LASTEMBER_TEST_CUT.split(' ');
const count = process.env.LASTEMBER_TEST_COUNT;
const supervisor = Number(process.env.LASTEMBER_SUPERVISOR);
const rename = fs.rename;
fs.rename = async (from, to) => {
  if (!/program/.test(to)) return rename(from, to);
  require('node:fs').appendFileSync(count, 'x');
  const mine = require('node:fs').readFileSync(count).length === Number(n);
  const cut = () => { process.kill(process.ppid === supervisor ? supervisor : process.pid, 'SIGKILL'); process.kill(process.pid, 'SIGKILL'); };
  if (mine && when === 'before') cut();
  await rename(from, to);
  if (mine && when === 'after') cut();
};
`;

before(async () => {
  const bundle = async (version: string, outfile: string): Promise<void> => {
    await build({
      entryPoints: [join(import.meta.dirname, 'bin.ts')],
      outfile,
      bundle: true,
      platform: 'node',
      format: 'cjs',
      define: { LASTEMBER_AGENT_VERSION: JSON.stringify(version) },
    });
  };
  await bundle('1.0.0', INSTALLED);
  await bundle('2.0.0', join(dir, 'next.cjs'));
  next = fs.readFileSync(join(dir, 'next.cjs'));
  fs.writeFileSync(join(dir, 'power.cjs'), POWER);
});
beforeEach(async () => {
  server = await testServer([anna.pinned]);
  server.pollSeconds = 1;
  tree = testTree({ 'etc/os-release': 'ID=debian\n', 'etc/machine-id': 'abc\n', 'repo/x': '' });
  configure(60);
});
afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  await server.close();
  // What was started by what was killed notices within two seconds.
  await sleep(100);
  tree.remove();
});

/** Long where the new program is to be proven, on however busy a machine; short where it is to be late. */
function configure(trialSeconds: number): void {
  const config = { server: server.url, ca: server.authority.ca, token: server.token, trialSeconds };
  tree.put('etc/lastember/agent.json', JSON.stringify(config), 0o600);
}

function start(env: Record<string, string> = {}): { child: ChildProcess; log(): string } {
  const child = spawn(process.execPath, [INSTALLED, 'run', '--config', '/etc/lastember/agent.json'], {
    env: { PATH: process.env['PATH'], LASTEMBER_HOST_ROOT: tree.root, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  children.push(child);
  let log = '';
  child.stderr!.on('data', (chunk: Buffer) => (log += chunk.toString()));
  child.stdout!.resume();
  return { child, log: () => log };
}

async function until(what: string, holds: () => boolean, seconds = 20): Promise<void> {
  for (let tries = 0; tries < seconds * 20; tries += 1) {
    if (holds()) return;
    await sleep(50);
  }
  assert.fail(`it did not happen within ${seconds} s: ${what}`);
}

function release(program: Uint8Array, more: Partial<Release> = {}): Release {
  return {
    type: 'lastember/agent-release/v1',
    changeId: 'update_1',
    author: 'user_author',
    approvalsRequired: 1,
    version: '2.0.0',
    program: sha256(program),
    size: program.length,
    agents: [AGENT_ID],
    madeAt: new Date().toISOString(),
    notAfter: new Date(Date.now() + 3_600_000).toISOString(),
    ...more,
  };
}
function offer(program: Uint8Array, more: Partial<Release> = {}, approvals?: Approval[]): UpdateOffer {
  const made = release(program, more);
  server.program = program;
  server.offer = {
    release: canonicalText(made),
    digest: canonicalHash(made),
    approvals: approvals ?? [anna.approve(made)],
  };
  return server.offer;
}
const state = (): ProgramState => JSON.parse(tree.file(`${STATE}/program.json`)) as ProgramState;
const runs = (program: Uint8Array) => (): boolean => server.lastCheckIn?.program === sha256(program);
const installed = (): Buffer => fs.readFileSync(INSTALLED);

describe('an update', () => {
  test('that an approver signed takes the place of the program, in the same process, and is remembered', async () => {
    const { child, log } = start();
    await until('the installed one', runs(installed()));
    offer(next);
    await until('the next one', runs(next), 30);
    assert.equal(state().trial, null, 'nobody hears of it before it is proven: it could yet be taken back');
    const { checkIns } = server;
    await until('it alone, in the place of the first', () => server.checkIns > checkIns);
    assert.equal(server.lastCheckIn?.version, '2.0.0');
    assert.deepEqual([state().current, state().previous], [sha256(next), null]);
    assert.equal(child.exitCode, null);
    assert.match(log(), /Trying a new program/);
    child.kill('SIGTERM');
    const [code] = (await once(child, 'exit')) as [number];
    assert.equal(code, 0);
    server.lastCheckIn = null;
    start();
    await until('the next one, after another start', runs(next));
  });

  const REFUSALS: [string, () => void, RegExp][] = [
    ['that nobody signed', () => offer(next, {}, []), /needs 1 approvals/],
    ['signed by a stranger', () => offer(next, {}, [mallory.approve(release(next))]), /was not pinned/],
    [
      'signed for another program',
      () => offer(next, {}, [anna.approve(release(Buffer.from('other')))]),
      /another plan/,
    ],
    ['signed by who asked for it', () => offer(next, { author: 'user_anna' }), /by the author/],
    ['for another agent', () => offer(next, { agents: ['agent_other'] }), /not for this agent/],
    ['whose time is over', () => offer(next, { notAfter: '2020-01-01T00:00:00.000Z' }), /it was good until/],
    [
      'whose program was swapped on its way',
      () => {
        offer(next);
        server.program = Buffer.from('process.exit(0)');
      },
      /not the program that was approved/,
    ],
  ];
  for (const [name, make, why] of REFUSALS)
    test(`${name} is refused, and the refusal told`, async () => {
      make();
      start();
      await until('the refusal', () => server.lastCheckIn?.notUpdated !== undefined);
      assert.match(server.lastCheckIn!.notUpdated!.why, why);
      assert.equal(server.lastCheckIn!.notUpdated!.updateId, 'update_1');
      assert.deepEqual([state().current, server.lastCheckIn!.program], [null, sha256(installed())]);
    });

  test('that is older than one taken before is refused, signed or not', async () => {
    offer(next);
    start();
    await until('the next one', () => runs(next)() && state().trial === null, 30);
    offer(installed(), { changeId: 'update_old', madeAt: '2020-01-01T00:00:00.000Z' });
    await until('the refusal', () => server.lastCheckIn?.notUpdated?.updateId === 'update_old');
    assert.match(server.lastCheckIn!.notUpdated!.why, /a newer one/);
  });

  const BROKEN: [string, string][] = [
    ['ends at once', 'process.exit(3)'],
    ['is no program', 'this is ( no program'],
    ['hangs', 'for (;;) {}'],
    ['runs and never reaches the server', 'setInterval(() => {}, 1000)'],
    ['says that all is well and ends', 'process.exit(0)'],
  ];
  for (const [name, text] of BROKEN)
    test(`that ${name} is taken back by itself, and that is told`, async () => {
      configure(6);
      const broken = Buffer.from(text);
      offer(broken);
      const { child } = start();
      await until('the news', () => server.lastCheckIn?.notUpdated !== undefined, 30);
      assert.equal(server.lastCheckIn!.program, sha256(installed()));
      assert.match(server.lastCheckIn!.notUpdated!.why, /ended 3 times|in its time/);
      const [polls] = [server.polls];
      await until('it goes on working', () => server.polls > polls);
      assert.equal(child.exitCode, null, 'and never ended for its service manager');
    });

  test('is fetched again and again while the server is away in the middle, and taken in the end', async () => {
    const path = `/program/${sha256(next)}`;
    server.down.add(path);
    // It checks in beside a look that takes longer than a poll: that must not count as taking what is offered.
    tree.put('usr/bin/apt-get', '#!/bin/sh\n/bin/sleep 3\n');
    offer(next);
    const { log } = start();
    await until('a try', () => /could not be fetched/.test(log()));
    server.down.delete(path);
    await until('the next one', runs(next), 30);
  });
});

/** Told to stop at the n-th time that this file is opened, in the program that was installed, once an update was taken. */
const STOP = `
const fs = require('node:fs/promises');
const { existsSync, readFileSync, writeFileSync } = require('node:fs');
const [file, n] = process.env.LASTEMBER_TEST_STOP.split(' ');
const root = process.env.LASTEMBER_HOST_ROOT;
const settings = root + '/var/lib/lastember/program.json';
const taken = () => existsSync(settings) && /"current": "/.test(readFileSync(settings, 'utf8'));
const open = fs.open;
let left = process.env.LASTEMBER_TRIAL || existsSync(root + '/told') ? 0 : Number(n);
fs.open = async (path, ...more) => {
  if (String(path).endsWith(file) && taken() && --left === 0) {
    writeFileSync(root + '/told', '');
    process.kill(process.pid, 'SIGTERM');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return open(path, ...more);
};
`;

describe('told to stop while one program takes the place of another', () => {
  const ends = async (stop: string): Promise<void> => {
    const { child, log } = start({ NODE_OPTIONS: `--require=${join(dir, 'stop.cjs')}`, LASTEMBER_TEST_STOP: stop });
    const limit = AbortSignal.timeout(30_000);
    const [code] = (await once(child, 'exit', { signal: limit }).catch(() => assert.fail(log()))) as [number];
    assert.equal(code, 0);
  };
  before(() => fs.writeFileSync(join(dir, 'stop.cjs'), STOP));

  test('when the one on trial has shown itself: it ends', async () => {
    offer(next);
    await ends('program.json 2');
    assert.equal(state().trial, null);
  });

  test('before the proven one is loaded: it ends', async () => {
    offer(next);
    const { child } = start();
    await until('the next one', () => runs(next)() && state().trial === null, 30);
    child.kill('SIGKILL');
    await ends(`programs/${sha256(next)}.cjs 1`);
  });
});

describe('the power is cut', () => {
  for (const when of ['before', 'after'])
    for (const cut of [1, 2, 3, 4])
      test(`${when} file ${cut} of the switch: an agent runs after that, and the update comes to its end`, async () => {
        offer(next);
        const count = join(tree.root, 'count');
        const { child } = start({
          NODE_OPTIONS: `--require=${join(dir, 'power.cjs')}`,
          LASTEMBER_TEST_CUT: `${cut} ${when}`,
          LASTEMBER_TEST_COUNT: count,
        });
        const [, signal] = (await once(child, 'exit')) as [number | null, string | null];
        assert.equal(signal, 'SIGKILL', 'there are as many files');
        server.lastCheckIn = null;
        const { child: again } = start();
        await until('somebody there', () => server.lastCheckIn !== null);
        await until('the next one', () => runs(next)() && state().trial === null, 30);
        assert.equal(again.exitCode, null);
      });

  for (const when of ['before', 'after'])
    test(`${when} what is taken back is written down: the program of before runs, and tells`, async () => {
      offer(Buffer.from('process.exit(3)'));
      const { child } = start({
        NODE_OPTIONS: `--require=${join(dir, 'power.cjs')}`,
        LASTEMBER_TEST_CUT: `6 ${when}`,
        LASTEMBER_TEST_COUNT: join(tree.root, 'count'),
      });
      const [, signal] = (await once(child, 'exit')) as [number | null, string | null];
      assert.equal(signal, 'SIGKILL');
      start();
      await until('the news', () => server.lastCheckIn?.notUpdated?.updateId === 'update_1', 30);
      assert.equal(server.lastCheckIn!.program, sha256(installed()));
    });
});
