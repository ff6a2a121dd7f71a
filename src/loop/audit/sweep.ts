import { internStored } from './intern-host.ts';
import type { Judge } from './judge-host.ts';
import { digestOf, heldDigest } from './kit-store.ts';
import type { InForce } from './logic/policy.ts';
import { policiesInForce } from './store-policies.ts';
import { hostsToWatch } from './store-findings.ts';
import { judgedHosts } from './store-judged.ts';

const OPEN_EVERY_MS = 10 * 60_000;
const ALL_EVERY_MS = 24 * 3_600_000;

/**
 * By timer: whatever an event was lost for. Hosts that were never judged, or by other kits or policies, or long ago; and those whose
 * findings wait for evidence.
 */
export async function sweep(context: Judge): Promise<void> {
  await context.refreshKits();
  const { platform, discovery, kits } = context;
  const now = platform.now().getTime();
  const digest = digestOf(kits);
  const inForce = await policiesInForce(platform.db);
  const digests = new Map<InForce, string>();
  const judged = await judgedHosts(platform.db);
  const open = new Map((await hostsToWatch(platform.db)).map((one) => [one.hostId, one.pending]));
  const known = await discovery.briefs();
  await internStored(
    platform,
    discovery,
    known.map((host) => host.id),
  );
  const wanted = new Map<string, string>();
  for (const host of known) {
    const its = inForce(host);
    if (!digests.has(its)) digests.set(its, heldDigest(digest, its));
    wanted.set(host.id, digests.get(its)!);
  }
  for (const hostId of new Set([...known.map((host) => host.id), ...open.keys()])) {
    const last = judged.get(hostId);
    const every = open.get(hostId) ? 0 : open.has(hostId) ? OPEN_EVERY_MS : ALL_EVERY_MS;
    const due = !last || last.kits !== (wanted.get(hostId) ?? last.kits) || now - last.at.getTime() >= every;
    if (due) await platform.queue.enqueue('audit.host', { hostId }, { singletonKey: hostId });
  }
}
