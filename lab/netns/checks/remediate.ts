/** What a change does on one host: plans by the planner, approves what it planned, and carries it out over SSH. */
import type { SshHost } from '../../../src/host/ssh/index.ts';
import { openWork, type Work } from '../../../src/host/ssh/work/index.ts';
import type { Login } from '../../../src/host/access/permits.ts';
import { carryOut } from '../../../src/host/tasks/execute.ts';
import { assign, newPerson } from '../../../src/host/tasks/testing/people.ts';
import { versionOrder } from '../../../src/loop/audit/versions/registry.ts';
import type { Evidence, Judgement } from '../../../src/loop/audit/logic/judge/context.ts';
import type { CompiledKit } from '../../../src/loop/audit/logic/kit/compile.ts';
import { isAffected } from '../../../src/loop/change/logic/affected.ts';
import { assemblePlan, planTasks, type PlannedListener } from '../../../src/loop/change/logic/planner.ts';
import { FRAME, openFinding } from '../../../src/loop/change/logic/testing.ts';
import type { Assignment } from '../../../src/model/agent.ts';
import type { Finding } from '../../../src/model/finding.ts';
import type { Step } from '../../../src/model/kit.ts';
import type { Plan } from '../../../src/model/plan.ts';

const ACCESS = 'access_lab';
const anna = newPerson('user_anna');

export interface Access {
  remote: SshHost;
  login: Login;
  /** another connection, when the host is back */
  again(): Promise<SshHost>;
  /** tries that login afresh */
  logIn(): Promise<void>;
}
export interface Done {
  /** what could not be planned, with its check where it names one */
  left: string[];
  errors: string[];
  steps: number;
}

/** The findings that the server would have opened for these judgements. */
function findingOf({ kit, check, component, endpoint, evidence, at }: Judgement, index: number): Finding {
  const listener = endpoint && { endpointId: endpoint.id, endpoint: `${endpoint.address}:${endpoint.port}` };
  const { id, severity, title } = check;
  const about = { id: `finding_${index}`, hostId: 'host_bad', hostName: 'bad1', ...listener };
  return openFinding({ ...about, kit, check: id, component, severity, title, evidence }, at);
}

function listenersOf(judged: readonly Judgement[]): PlannedListener[] {
  const seen = new Map(judged.flatMap(({ endpoint }) => (endpoint ? [[endpoint.id, endpoint] as const] : [])));
  return [...seen.values()].map(({ id, address, port }) => ({
    endpointId: id,
    address,
    port,
    verdict: 'unknown',
    served: null,
    burnt: [],
    sessionsDone: false,
  }));
}

function planFor(kit: CompiledKit, evidence: Evidence, judged: readonly Judgement[]): { plan: Plan; left: string[] } {
  const input = {
    kit: kit.kit,
    kitDigest: '0'.repeat(64),
    hosts: [
      {
        id: 'host_bad',
        name: 'bad1',
        taskId: 'task_1',
        agentId: ACCESS,
        over: 'ssh' as const,
        facts: evidence.facts,
        findings: judged.map(findingOf),
        listeners: listenersOf(judged),
      },
    ],
    holders: {},
    copies: [],
    isAffected: isAffected(kit.kit, versionOrder),
  };
  const { tasks, left } = planTasks(input);
  const now = Date.now();
  const frame = {
    ...FRAME,
    nonce: `${now}`,
    notBefore: new Date(now - 60_000).toISOString(),
    notAfter: new Date(now + 3_600_000).toISOString(),
  };
  return { plan: assemblePlan(input, tasks, frame), left: left.map(({ why }) => why) };
}

/** One change of one kit, for these findings. */
export async function remediate(
  access: Access,
  kit: CompiledKit,
  evidence: Evidence,
  judged: readonly Judgement[],
): Promise<Done> {
  const { plan, left } = planFor(kit, evidence, judged);
  const steps = plan.waves[0]?.tasks[0]?.steps.length ?? 0;
  if (steps === 0) return { left, errors: [], steps };
  return { left, errors: await carryThrough(access, plan), steps };
}

/** Where the host goes down in the middle, by whoever it lets in when it is back, as the server does it. */
async function carryThrough(access: Access, plan: Plan): Promise<string[]> {
  const assignment = assign(plan, [anna.approve(plan)]);
  for (let { remote } = access; ; remote = await access.again()) {
    const work = await openWork(remote, {
      access: ACCESS,
      name: 'the lab',
      now: () => new Date(),
      signal: new AbortController().signal,
      guard: () => {},
    });
    try {
      const errors = await carry(access, work, assignment, plan.waves[0]!.tasks[0]!.steps);
      if (errors !== null) return errors;
    } finally {
      await work.close();
    }
  }
}

/** Null: the way to the host is gone, and the rest is to be done. */
async function carry(
  { login, logIn }: Access,
  work: Work,
  assignment: Assignment,
  steps: readonly Step[],
): Promise<string[] | null> {
  await carryOut(
    {
      host: work.host,
      acting: work.acting,
      journal: work.journal,
      kept: work.kept,
      agentId: ACCESS,
      sign: () => null,
      approvers: [anna.pinned],
      log: { info: () => {}, warn: () => {}, error: () => {} },
      login,
      logIn,
      now: () => new Date(),
      progress: async () => {},
      stopping: () => false,
      lost: work.lost,
    },
    assignment,
  );
  if (await work.lost()) return null;
  const told = work.journal.pending();
  const errors = told.flatMap((record) => {
    if (record.t === 'refused') return [`refused: ${record.why}`];
    const { ok, kind, index, error } = record.signed.outcome;
    return ok ? [] : [`step ${index} ${kind} ${JSON.stringify(steps[index])}: ${error}`];
  });
  await work.journal.write({ t: 'acked', records: told.map(({ n }) => n) });
  return errors;
}
