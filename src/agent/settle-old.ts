import { settle, type Executor } from '../host/tasks/execute.ts';
import type { FileJournal } from '../host/tasks/file-journal.ts';
import { GRACE_MS } from '../host/tasks/verify.ts';

type Settler = Pick<Executor, 'host' | 'now'> & { journal: FileJournal };

/** Tasks that nobody can undo any more: their window and the time of grace are over. */
export async function settleOld(agent: Settler): Promise<void> {
  const limit = agent.now().getTime() - GRACE_MS;
  for (const task of agent.journal.tasks()) {
    if (!task.settled && Date.parse(task.notAfter) < limit) await settle(agent, task.digest, task.taskId);
  }
}

/** What could not be settled is tried again after an hour, not all the time. */
const AGAIN_MS = 3_600_000;

/** When the next one is to be settled, in milliseconds; null: there is none. */
export function settleAt(tasks: readonly { settled: boolean; notAfter: string }[], now: number): number | null {
  const ends = tasks.filter(({ settled }) => !settled).map(({ notAfter }) => Date.parse(notAfter) + GRACE_MS + 1);
  const first = ends.filter((at) => !Number.isNaN(at)).reduce((one, other) => Math.min(one, other), Infinity);
  if (first === Infinity) return null;
  return first <= now ? now + AGAIN_MS : first;
}
