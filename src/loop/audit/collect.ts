import { systemActor } from '../../model/actor.ts';
import type { Platform, Tx } from '../../platform/context.ts';
import type { Discovery } from '../discovery/index.ts';
import type { Enrollment } from '../enrollment/index.ts';
import { askFacts } from './store-facts.ts';
import { takeFacts } from './take-facts.ts';

/** How hosts without an agent are looked at, and what is known of the agents of others. */
export type Agentless = Pick<Enrollment, 'agent' | 'askLooks' | 'dueForLook' | 'lookOver'>;

interface Context {
  platform: Platform;
  discovery: Discovery;
  agentless: Agentless | null;
}

/** As many as are put into the queue by one timer; the next one brings the rest. */
const MOST_DUE = 500;

/** Fresh facts are wanted: an agent hears of it at its next poll; a host without one is looked at over SSH. */
export async function ask(
  { agentless }: Pick<Context, 'agentless'>,
  tx: Tx,
  hostIds: readonly string[],
): Promise<void> {
  const bySsh = hostIds.length > 0 ? await agentless?.askLooks(tx, hostIds) : undefined;
  for (const hostId of hostIds) {
    if (bySsh?.has(hostId)) {
      await tx.enqueue('audit.collect', { hostId }, { singletonKey: hostId });
      continue;
    }
    await askFacts(tx.db, hostId, tx.now);
    await tx.publish('tasks', { hostId });
  }
}

/**
 * Job: one look at a host without an agent, if it is due or somebody asked for it. What it brings is taken as if an agent
 * had sent it.
 */
export async function collectOne({ platform, discovery, agentless }: Context, hostId: string): Promise<void> {
  const from = { actor: systemActor('audit.collect'), hostId };
  const again = await agentless?.lookOver(hostId, (sections, holds) =>
    takeFacts(platform, discovery, from, sections, holds),
  );
  if (again) await platform.queue.enqueue('audit.collect', { hostId }, { singletonKey: hostId });
}

/** Timer: hosts without an agent whose next look is due. */
export async function collectDue({ platform, agentless }: Context): Promise<void> {
  for (const hostId of (await agentless?.dueForLook(MOST_DUE)) ?? [])
    await platform.queue.enqueue('audit.collect', { hostId }, { singletonKey: hostId });
}
