import { systemActor } from '../../model/actor.ts';
import type { Platform } from '../../platform/context.ts';
import { endOldClaims } from './store-addresses.ts';
import { lockIdentities, noteDecision } from './store-hosts.ts';
import { fillUntil } from './store-told.ts';
import { removeMoments } from './store-timeline.ts';
import {
  removeDepartures,
  removeFaces,
  removeFollowed,
  removeHistory,
  removePatrols,
  removeScans,
  removeSightings,
} from './store-retention.ts';

const DAY_MS = 86_400_000;
/** Who says that a machine has an address says so again within a month, or it has moved on. */
export const CLAIM_DAYS = 30;

/** Timer: what is older than it has to be kept goes; the latest of everything stays. */
export async function retain(platform: Platform): Promise<void> {
  const now = platform.now().getTime();
  const before = new Date(now - platform.config.historyDays * DAY_MS);
  // What was told until when decides what is old.
  const filled = await fillUntil(platform.db);
  if (filled > 0) platform.log.info({ filled }, 'sightings of an earlier version were given the moment of their end');
  const removed = {
    sightings: await removeSightings(platform.db, before),
    history: await removeHistory(platform.db, before, platform.now()),
    scans: await removeScans(platform.db, before),
    moments: await removeMoments(platform.db, before),
    patrols: await removePatrols(platform.db, before),
    faces: await removeFaces(platform.db, before),
    followed: await removeFollowed(platform.db, new Date(now - DAY_MS)),
    departures: await removeDepartures(platform.db),
  };
  platform.log.info(removed, 'old sightings, probe results, scans and patrols were removed');
  await endClaims(platform, new Date(now - CLAIM_DAYS * DAY_MS));
}

async function endClaims(platform: Platform, before: Date): Promise<void> {
  await platform.observe(systemActor('discovery.retention'), async (tx) => {
    // Lists are taken under this lock, and tell the same claims anew.
    await lockIdentities(tx.db);
    for (const { host_id, address } of await endOldClaims(tx.db, before)) {
      const why = `somebody said that it has ${address}, but nobody has said so for ${CLAIM_DAYS} days`;
      await noteDecision(tx.db, { hostId: host_id, at: tx.now, kind: 'left', address, why });
    }
  });
}
