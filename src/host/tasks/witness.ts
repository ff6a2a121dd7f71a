import type { AlarmRequest, CheckpointReply } from '../../model/agent.ts';
import { isConsistent } from './consistency.ts';
import type { Log } from './log.ts';
import { readCheckpoint } from './note.ts';
import type { Kept, StoredAlarm } from './kept.ts';

export interface Witness {
  /** the newest checkpoint, and the proof that it continues the one of this size */
  ask(size: number): Promise<CheckpointReply>;
  /** raises the alarm where people see it */
  tell(alarm: AlarmRequest): Promise<void>;
  kept: Pick<Kept, 'alarm' | 'saveAlarm' | 'checkpoint' | 'saveCheckpoint'>;
  /** verifier key line, pinned at enrollment */
  checkpointKey: string;
  log: Log;
  now(): Date;
}

const NOTHING = { size: 0, root: '0'.repeat(64) };

/**
 * Looks whether the server's history continues the one this host remembers, and remembers the newer one. Null when all
 * is well; otherwise the alarm, which stays until an operator clears it on the host. Throws when the server gave no
 * answer to judge.
 */
export async function witness(given: Witness): Promise<StoredAlarm | null> {
  const raised = await given.kept.alarm();
  if (raised) return deliver(given, raised);
  const remembered = await given.kept.checkpoint();
  const seen = remembered === null ? null : readCheckpoint(remembered, given.checkpointKey);
  const { checkpoint, consistency } = await given.ask(seen?.size ?? 0);
  const offered = readCheckpoint(checkpoint, given.checkpointKey);
  const why = offered === null ? 'what it offered is no checkpoint' : problem(seen ?? NOTHING, offered, consistency);
  if (why === null) {
    if (checkpoint !== remembered) await given.kept.saveCheckpoint(checkpoint);
    return null;
  }
  const alarm: StoredAlarm = {
    kind: 'inconsistent-trail',
    seen: pick(seen ?? NOTHING),
    offered: pick(offered ?? NOTHING),
    why,
    at: given.now().toISOString(),
    delivered: false,
  };
  given.log.error('The trail of the server does not continue the one seen before', {
    why,
    seen: alarm.seen.root,
    offered: alarm.offered.root,
  });
  await given.kept.saveAlarm(alarm);
  return deliver(given, alarm);
}

const pick = ({ size, root }: { size: number; root: string }): { size: number; root: string } => ({ size, root });

function problem(
  seen: { size: number; root: string },
  offered: { size: number; root: string; signed: boolean },
  path: readonly string[],
): string | null {
  if (!offered.signed) return 'the checkpoint is not signed by the key that was pinned at enrollment';
  if (offered.size < seen.size) return `the trail has shrunk from ${seen.size} to ${offered.size} entries`;
  if (isConsistent({ from: seen, to: offered, path })) return null;
  if (offered.size === seen.size) return `the trail has another root at ${seen.size} entries`;
  return `the first ${seen.size} of its ${offered.size} entries are not the ones seen before`;
}

/** The alarm goes to the very server that is under suspicion: others read it there, and the file on the host stays. */
async function deliver(given: Witness, alarm: StoredAlarm): Promise<StoredAlarm> {
  if (alarm.delivered) return alarm;
  const { kind, seen, offered, why } = alarm;
  try {
    await given.tell({ kind, seen, offered, why });
  } catch {
    return alarm;
  }
  const delivered = { ...alarm, delivered: true };
  await given.kept.saveAlarm(delivered);
  return delivered;
}
