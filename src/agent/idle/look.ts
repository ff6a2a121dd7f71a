import * as z from 'zod';
import { localHost } from '../../host/local.ts';
import { clientOf } from '../client.ts';
import { loadConfig } from '../config.ts';
import { forgetOwnEnv, readEnv } from '../env.ts';
import { configPathOf } from '../options.ts';
import { ownSubnets } from '../patrol/subnets.ts';
import { reportFacts } from '../report.ts';
import { RUNS } from '../runs.ts';
import { openState } from '../state.ts';
import { gaveWay } from './chosen.ts';
import { loadFacts, saveFacts } from './fact-cache.ts';
import { Times } from './times.ts';
import type { Looked } from './wait.ts';

const Beginning = z.object({
  chosen: z.object({ digest: z.string(), path: z.string() }).nullable(),
  times: Times,
});

/** One look at the host in a process of its own, told to the server, and its end told to who waits for it. */
export async function lookAndTell(text: string): Promise<number> {
  const { chosen, times } = Beginning.parse(JSON.parse(text));
  if (gaveWay({ chosen })) return RUNS;
  // Whoever started us is gone, and another of us may be on its way.
  const orphaned = (): void => process.exit(1);
  process.on('disconnect', orphaned);
  const { hostRoot, program } = readEnv();
  forgetOwnEnv();
  const host = localHost({ root: hostRoot });
  const config = await loadConfig(host, host.shown(configPathOf(process.argv.slice(2))));
  const state = openState(host, config.stateDir);
  const identity = await state.identity();
  if (identity === null) throw new Error('the agent is not enrolled');
  const client = clientOf(config, await state.key(), identity);
  const file = host.real(`${config.stateDir}/facts.cache`);
  const cache = loadFacts(file, program);
  const reporter = { host, client, cache, listsAt: times.listsAt, wholeAt: times.wholeAt, now: () => new Date() };
  const sent = await reportFacts(reporter);
  saveFacts(file, program, cache);
  client.close();
  const { listsAt, wholeAt } = reporter;
  const looked: Looked = { sent, factsAt: Date.now(), listsAt, wholeAt, subnets: ownSubnets() };
  await new Promise<void>((resolve) => process.send!(looked, () => resolve()));
  process.off('disconnect', orphaned);
  process.disconnect();
  return 0;
}
