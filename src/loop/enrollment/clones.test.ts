import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'kysely';
import { CheckInRequest } from '../../model/agent.ts';
import { AGENT_PATHS } from '../../model/agent-paths.ts';
import { listEntries } from '../../platform/ledger/index.ts';
import { BUNDLE } from './bundle.ts';
import { boots, noteBoot } from './store-leaving.ts';
import { operator, type Served, serve } from './testing/served.ts';
import { createToken } from './tokens.ts';

let served: Served;
let home: string;
const running: ChildProcess[] = [];

before(async () => {
  served = await serve({}, { pollSeconds: 1, lateMs: 300 });
  home = mkdtempSync(join(tmpdir(), 'lastember-clones-'));
});
afterEach(async () => {
  for (const child of running.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    child.kill('SIGKILL');
    await once(child, 'close');
  }
});
after(async () => {
  rmSync(home, { recursive: true, force: true });
  await served.close();
});

/** A machine is a tree of files: what a hypervisor or an image copies, and what differs afterwards. */
interface Machine {
  root: string;
  put(path: string, text: string): void;
  file(path: string): string;
  identity(): { agentId: string; hostId: string } | null;
  /** a copy of the whole disk, booted at another address */
  clone(name: string, more?: Record<string, string>): Machine;
}
let count = 0;
function machine(root: string, files: Record<string, string>): Machine {
  const at = (path: string): string => join(root, path);
  const own: Machine = {
    root,
    put: (path, text) => {
      mkdirSync(dirname(at(path)), { recursive: true });
      writeFileSync(at(path), text, { mode: 0o600 });
    },
    file: (path) => readFileSync(at(path), 'utf8'),
    identity: () => {
      const path = at(`${AGENT_PATHS.state}/identity.json`);
      return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as { agentId: string; hostId: string }) : null;
    },
    clone: (name, more = {}) => {
      const copy = join(home, name);
      cpSync(root, copy, { recursive: true });
      return machine(copy, { ...booted(), ...more });
    },
  };
  for (const [path, text] of Object.entries(files)) own.put(path, text);
  return own;
}
/** A boot of its own at an address of its own; something listens there. */
function booted(): Record<string, string> {
  count += 1;
  const address = [127, 84, 22, count]
    .reverse()
    .map((byte) => byte.toString(16).padStart(2, '0'))
    .join('');
  return {
    'proc/sys/kernel/random/boot_id': `00000000-0000-4000-8000-${String(count).padStart(12, '0')}\n`,
    'proc/net/tcp': `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n   0: ${address.toUpperCase()}:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 ${count} 1 0 0 10 0\n`,
  };
}
const fresh = (name: string, more: Record<string, string> = {}): Machine =>
  machine(join(home, name), {
    'etc/os-release': 'ID=debian\n',
    'etc/hostname': `${name}\n`,
    'etc/machine-id': `${name}-machine\n`,
    ...booted(),
    ...more,
  });

