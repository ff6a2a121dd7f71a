import type { Step } from '../../../model/kit.ts';
import type { Plan, Task, Wave } from '../../../model/plan.ts';
import { canonical } from './canonical.ts';
import {
  certificateKey,
  normalSerial,
  type Left,
  type PlanFrame,
  type PlannedHost,
  type PlannerInput,
} from './inputs.ts';
import { stepsOf } from './steps.ts';

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
        why: 'it has no agent, so nothing can be done on it',
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
  return keepSharedCertificates(tasks, [...left, ...strayCopies(tasks, input)], input);
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
    if (step.kind === 'upgrade-package') return packageRelied(host, step);
    return step.kind === 'set-file-line' || step.kind === 'write-file' ? fileRelied(host, step.path) : [];
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
    if (step.kind === 'service' && step.action !== 'stop') services.add(step.name);
    if (step.kind === 'invalidate-sessions') services.add(step.service);
    if (step.kind === 'verify-served') {
      listeners.set(`${step.address}:${step.port}`, { kind: 'listener', address: step.address, port: step.port });
    }
  }
  const running = (name: string): boolean => host.facts.services?.find((s) => s.name === name)?.state === 'running';
  const healthy = [...services].filter(running).sort();
  return [...healthy.map((name) => ({ kind: 'service' as const, name })), ...listeners.values()];
}

/**
 * A certificate that several listeners serve is revoked once, by the last task that takes it out of service. While a
 * listener outside the plan serves it, it is not revoked at all: that would cut that one off.
 */
function keepSharedCertificates(tasks: Task[], left: Left[], input: PlannerInput): { tasks: Task[]; left: Left[] } {
  const planned = new Set(
    tasks.flatMap((task) => task.steps.flatMap((s) => (s.kind === 'verify-served' ? [`${s.address}:${s.port}`] : []))),
  );
  const stranded = new Map<string, string>();
  for (const [key, holders] of Object.entries(input.holders)) {
    const outside = holders.find((endpoint) => !planned.has(endpoint));
    if (outside !== undefined) stranded.set(key, outside);
  }
  const notes: Left[] = [];
  const kept = tasks.map((task) => {
    const steps = task.steps.filter((step) => {
      if (step.kind !== 'revoke-certificate' && step.kind !== 'verify-revoked') return true;
      const outside = strandedBy(stranded, step.serial);
      if (outside !== undefined && step.kind === 'revoke-certificate') {
        const why = `certificate ${step.serial} is not revoked, because ${outside} serves it and is not in the plan`;
        notes.push({ hostId: task.hostId, hostName: task.hostName, endpoint: null, why });
      }
      return outside === undefined;
    });
    return { ...task, steps };
  });
  return { tasks: kept.filter((task) => task.steps.length > 0), left: [...left, ...notes] };
}

function strandedBy(stranded: ReadonlyMap<string, string>, serial: string): string | undefined {
  const found = [...stranded].find(([key]) => key === certificateKey({ issuer: key.split('\n')[0]!, serial }));
  return found?.[1];
}

/** Immutable: its canonical bytes are what is approved. */
export function assemblePlan(
  input: Pick<PlannerInput, 'kit' | 'kitDigest'>,
  tasks: readonly Task[],
  frame: PlanFrame,
): Plan {
  const waves = revokeOnce(wavesOf(tasks, frame));
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

/** First one host of each kind of task, the one that fewest depend on; then the rest. */
function wavesOf(tasks: readonly Task[], frame: PlanFrame): Wave[] {
  const weight = (task: Task): number =>
    frame.impact.restarts
      .filter((restart) => restart.hostId === task.hostId)
      .reduce((sum, restart) => sum + restart.clients.reduce((n, client) => n + client.connections, 0), 0);
  const kinds = Map.groupBy(tasks, kindOf);
  const canaries = new Set(
    [...kinds.values()].map(
      (group) => group.toSorted((a, b) => weight(a) - weight(b) || compare(a.hostName, b.hostName))[0]!.id,
    ),
  );
  const rest = tasks.filter((task) => !canaries.has(task.id));
  const canary = { name: 'canary', canary: true, tasks: tasks.filter((task) => canaries.has(task.id)) };
  return rest.length === 0 ? [canary] : [canary, { name: 'rest', canary: false, tasks: rest }];
}

const kindOf = (task: Task): string =>
  [...new Set(task.steps.map((step) => (step.kind === 'upgrade-package' ? `${step.kind} ${step.name}` : step.kind)))]
    .sort()
    .join(', ');

function revokeOnce(waves: readonly Wave[]): Wave[] {
  const last = new Map<string, string>();
  for (const task of waves.flatMap((wave) => wave.tasks)) {
    for (const step of task.steps) if (step.kind === 'revoke-certificate') last.set(revocationKey(step), task.id);
  }
  return waves.map((wave) => ({
    ...wave,
    tasks: wave.tasks.map((task) => ({ ...task, steps: withoutForeign(task, last) })),
  }));
}

const revocationKey = (step: { serial: string; authority: string }): string =>
  `${step.authority}\n${normalSerial(step.serial)}`;

function withoutForeign(task: Task, last: ReadonlyMap<string, string>): Step[] {
  const foreign = new Set<string>();
  for (const step of task.steps) {
    if (step.kind === 'revoke-certificate' && last.get(revocationKey(step)) !== task.id)
      foreign.add(normalSerial(step.serial));
  }
  return task.steps.filter((step) => {
    const about =
      step.kind === 'revoke-certificate' || step.kind === 'verify-revoked' ? normalSerial(step.serial) : null;
    return about === null || !foreign.has(about);
  });
}
