import * as z from 'zod';
import { FactsReply } from '../model/agent.ts';
import type { FileJournal } from '../host/tasks/file-journal.ts';
import { refusalCode, type Client } from './client.ts';
import type { Log } from './log.ts';
import type { Tell } from './report.ts';

export interface Deliverer {
  journal: FileJournal;
  client: Client;
  log: Log;
}

type Pending = ReturnType<FileJournal['pending']>;

/** Everything the server has not acknowledged; acknowledged is what a successful answer followed. */
export async function deliver(agent: Deliverer): Promise<void> {
  const pending = agent.journal.pending().slice(0, 100);
  if (pending.length === 0) return;
  try {
    await tell(agent, pending);
  } catch (error) {
    if (!UNWANTED.has(refusalCode(error) ?? '')) throw error;
    for (const record of pending) await tellOrGiveUp(agent, record);
  }
}

/** Codes by which a server says that it will never take a report: of a task it does not know, or of a former agent. */
const UNWANTED = new Set(['OUTCOME_REFUSED', 'INPUT_INVALID']);

async function tell(agent: Deliverer, pending: Pending): Promise<void> {
  const outcomes = pending.flatMap((record) => (record.t === 'done' ? [record.signed] : []));
  const refused = pending.flatMap((record) =>
    record.t === 'refused'
      ? [{ assignmentId: record.assignment, taskId: record.taskId, code: record.code, why: record.why }]
      : [],
  );
  await agent.client.call('POST', '/outcomes', z.unknown(), { body: { outcomes, refused }, timeoutMs: 10_000 });
  await agent.journal.write({ t: 'acked', records: pending.map((record) => record.n) });
}

/** One report that is not wanted must not hold up all others for ever. It stays in the journal. */
async function tellOrGiveUp(agent: Deliverer, record: Pending[number]): Promise<void> {
  try {
    await tell(agent, [record]);
  } catch (error) {
    if (!UNWANTED.has(refusalCode(error) ?? '')) throw error;
    agent.log.error('The server does not take an outcome', { record: record.n, why: (error as Error).message });
    await agent.journal.write({ t: 'acked', records: [record.n] });
  }
}

export const factsTo =
  (client: Client): Tell =>
  (sections) =>
    client.call('POST', '/facts', FactsReply, { body: { sections } });
