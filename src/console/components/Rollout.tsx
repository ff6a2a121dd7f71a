import { Accordion, Badge, Code, Group, Progress, Stack, Text, Tooltip, VisuallyHidden } from '@mantine/core';
import { IconCheck, IconCircleDashed, IconShieldCheck, IconX } from '@tabler/icons-react';
import type { Change, TaskStatus } from '../../model/change.ts';
import type { Step } from '../../model/kit.ts';
import type { Plan, Task } from '../../model/plan.ts';
import { contentOf, stepInWords } from '../../model/step-words.ts';
import { count } from './count.ts';
import { DataTable, type Column } from './DataTable.tsx';
import { HostLink } from './HostLink.tsx';
import { outcomeInWords } from './outcome-words.ts';
import './failed.css';
import './rollout.css';

type Outcome = TaskStatus['outcomes'][number];

const TASK_COLOR: Record<TaskStatus['state'], string> = {
  waiting: 'gray',
  running: 'blue',
  done: 'green',
  failed: 'red',
  'rolling-back': 'grape',
  'rolled-back': 'grape',
  skipped: 'gray',
};
const WAVE_COLOR = { waiting: 'gray', running: 'blue', done: 'green', failed: 'red', stopped: 'orange' } as const;

/** The plan's waves, hosts and steps as they were hashed here, each with what became of it so far. */
export function Rollout({ plan, change }: { plan: Plan; change: Change }) {
  const status = new Map(change.waves.flatMap((wave) => wave.tasks).map((task) => [task.id, task]));
  return (
    <Stack gap="md">
      {plan.waves.map((wave, index) => {
        const state = change.waves[index]?.state ?? 'waiting';
        return (
          <div key={wave.name}>
            <Group gap="xs" mb={6}>
              <Text fw={650}>
                Wave {index + 1}: {wave.name}
              </Text>
              {wave.canary && wave.name !== 'canary' ? <Badge variant="outline">canary</Badge> : null}
              <Badge variant="light" color={WAVE_COLOR[state]}>
                {state}
              </Badge>
            </Group>
            <Accordion variant="separated" multiple>
              {wave.tasks.map((task) => (
                <TaskItem key={task.id} task={task} status={status.get(task.id)} />
              ))}
            </Accordion>
          </div>
        );
      })}
    </Stack>
  );
}

function TaskItem({ task, status }: { task: Task; status: TaskStatus | undefined }) {
  const outcomes = status?.outcomes ?? [];
  const state = status?.state ?? 'waiting';
  const words = state.replace('-', ' ');
  const done = outcomes.filter(
    (outcome) => outcome.phase === 'apply' && outcome.ok && outcome.kind !== 'health',
  ).length;
  const total = count(task.steps.length, 'step');
  const progress = outcomes.length > 0 ? `${done} of ${total}` : total;
  return (
    <Accordion.Item value={task.id}>
      <div className="task-head">
        <Text fw={550} className="task-name">
          <HostLink id={task.hostId} name={task.hostName} alone />
        </Text>
        <Accordion.Control>
          <Group justify="flex-end" gap="sm" wrap="wrap" pr="sm">
            <Text size="sm" c="dimmed">
              <VisuallyHidden>{task.hostName}: </VisuallyHidden>
              {progress}
            </Text>
            <Badge color={TASK_COLOR[state]} variant="light">
              {words}
            </Badge>
          </Group>
          {/* The words above say the same. */}
          <div aria-hidden>
            <Progress value={(done / task.steps.length) * 100} color={TASK_COLOR[state]} size="sm" mt={6} />
          </div>
        </Accordion.Control>
      </div>
      <Why status={status} />
      <Accordion.Panel>
        <DataTable
          items={linesOf(task, outcomes)}
          columns={outcomes.length > 0 ? COLUMNS : PLANNED}
          keyOf={(line) => line.key}
          minWidth={outcomes.length > 0 ? 560 : 220}
        />
        <Text size="sm" c="dimmed" mt="xs">
          {[...overInWords(task), ...healthInWords(task), rollbackInWords(task)].join(' ')}
        </Text>
      </Accordion.Panel>
    </Accordion.Item>
  );
}

