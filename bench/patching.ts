import type { Bench, Measured } from './contract.ts';
import { whyNoCrowd, withCrowd } from './lab.ts';

const UPGRADE = `    - apt: {update_cache: true, upgrade: safe}
      environment: {DEBIAN_FRONTEND: noninteractive}
`;

interface Took {
  seconds: number;
  /** packages, on one host */
  upgraded: number;
}

const theirs = (hosts: number): Promise<Took> =>
  withCrowd(hosts, async (crowd) => ({
    seconds: await crowd.play(UPGRADE, "[1, '100%']", hosts),
    upgraded: await crowd.upgraded(),
  }));

const ours = (hosts: number): Promise<Took> =>
  withCrowd(hosts, async (crowd) => ({ seconds: (await crowd.loop()).change, upgraded: await crowd.upgraded() }));

/**
 * All pending updates of lab hosts by their own apt, hosts per second, against an Ansible playbook doing the same upgrade on
 * as many fresh ones: one first, as our canary, then all others at once. Ours predicts, verifies and writes each step down
 * besides; that is in its time, as starting Python is in theirs. What is fetched is in the lab's cache before either begins,
 * and they take turns in going first.
 */
export const patching: Bench = {
  name: 'patching',
  claim: 'upgrades lab hosts no slower than an Ansible playbook, one first and then all others',
  target: 1,
  missing: whyNoCrowd,
  run: async (rounds, size) => {
    const hosts = Math.max(2, Math.min(10, Math.floor(size / 10)));
    const measured: Measured[] = [];
    if (rounds > 1) await theirs(1);
    for (let round = 0; round < Math.min(rounds, 3); round += 1) {
      const took = { ours: { seconds: 0, upgraded: 0 }, theirs: { seconds: 0, upgraded: 0 } };
      const sides = [async () => (took.theirs = await theirs(hosts)), async () => (took.ours = await ours(hosts))];
      for (const side of round % 2 === 0 ? sides : sides.toReversed()) await side();
      const told = ({ seconds, upgraded }: Took): string => `${seconds.toFixed(1)} s (${upgraded} packages on each)`;
      console.log(`  ${hosts} hosts: ours ${told(took.ours)}, ansible ${told(took.theirs)}`);
      measured.push({ ours: hosts / took.ours.seconds, peer: hosts / took.theirs.seconds });
    }
    return measured;
  },
};
