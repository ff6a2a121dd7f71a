import type { SectionName } from '../../model/facts.ts';
import type { Platform } from '../../platform/context.ts';
import { removeUnserved } from './revocation/store.ts';
import { removePackages } from './store-interned.ts';
import { removeContents, removeFactHistory, removeListHistory } from './store-facts.ts';

const DAY_MS = 86_400_000;
/** Every report tells another story of these: they would be most of the database. */
const LIVE: readonly SectionName[] = ['processes', 'connections', 'neighbours'];

/**
 * Timer: facts that are older than they have to be kept go. What a host has now stays however old it is, and findings
 * carry their evidence with them.
 */
export async function retainFacts(platform: Platform): Promise<void> {
  const now = platform.now().getTime();
  const { historyDays, liveHistoryDays } = platform.config;
  const live = new Date(now - Math.min(liveHistoryDays, historyDays) * DAY_MS);
  const removed = {
    live: await removeFactHistory(platform.db, live, { only: LIVE }),
    other: await removeFactHistory(platform.db, new Date(now - historyDays * DAY_MS), { besides: LIVE }),
    lists: await removeListHistory(platform.db, new Date(now - historyDays * DAY_MS)),
    packages: await removePackages(platform.db),
    certificates: await removeUnserved(platform.db, new Date(now - historyDays * DAY_MS)),
    contents: await removeContents(platform.db, new Date(now - DAY_MS)),
  };
  platform.log.info(removed, 'old facts were removed');
}
