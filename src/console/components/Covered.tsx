import { Group, List, Paper, Stack, Text, Title } from '@mantine/core';
import type { Left } from '../../model/change.ts';
import type { Finding } from '../../model/finding.ts';
import { Severity } from '../../model/kit.ts';
import type { Plan, Task } from '../../model/plan.ts';
import { useFindingsOf } from '../api/findings.ts';
import { useCampaigns } from '../api/hooks.ts';
import { SeverityBadge } from './Badges.tsx';
import { count } from './count.ts';
import { HostLink, HostLinks } from './HostLink.tsx';

/** The findings that the plan's tasks are for, worst first, a line a title. */
export function Covered({ plan }: { plan: Plan }) {
  const ids = [...new Set(plan.waves.flatMap((wave) => wave.tasks.flatMap((task) => task.findings)))];
  const findings = useFindingsOf(ids).data;
  if (ids.length === 0 || !findings) return null;
  const groups = Map.groupBy(findings, (finding) => `${Severity.options.indexOf(finding.severity)}\n${finding.title}`);
  return (
    <Paper withBorder p="lg">
      <Title order={2} size="h4" mb="sm">
        {count(ids.length, 'finding')} that this plan is for
        {findings.length < ids.length ? `; ${findings.length} of them are named here` : ''}
      </Title>
      <Stack gap="sm">
        {[...groups]
          .toSorted(([a], [b]) => (a < b ? -1 : 1))
          .map(([key, all]) => (
            <FindingGroup key={key} findings={all} />
          ))}
        {plan.waves
          .flatMap((wave) => wave.tasks)
          .filter((task) => task.findings.length === 0)
          .map((task) => (
            <Without key={task.id} task={task} kit={plan.kit.id} />
          ))}
      </Stack>
    </Paper>
  );
}

/** A host that is in the plan though nothing was found on it, and why. */
function Without({ task, kit }: { task: Task; kit: string }) {
  const endpoints = useCampaigns().data?.find((campaign) => campaign.kit === kit)?.endpoints ?? [];
  const own = endpoints.find((endpoint) => endpoint.hostId === task.hostId && endpoint.cause === 'shared-key');
  const via = endpoints.find((endpoint) => endpoint.endpoint === own?.via);
  const rotates = task.steps.some((step) => step.kind === 'rotate-key');
  return (
    <Text size="sm">
      <HostLink id={task.hostId} name={task.hostName} /> has no finding of its own:{' '}
      {via ? (
        <>
          it shares its key with <HostLink id={via.hostId} name={via.hostName} />, where it leaked, so it gets a new
          one.
        </>
      ) : rotates ? (
        'it holds a key that leaked, so it gets a new one.'
      ) : (
        'it is there for what its campaign still needs.'
      )}
    </Text>
  );
}

function FindingGroup({ findings }: { findings: Finding[] }) {
  const [first] = findings;
  const hosts = new Map(
    findings
      .toSorted((a, b) => a.hostName.localeCompare(b.hostName))
      .map(({ hostId, hostName }) => [hostId, { hostId, hostName }]),
  );
  return (
    <div>
      <Group gap="xs" wrap="nowrap" align="baseline">
        <div style={{ flex: 'none' }}>
          <SeverityBadge severity={first!.severity} />
        </div>
        <Text size="sm" fw={550}>
          {first!.title}
        </Text>
      </Group>
      <Text size="sm" c="dimmed">
        on <HostLinks hosts={[...hosts.values()]} />
      </Text>
    </div>
  );
}

/** What was asked for and is not in the plan: whoever approves must not think that it is done afterwards. */
export function NotCovered({ left }: { left: readonly Left[] }) {
  if (left.length === 0) return null;
  return (
    <Paper withBorder p="lg">
      <Title order={2} size="h4" mb="sm">
        Not covered by this plan
      </Title>
      <List size="sm" spacing={4}>
        {left.map((one) => (
          <List.Item key={`${one.hostId}${one.endpoint}${one.why}`}>
            <HostLink id={one.hostId} name={one.hostName} />
            {one.endpoint ? ` (${one.endpoint})` : ''}: {one.why}
          </List.Item>
        ))}
      </List>
    </Paper>
  );
}
