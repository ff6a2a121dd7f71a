import { Text } from '@mantine/core';
import type { Coverage } from '../../model/deployment.ts';
import { DataTable, type Column } from './DataTable.tsx';

/** How much of each segment is managed, and how long hosts took. */
export function CoverageTable({ items }: { items: readonly Coverage[] }) {
  return (
    <DataTable
      label="Coverage"
      items={items}
      columns={COLUMNS}
      keyOf={(item) => `${item.kind} ${item.name}`}
      minWidth={760}
    />
  );
}

const COLUMNS: Column<Coverage>[] = [
  { title: 'Segment', min: 120, cell: (item) => (item.kind === 'all' ? 'All hosts' : `${item.kind} ${item.name}`) },
  { title: 'Managed', end: true, cell: managed },
  { title: 'Unmanaged', end: true, cell: (item) => item.unmanaged },
  { title: 'Cannot be', end: true, cell: (item) => item.unmanageable },
  { title: 'Lost', end: true, cell: (item) => item.lost },
  { title: 'Median', end: true, cell: (item) => (item.median === null ? '–' : inHours(item.median)) },
  { title: '95 %', end: true, cell: (item) => (item.p95 === null ? '–' : inHours(item.p95)) },
  { title: 'In time', end: true, cell: inTime },
  { title: 'Overdue', end: true, cell: (item) => item.overdue.length },
];

function managed(item: Coverage) {
  return (
    <>
      {item.managed} of {item.hosts}
      {item.agentless > 0 ? (
        <Text size="xs" c="dimmed">
          {item.agentless} over SSH
        </Text>
      ) : null}
    </>
  );
}

function inTime(item: Coverage) {
  if (item.kept === null) return '–';
  return `${Math.floor(item.kept * 1000) / 10} % in ${item.within} h`;
}

/** Minutes, hours or days, whichever one would say. */
export function inHours(hours: number): string {
  if (hours < 1) return `${Math.max(1, Math.round(hours * 60))} min`;
  return hours < 48 ? `${Math.round(hours)} h` : `${Math.round(hours / 24)} d`;
}
