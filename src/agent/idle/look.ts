import { once } from 'node:events';
import { join } from 'node:path';
import { localHost } from '../../host/local.ts';
import { forgetOwnEnv, readEnv } from '../env.ts';
import { ownSubnets } from '../patrol/subnets.ts';
import { reportFacts, type Tell } from '../report.ts';
import { RUNS } from '../runs.ts';
import { gaveWay } from './chosen.ts';
import { loadFacts, saveFacts } from './fact-cache.ts';
import { readHandover } from './handover.ts';
import type { FromLook, ToLook } from './looking.ts';
import type { Looked } from './wait.ts';

/**
 * One look at the host in a process of its own, told to the server, and its end told to who waits for it. A process begins
 * cold each time: what is not needed for a look is not loaded, the schemas above all.
 */
export async function lookAndTell(text: string): Promise<number> {
  const handed = readHandover(text);
  if (handed === null) throw new Error('nobody said what to look with');
  if (gaveWay(handed)) return RUNS;
  // Whoever started us is gone, and another of us may be on its way.
  const orphaned = (): void => process.exit(1);
  process.on('disconnect', orphaned);
  const { hostRoot, program } = readEnv();
  forgetOwnEnv();
  const host = localHost({ root: hostRoot });
  const file = join(handed.stateDir, 'facts.cache');
  const cache = loadFacts(file, program);
  const { factsSeconds, times } = handed;
  const listed = (listsAt: number): void => void process.send!({ listsAt } satisfies FromLook);
  const reporter = { host, cache, factsSeconds, ...times, now: () => new Date(), listed };
  const sent = await reportFacts(reporter, tellThroughParent);
  saveFacts(file, program, cache);
  const { listsAt, wholeAt } = reporter;
  const looked: Looked = { sent, factsAt: Date.now(), listsAt, wholeAt, subnets: ownSubnets() };
  await new Promise<void>((resolve) => process.send!({ looked } satisfies FromLook, () => resolve()));
  process.off('disconnect', orphaned);
  process.disconnect();
  return 0;
}

/** Whoever waits has a connection already. */
const tellThroughParent: Tell = async (sections) => {
  const answered = once(process, 'message');
  process.send!({ sections } satisfies FromLook);
  const [answer] = (await answered) as [ToLook];
  if ('failed' in answer) throw new Error(answer.failed);
  return answer;
};
