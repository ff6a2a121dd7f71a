import { Accordion, Badge, Code, Group, Progress, Stack, Text, Tooltip } from '@mantine/core';
import { IconCheck, IconCircleDashed, IconShieldCheck, IconX } from '@tabler/icons-react';
import type { Change, TaskStatus } from '../../model/change.ts';
import { changes } from '../../model/detail.ts';
import type { Step } from '../../model/kit.ts';
import type { Plan, Task } from '../../model/plan.ts';
import { stepInWords } from '../../model/step-words.ts';
import { DataTable, type Column } from './DataTable.tsx';

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
  const done = outcomes.filter(
    (outcome) => outcome.phase === 'apply' && outcome.ok && outcome.kind !== 'health',
  ).length;
  return (
    <Accordion.Item value={task.id}>
      <Accordion.Control>
        <Group justify="space-between" wrap="wrap" gap="xs" pr="sm">
          <Text fw={550}>{task.hostName}</Text>
          <Group gap="sm" wrap="nowrap">
            <Text size="sm" c="dimmed">
              {done} of {task.steps.length} steps
            </Text>
            <Badge color={TASK_COLOR[state]} variant="light">
              {state.replace('-', ' ')}
            </Badge>
          </Group>
        </Group>
        <Progress
          value={(done / task.steps.length) * 100}
          color={TASK_COLOR[state]}
          size="sm"
          mt={6}
          aria-label={`${task.hostName}: ${done} of ${task.steps.length} steps`}
        />
        {status?.error ? (
          <Text size="sm" c="red" mt={4}>
            {status.error}
          </Text>
        ) : null}
      </Accordion.Control>
      <Accordion.Panel>
        <DataTable items={linesOf(task, outcomes)} columns={COLUMNS} keyOf={(line) => line.key} minWidth={560} />
        <Text size="sm" c="dimmed" mt="xs">
          {task.rollback === 'undo'
            ? 'If a step fails, what can be undone is undone in reverse order.'
            : 'If a step fails, what was done stays.'}
        </Text>
      </Accordion.Panel>
    </Accordion.Item>
  );
}

interface Line {
  key: string;
  what: string;
  /** the content a `write-file` step writes: it is signed, so it is shown */
  content: string | null;
  outcome: Outcome | null;
}

/** Every step of the plan in its order, then what is no step of it: the health check and what was undone. */
function linesOf(task: Task, outcomes: readonly Outcome[]): Line[] {
  const applied = new Map(outcomes.filter((one) => one.phase === 'apply').map((one) => [one.index, one]));
  const planned = task.steps.map((step, index) => ({
    key: `step ${index}`,
    what: numbered(step, index, task),
    content: step.kind === 'write-file' ? step.content : null,
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
        {content === null ? null : <Code block>{content}</Code>}
      </>
    ),
  },
  { title: 'Result', width: 90, cell: ({ outcome }) => <Result outcome={outcome} /> },
  {
    title: 'What was seen',
    cell: ({ outcome }) => (
      <Text size="sm" c={outcome ? 'inherit' : 'dimmed'} style={{ overflowWrap: 'anywhere' }}>
        {outcome ? (outcome.error ?? changes(outcome.before, outcome.after)) : 'not yet'}
      </Text>
    ),
  },
];

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
