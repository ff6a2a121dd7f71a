import { mayRestart } from '../../../model/units.ts';
import { packagesOf } from '../../../model/step-packages.ts';
import type { Facts } from '../../../model/facts.ts';
import type { Impact, RestartImpact } from '../../../model/impact.ts';
import type { Step } from '../../../model/kit.ts';
import type { Task } from '../../../model/plan.ts';
import { alternatives, dependants, type Edge, type Graph, graphOf } from './graph.ts';
import { summarize } from './summary.ts';

export interface HostFacts {
  hostId: string;
  hostName: string;
  facts: Partial<Facts>;
}
export interface Restart {
  hostId: string;
  hostName: string;
  service: string;
  reason: string;
}

type Effects = Pick<Impact, 'packages' | 'files'> & { restarts: Restart[] };

/** Blast radius of resolved tasks: what changes, what restarts, and who is connected to that. Pure. */
export function predict(tasks: readonly Task[], edges: readonly Edge[], hosts: readonly HostFacts[]): Impact {
  const factsOf = new Map(hosts.map((host) => [host.hostId, host.facts]));
  const effects = tasks.map((task) => effectsOf(task, factsOf.get(task.hostId) ?? {}));
  return assemble({
    hosts: unique(tasks.map((task) => task.hostId)),
    packages: effects.flatMap((e) => e.packages),
    files: effects.flatMap((e) => e.files),
    restarts: effects.flatMap((e) => e.restarts),
    edges,
  });
}

/** The same for restarts that are known without a plan. */
export function assemble(parts: {
  hosts: string[];
  packages: Impact['packages'];
  files: Impact['files'];
  restarts: readonly Restart[];
  edges: readonly Edge[];
}): Impact {
  const graph = graphOf(parts.edges);
  const restarts = mergeRestarts(parts.restarts).map((restart) => withClients(restart, graph));
  const impact = {
    hosts: parts.hosts,
    packages: parts.packages,
    files: parts.files,
    restarts,
    affectedHosts: affected(restarts),
  };
  return { ...impact, summary: summarize(impact) };
}

function effectsOf(task: Task, facts: Partial<Facts>): Effects {
  const files: Impact['files'] = [];
  const packages: Impact['packages'] = [];
  const restarts: Restart[] = [];
  const restart = (service: string, reason: string): void => {
    restarts.push({ hostId: task.hostId, hostName: task.hostName, service, reason });
  };
  for (const step of task.steps) {
    for (const [path, change] of fileChanges(step)) files.push({ hostId: task.hostId, path, change });
    for (const [unit, reason] of restartsOf(step, facts)) restart(unit, reason);
    for (const { name, version } of packagesOf(step)) {
      packages.push({ hostId: task.hostId, name, from: installed(name, task, facts), to: version });
      for (const unit of servicesOfPackage(name, facts).filter(mayRestart))
        restart(unit, `it runs ${name}, which is upgraded`);
    }
  }
  return { files, packages, restarts };
}

function restartsOf(step: Step, facts: Partial<Facts>): [unit: string, reason: string][] {
  switch (step.kind) {
    case 'service':
      if (step.action === 'restart') return [[step.name, 'the plan restarts it']];
      return step.action === 'stop' ? [[step.name, 'the plan stops it']] : [];
    case 'invalidate-sessions':
      return [[step.service, 'its sessions are invalidated']];
    case 'reboot':
      return runningServices(facts).map((unit) => [unit, 'the host reboots']);
    case 'run-script':
      return step.services.map((unit) => [unit, 'a script of the plan restarts it']);
    default:
      return [];
  }
}

const runningServices = (facts: Partial<Facts>): string[] =>
  (facts.services ?? []).filter((service) => service.state === 'running').map((service) => service.name);

function installed(name: string, task: Task, facts: Partial<Facts>): string {
  const relied = task.relies.find((item) => item.kind === 'package' && item.name === name);
  if (relied?.kind === 'package') return relied.version;
  return facts.packages?.find((item) => item.name === name)?.version ?? 'unknown';
}

/** Units whose processes execute or map the package's files: its scripts or the plan will have to restart them. */
export function servicesOfPackage(name: string, facts: Partial<Facts>): string[] {
  const running = (facts.processes ?? []).filter((process) => process.packages.includes(name));
  const listening = (facts.sockets ?? []).filter((socket) => socket.package === name);
  return unique([...running, ...listening].flatMap((item) => item.unit ?? [])).filter(isService);
}

export const isService = (unit: string): boolean => !/\.(scope|slice|socket|timer|mount)$/.test(unit);

function fileChanges(step: Step): [path: string, change: string][] {
  switch (step.kind) {
    case 'set-file-line':
      return [[step.path, `line "${step.key}${step.separator}${step.value}"`]];
    case 'set-file-section':
      return [[step.path, `section ${step.name}`]];
    case 'run-script':
      return step.files.map((path): [string, string] => [path, 'may be written by a script']);
    case 'lock-user':
      return [['/etc/shadow', `account ${step.user} locked`]];
    case 'write-file':
      return [[step.path, `written with mode ${step.mode}`]];
    case 'set-file-mode':
      return [[step.path, `mode ${step.mode}`]];
    case 'sysctl':
      return [[`/proc/sys/${step.key.replaceAll('.', '/')}`, `set to ${step.value}`]];
    case 'install-certificate':
      return [
        [step.keyPath, 'new private key'],
        [step.certificatePath, `new certificate for ${step.names.join(', ')}`],
      ];
    case 'invalidate-sessions':
      return [[step.path, 'new session secret']];
    default:
      return [];
  }
}

/** One line a service, with all reasons. */
function mergeRestarts(restarts: readonly Restart[]): Restart[] {
  const groups = Map.groupBy(restarts, (r) => `${r.hostId}\n${r.service}`);
  return [...groups.values()].map((group) => ({
    ...group[0]!,
    reason: unique(group.map((r) => r.reason)).join('; '),
  }));
}

function withClients(restart: Restart, graph: Graph): RestartImpact {
  const service = { hostId: restart.hostId, unit: restart.service };
  const others = alternatives(graph, service);
  return {
    ...restart,
    clients: dependants(graph, service).filter((client) => client.hostId !== restart.hostId),
    ...(others.length > 0 ? { alternatives: others } : {}),
  };
}

function affected(restarts: readonly RestartImpact[]): Impact['affectedHosts'] {
  const found = new Map<string, Impact['affectedHosts'][number]>();
  const note = (hostId: string, hostName: string, distance: number): void => {
    const known = found.get(hostId);
    if (!known || distance < known.distance) found.set(hostId, { hostId, hostName, distance });
  };
  for (const restart of restarts) {
    note(restart.hostId, restart.hostName, 0);
    for (const client of restart.clients) note(client.hostId, client.hostName, client.distance);
  }
  return [...found.values()].toSorted((a, b) => a.distance - b.distance || a.hostName.localeCompare(b.hostName));
}

function unique<T>(items: readonly T[]): T[] {
  return [...new Set(items)];
}
