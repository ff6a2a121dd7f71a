import { join } from 'node:path';
import type { FactsReply } from '../../model/agent.ts';
import { localHost } from '../../host/local.ts';
import { forgetOwnEnv, readEnv } from '../env.ts';
import { ownSubnets } from '../patrol/subnets.ts';
import { reportFacts, type Tell } from '../report.ts';
import { RUNS } from '../runs.ts';
import { askerOf, type Ask } from './asker.ts';
import { gaveWay } from './chosen.ts';
import { loadFacts, saveFacts } from './fact-cache.ts';
import { readHandover } from './handover.ts';
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
  const { listsAt: before, wholeAt: beforeWhole } = handed.times;
  const reporter = { host, cache, listsAt: before, wholeAt: beforeWhole, now: () => new Date() };
  const { ask, close } = askerOf(handed);
  const sent = await reportFacts(reporter, tellBy(ask));
  saveFacts(file, program, cache);
  close();
  const { listsAt, wholeAt } = reporter;
  const looked: Looked = { sent, factsAt: Date.now(), listsAt, wholeAt, subnets: ownSubnets() };
  await new Promise<void>((resolve) => process.send!(looked, () => resolve()));
  process.off('disconnect', orphaned);
  process.disconnect();
  return 0;
}

const tellBy =
  (ask: Ask): Tell =>
  async (sections) => {
    const { status, text } = await ask('POST', '/facts', { body: { sections } });
    if (status >= 400) throw new Error(`the server answered ${status} to facts`);
    const { want } = JSON.parse(text) as Partial<FactsReply>;
    if (!Array.isArray(want)) throw new Error('the server answered in another form to facts');
    return { want };
  };
