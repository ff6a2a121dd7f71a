import type { Facts } from '../../model/facts.ts';
import type { Plan, Task } from '../../model/plan.ts';
import type { Deps } from './deps.ts';

/**
 * Where the newest facts contradict what the plan relied on: one line, or null. The host itself looks again, and at
 * more (its archive, its files), before its first step.
 */
export async function drift(deps: Deps, plan: Plan): Promise<string | null> {
  const lines: string[] = [];
  for (const task of plan.waves.flatMap((wave) => wave.tasks)) lines.push(...(await ofTask(deps, task)));
  return lines.length > 0 ? lines.join('; ') : null;
}

async function ofTask(deps: Deps, task: Task): Promise<string[]> {
  const host = await deps.discovery.host(task.hostId);
  if (host?.supersededBy) return [`${task.hostName} was built anew since the plan was made: plan again`];
  if (!(await isCarried(deps, task)))
    return [
      task.over === 'ssh'
        ? `${task.hostName} is not looked after over SSH by the access in the plan any more`
        : `${task.hostName} has another agent than the one in the plan`,
    ];
  const { sections } = await deps.audit.facts(task.hostId);
  return task.relies.flatMap((relied) => difference(relied, sections, task.hostName) ?? []);
}

async function isCarried({ enrollment }: Deps, { hostId, agentId, over }: Task): Promise<boolean> {
  const carrier = over === 'ssh' ? enrollment.sshAccess(hostId) : enrollment.agentOfHost(hostId);
  return (await carrier)?.id === agentId;
}

function difference(relied: Task['relies'][number], facts: Partial<Facts>, host: string): string | null {
  if (relied.kind === 'file') {
    const file = facts.files?.find((fact) => fact.path === relied.path);
    const now = file?.exists ? file.sha256 : null;
    return !file || now === relied.sha256 ? null : `${relied.path} on ${host} was changed`;
  }
  return versionDifference(relied, facts, host);
}

type Version = Exclude<Task['relies'][number], { kind: 'file' }>;

function versionDifference(relied: Version, facts: Partial<Facts>, host: string): string | null {
  const fact = facts.packages?.find((one) => one.name === relied.name);
  const [what, now] = relied.kind === 'package' ? ['installed', fact?.version] : ['candidate', fact?.candidate];
  if (now === undefined || now === relied.version) return null;
  return `${relied.name} on ${host}: plan says ${relied.version}, ${what} is ${now ?? 'none'}`;
}
