import { Badge, Group, Paper, Stack, Text, Title } from '@mantine/core';
import type { CheckVerdict, HostCompliance } from '../../model/compliance.ts';
import { useHostCompliance } from '../api/compliance.ts';
import { DataTable, type Column } from './DataTable.tsx';
import { Fold } from './Fold.tsx';
import { Empty, Loaded } from './Page.tsx';
import { percent } from './ScoreTable.tsx';
import { Time } from './Time.tsx';

const COLOR: Record<CheckVerdict['verdict'], string> = {
  pass: 'green',
  fail: 'red',
  excepted: 'yellow',
  unknown: 'orange',
  'not-applicable': 'gray',
};

const columns = (stale: boolean): Column<CheckVerdict>[] => [
  {
    title: 'Verdict',
    cell: ({ verdict }) => (
      <Badge color={stale ? 'gray' : COLOR[verdict]} variant="dot">
        {stale ? `stale: ${verdict}` : verdict}
      </Badge>
    ),
  },
  {
    title: 'Check',
    min: 220,
    cell: ({ title, kit, check }) => (
      <>
        {title}
        <Text size="xs" c="dimmed" className="mono">
          {kit}/{check}
        </Text>
      </>
    ),
  },
  { title: 'Since', cell: ({ since }) => <Time at={since} /> },
  { title: 'Drifted', min: 160, cell: (one) => <Drifted of={one} /> },
];

/** What a host that passed was, and is now. */
export function Drifted({ of: { drift } }: { of: Pick<CheckVerdict, 'drift'> }) {
  if (drift === null) return null;
  return (
    <>
      passed until <Time at={drift.at} mode="date" />
      {drift.values.map(({ component, what, before, after }) => (
        <Text size="xs" key={`${component} ${what}`} style={{ overflowWrap: 'anywhere' }}>
          {what}: {before ?? 'nothing'} → {after ?? 'nothing'}
        </Text>
      ))}
    </>
  );
}

/** More than these would hide the rest of the page, as on a host of which little was told. */
const FEW_UNKNOWN = 10;

/** Every verdict of one host; those that do not pass first. */
export function HostVerdicts({ hostId }: { hostId: string }) {
  return (
    <Paper withBorder p="md">
      <Title order={2} size="h4" mb="sm">
        Compliance
      </Title>
      <Loaded query={useHostCompliance(hostId)}>{(found) => <Found found={found} />}</Loaded>
    </Paper>
  );
}

function Found({ found: { items, row, stale, reportedAt, policies } }: { found: HostCompliance }) {
  if (items.length === 0) return <Empty title="Not judged yet" hint="It is judged once somebody has looked at it." />;
  const bad = items.filter(({ verdict }) => ['fail', 'excepted'].includes(verdict));
  const unknown = items.filter(({ verdict }) => verdict === 'unknown');
  const good = items.filter(({ verdict }) => ['pass', 'not-applicable'].includes(verdict));
  const table = (some: readonly CheckVerdict[], label: string) => (
    <DataTable
      items={some}
      columns={columns(stale)}
      keyOf={({ kit, check }) => `${kit}/${check}`}
      minWidth={760}
      label={label}
    />
  );
  return (
    <Stack gap="sm">
      <Group gap="xs">
        <Text fw={650}>{percent(row.score)}</Text>
        <Text size="sm" c="dimmed">
          {policies.length > 0 ? `by ${policies.join(', ')}` : 'no policy: every kit applies'}
        </Text>
        {stale ? (
          <Badge color="orange" variant="light">
            stale: last reported <Time at={reportedAt} />
          </Badge>
        ) : null}
      </Group>
      {bad.length > 0 ? table(bad, 'Verdicts that do not pass') : null}
      {unknown.length > 0 ? (
        <Fold title={`Not known, which counts as not passed: ${unknown.length}`} open={unknown.length <= FEW_UNKNOWN}>
          {table(unknown, 'Verdicts that are not known')}
        </Fold>
      ) : null}
      <Fold title={`Pass or not applicable: ${good.length}`}>{table(good, 'Verdicts that pass')}</Fold>
    </Stack>
  );
}
