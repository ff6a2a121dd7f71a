import { Group, List, Paper, Stack, Text, Title } from '@mantine/core';
import type { Left } from '../../model/change.ts';
import type { Finding } from '../../model/finding.ts';
import { Severity } from '../../model/kit.ts';
import type { Plan } from '../../model/plan.ts';
import { useFindings } from '../api/hooks.ts';
import { SeverityBadge } from './Badges.tsx';
import { count } from './count.ts';
import { HostLink, HostLinks } from './HostLink.tsx';

/** The findings that the plan's tasks are for, worst first, a line a title. */
export function Covered({ plan }: { plan: Plan }) {
  const findings = useFindings();
  const ids = new Set(plan.waves.flatMap((wave) => wave.tasks.flatMap((task) => task.findings)));
  if (ids.size === 0 || !findings.data) return null;
  const groups = Map.groupBy(
    findings.data.filter((finding) => ids.has(finding.id)),
    (finding) => `${Severity.options.indexOf(finding.severity)}\n${finding.title}`,
  );
  return (
    <Paper withBorder p="lg">
      <Title order={2} size="h4" mb="sm">
        {count(ids.size, 'finding')} that this plan is for
      </Title>
      <Stack gap="sm">
        {[...groups]
          .toSorted(([a], [b]) => (a < b ? -1 : 1))
          .map(([key, all]) => (
            <FindingGroup key={key} findings={all} />
          ))}
      </Stack>
    </Paper>
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
