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
