import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { hostsOf } from '../lab/demo/run/api.ts';
import { NETWORK } from '../lab/netns/spec.ts';
import { serveLab } from '../lab/netns/testing/served.ts';
import { keyPath } from '../lab/netns/up.ts';
import type { Bench, Measured } from './contract.ts';
import { whyNoCrowd, withCrowd, type Crowd } from './lab.ts';

const ROOT = join(import.meta.dirname, '..');
const AGENT = join(ROOT, `dist/agent/lastember-agent-linux-${process.arch}`);

/** The agent's file, a unit for it, and that it runs there. */
const COPY = `    - copy: {src: ${AGENT}, dest: /opt/lastember-bench, mode: '0755'}
    - copy: {content: "[Service]\\nExecStart=/opt/lastember-bench run\\n", dest: /etc/systemd/system/lastember-bench.service}
    - command: systemctl daemon-reload
    - command: /opt/lastember-bench --version
`;

async function deploy({ lab, specs }: Crowd): Promise<number> {
  const server = await serveLab(lab);
  try {
    const { operator } = server;
    const privateKey = readFileSync(keyPath(lab.place), 'utf8');
    await operator.addCredential({ body: { kind: 'private-key', name: 'root', username: 'root', privateKey } });
    await operator.createScope({ body: { name: 'lab', cidrs: [`${NETWORK}.0.0/24`], ports: 'fast' } });
    await server.scan('lab');
    const hostIds = (await hostsOf(operator)).map(({ id }) => id);
    if (hostIds.length !== specs.length) throw new Error(`${hostIds.length} of ${specs.length} hosts were found`);
    const deployed = async (ids: string[]): Promise<number> => {
      const start = performance.now();
      const { hosts } = await server.deploy({ hostIds: ids });
      const bad = hosts.find(({ state }) => state !== 'done');
      if (bad) throw new Error(`${bad.hostName}: ${bad.why}`);
      return (performance.now() - start) / 1000;
    };
    // The file that travels is packed once for each version; that takes most of a minute.
    await deployed(hostIds.slice(0, 1));
    return await deployed(hostIds.slice(1));
  } finally {
    await server.close();
  }
}

/**
 * The agent on lab hosts that have none, hosts per second, against an Ansible playbook that copies the same file to as many
 * fresh ones, writes a unit and runs it once. Ours ends when every agent has a certificate and has checked in. Another
 * host went before, so that what is made once for all has been made.
 */
export const deploying: Bench = {
  name: 'deploying',
  claim: 'deploys agents no slower than an Ansible playbook copies their file',
  target: 1,
  missing: whyNoCrowd,
  run: async (rounds, size) => {
    const hosts = Math.max(2, Math.min(19, Math.floor(size / 5)));
    execFileSync(process.execPath, [join(ROOT, 'scripts/build-agent.ts'), '--one-file'], { stdio: 'ignore' });
    const measured: Measured[] = [];
    for (let round = 0; round < Math.min(rounds, 2); round += 1) {
      const theirs = await withCrowd(hosts, (crowd) => crowd.play(COPY, "['100%']", hosts));
      const ours = await withCrowd(hosts + 1, deploy);
      console.log(`  ${hosts} hosts: ours ${ours.toFixed(1)} s, ansible ${theirs.toFixed(1)} s`);
      measured.push({ ours: hosts / ours, peer: hosts / theirs });
    }
    return measured;
  },
};
