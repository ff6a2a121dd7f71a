import * as z from 'zod';
import type { Impact } from '../../../model/impact.ts';
import type { StepOutcome, Task } from '../../../model/plan.ts';
import { summarize } from './summary.ts';

/** What the outcomes say really happened, in the shape of the prediction; clients are those that were connected then. */
export function observedImpact(tasks: readonly Task[], outcomes: readonly StepOutcome[], predicted: Impact): Impact {
  const taskOf = new Map(tasks.map((task) => [task.id, task]));
  const applied = outcomes.filter((o) => o.phase === 'apply' && o.ok && o.changed && taskOf.has(o.taskId));
  const done = applied.map((outcome) => {
    const task = taskOf.get(outcome.taskId)!;
    return { outcome, task, step: task.steps[outcome.index] };
  });
  const packages = done.flatMap(({ outcome, task, step }) =>
    step?.kind === 'upgrade-package'
      ? [
          { hostId: task.hostId, name: step.name, from: version(outcome.before), to: version(outcome.after) },
          ...pulledIn(outcome.after['also'], task.hostId),
        ]
      : step?.kind === 'upgrade-packages'
        ? [...pulledIn(outcome.before['packages'], task.hostId), ...pulledIn(outcome.after['also'], task.hostId)]
        : [],
  );
  const touched = new Set(
    done.flatMap(({ task, step }) => (step ? pathsOf(step).map((p) => `${task.hostId}\n${p}`) : [])),
  );
  const restarted = new Set(
    done.flatMap(({ task, step }) => (step ? serviceOf(step).map((name) => `${task.hostId}\n${name}`) : [])),
  );
  const rebooted = new Set(done.flatMap(({ task, step }) => (step?.kind === 'reboot' ? [task.hostId] : [])));
  const restarts = predicted.restarts.filter(
    (r) => rebooted.has(r.hostId) || restarted.has(`${r.hostId}\n${r.service}`),
  );
  const reached = new Set(restarts.flatMap((r) => [r.hostId, ...r.clients.map((client) => client.hostId)]));
  const impact = {
    hosts: [...new Set(done.map(({ task }) => task.hostId))],
    packages,
    files: predicted.files.filter((file) => touched.has(`${file.hostId}\n${file.path}`)),
    restarts,
    affectedHosts: predicted.affectedHosts.filter((host) => reached.has(host.hostId)),
  };
  return { ...impact, summary: summarize(impact) };
}

type StepLike = Task['steps'][number];

function serviceOf(step: StepLike): string[] {
  if (step.kind === 'service') return step.action === 'restart' || step.action === 'stop' ? [step.name] : [];
  if (step.kind === 'run-script') return [...step.services];
  return step.kind === 'invalidate-sessions' ? [step.service] : [];
}

function pathsOf(step: StepLike): string[] {
  if (step.kind === 'install-certificate') return [step.keyPath, step.certificatePath];
  if (step.kind === 'sysctl') return [`/proc/sys/${step.key.replaceAll('.', '/')}`];
  if (step.kind === 'run-script') return [...step.files];
  if (step.kind === 'lock-user') return ['/etc/shadow'];
  return 'path' in step ? [step.path] : [];
}

function version(values: Record<string, unknown>): string {
  const found = values['version'];
  return typeof found === 'string' ? found : 'unknown';
}

const PulledIn = z.array(z.object({ name: z.string(), from: z.string().nullable(), to: z.string() }));

/** Further packages that the upgrade brought with it. */
function pulledIn(also: unknown, hostId: string): Impact['packages'] {
  const changes = PulledIn.safeParse(also);
  return changes.success ? changes.data.map((p) => ({ hostId, name: p.name, from: p.from ?? 'none', to: p.to })) : [];
}

/** Where reality was not what was predicted, in words; empty when it was. */
export function differences(predicted: Impact, observed: Impact): string[] {
  const packageKey = (p: Impact['packages'][number]): string => `${p.name} ${p.from} → ${p.to} on ${p.hostId}`;
  const fileKey = (f: Impact['files'][number]): string => `${f.path} on ${f.hostId}`;
  const restartKey = (r: Impact['restarts'][number]): string => `restart of ${r.service} on ${r.hostName}`;
  return [
    ...compare(predicted.packages.map(packageKey), observed.packages.map(packageKey)),
    ...compare(predicted.files.map(fileKey), observed.files.map(fileKey)),
    ...compare(predicted.restarts.map(restartKey), observed.restarts.map(restartKey)),
  ];
}

function compare(predicted: readonly string[], observed: readonly string[]): string[] {
  const missing = predicted
    .filter((item) => !observed.includes(item))
    .map((item) => `predicted, but did not happen: ${item}`);
  const extra = observed
    .filter((item) => !predicted.includes(item))
    .map((item) => `happened, but was not predicted: ${item}`);
  return [...missing, ...extra];
}
