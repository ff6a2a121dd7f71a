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
  const agent = await deps.enrollment.agentOfHost(task.hostId);
  if (agent?.id !== task.agentId) return [`${task.hostName} has another agent than the one in the plan`];
  const { sections } = await deps.audit.facts(task.hostId);
  return task.relies.flatMap((relied) => {
    if (relied.kind === 'file') {
      const file = sections.files?.find((fact) => fact.path === relied.path);
      const now = file?.exists ? file.sha256 : null;
      return !file || now === relied.sha256 ? [] : [`${relied.path} on ${task.hostName} was changed`];
    }
    const fact = sections.packages?.find((one) => one.name === relied.name);
    const now = relied.kind === 'package' ? fact?.version : fact?.candidate;
    if (now === undefined || now === relied.version) return [];
    const what = relied.kind === 'package' ? 'installed is' : 'candidate is';
    return [`${relied.name} on ${task.hostName}: plan says ${relied.version}, ${what} ${now ?? 'none'}`];
  });
}
