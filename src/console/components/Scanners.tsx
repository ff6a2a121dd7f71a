import { Badge, Paper, Stack, Text, Title } from '@mantine/core';
import type { Scanner } from '../../model/site.ts';
import { useScanners, useSites } from '../api/sites.ts';
import { type Column, DataTable } from './DataTable.tsx';
import { Time } from './Time.tsx';

/** Who looks from where; nothing at all where there is no other site than this server's. */
export function Scanners() {
  const [sites, scanners] = [useSites().data ?? [], useScanners().data ?? []];
  if (sites.length + scanners.length === 0) return null;
  return (
    <Paper withBorder p="lg">
      <Title order={2} size="h4" mb="sm">
        Remote sites
      </Title>
      <Stack gap="sm">
        {sites.map(({ name, blind }) =>
          blind === null ? null : (
            <Text key={name} size="sm" c="red">
              Nobody looks there: {blind}.
            </Text>
          ),
        )}
        {scanners.length === 0 ? null : (
          <DataTable label="Scanners" items={scanners} columns={COLUMNS} keyOf={({ id }) => id} minWidth={700} />
        )}
      </Stack>
    </Paper>
  );
}

const COLOR: Record<Scanner['state'], string> = { working: 'blue', idle: 'green', silent: 'red', revoked: 'gray' };

const COLUMNS: Column<Scanner>[] = [
  { title: 'Site', min: 100, cell: ({ site }) => site },
  { title: 'Scanner', min: 140, cell: ({ name }) => name },
  {
    title: 'State',
    cell: ({ state }) => (
      <Badge color={COLOR[state]} variant="light">
        {state}
      </Badge>
    ),
  },
  {
    title: 'Works on',
    min: 140,
    cell: ({ scans }) => scans.map(({ scope, scanId }) => scope ?? scanId).join(', ') || '–',
  },
  { title: 'Last seen', cell: ({ lastSeen }) => <Time at={lastSeen} /> },
  {
    title: 'Refused reports',
    min: 140,
    cell: ({ refusals, refusedWhy }) => (refusals === 0 ? '–' : `${refusals}: ${refusedWhy ?? ''}`),
  },
];
