import { AppError } from '../../model/errors/index.ts';
import type { Task } from '../../model/plan.ts';
import { sha256 } from '../canonical.ts';
import type { Host } from '../host.ts';
import { findPackageManager } from '../packages/find-manager.ts';
import { packagesOf } from '../../model/step-packages.ts';

type Reliance = Task['relies'][number];

/** Is the host still what the plan was made for? Refuses with the first difference, in one line. */
export async function checkRelies(host: Host, task: Task): Promise<void> {
  const now = await packagesNow(host, task);
  for (const reliance of task.relies) {
    const difference = await differenceIn(host, reliance, now);
    if (difference !== null) throw new AppError('REFUSED_DRIFT', { difference });
  }
}

interface Now {
  candidates: Versions;
  installed: Versions;
}

/** What the host has and is offered of what the task relies on; of lists that are fresh, where they can be had. */
async function packagesNow(host: Host, task: Task): Promise<Now> {
  const now: Now = { candidates: new Map(), installed: new Map() };
  const named = (kind: 'package' | 'candidate'): string[] =>
    task.relies.flatMap((reliance) => (reliance.kind === kind ? [reliance.name] : []));
  const offered = named('candidate');
  const fresh = offered.length > 0 || task.steps.some((step) => packagesOf(step).length > 0);
  if (!fresh && named('package').length === 0) return now;
  const manager = await findPackageManager(host);
  // The archive may have moved on since the approval: only fresh lists tell. Without a network the old ones stand.
  if (fresh) await manager?.refresh();
  if (manager && offered.length > 0) now.candidates = await manager.candidates(offered);
  if (manager && named('package').length > 0) now.installed = await manager.installed();
  return now;
}

type Versions = ReadonlyMap<string, string | null>;

async function differenceIn(host: Host, reliance: Reliance, now: Now): Promise<string | null> {
  if (reliance.kind === 'file') return fileDifference(host, reliance);
  const { name, version } = reliance;
  if (reliance.kind === 'package') {
    const installed = now.installed.get(name) ?? null;
    return installed === version ? null : `${name}: plan says ${version} is installed, ${installed ?? 'none'} is`;
  }
  const candidate = now.candidates.get(name) ?? null;
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
