import { Badge, Button, Paper, Text } from '@mantine/core';
import type { Exception } from '../../model/finding.ts';
import { useEndException, useExceptions, useMe } from '../api/hooks.ts';
import { DataTable, type Column } from '../components/DataTable.tsx';
import { Empty, Loaded, Page, Problem } from '../components/Page.tsx';
import { Time } from '../components/Time.tsx';

const COLUMNS: Column<Exception>[] = [
  {
    title: 'Covers',
    mono: true,
    cell: ({ match }) =>
      Object.entries(match)
        .map(([key, value]) => `${key}=${value}`)
        .join(' '),
  },
  {
    title: 'Reason',
    cell: ({ reason, control }) => (
      <>
        {reason}
        {control ? (
          <Text size="xs" c="dimmed">
            Control: {control}
          </Text>
        ) : null}
      </>
    ),
  },
  { title: 'Owner', cell: (item) => item.owner },
  { title: 'Ends', cell: (item) => <Time at={item.endedAt ?? item.expiresAt} /> },
];

export function Exceptions() {
  const exceptions = useExceptions();
  const end = useEndException();
  return (
    <Page
      title="Exceptions"
      lead="Accepted risk, each with an owner and an end. When it ends, its findings burn again."
    >
      {end.error ? <Problem error={end.error} /> : null}
      <Paper withBorder p="md">
        <Loaded query={exceptions}>
          {(items) =>
            items.length === 0 ? (
              <Empty
                title="No exceptions"
                hint={
                  <>
                    Set one with <code>lastember exception add</code>; it needs a reason, an owner and an end date.
                  </>
                }
              />
            ) : (
              <DataTable
                items={items}
                columns={[
                  ...COLUMNS,
                  {
                    title: 'State',
                    cell: (item) => <State exception={item} onEnd={() => end.mutate(item.id)} />,
                  },
                ]}
                keyOf={(item) => item.id}
                minWidth={640}
              />
            )
          }
        </Loaded>
      </Paper>
    </Page>
  );
}

function State({ exception, onEnd }: { exception: Exception; onEnd: () => void }) {
  const me = useMe().data;
  const mayEnd = exception.endedAt === null && (me?.role === 'operator' || me?.role === 'admin');
  return (
    <>
      <Badge color={exception.endedAt ? 'gray' : 'yellow'} variant="light">
        {exception.endedAt ? 'ended' : 'active'}
      </Badge>
      {mayEnd ? (
        <Button size="compact-xs" variant="subtle" ml="xs" onClick={onEnd}>
          End now
        </Button>
      ) : null}
    </>
  );
}
