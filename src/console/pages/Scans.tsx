import { Badge, Paper, Progress, Stack, Text, Title } from '@mantine/core';
import type { Scan, Scope } from '../../model/estate.ts';
import { everyWords, progressWords, rateWords } from '../../model/scan-words.ts';
import { LOCAL_SITE } from '../../model/site.ts';
import { type Steer, useScans, useScopes, useSteerScan } from '../api/scans.ts';
import { DataTable, type Column } from '../components/DataTable.tsx';
import { useMayDeploy } from '../components/DeployHosts.tsx';
import { Empty, Loaded, Page, Problem } from '../components/Page.tsx';
import { Patrols } from '../components/Patrols.tsx';
import { Scanners } from '../components/Scanners.tsx';
import { SteerScan } from '../components/SteerScan.tsx';
import { Time } from '../components/Time.tsx';

export function Scans() {
  const scopes = useScopes();
  const may = useMayDeploy();
  const steer = useSteerScan();
  return (
    <Page title="Scans" lead="What may be looked at, and what was looked at when.">
      <Paper withBorder p="lg">
        <Title order={2} size="h4" mb="sm">
          Scopes
        </Title>
        <Loaded query={scopes}>
          {(items) =>
            items.length === 0 ? (
              <Empty
                title="No scopes yet"
                hint={
                  <>
                    Add one: <code>lastember scope add office 192.0.2.0/24</code>.
                  </>
                }
              />
            ) : (
              <DataTable label="Scopes" items={items} columns={SCOPES} keyOf={(item) => item.id} minWidth={900} />
            )
          }
        </Loaded>
      </Paper>
      <Scanners />
      <Paper withBorder p="lg">
        <Title order={2} size="h4" mb="sm">
          Scans
        </Title>
        {steer.error ? <Problem error={steer.error} /> : null}
        <Loaded query={useScans()}>
          {(items) =>
            items.length === 0 ? (
              <Empty
                title="No scans yet"
                hint={
                  <>
                    What one would cost: <code>lastember scan office --dry-run</code>; then without{' '}
                    <code>--dry-run</code>.
                  </>
                }
              />
            ) : (
              <DataTable
                label="Scans"
                items={items}
                columns={scanColumns(scopes.data ?? [], may ? (what) => steer.mutate(what) : null)}
                keyOf={(item) => item.id}
                minWidth={900}
              />
            )
          }
        </Loaded>
      </Paper>
      <Patrols />
    </Page>
  );
}

const SCOPES: Column<Scope>[] = [
  { title: 'Scope', min: 120, cell: ({ name }) => name },
  { title: 'Covers', mono: true, min: 160, cell: ({ cidrs }) => cidrs.join(', ') },
  { title: 'Except', mono: true, cell: ({ exclude }) => exclude.join(', ') || '–' },
  { title: 'From', cell: ({ site }) => (site === LOCAL_SITE ? 'here' : site) },
  { title: 'Ports', mono: true, cell: ({ ports, udp }) => (udp === 'none' ? ports : `${ports}; UDP ${udp}`) },
  { title: 'Rate', min: 140, cell: (scope) => rateWords(scope) },
  { title: 'Every', min: 140, cell: (scope) => everyWords(scope) },
  { title: 'Blackouts', min: 120, cell: ({ blackouts }) => blackouts.join('; ') || '–' },
];

const COLOR: Record<Scan['state'], string> = {
  queued: 'gray',
  running: 'blue',
  paused: 'yellow',
  done: 'green',
  cancelled: 'gray',
  failed: 'red',
};

/** `steer`: null for who may not. */
function scanColumns(scopes: readonly Scope[], steer: ((what: Steer) => void) | null): Column<Scan>[] {
  const names = new Map(scopes.map(({ id, name }) => [id, name]));
  const nameOf = ({ scopeId, targets }: Scan): string =>
    (scopeId ? names.get(scopeId) : undefined) ?? targets.join(', ');
  return [
    { title: 'Scan of', min: 140, cell: nameOf },
    {
      title: 'State',
      cell: ({ state, waitsUntil, siteWhy }) => (
        <Badge color={siteWhy ? 'red' : COLOR[state]} variant="light">
          {waitsUntil || siteWhy ? 'waiting' : state}
        </Badge>
      ),
    },
    { title: 'Walk', cell: ({ kind }) => (kind === 'full' ? 'all' : 'what is known') },
    { title: 'Begun', cell: ({ startedAt }) => <Time at={startedAt} /> },
    {
      title: 'How far',
      min: 220,
      cell: (scan) => (
        <Stack gap={6}>
          <HowFar scan={scan} />
          {steer ? <SteerScan scan={scan} name={nameOf(scan)} steer={steer} /> : null}
        </Stack>
      ),
    },
    { title: 'New', end: true, cell: ({ counts }) => counts.newHosts },
    { title: 'Changed', end: true, cell: ({ counts }) => counts.changed },
    { title: 'Offline', end: true, cell: ({ counts }) => counts.offline },
    { title: 'Back', end: true, cell: ({ counts }) => counts.back },
  ];
}

function HowFar({ scan }: { scan: Scan }) {
  const { counts, state, error } = scan;
  return (
    <Stack gap={4}>
      {state === 'running' && (
        <Progress value={(counts.done / Math.max(1, counts.targets)) * 100} aria-label="How far the scan is" />
      )}
      <Text size="sm">{progressWords(scan)}</Text>
      {error && (
        <Text size="sm" c="red">
          {error}
        </Text>
      )}
    </Stack>
  );
}
