import { Badge, Button, Paper, Table, Text } from '@mantine/core';
import type { Exception } from '../../model/finding.ts';
import { useEndException, useExceptions, useMe } from '../api/hooks.ts';
import { Empty, Loaded, Page, Problem } from '../components/Page.tsx';
import { Time } from '../components/Time.tsx';

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
              <Table.ScrollContainer minWidth={640}>
                <Table>
                  <Table.Thead>
                    <Table.Tr>
                      <Table.Th>Covers</Table.Th>
                      <Table.Th>Reason</Table.Th>
                      <Table.Th>Owner</Table.Th>
                      <Table.Th>Ends</Table.Th>
                      <Table.Th>State</Table.Th>
                    </Table.Tr>
                  </Table.Thead>
                  <Table.Tbody>
                    {items.map((exception) => (
                      <Row key={exception.id} exception={exception} onEnd={() => end.mutate(exception.id)} />
                    ))}
                  </Table.Tbody>
                </Table>
              </Table.ScrollContainer>
            )
          }
        </Loaded>
      </Paper>
    </Page>
  );
}

function Row({ exception, onEnd }: { exception: Exception; onEnd: () => void }) {
  const me = useMe().data;
  const mayEnd = exception.endedAt === null && (me?.role === 'operator' || me?.role === 'admin');
  return (
    <Table.Tr>
      <Table.Td className="mono">
        {Object.entries(exception.match)
          .map(([key, value]) => `${key}=${value}`)
          .join(' ')}
      </Table.Td>
      <Table.Td>
        {exception.reason}
        {exception.control ? (
          <Text size="xs" c="dimmed">
            Control: {exception.control}
          </Text>
        ) : null}
      </Table.Td>
      <Table.Td>{exception.owner}</Table.Td>
      <Table.Td>
        <Time at={exception.endedAt ?? exception.expiresAt} />
      </Table.Td>
      <Table.Td>
        {exception.endedAt ? (
          <Badge color="gray" variant="light">
            ended
          </Badge>
        ) : (
          <Badge color="yellow" variant="light">
            active
          </Badge>
        )}
        {mayEnd ? (
          <Button size="compact-xs" variant="subtle" ml="xs" onClick={onEnd}>
            End now
          </Button>
        ) : null}
      </Table.Td>
    </Table.Tr>
  );
}
