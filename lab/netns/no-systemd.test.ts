/** A whole change on hosts without systemd: an agent under OpenRC on rc1, SSH and init scripts on init1. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { until } from '../demo/run/wait.ts';
import type { Change } from '../../src/model/change.ts';
import { NETWORK } from './spec.ts';
import { skip, TestLab } from './testing/lab.ts';
import { serveLab, type LabServer } from './testing/served.ts';
import { keyPath } from './up.ts';

const [OVER_SSH, WITH_AGENT] = ['init1', 'rc1'] as const;
const UP = [OVER_SSH, WITH_AGENT];
const KIT = 'security-updates';
const lab = new TestLab('n');
let server: LabServer;
let change: Change;

before(async () => {
  if (skip) return;
  await lab.lab('up', '--only', UP.join(','));
  server = await serveLab(lab);
  const { operator } = server;
  const privateKey = readFileSync(keyPath(lab.place), 'utf8');
  await operator.addCredential({ body: { kind: 'private-key', name: 'root', username: 'root', privateKey } });
  await operator.createScope({ body: { name: 'lab', cidrs: [`${NETWORK}.0.0/24`], ports: 'fast' } });
  await server.scan('lab');
  for (const name of UP) {
    const { id } = await server.host(name);
    const { hosts } = await server.deploy({ hostIds: [id], agentless: name === OVER_SSH });
    assert.deepEqual(
      hosts.map(({ state, why }) => [state, why]),
      [['done', null]],
    );
  }
  // Nobody ran `apt-get update` by hand: that the archive is asked is up to who looks after the host.
  await until('both hosts to be judged', 120, async () => {
    const { items } = await operator.listFindings({ query: { kit: KIT, state: ['open'] } });
    const pending = items.filter(({ check }) => check === 'security-updates-pending');
    return UP.every((name) => pending.some(({ hostName }) => hostName === name));
  });
  change = await server.run((await server.planned(KIT, UP)).id);
});
after(async () => {
  if (skip) return;
  await server?.close();
  await lab.lab('down');
});

const sh = async (host: string, script: string): Promise<string> => (await lab.exec(host, 'sh', '-c', script)).stdout;

describe('a change without systemd', { skip }, () => {
  test('2.8, 5.14: it is closed, canary first, over SSH with init scripts as by an agent under OpenRC', async () => {
    assert.deepEqual([change.state, change.why], ['closed', null]);
    assert.deepEqual(
      change.waves.map(({ canary, tasks }) => [canary, tasks.length]),
      [
        [true, 1],
        [false, 1],
      ],
    );
    for (const task of change.waves.flatMap(({ tasks }) => tasks)) {
      assert.equal(task.state, 'done', task.hostName);
      const upgrades = task.outcomes.filter(({ kind }) => kind === 'upgrade-packages');
      assert.ok(upgrades.length > 0, task.hostName);
      for (const { hostSigned } of upgrades) assert.equal(hostSigned, task.hostName === WITH_AGENT, task.hostName);
    }
    for (const name of UP) assert.notEqual((await lab.exec(name, 'test', '-d', '/run/systemd/system')).code, 0, name);
  });

  test('2.9: the agent is supervised by OpenRC: killed, it is back', async () => {
    const pids = (): Promise<string> => sh(WITH_AGENT, 'pgrep -f lastember/lastember-agent | sort');
    const before = (await pids()).split('\n').filter(Boolean);
    assert.ok(before.length > 0);
    assert.equal(await sh(WITH_AGENT, 'rc-service lastember-agent status >/dev/null && echo started'), 'started\n');
    await lab.lab('fault', 'kill', WITH_AGENT, 'lastember/lastember-agent');
    await until('the agent to be back', 60, async () => {
      const now = (await pids()).split('\n').filter(Boolean);
      return now.length > 0 && now.every((pid) => !before.includes(pid));
    });
    assert.doesNotMatch(await sh(OVER_SSH, 'cat /proc/[0-9]*/cmdline | tr "\\0\\n" "  "'), /lastember-agent/);
  });

  test('5.21: nothing is pending by apt, none of its findings is open, and no package is half-way', async () => {
    const { items } = await server.operator.listFindings({ query: { kit: KIT, state: ['open'] } });
    assert.deepEqual(
      items.map(({ hostName, check }) => `${hostName} ${check}`),
      [],
    );
    for (const name of UP) {
      assert.doesNotMatch(await sh(name, 'apt-get -s upgrade'), /^Inst .*Debian-Security/m, name);
      assert.equal(await sh(name, 'dpkg --audit'), '', name);
    }
  });

  test('5.16: what was predicted is what happened: packages and services', () => {
    const { predicted, observed } = change;
    const tasks = change.waves.flatMap((wave) => wave.tasks);
    const nameOf = (hostId: string): string => tasks.find((task) => task.hostId === hostId)?.hostName ?? hostId;
    const packages = (impact: typeof predicted): string[] =>
      impact!.packages.map((one) => `${nameOf(one.hostId)} ${one.name} ${one.from} ${one.to}`).sort();
    const restarts = (impact: typeof predicted): string[] =>
      impact!.restarts.map((one) => `${one.hostName} ${one.service}`).sort();
    assert.deepEqual(packages(observed), packages(predicted));
    assert.deepEqual(restarts(observed), restarts(predicted));
    for (const name of UP)
      assert.ok(
        packages(observed).some((text) => text.startsWith(name)),
        name,
      );
  });

  test('6.6: its trail is verified', async () => {
    const ran = await server.cli(server.people.approver, 'trail', 'verify');
    assert.equal(ran.code, 0, ran.stdout + ran.stderr);
  });
});
