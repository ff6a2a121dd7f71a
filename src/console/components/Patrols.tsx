import { Badge, Paper, Text, Title } from '@mantine/core';
import type { Patrol } from '../../model/patrol.ts';
import { usePatrols } from '../api/patrols.ts';
import { DataTable, type Column } from './DataTable.tsx';
import { HostLink } from './HostLink.tsx';
import { Empty, Loaded } from './Page.tsx';
import { Time } from './Time.tsx';

/** Agents that looked around in their own subnets, where no scan of ours may reach (row 1.14). */
export function Patrols() {
  return (
    <Paper withBorder p="lg">
      <Title order={2} size="h4" mb="sm">
        Looks by agents
      </Title>
      <Loaded query={usePatrols()}>
        {(items) =>
          items.length === 0 ? (
            <Empty
              title="No agent has looked around"
              hint={
                <>
                  Let the agents in a scope look for strangers in their own subnets:{' '}
                  <code>lastember scope agents office on</code>.
                </>
              }
            />
          ) : (
            <DataTable label="Looks by agents" items={items} columns={COLUMNS} keyOf={({ id }) => id} minWidth={900} />
          )
        }
      </Loaded>
    </Paper>
  );
}

const COLOURS: Record<Patrol['state'], string> = {
  ordered: 'gray',
  running: 'blue',
  done: 'green',
  cancelled: 'gray',
  declined: 'yellow',
  refused: 'red',
  expired: 'yellow',
};

const COLUMNS: Column<Patrol>[] = [
  { title: 'Agent on', min: 140, cell: ({ hostId, hostName }) => <HostLink id={hostId} name={hostName} /> },
  { title: 'Subnet', mono: true, min: 130, cell: ({ block }) => block },
  { title: 'Scope', cell: ({ scope }) => scope },
  { title: 'State', min: 160, cell: (patrol) => <State patrol={patrol} /> },
  { title: 'Looked at', end: true, cell: ({ counts }) => `${counts.asked} of ${counts.addresses}` },
  { title: 'Answered', end: true, cell: ({ counts }) => counts.answered },
  { title: 'Strangers', end: true, cell: ({ counts }) => counts.strangers },
  { title: 'When', cell: ({ finishedAt, startedAt, orderedAt }) => <Time at={finishedAt ?? startedAt ?? orderedAt} /> },
];

function State({ patrol: { state, error, why } }: { patrol: Patrol }) {
  return (
    <>
      <Badge color={COLOURS[state]} variant="light">
        {state}
      </Badge>
      <Text size="xs" mt={4}>
        {error ?? why}
      </Text>
    </>
  );
}
