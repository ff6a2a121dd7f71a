/**
 * A worker that carries out an assignment over SSH, with the power cut at its n-th journal record. A program of its own, so
 * that the cut is a real SIGKILL. For tests only.
 */
import { readFileSync } from 'node:fs';
import type { Assignment } from '../../../model/agent.ts';
import type { ApproverKey } from '../../../model/plan.ts';
import { carryOut } from '../../tasks/execute.ts';
import { sshHost } from '../index.ts';
import { openWork } from '../work/index.ts';

const given = JSON.parse(readFileSync(process.argv[2]!, 'utf8')) as {
  address: string;
  port: number;
  trust: string;
  access: string;
  assignment: Assignment;
  approvers: ApproverKey[];
  at: number;
  when: 'before' | 'after';
};

const { address, port, trust } = given;
const remote = await sshHost({ address, port, trust, username: 'ops', auth: { password: 'up' } });
const work = await openWork(remote, {
  access: given.access,
  name: `worker ${process.pid}`,
  now: () => new Date(),
  signal: new AbortController().signal,
  guard: () => {},
});
let left = given.at;
const write = work.journal.write.bind(work.journal);
work.journal.write = async (record) => {
  left -= 1;
  if (left === 0 && given.when === 'before') process.kill(process.pid, 'SIGKILL');
  const number = await write(record);
  if (left === 0 && given.when === 'after') process.kill(process.pid, 'SIGKILL');
  return number;
};
const quiet = { info: () => {}, warn: () => {}, error: () => {} };
await carryOut(
  {
    ...work,
    agentId: given.access,
    approvers: given.approvers,
    sign: () => null,
    login: null,
    log: quiet,
    now: () => new Date(),
    progress: async () => {},
    stopping: () => false,
  },
  given.assignment,
);
await work.close();
await remote.close();
