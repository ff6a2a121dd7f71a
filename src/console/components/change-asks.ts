import type { Change, ChangeState } from '../../model/change.ts';
import type { StepKind } from '../../model/kit.ts';
import type { Plan } from '../../model/plan.ts';
import type { ChangeAction } from '../api/hooks.ts';
import { count, plural } from './count.ts';

const ACTIONS: Partial<Record<ChangeState, ChangeAction[]>> = {
  'awaiting-approval': ['cancel'],
  scheduled: ['run', 'cancel'],
  running: ['pause', 'cancel'],
  paused: ['resume', 'rollback', 'cancel'],
  failed: ['rollback'],
};
export const actionsOf = (state: ChangeState): ChangeAction[] => ACTIONS[state] ?? [];

export const LABEL: Record<ChangeAction, string> = {
  run: 'Run now',
  pause: 'Pause',
  resume: 'Resume',
  cancel: 'Cancel this change',
  rollback: 'Roll back',
};

interface Ask {
  title: string;
  verb: string;
  destroys: boolean;
  /** what will happen, a line each */
  says: (change: Change, plan: Plan | null) => string[];
}

/** What cannot be taken back by doing the opposite. */
export const ASKS: Partial<Record<ChangeAction, Ask>> = {
  run: { title: 'Run this change now?', verb: 'Run now', destroys: false, says: onRun },
  cancel: { title: 'Cancel this change?', verb: 'Cancel this change', destroys: true, says: onCancel },
  rollback: { title: 'Roll this change back?', verb: 'Roll back', destroys: true, says: onRollback },
};

function onRun(change: Change, plan: Plan | null): string[] {
  const tasks = change.waves.flatMap((wave) => wave.tasks);
  const first = change.waves[0]?.tasks.map((task) => task.hostName).join(', ') ?? '';
  const restarts = plan?.impact.restarts.length ?? 0;
  return [
    `${count(tasks.length, 'host')} ${plural(tasks.length, 'is', 'are')} changed in ${count(change.waves.length, 'wave')}, beginning at once with ${first}.`,
    restarts === 0
      ? 'No service restarts.'
      : `${count(restarts, 'service')} ${plural(restarts, 'restarts', 'restart')}; whoever is connected is cut off for that moment.`,
    ...(plan ? [`${toleranceInWords(plan.abortAfterFailures)}.`] : []),
  ];
}

function onCancel(change: Change): string[] {
  const begun = change.waves.some((wave) => wave.tasks.some((task) => task.outcomes.length > 0));
  const open = 'Its findings are open again, and another change may be planned for them.';
  if (!begun) return ['Nothing has been done on any host, and nothing will be: the plan can never run.', open];
  return [
    'Nothing more is begun. What a host is doing at this moment is still finished and written down.',
    'What was done stays: cancelling takes nothing back.',
    open,
  ];
}

const KEY_STEPS: ReadonlySet<StepKind> = new Set(['rotate-key', 'reissue-certificate', 'verify-served']);

function onRollback(_: Change, plan: Plan | null): string[] {
  const tasks = plan?.waves.flatMap((wave) => wave.tasks) ?? [];
  const withKeys = tasks.some((task) => task.steps.some((step) => KEY_STEPS.has(step.kind)));
  const never = tasks.filter((task) => task.rollback === 'none').length;
  return [
    ...(withKeys
      ? [
          'Where the hole is closed it stays closed: steps that close it are not taken back there, only those on keys and certificates.',
          'Where the old certificate is revoked already, the new one stays: the old key must never be served again.',
        ]
      : ['On each host the steps that were done are taken back in reverse order.']),
    ...(never > 0
      ? [
          `${count(never, 'host')} of the plan ${plural(never, 'is', 'are')} left as they are: the approved plan says so.`,
        ]
      : []),
    'Services restart once more where their files are put back.',
  ];
}

/** How many failures a rollout bears. */
export function toleranceInWords(abortAfterFailures: number): string {
  return abortAfterFailures === 0
    ? 'The first failure stops the rollout'
    : `${count(abortAfterFailures, 'failure')} in a wave ${plural(abortAfterFailures, 'is', 'are')} tolerated; one more stops the rollout`;
}
