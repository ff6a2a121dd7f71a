import { createDiscovery } from '../src/loop/discovery/index.ts';
import { ChurnPlay, type Verdict } from '../src/loop/discovery/testing/churn-play.ts';
import { ChurnWorld } from '../src/loop/discovery/testing/churn-world.ts';
import type { Bench, Measured } from './contract.ts';
import { withEmbedded } from './reconcile.ts';

/** Hours between two scans of everything, over a week. */
const EVERY = 6;
const WEEK = 168;
const SEED = 14;
const SHOWN = 5;
const figures: string[] = [];

async function week(machines: number): Promise<Verdict> {
  return withEmbedded(async (platform) => {
    const world = new ChurnWorld(SEED, machines);
    const play = new ChurnPlay(platform, createDiscovery(platform), world);
    await play.round();
    for (let hour = 0; hour < WEEK; hour += EVERY) {
      world.pass(EVERY);
      await play.round();
    }
    return play.verdict;
  });
}

function tell(machines: number, verdict: Verdict): void {
  const { merged, duplicates, falseNew, falseOffline, unexplained } = verdict;
  const wrong = {
    'false merges': merged,
    duplicates,
    'false new': falseNew,
    'false offline': falseOffline,
    unexplained,
  };
  figures.push(
    `a week of ${machines.toLocaleString('en')} machines: ${verdict.sightings.toLocaleString('en')} sightings, ${verdict.hosts.toLocaleString('en')} hosts, ${verdict.trulyNew.toLocaleString('en')} really new`,
    `where the evidence suffices: ${Object.entries(wrong)
      .map(([what, all]) => `${all.length} ${what}`)
      .join(', ')}`,
  );
  for (const all of Object.values(wrong)) figures.push(...all.slice(0, SHOWN).map((one) => `  ${one}`));
  for (const [doubt, { machines: those, merged: joined, duplicates: doubled }] of verdict.apart)
    figures.push(`nobody could tell (${doubt}): ${those.size} machines, ${joined} merged, ${doubled} counted again`);
}

/**
 * The peer is a week without an error. The ratio is one by one more than the errors: as a share of sightings, a hundred
 * of them would still print as 1.00.
 */
export const churn: Bench = {
  name: 'churn',
  claim:
    'a week of an estate that lives: no machine merged with another, none counted twice, alerts for what is new only',
  target: 1,
  unit: 'of weeks without an error',
  figures: () => figures,
  missing: () => null,
  run: async (_, size): Promise<Measured[]> => {
    const machines = size < 100 ? 200 : 5000;
    const verdict = await week(machines);
    tell(machines, verdict);
    const measured = judged(verdict);
    // The verdict counts small as well.
    if (measured.ours < measured.peer) process.exitCode = 1;
    return [measured];
  },
};

export function judged({ merged, duplicates, falseNew, falseOffline, unexplained }: Verdict): Measured {
  const wrong = [merged, duplicates, falseNew, falseOffline, unexplained].reduce((sum, all) => sum + all.length, 0);
  return { ours: 1, peer: 1 + wrong };
}
