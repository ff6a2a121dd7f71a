import { mkdtempSync, rmSync, chmodSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { must } from '../lab/netns/command.ts';
import { CROWD } from '../lab/netns/hosts.ts';
import type { LoopInput, LoopResult } from '../lab/netns/loop/main.ts';
import { netnsPath } from '../lab/netns/place.ts';
import { addressOf, type HostSpec } from '../lab/netns/spec.ts';
import { skip, TestLab } from '../lab/netns/testing/lab.ts';
import { keyPath } from '../lab/netns/up.ts';
import { commandExists } from './contract.ts';
import { LIST, parsePackages, type Packages } from './upgrades.ts';

/** Some of the lab's alike hosts, fresh, and what runs beside them in their namespace. */
export interface Crowd {
  lab: TestLab;
  specs: readonly HostSpec[];
  /** what is installed on each of them */
  packages(): Promise<Packages[]>;
  /** Discovers, deploys to all, and brings the updates in by one change: what it took. */
  loop(): Promise<LoopResult['seconds']>;
  /** One play of Ansible over all of them, in batches of these sizes, `forks` at a time; the seconds that it took. */
  play(tasks: string, serial: string, forks: number): Promise<number>;
}

export const whyNoCrowd = (): string | null =>
  skip === false ? (commandExists('ansible-playbook') ? null : 'ansible is not installed') : String(skip);

export async function withCrowd<T>(size: number, work: (crowd: Crowd) => Promise<T>): Promise<T> {
  const lab = new TestLab('b');
  const dir = mkdtempSync(join(tmpdir(), 'lastember-bench-'));
  // Started by root, the embedded PostgreSQL runs as another user, who must be able to pass through.
  chmodSync(dir, 0o755);
  const specs = CROWD.slice(0, size);
  const inside = (argv: string[]): Promise<string> =>
    must(['nsenter', `--net=${netnsPath(lab.place.name)}`, ...argv], { env: { ...lab.env, HOME: dir } });
  try {
    await lab.lab('up', '--only', specs.map(({ name }) => name).join(','));
    return await work({
      lab,
      specs,
      packages: async () => {
        const all: Packages[] = [];
        for (const { name } of specs) all.push(parsePackages((await lab.exec(name, ...LIST)).stdout));
        return all;
      },
      loop: async () => {
        const input: LoopInput = {
          dir,
          keyFile: keyPath(lab.place),
          sudo: null,
          hosts: specs.map(({ name }) => name),
          agentless: [],
          kit: 'security-updates',
          faults: [],
        };
        const script = join(import.meta.dirname, '../lab/netns/loop/main.ts');
        const told = JSON.parse(await inside([process.execPath, script, JSON.stringify(input)])) as LoopResult;
        if (told.change.state !== 'closed') throw new Error(`The change is ${told.change.state}: ${told.change.why}`);
        return told.seconds;
      },
      play: (tasks, serial, forks) => play({ lab, dir, specs, inside }, { tasks, serial, forks }),
    });
  } finally {
    await lab.lab('down');
    rmSync(dir, { recursive: true, force: true });
  }
}

interface Stage {
  lab: TestLab;
  dir: string;
  specs: readonly HostSpec[];
  inside(argv: string[]): Promise<string>;
}

async function play(
  { lab, dir, specs, inside }: Stage,
  { tasks, serial, forks }: { tasks: string; serial: string; forks: number },
): Promise<number> {
  const vars = [
    'ansible_user=root',
    `ansible_ssh_private_key_file=${keyPath(lab.place)}`,
    'ansible_ssh_common_args=-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null',
    'ansible_python_interpreter=/usr/bin/python3',
  ];
  writeFileSync(join(dir, 'inventory'), `[all]\n${specs.map(addressOf).join('\n')}\n[all:vars]\n${vars.join('\n')}\n`);
  writeFileSync(join(dir, 'play.yml'), `- hosts: all\n  serial: ${serial}\n  gather_facts: false\n  tasks:\n${tasks}`);
  const start = performance.now();
  await inside([
    'env',
    'LC_ALL=C.UTF-8',
    'ansible-playbook',
    '-i',
    join(dir, 'inventory'),
    '-f',
    String(forks),
    join(dir, 'play.yml'),
  ]);
  return (performance.now() - start) / 1000;
}