/** Why it failed, or why it does not go on yet. */
function Why({ status }: { status: TaskStatus | undefined }) {
  if (!status?.error && !status?.note) return null;
  return (
    <Text size="sm" {...(status.error ? { className: 'failed' } : { c: 'dimmed' })} px="md" pb="xs">
      {status.error ?? `Tried again: ${status.note}`}
    </Text>
  );
}

const overInWords = (task: Task): string[] =>
  task.over === 'ssh'
    ? [
        'The server does this over SSH: the host has no agent, so what came of it is observed and not signed by the host.',
      ]
    : [];

function healthInWords(task: Task): string[] {
  const services = task.health.flatMap((one) => (one.kind === 'service' ? [one.name] : []));
  const listeners = task.health.flatMap((one) => (one.kind === 'listener' ? [`${one.address}:${one.port}`] : []));
  const must = [
    services.length > 0 ? `${services.join(', ')} must be running` : '',
    listeners.length > 0 ? `${listeners.join(', ')} must accept connections` : '',
  ].filter((part) => part !== '');
  return must.length > 0 ? [`Afterwards ${must.join(' and ')}.`] : [];
}

function rollbackInWords(task: Task): string {
  if (task.rollback === 'none') return 'If a step fails, what was done stays.';
  return task.steps.some((step) => step.kind === 'rotate-key')
    ? 'If a step fails, what can be undone is undone in reverse order; a hole that is closed stays closed.'
    : 'If a step fails, what can be undone is undone in reverse order.';
}

interface Line {
  key: string;
  what: string;
  /** what the step writes or runs: it is signed, so it is shown */
  content: string | null;
  outcome: Outcome | null;
}

/** Every step of the plan in its order, then what is no step of it: the health check and what was undone. */
function linesOf(task: Task, outcomes: readonly Outcome[]): Line[] {
  const applied = new Map(outcomes.filter((one) => one.phase === 'apply').map((one) => [one.index, one]));
  const planned = task.steps.map((step, index) => ({
    key: `step ${index}`,
    what: numbered(step, index, task),
    content: contentOf(step),
    outcome: applied.get(index) ?? null,
  }));
  const more = outcomes
    .filter((one) => one.phase === 'undo' || one.index >= task.steps.length)
    .map((one) => {
      const step = task.steps[one.index];
      const what = step ? `undo ${numbered(step, one.index, task)}` : one.kind === 'health' ? 'health check' : one.kind;
      return { key: `${one.phase} ${one.index}`, what, content: null, outcome: one };
    });
  return [...planned, ...more];
}

const numbered = (step: Step, index: number, task: Task): string => `${index + 1}. ${stepInWords(step, task.relies)}`;

const COLUMNS: Column<Line>[] = [
  {
    title: 'Step',
    cell: ({ what, content }) => (
      <>
        <Text size="sm" style={{ overflowWrap: 'anywhere' }}>
          {what}
        </Text>
        {content === null ? null : (
          <Code block style={{ whiteSpace: 'pre-wrap', overflowWrap: 'anywhere' }}>
            {content}
          </Code>
        )}
      </>
    ),
  },
  { title: 'Result', width: 90, cell: ({ outcome }) => <Result outcome={outcome} /> },
  {
    title: 'What was seen',
    cell: ({ outcome }) => (
      <Text
        size="sm"
        {...(outcome?.ok === false ? { className: 'failed' } : { c: outcome ? 'inherit' : 'dimmed' })}
        style={{ overflowWrap: 'anywhere' }}
      >
        {outcome ? outcomeInWords(outcome) : 'not yet'}
      </Text>
    ),
  },
];
/** Before anything was done there is only what will be, and that can be read on a phone. */
const PLANNED = COLUMNS.slice(0, 1);

function Result({ outcome }: { outcome: Outcome | null }) {
  if (!outcome) return <IconCircleDashed size={16} color="var(--mantine-color-dimmed)" aria-label="not yet" />;
  return (
    <Group gap={6} wrap="nowrap">
      {outcome.ok ? (
        <IconCheck size={16} color="var(--mantine-color-green-7)" aria-label="done" />
      ) : (
        <IconX size={16} color="var(--mantine-color-red-7)" aria-label="failed" />
      )}
      {outcome.hostSigned ? (
        <Tooltip label="Signed by the host's own key">
          <IconShieldCheck size={16} aria-label="Signed by the host" tabIndex={0} />
        </Tooltip>
      ) : null}
    </Group>
  );
}
