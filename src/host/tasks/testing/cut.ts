/**
 * Carries one assignment out, with the power cut at the n-th journal record: `cut.ts ROOT JSON N before|after`. A program of
 * its own, so that the cut is a real SIGKILL. Prints the outcomes when it comes to its end. For tests only.
 */
import { join } from 'node:path';
import type { Assignment } from '../../../model/agent.ts';
import type { ApproverKey } from '../../../model/plan.ts';
import { localHost } from '../../local.ts';
import { carryOut } from '../execute.ts';
import { CuttingJournal } from './cutting-journal.ts';

interface Given {
  assignment: Assignment;
  approvers: ApproverKey[];
  agentId: string;
}

const [root = '', json = '', at = '0', when = ''] = process.argv.slice(2);
const given = JSON.parse(json) as Given;

const journal = new CuttingJournal(join(root, 'journal.jsonl'), Number(at), when);
await carryOut(
  {
    host: localHost({ root }),
    journal,
    kept: { keep: async () => {}, drop: async () => {} },
    agentId: given.agentId,
    sign: () => null,
    approvers: given.approvers,
    log: { info: () => {}, warn: () => {}, error: () => {} },
    login: null,
    now: () => new Date(),
    progress: async () => {},
    stopping: () => false,
  },
  given.assignment,
);
const told = journal.pending().map((record) => (record.t === 'done' ? record.signed.outcome : record));
process.stdout.write(JSON.stringify(told));
journal.close();
