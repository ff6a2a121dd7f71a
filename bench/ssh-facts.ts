import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { collectFacts } from '../src/host/facts/collect.ts';
import type { FactCache } from '../src/host/facts/look.ts';
import { sshHost } from '../src/host/ssh/index.ts';
import { SECTION_NAMES } from '../src/model/facts.ts';
import { commandExists, type Bench, type Measured } from './contract.ts';

const PORT = 17_444;
const SSHD = '/usr/sbin/sshd';
/** Code that ran a few hundred times is compiled well. */
const WARMING = 8;

/**
 * Facts of SSH targets without an agent, targets per second, against `ansible -m setup` on the same targets: an sshd each on
 * a loopback address of its own, with processes of its own as machines have, so the targets' own work is done by this machine
 * for both. Ours are all sections, packages and processes with what they map among them, of which setup tells none. Whoever
 * looks, looks again: looks of a worker that has looked before count, as at hosts that are looked at every five minutes for
 * weeks; Ansible has no cache that would do the same, and is a process anew each time.
 */
export const sshFacts: Bench = {
  name: 'ssh-facts',
  claim: 'tells all facts of at least as many SSH targets a second as ansible -m setup tells its own',
  target: 1,
  missing: () => {
    if (process.getuid?.() !== 0) return 'it starts an SSH server, as root';
    if (spawnSync(SSHD, ['-V']).error) return 'there is no sshd';
    return commandExists('ansible') ? null : 'ansible is not installed';
  },
  run: async (rounds, size) => {
    const targets = Math.max(2, Math.min(50, Math.floor(size / 2)));
    const dir = mkdtempSync(join(tmpdir(), 'lastember-bench-'));
    const servers = await startTargets(dir, targets);
    try {
      const caches = Array.from({ length: targets }, (): FactCache => new Map());
      const measured: Measured[] = [];
      for (let times = 0; times < WARMING; times += 1) await look(dir, caches);
      for (let round = 0; round < rounds; round += 1) {
        const ours = await look(dir, caches);
        const theirs = setup(dir, targets);
        console.log(
          `  ${targets} targets: ours ${ours.seconds.toFixed(1)} s and ${ours.cpu.toFixed(2)} CPU-s here, ansible ${theirs.seconds.toFixed(1)} s and ${theirs.cpu.toFixed(2)} CPU-s of its controller: ${(theirs.seconds / ours.seconds).toFixed(1)} times its rate, 1/${(theirs.cpu / ours.cpu).toFixed(1)} of its processor time`,
        );
        measured.push({ ours: targets / ours.seconds, peer: targets / theirs.seconds });
      }
      return measured;
    } finally {
      stop(servers);
      rmSync(dir, { recursive: true, force: true });
    }
  },
};

/** Each target has its own processes, as machines have. */
async function startTargets(dir: string, targets: number): Promise<ChildProcess[]> {
  for (const name of ['host', 'login'])
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(dir, name)]);
  const lines = [
    `Port ${PORT}`,
    `HostKey ${join(dir, 'host')}`,
    'PidFile none',
    `AuthorizedKeysFile ${join(dir, 'login.pub')}`,
    'StrictModes no',
    'UsePAM no',
    // A home that all targets share would have their logins wait for each other, where its profile takes a lock.
    `SetEnv HOME=${dir}`,
    'PermitRootLogin yes',
    'Subsystem sftp internal-sftp',
  ];
  const config = join(dir, 'sshd_config');
  writeFileSync(config, `${lines.join('\n')}\n`);
  execFileSync('mkdir', ['-p', '/run/sshd']);
  const apart = ['--pid', '--fork', '--kill-child', '--mount', '--mount-proc'];
  const started = Array.from({ length: targets }, (_, index) =>
    spawn('unshare', [...apart, SSHD, '-D', '-f', config, '-o', `ListenAddress=${addressOf(index)}`], {
      stdio: 'ignore',
    }),
  );
  for (let tries = 0; tries < 200; tries += 1) {
    if ((await Promise.all(started.map((_, index) => accepts(addressOf(index))))).every(Boolean)) return started;
    await sleep(100);
  }
  stop(started);
  throw new Error('an SSH server did not start');
}

/** unshare waits for its child, and takes no other signal while it does. */
const stop = (targets: readonly ChildProcess[]): void => targets.forEach((target) => target.kill('SIGKILL'));

function accepts(address: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(PORT, address, () => resolve(true));
    socket.on('error', () => resolve(false)).on('connect', () => socket.destroy());
  });
}

const addressOf = (index: number): string => `127.0.2.${index + 1}`;

async function look(dir: string, caches: readonly FactCache[]): Promise<{ seconds: number; cpu: number }> {
  const privateKey = readFileSync(join(dir, 'login'), 'utf8');
  const [start, cpu] = [performance.now(), process.cpuUsage()];
  await Promise.all(
    caches.map(async (cache, index) => {
      const target = {
        address: addressOf(index),
        port: PORT,
        username: 'root',
        auth: { privateKey },
        trust: () => true,
      };
      const host = await sshHost({ ...target, timeoutMs: 120_000 });
      const sections = await collectFacts(host, { cache, seconds: { section: 600, whole: 600 } });
      await host.close();
      if (sections.length !== SECTION_NAMES.length) throw new Error('sections are missing');
      const bad = sections.find((section) => /time|lost|no answer/i.test(section.error ?? ''));
      if (bad) throw new Error(`${bad.name}: ${bad.error}`);
    }),
  );
  const used = process.cpuUsage(cpu);
  return { seconds: (performance.now() - start) / 1000, cpu: (used.user + used.system) / 1e6 };
}

function setup(dir: string, targets: number): { seconds: number; cpu: number } {
  const inventory = join(dir, 'inventory');
  const settings = [
    `ansible_port=${PORT}`,
    'ansible_user=root',
    `ansible_ssh_private_key_file=${join(dir, 'login')}`,
    'ansible_ssh_common_args=-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null',
    'ansible_python_interpreter=/usr/bin/python3',
  ];
  const hosts = Array.from({ length: targets }, (_, index) => addressOf(index));
  writeFileSync(inventory, `[all]\n${hosts.join('\n')}\n[all:vars]\n${settings.join('\n')}\n`);
  const start = performance.now();
  const command = `TIMEFORMAT='%U %S'; time ansible -i ${inventory} all -m setup -f 50 -o >${join(dir, 'told')} 2>/dev/null`;
  const { stderr } = spawnSync('bash', ['-c', command], { encoding: 'utf8', env: { ...process.env, HOME: dir } });
  const seconds = (performance.now() - start) / 1000;
  const told = readFileSync(join(dir, 'told'), 'utf8').match(/\| SUCCESS/g)?.length ?? 0;
  if (told !== targets) throw new Error(`ansible told of ${told} of ${targets}`);
  const [user = 0, system = 0] = stderr.trim().split(/\s+/).map(Number);
  return { seconds, cpu: user + system };
}
