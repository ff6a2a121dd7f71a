import { packagesOf } from '../../../model/step-packages.ts';
import type { Step } from '../../../model/kit.ts';
import type { Plan, Task } from '../../../model/plan.ts';
import { canonical } from './canonical.ts';
import type { Left, PlanFrame, PlannedHost, PlannerInput } from './inputs.ts';
import { foreignCertificates, keepSharedCertificates, revokeOnce } from './revocations.ts';
import { stepsOf } from './steps.ts';
import { wavesOf } from './waves.ts';

export type { AuthorityName, Left, PlanFrame, PlannedHost, PlannedListener, PlannerInput } from './inputs.ts';

/** Tasks for the hosts that can be remediated, and what is left with the reason. Pure: same inputs, same result. */
export function planTasks(input: PlannerInput): { tasks: Task[]; left: Left[] } {
  const left: Left[] = [];
  const tasks: Task[] = [];
  for (const host of input.hosts.toSorted((a, b) => compare(a.name, b.name) || compare(a.id, b.id))) {
    if (host.agentId === null) {
      left.push({
        hostId: host.id,
        hostName: host.name,
        endpoint: null,
        why: host.whyNobody ?? 'it has no agent, so nothing can be done on it',
      });
      continue;
    }
    const { steps, left: rest, findings } = stepsOf(host, input);
    left.push(...rest);
    if (steps.length > 0) tasks.push(taskOf(host, host.agentId, steps, findings, input));
    else if (rest.length === 0 && host.findings.length > 0) {
      left.push({ hostId: host.id, hostName: host.name, endpoint: null, why: 'the kit has no step to do on it' });
    }
  }
  return keepSharedCertificates(
    tasks,
    [...left, ...foreignCertificates(tasks, input), ...strayCopies(tasks, input)],
    input,
  );
}

/** A burnt key in a file that no service of the plan uses: nothing replaces it, so somebody has to look. */
function strayCopies(tasks: readonly Task[], input: PlannerInput): Left[] {
  const replaced = new Set(
    tasks.flatMap((task) =>
      task.steps.flatMap((s) => (s.kind === 'rotate-key' ? [`${task.hostId}\n${s.keyPath}`] : [])),
    ),
  );
  return input.copies
    .filter((copy) => !replaced.has(`${copy.hostId}\n${copy.path}`))
    .toSorted((a, b) => compare(a.hostName + a.path, b.hostName + b.path))
    .map(({ hostId, hostName, path }) => ({
      hostId,
      hostName,
      endpoint: null,
      why: `a copy of a leaked key lies in ${path}, which no service in this plan uses: whatever uses it needs a new key; else remove it`,
    }));
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

function taskOf(host: PlannedHost, agentId: string, steps: Step[], findings: string[], input: PlannerInput): Task {
  return {
    id: host.taskId,
    hostId: host.id,
    hostName: host.name,
    agentId,
    ...(host.over ? { over: host.over } : {}),
    findings,
    relies: reliesOf(host, steps),
    steps,
    rollback: rollbackOf(input, findings, host),
    health: healthOf(host, steps),
  };
}

/** One remediation that says `none` keeps the whole task from being undone. */
function rollbackOf(input: PlannerInput, findings: readonly string[], host: PlannedHost): Task['rollback'] {
  const checks = new Set(host.findings.filter((f) => findings.includes(f.id)).map((f) => f.check));
  const used = input.kit.remediate.filter((one) => one.fixes.some((check) => checks.has(check)));
  const all = used.length > 0 ? used : input.kit.remediate;
  return all.some((one) => one.rollback === 'none') ? 'none' : 'undo';
}

function reliesOf(host: PlannedHost, steps: readonly Step[]): Task['relies'] {
  const relies = steps.flatMap((step) => {
    const packages = packagesOf(step);
    if (packages.length > 0) return packages.flatMap((one) => packageRelied(host, one));
    return step.kind === 'set-file-line' || step.kind === 'set-file-section' || step.kind === 'write-file'
      ? fileRelied(host, step.path)
      : [];
  });
  return [...new Map(relies.map((one) => [canonical(one), one])).values()];
}

function packageRelied(host: PlannedHost, step: { name: string; version: string }): Task['relies'] {
  const installed = host.facts.packages?.find((fact) => fact.name === step.name);
  const before = installed ? [{ kind: 'package' as const, name: step.name, version: installed.version }] : [];
  return [...before, { kind: 'candidate', name: step.name, version: step.version }];
}

/** A file that exists but could not be hashed is nothing to rely on. */
function fileRelied(host: PlannedHost, path: string): Task['relies'] {
  const file = host.facts.files?.find((fact) => fact.path === path);
  if (!file || (file.exists && file.sha256 === null)) return [];
  return [{ kind: 'file', path, sha256: file.exists ? file.sha256 : null }];
}

function healthOf(host: PlannedHost, steps: readonly Step[]): Task['health'] {
  const services = new Set<string>();
  const listeners = new Map<string, Task['health'][number]>();
  for (const step of steps) {
    if (step.kind === 'service' && step.action !== 'stop' && step.action !== 'disable') services.add(step.name);
    if (step.kind === 'invalidate-sessions') services.add(step.service);
    if (step.kind === 'verify-served') {
      listeners.set(`${step.address}:${step.port}`, { kind: 'listener', address: step.address, port: step.port });
    }
  }
  const running = (name: string): boolean => host.facts.services?.find((s) => s.name === name)?.state === 'running';
  const healthy = [...services].filter(running).sort();
  return [...healthy.map((name) => ({ kind: 'service' as const, name })), ...listeners.values()];
}

/** Immutable: its canonical bytes are what is approved. */
export function assemblePlan(
  input: Pick<PlannerInput, 'kit' | 'kitDigest' | 'hosts'>,
  tasks: readonly Task[],
  frame: PlanFrame,
): Plan {
  const waves = revokeOnce(wavesOf(tasks, input.hosts, frame.impact), input);
  return {
    type: 'lastember/plan/v1',
    changeId: frame.changeId,
    author: frame.author,
    kit: { id: input.kit.kit, version: input.kit.version, digest: input.kitDigest },
    nonce: frame.nonce,
    notBefore: frame.notBefore,
    notAfter: frame.notAfter,
    approvalsRequired: frame.approvalsRequired,
    abortAfterFailures: frame.abortAfterFailures,
    waves,
    impact: frame.impact,
  };
}
