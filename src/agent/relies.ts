import { AppError } from '../model/errors/index.ts';
import type { Task } from '../model/plan.ts';
import { sha256 } from '../host/canonical.ts';
import type { Host } from '../host/host.ts';
import { candidateVersion, installedVersion, refreshLists } from '../host/packages/apt.ts';

type Reliance = Task['relies'][number];

/** Is the host still what the plan was made for? Refuses with the first difference, in one line. */
export async function checkRelies(host: Host, task: Task): Promise<void> {
  // The archive may have moved on since the approval: only fresh lists tell. Without a network the old ones stand.
  const upgrades = task.steps.some((step) => step.kind === 'upgrade-package');
  if (upgrades || task.relies.some((reliance) => reliance.kind === 'candidate')) await refreshLists(host);
  for (const reliance of task.relies) {
    const difference = await differenceIn(host, reliance);
    if (difference !== null) throw new AppError('REFUSED_DRIFT', { difference });
  }
}

async function differenceIn(host: Host, reliance: Reliance): Promise<string | null> {
  if (reliance.kind === 'file') return fileDifference(host, reliance);
  const { name, version } = reliance;
  if (reliance.kind === 'package') {
    const installed = await installedVersion(host, name);
    return installed === version ? null : `${name}: plan says ${version} is installed, ${installed ?? 'none'} is`;
  }
  const candidate = await candidateVersion(host, name);
  return candidate === version ? null : `${name}: plan says ${version}, candidate is ${candidate ?? 'none'}`;
}

async function fileDifference(
  host: Host,
  { path, sha256: planned }: Extract<Reliance, { kind: 'file' }>,
): Promise<string | null> {
  const bytes = await host.read(path);
  const actual = bytes === null ? null : sha256(bytes);
  if (actual === planned) return null;
  const name = (hash: string | null): string => (hash === null ? 'no such file' : hash.slice(0, 16));
  return `${path}: plan says ${name(planned)}, the host has ${name(actual)}`;
}
