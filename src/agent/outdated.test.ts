import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { build } from 'esbuild';
import { isScratch } from '../host/proc/maps.ts';
import { testTree, type TestTree } from '../host/steps/testing.ts';
import { BOTH_AGAIN, SUPERVISOR } from './supervise.ts';
import { testServer, type TestServer } from './testing/server.ts';

const ROOT = join(import.meta.dirname, '../..');
/** Not below /tmp: what is mapped from there counts as scratch. */
let dir: string;
let server: TestServer;
let tree: TestTree;
let child: ChildProcess;
let log = '';

before(async () => {
  fs.mkdirSync(join(ROOT, 'dist'), { recursive: true });
  dir = fs.mkdtempSync(join(ROOT, 'dist/outdated-'));
  await build({
    entryPoints: [join(import.meta.dirname, 'bin.ts')],
    outfile: join(dir, 'agent.mjs'),
    bundle: true,
    platform: 'node',
    format: 'esm',
  });
  server = await testServer([]);
  server.pollSeconds = 1;
  server.factsSeconds = 1;
  tree = testTree({ 'etc/os-release': 'ID=debian\n', 'etc/machine-id': 'abc\n', 'repo/x': '' });
  const config = { server: server.url, ca: server.authority.ca, token: server.token };
  tree.put('etc/lastember/agent.json', JSON.stringify(config), 0o600);
});
after(async () => {
  child?.kill('SIGKILL');
  await server.close();
  tree.remove();
  fs.rmSync(dir, { recursive: true, force: true });
});

async function until(what: string, holds: () => boolean): Promise<void> {
  for (let tries = 0; tries < 600; tries += 1) {
    if (holds()) return;
    await sleep(50);
  }
  assert.fail(`it did not happen within 30 s: ${what}\n${log}`);
}

const begun = (): number => log.split('"Agent runs"').length - 1;

/** As a package manager does it: another file takes the place of the one that runs. */
function upgrade(program: string): void {
  fs.copyFileSync(process.execPath, `${program}.new`);
  fs.renameSync(`${program}.new`, program);
}

describe('what the agent itself runs', { skip: process.platform === 'linux' ? false : 'needs /proc' }, () => {
  const scratch = isScratch(ROOT) && 'the project lies below a scratch directory, where nothing counts as replaced';
  test(
    'M.1: when it is replaced, the agent takes its own place between two tasks, under its number, once',
    { skip: scratch },
    async () => {
      const node = join(dir, 'node');
      upgrade(node);
      const argv = [join(dir, 'agent.mjs'), 'run', '--config', '/etc/lastember/agent.json'];
      const env = { PATH: process.env['PATH'], LASTEMBER_HOST_ROOT: tree.root };
      child = spawn(node, argv, { env, stdio: ['ignore', 'ignore', 'pipe'] });
      child.stderr!.on('data', (chunk: Buffer) => (log += chunk.toString()));
      await until('facts', () => server.facts.length > 2);
      assert.equal(begun(), 1, 'nothing was replaced yet');
      upgrade(node);
      await until('a new start', () => begun() === 2);
      assert.doesNotMatch(fs.readFileSync(`/proc/${child.pid}/maps`, 'utf8'), /\(deleted\)/);
      const { length } = server.facts;
      await until('looks after it', () => server.facts.length > length + 2);
      assert.equal(begun(), 2);
      assert.equal(child.exitCode, null, 'whoever started it noticed nothing');
      assert.equal(server.enrolled.length, 1);
    },
  );

  test('its supervisor takes its own place when it is told to, and starts it again', async () => {
    const at = fs.mkdtempSync(join(tmpdir(), 'lastember-supervisor-'));
    after(() => fs.rmSync(at, { recursive: true, force: true }));
    const told = join(at, 'told');
    const program = `echo "$PPID" >>${told}; [ "$(grep -c . ${told})" -ge 2 ] || exit ${BOTH_AGAIN}`;
    const pidFile = join(at, 'pid');
    const shell = spawn('/bin/sh', ['-c', SUPERVISOR, 'lastember-agent', pidFile, '/bin/sh', '-c', program], {
      env: { PATH: process.env['PATH'], LASTEMBER_SUPERVISE: SUPERVISOR },
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    const [code] = (await once(shell, 'exit')) as [number];
    assert.equal(code, 0);
    assert.equal(fs.readFileSync(told, 'utf8'), `${shell.pid}\n${shell.pid}\n`);
    assert.ok(!fs.existsSync(pidFile));
  });
});
