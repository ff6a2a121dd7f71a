import { Accordion, Badge, Code, Group, Progress, Stack, Table, Text, Tooltip } from '@mantine/core';
import { IconCheck, IconShieldCheck, IconX } from '@tabler/icons-react';
import type { Change, TaskStatus } from '../../model/change.ts';

const TASK_COLOR: Record<TaskStatus['state'], string> = {
  waiting: 'gray',
  running: 'blue',
  done: 'green',
  failed: 'red',
  'rolling-back': 'grape',
  'rolled-back': 'grape',
  skipped: 'gray',
};

/** Waves and their hosts, step by step, as they report. */
export function Rollout({ change }: { change: Change }) {
  return (
    <Stack gap="md">
      {change.waves.map((wave, index) => (
        <div key={wave.name}>
          <Group gap="xs" mb={6}>
            <Text fw={650}>
              Wave {index + 1}: {wave.name}
            </Text>
            {wave.canary ? <Badge variant="outline">canary</Badge> : null}
            <Badge
              variant="light"
              color={{ waiting: 'gray', running: 'blue', done: 'green', failed: 'red', stopped: 'orange' }[wave.state]}
            >
              {wave.state}
            </Badge>
          </Group>
          <Accordion variant="separated" multiple>
            {wave.tasks.map((task) => (
              <TaskItem key={task.id} task={task} />
            ))}
          </Accordion>
        </div>
      ))}
    </Stack>
  );
}

function TaskItem({ task }: { task: TaskStatus }) {
  const done = task.outcomes.filter(
    (outcome) => outcome.phase === 'apply' && outcome.ok && outcome.kind !== 'health',
  ).length;
  return (
    <Accordion.Item value={task.id}>
      <Accordion.Control>
        <Group justify="space-between" wrap="wrap" gap="xs" pr="sm">
          <Text fw={550}>{task.hostName}</Text>
          <Group gap="sm" wrap="nowrap">
            <Text size="sm" c="dimmed">
              {done} of {task.steps} steps
            </Text>
            <Badge color={TASK_COLOR[task.state]} variant="light">
              {task.state}
            </Badge>
          </Group>
        </Group>
        <Progress
          value={task.steps ? (done / task.steps) * 100 : 0}
          color={TASK_COLOR[task.state]}
          size="sm"
          mt={6}
          aria-label={`${task.hostName}: ${done} of ${task.steps} steps`}
        />
        {task.error ? (
          <Text size="sm" c="red" mt={4}>
            {task.error}
          </Text>
        ) : null}
      </Accordion.Control>
      <Accordion.Panel>
        {task.outcomes.length === 0 ? (
          <Text size="sm" c="dimmed">
            Nothing has run here yet.
          </Text>
        ) : (
          <OutcomeTable task={task} />
        )}
      </Accordion.Panel>
    </Accordion.Item>
  );
}

function OutcomeTable({ task }: { task: TaskStatus }) {
  return (
    <Table.ScrollContainer minWidth={560}>
      <Table verticalSpacing={6}>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>Step</Table.Th>
            <Table.Th>Result</Table.Th>
            <Table.Th>What was seen</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {task.outcomes.map((outcome) => (
            <Table.Tr key={`${outcome.index}${outcome.phase}`}>
              <Table.Td>
                {outcome.index + 1}. {outcome.kind}
                {outcome.phase === 'undo' ? ' (undone)' : ''}
              </Table.Td>
              <Table.Td>
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
              </Table.Td>
              <Table.Td>
                {outcome.error ? (
                  <Text size="sm">{outcome.error}</Text>
                ) : (
                  <Code style={{ whiteSpace: 'pre-wrap' }}>{JSON.stringify(outcome.after)}</Code>
                )}
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}
