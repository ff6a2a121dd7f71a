import { Badge, Text } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { hostsOfUpdate, type AgentUpdate, type AgentUpdateSummary } from '../../model/enrollment.ts';
import { paths } from '../paths.ts';
import { DataTable, type Column } from './DataTable.tsx';
import { Time } from './Time.tsx';

const COLOR: Record<AgentUpdate['state'], string> = {
  'awaiting-approval': 'orange',
  running: 'blue',
  done: 'green',
  stopped: 'red',
  cancelled: 'gray',
};
type PartState = AgentUpdate['hosts'][number]['state'];
const PART_COLOR: Record<PartState, string> = {
  waiting: 'gray',
  offered: 'blue',
  away: 'yellow',
  done: 'green',
  failed: 'red',
  superseded: 'gray',
};
const PART_WORDS: Record<PartState, string> = {
  waiting: 'waiting',
  offered: 'at it',
  away: 'away',
  done: 'done',
  failed: 'failed',
  superseded: 'another update',
};

export function AgentUpdateBadge({ state, counts }: Pick<AgentUpdate, 'state' | 'counts'>) {
  return (
    <Badge color={state === 'done' && counts.away > 0 ? 'yellow' : COLOR[state]} variant="light">
      {state.replace('-', ' ')}
    </Badge>
  );
}

export function AgentUpdateHostBadge({ state }: { state: PartState }) {
  return (
    <Badge color={PART_COLOR[state]} variant="dot">
      {PART_WORDS[state]}
    </Badge>
  );
}

export function AgentUpdates({ updates }: { updates: readonly AgentUpdateSummary[] }) {
  return <DataTable label="Agent updates" items={updates} columns={COLUMNS} keyOf={(item) => item.id} minWidth={640} />;
}

const COLUMNS: Column<AgentUpdateSummary>[] = [
  {
    title: 'Asked',
    min: 150,
    cell: (item) => (
      <Link to={paths.agentUpdate(item.id)} className="row-link">
        <Time at={item.createdAt} /> by {item.authorName}
      </Link>
    ),
  },
  { title: 'State', cell: (item) => <AgentUpdateBadge {...item} /> },
  { title: 'Version', cell: (item) => item.version },
  { title: 'Hosts', end: true, cell: (item) => `${item.counts.done} of ${hostsOfUpdate(item)}` },
  {
    title: 'Why it ended',
    min: 180,
    cell: (item) => (
      <Text size="sm" lineClamp={2}>
        {item.why ?? '–'}
      </Text>
    ),
  },
];
