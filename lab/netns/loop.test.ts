import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, chmodSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { LoopInput, LoopResult } from './loop/main.ts';
import { must } from './command.ts';
import { HOSTS } from './hosts.ts';
import type { HostSpec as Spec } from './spec.ts';
import { netnsPath } from './place.ts';
import { addressOf } from './spec.ts';
import { skip, TestLab } from './testing/lab.ts';
import { keyPath } from './up.ts';

/** Three releases, one login that needs sudo, one pair that depends on each other; one that lives without an agent. */
const UP = ['web1', 'web2', 'old1', 'sudo1', 'db1', 'app1', 'drop1'];
const AGENTLESS = 'drop1';
const lab = new TestLab('l');
const dir = mkdtempSync(join(tmpdir(), 'lastember-loop-'));
// Started by root, the embedded PostgreSQL runs as another user, who must be able to pass through.
chmodSync(dir, 0o755);
let result: LoopResult;

before(async () => {
  if (skip) return;
  await lab.lab('up', '--only', UP.join(','));
  const [sudo1, drop1] = ['sudo1', AGENTLESS].map((one) => HOSTS.find(({ name }) => name === one)!) as [Spec, Spec];
  const input: LoopInput = {
    dir,
    keyFile: keyPath(lab.place),
    sudo: { address: addressOf(sudo1), password: 'sudo1-ops' },
    hosts: UP,
    agentless: [addressOf(drop1)],
    kit: 'security-updates',
    faults: [
      { host: 'web1', fault: ['kill', 'web1', 'lastember/lastember-agent'] },
      { host: 'old1', fault: ['partition', 'old1'], healAfterMs: 15_000, heal: ['heal', 'old1'] },
      { host: 'sudo1', fault: ['reboot', 'sudo1'] },
      { host: 'db1', server: 'SIGKILL' },
      { host: AGENTLESS, fault: ['partition', AGENTLESS], healAfterMs: 15_000, heal: ['heal', AGENTLESS] },
    ],
  };
  const net = `--net=${netnsPath(lab.place.name)}`;
  const script = join(import.meta.dirname, 'loop/main.ts');
  result = JSON.parse(
    await must(['nsenter', net, process.execPath, script, JSON.stringify(input)], { env: lab.env }),
  ) as LoopResult;
});
after(async () => {
  if (!skip) await lab.lab('down');
  rmSync(dir, { recursive: true, force: true });
});

test('discovery finds every host of the bridge, and none of them is on a list', { skip }, () => {
  const expected = UP.map((name) => addressOf(HOSTS.find((spec) => spec.name === name)!)).sort();
  assert.deepEqual(result.found.map(({ address }) => address).sort(), expected);
  assert.ok(result.found.every(({ claim }) => claim === 'unknown'));
});

test('2.2: agents are deployed to real Debian of three releases over SSH, also where sudo asks', { skip }, () => {
  assert.deepEqual(
    result.deployed.filter(({ state }) => state !== 'done'),
    [],
  );
  assert.equal(result.deployed.length, UP.length);
});

test(
  '2.8: the host without an agent was changed over SSH, by Dropbear without SFTP, and nothing of ours is left running',
  {
    skip,
  },
  async () => {
    const { tasks } = result.change.waves.find((wave) => wave.tasks.some(({ hostName }) => hostName === AGENTLESS))!;
    const task = tasks.find(({ hostName }) => hostName === AGENTLESS)!;
    assert.equal(task.state, 'done');
    assert.ok(task.outcomes.filter(({ kind }) => kind === 'upgrade-packages').every(({ hostSigned }) => !hostSigned));
    const commands = (await lab.exec(AGENTLESS, 'sh', '-c', 'cat /proc/[0-9]*/cmdline | tr "\\0\\n" "  "')).stdout;
    assert.doesNotMatch(commands, /lastember-agent/);
  },
);

test(
  'the change over all hosts is closed, canary first, through a killed agent and server, a reboot and a partition',
  {
    skip,
  },
  () => {
    const { state, why, waves } = result.change;
    assert.deepEqual([state, why], ['closed', null]);
    assert.ok(waves[0]!.canary && waves.length > 1);
    assert.deepEqual(result.open, []);
  },
);

test('every host is up to date by its own package manager, and no package is left half-way', { skip }, async () => {
  for (const name of UP) {
    const pending = (await lab.exec(name, 'apt-get', '-s', 'upgrade')).stdout;
    assert.doesNotMatch(pending, /^Inst .*Debian-Security/m, name);
    assert.equal((await lab.exec(name, 'dpkg', '--audit')).stdout, '', name);
  }
});

/** What dpkg's log says it upgraded, `name=version`; `again`: what it did once more although it had it unpacked already. */
function upgradedIn(log: string): { upgraded: Set<string>; again: string[] } {
  const [upgraded, unpacked] = [new Set<string>(), new Set<string>()];
  const again: string[] = [];
  for (const line of log.split('\n')) {
    const begun = / upgrade ([^:\s]+):\S+ \S+ (\S+)$/.exec(line);
    const done = / status unpacked ([^:\s]+):\S+ (\S+)$/.exec(line);
    if (done) unpacked.add(`${done[1]}=${done[2]}`);
    if (!begun) continue;
    const name = `${begun[1]}=${begun[2]}`;
    if (upgraded.has(name) && unpacked.has(name)) again.push(name);
    upgraded.add(name);
  }
  return { upgraded, again };
}

test(
  'what was found pending is what dpkg then upgraded, version by version, and nothing that was done twice',
  { skip },
  async () => {
    for (const name of UP) {
      const { upgraded, again } = upgradedIn((await lab.exec(name, 'cat', '/var/log/dpkg.log')).stdout);
      assert.ok(upgraded.size > 0, name);
      assert.deepEqual([...upgraded].sort(), [...result.pending[name]!].sort(), name);
      // A package whose unpacking a reboot cut off is unpacked anew.
      assert.deepEqual(again, [], name);
    }
  },
);

test('what was predicted is what happened: packages and services', { skip }, () => {
  const { predicted, observed } = result.change;
  const packages = (impact: typeof predicted): string[] =>
    impact!.packages.map((one) => `${one.hostId} ${one.name} ${one.from} ${one.to}`).sort();
  const restarts = (impact: typeof predicted): string[] =>
    impact!.restarts.map((one) => `${one.hostName} ${one.service}`).sort();
  assert.deepEqual(packages(observed), packages(predicted));
  assert.deepEqual(restarts(observed), restarts(predicted));
});

test('the trail is verified', { skip }, () => {
  assert.equal(result.trail.code, 0, result.trail.said);
});