async function configure(one: Machine, uses = 1): Promise<void> {
  const { config } = await createToken(served.platform, operator, { minutes: 5, uses, tags: {} });
  one.put(AGENT_PATHS.config, config);
}
interface Agent {
  child: ChildProcess;
  log(): string;
  end(): Promise<number | null>;
  ended: Promise<number | null>;
}
function start(one: Machine, env: Record<string, string> = {}): Agent {
  const argv = [BUNDLE, 'run', '--config', AGENT_PATHS.config];
  const child = spawn(process.execPath, argv, {
    env: { PATH: '/usr/bin:/bin', LASTEMBER_HOST_ROOT: one.root, ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  running.push(child);
  let log = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (log += text));
  const ended = once(child, 'close').then(([code]) => code as number | null);
  const end = async (): Promise<number | null> => {
    child.kill('SIGTERM');
    return ended;
  };
  return { child, log: () => log, end, ended };
}
async function until<T>(what: string, holds: () => Promise<T> | T): Promise<NonNullable<T>> {
  for (let tries = 0; tries < 200; tries += 1) {
    const found = await holds();
    if (found) return found;
    await sleep(100);
  }
  return assert.fail(`it did not happen within 20 s: ${what}`);
}
const enrolled = (one: Machine): Promise<{ agentId: string; hostId: string }> =>
  until('an identity', () => one.identity());
const reports = (id: string): Promise<string> =>
  until('a report', async () => (await served.enrollment.agent(id))?.lastCheckIn);

test('an agent that makes up boots fills nothing: the newest are kept, and long names are none', async () => {
  const one = fresh('many-boots');
  await configure(one);
  const agent = start(one);
  const { agentId } = await enrolled(one);
  await reports(agentId);
  await agent.end();
  const now = Date.now();
  await served.platform.observe(operator, async (tx) => {
    for (let n = 1; n <= 50; n += 1)
      await noteBoot(tx.db, { agent_id: agentId, boot_id: `boot-${n}`, address: '127.0.0.1' }, new Date(now + n), 'on');
  });
  const kept = (await boots(served.platform.db, agentId)).map((row) => row.boot_id);
  assert.deepEqual(
    kept,
    Array.from({ length: 20 }, (_, n) => `boot-${50 - n}`),
  );
  const { rows } = await sql<{ n: number }>`select count(*)::int as n from enrollment.boot
    where agent_id = ${agentId}`.execute(served.platform.db);
  assert.equal(rows[0]!.n, 20);
  const said = { version: '1', startedAt: '2026-01-01T00:00:00.000Z' };
  assert.ok(CheckInRequest.safeParse({ ...said, bootId: 'b'.repeat(64) }).success);
  assert.ok(!CheckInRequest.safeParse({ ...said, bootId: 'b'.repeat(65) }).success);
});

describe('2.6: clones get an identity of their own', () => {
  test('2.6: an image without an identity: each clone of it enrolls as itself, by a token from settings or environment', async () => {
    const image = fresh('image');
    const { config, token } = await createToken(served.platform, operator, { minutes: 5, uses: 3, tags: {} });
    const { token: _baked, ...settings } = JSON.parse(config) as Record<string, string>;
    image.put(AGENT_PATHS.config, JSON.stringify(settings));
    const waiting = start(image);
    assert.equal(await waiting.ended, 4, waiting.log());
    assert.ok(!existsSync(join(image.root, AGENT_PATHS.state, 'agent.key')), 'no key in the image');
    // One image was sealed properly, the other one's machine id was left in it.
    const clones = [
      image.clone('clone-1', { 'etc/machine-id': 'first\n', 'etc/hostname': 'clone-1\n' }),
      image.clone('clone-2', { 'etc/machine-id': 'second\n', 'etc/hostname': 'clone-2\n' }),
      image.clone('clone-3', { 'etc/machine-id': 'second\n', 'etc/hostname': 'clone-3\n' }),
    ];
    const made = [];
    for (const clone of clones) {
      start(clone, { LASTEMBER_TOKEN: token });
      made.push(await enrolled(clone));
    }
    assert.equal(new Set(made.map(({ agentId }) => agentId)).size, 3);
    assert.equal(new Set(made.map(({ hostId }) => hostId)).size, 3, 'hosts of their own');
    for (const { agentId } of made) {
      await reports(agentId);
      assert.equal((await served.enrollment.agent(agentId))?.state, 'active');
    }
    assert.equal(new Set(clones.map((clone) => clone.file(`${AGENT_PATHS.state}/agent.key`))).size, 3);
  });

  test('2.6: a copy that finds itself on another machine drops the identity, and enrolls as itself once it has a token', async () => {
    const original = fresh('original');
    await configure(original);
    const agent = start(original);
    const first = await enrolled(original);
    await reports(first.agentId);
    const copy = original.clone('copy', { 'etc/machine-id': 'copied\n' });
    const without = start(copy);
    assert.equal(await without.ended, 4);
    assert.match(without.log(), /another machine than the one that enrolled.*AGENT_OTHER_MACHINE/s);
    assert.equal(copy.identity(), null);
    assert.ok(!existsSync(join(copy.root, AGENT_PATHS.state, 'agent.key')), 'nor its key');
    await configure(copy);
    start(copy);
    const second = await enrolled(copy);
    assert.notEqual(second.agentId, first.agentId);
    assert.notEqual(second.hostId, first.hostId);
    await reports(second.agentId);
    assert.equal((await served.enrollment.agent(first.agentId))?.state, 'active');
    assert.equal(agent.child.exitCode, null, 'the original goes on');
    // The same machine, started again, stays who it is.
    await agent.end();
    start(original);
    await sleep(1500);
    assert.equal(original.identity()?.agentId, first.agentId);
  });

  test('2.6: two machines with one identity: both are refused, it is told, and each becomes itself when enrolled anew', async () => {
    const one = fresh('twin');
    await configure(one);
    const agents = [start(one)];
    const { agentId, hostId } = await enrolled(one);
    await reports(agentId);
    // Nothing that the agent can see differs but the boot: a hypervisor that copies the machine's UUID, too.
    const two = one.clone('twin-copy');
    agents.push(start(two));
    await until('it is found', async () => (await served.enrollment.agent(agentId))?.state === 'revoked');
    const found = await served.enrollment.agent(agentId);
    assert.match(found!.problem!, /^two machines use its identity: 127\.0\.0\.1 \(boot .*enroll both anew/);
    assert.equal((await served.discovery.host(hostId))?.management, 'lost');
    const entries = (await listEntries(served.platform.db)).filter(
      ({ entry }) => entry.type === 'enrollment.agent.doubled',
    );
    const [told] = entries.map(({ entry }) => entry.detail as { boots: { bootId: string }[] });
    assert.deepEqual(
      told!.boots.map((boot) => boot.bootId).sort(),
      [one, two].map((each) => each.file('proc/sys/kernel/random/boot_id').trim()).sort(),
    );
    for (const agent of agents) await until('it is refused', () => agent.log().includes('is revoked; enrol it again'));
    for (const agent of agents) await agent.end();
    const keys = [one, two].map((each) => each.file(`${AGENT_PATHS.state}/agent.key`));
    assert.equal(keys[0], keys[1]);
    const anew = [];
    for (const each of [one, two]) {
      await configure(each);
      start(each);
      anew.push(await until('a new identity', () => (each.identity()?.agentId === agentId ? null : each.identity())));
    }
    assert.equal(new Set([agentId, ...anew.map((each) => each.agentId)]).size, 3);
    assert.equal(new Set(anew.map((each) => each.hostId)).size, 2);
    for (const each of anew) await reports(each.agentId);
    await sleep(4000);
    for (const each of anew) assert.equal((await served.enrollment.agent(each.agentId))?.state, 'active');
    assert.equal(
      new Set([...keys, one.file(`${AGENT_PATHS.state}/agent.key`), two.file(`${AGENT_PATHS.state}/agent.key`)]).size,
      3,
    );
  });
});
