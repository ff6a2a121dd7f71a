import type { Bench, Measured } from './contract.ts';
import { whyNoCrowd, withCrowd } from './lab.ts';

const UPGRADE = `    - apt: {update_cache: true, upgrade: safe}
      environment: {DEBIAN_FRONTEND: noninteractive}
`;

/**
 * All pending updates of lab hosts by their own apt, hosts per second, against an Ansible playbook doing the same upgrade on
 * as many fresh ones: one first, as our canary, then all others at once. Ours predicts, verifies and writes each step down
 * besides; that is in its time, as starting Python is in theirs. Theirs go first, so nothing is fetched for ours alone.
 */
export const patching: Bench = {
  name: 'patching',
  claim: 'upgrades lab hosts no slower than an Ansible playbook, one first and then all others',
  target: 1,
  missing: whyNoCrowd,
  run: async (rounds, size) => {
    const hosts = Math.max(2, Math.min(10, Math.floor(size / 10)));
    const measured: Measured[] = [];
    for (let round = 0; round < Math.min(rounds, 2); round += 1) {
      const theirs = await withCrowd(hosts, (crowd) => crowd.play(UPGRADE, "[1, '100%']", hosts));
      const ours = await withCrowd(hosts, async (crowd) => (await crowd.loop()).change);
      console.log(`  ${hosts} hosts: ours ${ours.toFixed(1)} s, ansible ${theirs.toFixed(1)} s`);
      measured.push({ ours: hosts / ours, peer: hosts / theirs });
    }
    return measured;
  },
};
