import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { build } from 'esbuild';
import { AGENT_PATHS } from '../../../../model/agent-paths.ts';
import { controlScript } from './sysv.ts';

/** The real agent under the real script; its server is away, which is what it waits through. */
const root = mkdtempSync(join(tmpdir(), 'lastember-control-'));
const script = join(root, 'control');
const pidFile = join(root, AGENT_PATHS.pid);
const log = (): string => readFileSync(join(root, AGENT_PATHS.log), 'utf8');

before(async () => {
  const program = join(root, 'lastember-agent.cjs');
  const entry = join(import.meta.dirname, '../../../../agent/bin.ts');
  await build({ entryPoints: [entry], outfile: program, bundle: true, platform: 'node', format: 'cjs' });
  mkdirSync(join(root, AGENT_PATHS.configDir), { recursive: true });
  const config = { server: 'https://127.0.0.1:1', ca: 'none', token: 'lee_x' };
  writeFileSync(join(root, AGENT_PATHS.config), JSON.stringify(config));
  writeFileSync(script, controlScript(`${process.execPath} ${program}`), { mode: 0o755 });
});
after(() => {
  ask('stop');
  rmSync(root, { recursive: true, force: true });
});

/** dash where there is one: it forgives least. */
function ask(verb: string): { code: number | null; said: string } {
  const shell = spawnSync('dash', ['-c', ':']).status === 0 ? 'dash' : 'sh';
  const env = { LASTEMBER_ROOT: root, LASTEMBER_HOST_ROOT: root };
  const { status, stdout, stderr } = spawnSync(shell, [script, verb], { env, encoding: 'utf8', timeout: 60_000 });
  return { code: status, said: stdout + stderr };
}

/** The agents that run now. */
function agents(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const words = readFileSync(`/proc/${name}/cmdline`, 'utf8').split('\0');
        return words[0] === process.execPath && words.includes('run') && words.join(' ').includes(root)
          ? [Number(name)]
          : [];
      } catch {
        return [];
      }
    });
}

async function until(what: string, holds: () => boolean): Promise<void> {
  for (let tries = 0; tries < 400; tries += 1) {
    if (holds()) return;
    await sleep(50);
  }
  assert.fail(`it did not happen within 20 s: ${what}; log: ${log()}`);
}
const one = (): boolean => agents().length === 1 && /Enrolling waits/.test(log());

test('start, status, restart and stop do what they say, and say what they do', async () => {
  assert.equal(ask('status').code, 3);
  assert.equal(ask('stop').code, 0, 'stopping what does not run is no error');
  assert.equal(ask('start').code, 0);
  await until('one agent', one);
  assert.match(ask('start').said, /runs already/);
  assert.equal(agents().length, 1);
  assert.deepEqual([ask('status').code, /runs \(\d+\)/.test(ask('status').said)], [0, true]);
  const [first] = agents();
  assert.equal(ask('restart').code, 0);
  await until('another agent', () => agents().length === 1 && agents()[0] !== first);
  assert.equal(ask('stop').code, 0);
  assert.deepEqual([agents(), existsSync(pidFile), ask('status').code], [[], false, 3]);
  assert.equal(ask('dance').code, 2);
});

test('an agent that dies is started again, and after that it can still be stopped', async () => {
  ask('start');
  await until('one agent', one);
  const [first] = agents();
  process.kill(first!, 'SIGKILL');
  await until('the supervisor to say so', () => /Supervisor starts the agent again","code":137/.test(log()));
  await until('another agent', () => agents().length === 1 && agents()[0] !== first);
  assert.equal(ask('stop').code, 0);
  assert.deepEqual(agents(), []);
});

test('a supervisor that dies takes its agent with it, and two never run for long', async () => {
  ask('start');
  await until('one agent', one);
  process.kill(Number(readFileSync(pidFile, 'utf8')), 'SIGKILL');
  await until('its number is nobody’s', () => ask('status').code === 1);
  const [orphan] = agents();
  assert.equal(ask('start').code, 0);
  await until('the new one alone', () => agents().length === 1 && agents()[0] !== orphan);
  assert.equal(ask('stop').code, 0);
});

test('a pid file that names another process is not believed', () => {
  writeFileSync(pidFile, `${process.pid}\n`);
  const { code } = ask('status');
  ask('stop');
  assert.notEqual(code, 0);
});
