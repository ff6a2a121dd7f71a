import { Anchor, Badge, Group, Paper, Text } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { MAY, type Role } from '../../model/actor.ts';
import type { Exception } from '../../model/finding.ts';
import { useEndException, useExceptions, useKits, useMe } from '../api/hooks.ts';
import { useNames } from '../api/use-names.ts';
import { Confirm } from '../components/Confirm.tsx';
import { count } from '../components/count.ts';
import { DataTable, type Column } from '../components/DataTable.tsx';
import { HostLink } from '../components/HostLink.tsx';
import { Empty, Loaded, Page, Problem } from '../components/Page.tsx';
import { paths } from '../paths.ts';
import { Time } from '../components/Time.tsx';

const COLUMNS: Column<Exception>[] = [
  { title: 'Covers', min: 180, cell: ({ match }) => <Covers match={match} /> },
  {
    title: 'Reason',
    min: 200,
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
  { title: 'Covers now', cell: (item) => <CoversNow exception={item} /> },
  { title: 'Owner', cell: (item) => item.owner },
  {
    title: 'Ends',
    cell: ({ endedAt, expiresAt }) => (
      <>
        {endedAt ? 'ended ' : ''}
        <Time at={endedAt ?? expiresAt} mode="date" />
      </>
    ),
  },
];

export function Exceptions() {
  const exceptions = useExceptions();
  const end = useEndException();
  return (
    <Page
      title="Exceptions"
      lead="Accepted risk, each with an owner and an end. When it ends, what it covered burns again."
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
                    cell: (item) => (
                      <State
                        exception={item}
                        ending={end.isPending && end.variables === item.id}
                        onEnd={() => end.mutate(item.id)}
                      />
                    ),
                  },
                ]}
                keyOf={(item) => item.id}
                minWidth={840}
              />
            )
          }
        </Loaded>
      </Paper>
    </Page>
  );
}

/** Where what it was for is gone, somebody should end it. */
function CoversNow({ exception: { covers, endedAt, match } }: { exception: Exception }) {
  const now = covers?.now ?? 0;
  if (endedAt !== null || covers === undefined || now > 0)
    return <>{match.advisory === undefined ? count(now, 'finding') : count(now, 'host')}</>;
  return (
    <Badge color="orange" variant="light">
      {covers.gone > 0 ? 'none any more' : 'none'}
    </Badge>
  );
}

/** Ids become names; until those are read, what kind of thing it is. */
function Covers({ match }: { match: Exception['match'] }) {
  const { hostId, kit, check, component, advisory, hosts } = match;
  const title = useKits().data?.find((one) => one.kit.kit === kit)?.kit.title ?? kit;
  return (
    <>
      {title ? <div>{title}</div> : null}
      {advisory ? (
        <Anchor component={Link} to={paths.vulnerability(advisory)} inherit>
          {advisory}
        </Anchor>
      ) : null}
      {check || component ? (
        <Text size="xs" className="mono">
          {[check, component].filter(Boolean).join(', ')}
        </Text>
      ) : null}
      <div>
        <On hostId={hostId} hosts={hosts} />
      </div>
    </>
  );
}

function On({ hostId, hosts }: Pick<Exception['match'], 'hostId' | 'hosts'>) {
  const nameOf = useNames(hostId === undefined ? [] : [hostId]);
  if (hostId === undefined) return hosts === undefined ? 'on every host' : `on hosts with ${hosts}`;
  return (
    <>
      on <HostLink id={hostId} name={nameOf(hostId) ?? 'one host'} />
    </>
  );
}

function State({ exception, ending, onEnd }: { exception: Exception; ending: boolean; onEnd: () => void }) {
  const me = useMe().data;
  const mayEnd = exception.endedAt === null && me !== undefined && (MAY.operate as readonly Role[]).includes(me.role);
  return (
    <Group justify="space-between" wrap="nowrap" gap="xs">
      <Badge color={exception.endedAt ? 'gray' : 'yellow'} variant="light">
        {exception.endedAt ? 'ended' : 'active'}
      </Badge>
      {mayEnd ? (
        <Confirm
          label="End now"
          title="End this exception now?"
          verb="End it"
          color="red"
          size="compact-sm"
          loading={ending}
          onConfirm={onEnd}
        >
          <Text size="sm">
            The findings it covers burn again at once, and count as open in their campaign. It cannot be taken up again;
            a new one needs a reason, an owner and an end.
          </Text>
        </Confirm>
      ) : null}
    </Group>
  );
}
