import { createHash } from 'node:crypto';

/** So many agents of a subnet look around in it, taking turns: its cost does not grow with its agents. */
export const ELECTED = 2;
const DAY_MS = 24 * 3_600_000;
const HOUR_MS = 3_600_000;
/** From one patrol of a subnet to the next. */
export const PATROL_EVERY_MS = 4 * HOUR_MS;
/** After one that came to no end. */
const RETRY_MS = HOUR_MS / 2;
/** One that was overdue for so long is taken by whoever of the elected comes first. */
const LATE_MS = HOUR_MS;

/**
 * Which agents look around in a subnet today: those whose hash with subnet and date is lowest. The same on every
 * server, another pair each day, and nobody can arrange to be chosen without choosing another agent's id.
 */
export function elect(candidates: readonly string[], block: string, now: Date): string[] {
  const day = Math.floor(now.getTime() / DAY_MS);
  const score = (agentId: string): string => createHash('sha256').update(`${block} ${day} ${agentId}`).digest('hex');
  return [...new Set(candidates)]
    .map((agentId) => ({ agentId, score: score(agentId) }))
    .toSorted((a, b) => (a.score < b.score ? -1 : 1))
    .slice(0, ELECTED)
    .map(({ agentId }) => agentId);
}

/** The last patrol of the subnet, whoever did it. */
export interface LastPatrol {
  agentId: string;
  at: Date;
  isDone: boolean;
}

/** Is it time for another patrol of a subnet? */
export function isDue(last: LastPatrol | null, now: Date): boolean {
  return last === null || now.getTime() - last.at.getTime() >= pauseAfter(last);
}

const pauseAfter = (last: LastPatrol): number => (last.isDone ? PATROL_EVERY_MS : RETRY_MS);

/** May this agent begin one now? The elected take turns, so that what one of them hides or misses the other one sees. */
export function isTurn(agentId: string, elected: readonly string[], last: LastPatrol | null, now: Date): boolean {
  if (!elected.includes(agentId) || !isDue(last, now)) return false;
  if (!last || last.agentId !== agentId || elected.length === 1) return true;
  return now.getTime() - last.at.getTime() >= pauseAfter(last) + LATE_MS;
}
