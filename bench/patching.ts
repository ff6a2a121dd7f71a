import type { Bench, Measured } from './contract.ts';
import { whyNoCrowd, withCrowd, type Crowd } from './lab.ts';
import { changesOf, differences } from './upgrades.ts';

const UPGRADE = `    - apt: {update_cache: true, upgrade: safe}
      environment: {DEBIAN_FRONTEND: noninteractive}
`;

interface Took {
  name: string;
  seconds: number;
  /** what became of the packages of each host */
  changes: string[][];
}

const NOTHING: Took = { name: 'nobody', seconds: Number.NaN, changes: [] };

function upgrade(name: string, hosts: number, work: (crowd: Crowd) => Promise<number>): Promise<Took> {
  return withCrowd(hosts, async (crowd) => {
    const before = await crowd.packages();
    const seconds = await work(crowd);
    const after = await crowd.packages();
    return { name, seconds, changes: after.map((packages, index) => changesOf(before[index]!, packages)) };
  });
}

const theirs = (hosts: number): Promise<Took> =>
  upgrade('Ansible', hosts, (crowd) => crowd.play(UPGRADE, "[1, '100%']", hosts));

const ours = (hosts: number): Promise<Took> => upgrade('ours', hosts, async (crowd) => (await crowd.loop()).change);

/** A ratio of two upgrades says nothing where one of them did less. */
function mustBeSame(a: Took, b: Took): void {
  const different = differences(a, b);
  if (different.length > 0) throw new Error(`The two upgrades are not the same:\n  ${different.join('\n  ')}`);
  if (a.changes[0]!.length === 0) throw new Error('There was nothing to upgrade on the hosts of the lab.');
}

/**
 * All pending updates of lab hosts by their own apt, hosts per second, against an Ansible playbook doing the same upgrade on
 * as many fresh ones: one first, as our canary, then all others at once. Ours predicts, verifies and writes each step down
 * besides; that is in its time, as starting Python is in theirs. What is fetched is in the lab's cache before either begins,
 * and they take turns in going first. It fails where both did not bring the same packages to the same versions everywhere.
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
      const took = { ours: NOTHING, theirs: NOTHING };
      const sides = [async () => (took.theirs = await theirs(hosts)), async () => (took.ours = await ours(hosts))];
      for (const side of round % 2 === 0 ? sides : sides.toReversed()) await side();
      mustBeSame(took.ours, took.theirs);
      const told = Object.values(took).map(({ name, seconds }) => `${name} ${seconds.toFixed(1)} s`);
      const { length } = took.ours.changes[0]!;
      console.log(`  ${hosts} hosts: ${told.join(', ')}, the same ${length} packages to the same versions on each`);
      measured.push({ ours: hosts / took.ours.seconds, peer: hosts / took.theirs.seconds });
    }
    return measured;
  },
};
