import { Button, Group, Paper, Text } from '@mantine/core';
import { MAY, type Role } from '../../model/actor.ts';
import { type Notifier, NoticeTopic, TOPIC_WORDS } from '../../model/notice.ts';
import { useMe } from '../api/hooks.ts';
import { useNotifierActions, useNotifiers } from '../api/notifiers.ts';
import { AddNotifier } from '../components/AddNotifier.tsx';
import { Confirm } from '../components/Confirm.tsx';
import { DataTable, type Column } from '../components/DataTable.tsx';
import { Fold } from '../components/Fold.tsx';
import { Empty, Loaded, Page, Problem } from '../components/Page.tsx';
import { Time } from '../components/Time.tsx';

/** Who is told of what, and whether it arrives. */
export function Notifications() {
  const notifiers = useNotifiers();
  const me = useMe().data;
  const may = me !== undefined && (MAY.admin as readonly Role[]).includes(me.role);
  return (
    <Page
      title="Notifications"
      lead="Hooks, chats and mailboxes that are told what happens. Much of it at once is one message."
    >
      <Paper withBorder p="md">
        <Loaded query={notifiers}>
          {(items) =>
            items.length === 0 ? (
              <Empty
                title="Nobody is told"
                hint={may ? 'Add a hook, a chat or a mailbox below.' : 'An administrator can add somebody.'}
              />
            ) : (
              <Notifiers items={items} may={may} />
            )
          }
        </Loaded>
      </Paper>
      {may ? <AddNotifier /> : null}
      <Fold title="What one can be told of">
        <DataTable
          label="What one can be told of"
          items={NoticeTopic.options}
          keyOf={(topic) => topic}
          columns={[
            { title: 'Topic', mono: true, cell: (topic) => topic },
            { title: 'When', cell: (topic) => TOPIC_WORDS[topic] },
          ]}
          minWidth={500}
        />
      </Fold>
    </Page>
  );
}

function Notifiers({ items, may }: { items: readonly Notifier[]; may: boolean }) {
  const { test, remove } = useNotifierActions();
  const columns: Column<Notifier>[] = [
    { title: 'Name', cell: ({ name, kind }) => `${name} (${kind})` },
    { title: 'To', min: 160, mono: true, cell: ({ to }) => to },
    { title: 'Of', min: 140, cell: ({ topics }) => topics.join(', ') },
    { title: 'Sent', end: true, cell: ({ sent }) => sent },
    { title: 'Last', min: 140, cell: (one) => <Last one={one} /> },
    ...(may
      ? [
          {
            title: 'Act',
            cell: ({ id, name }: Notifier) => (
              <Group gap="xs" wrap="nowrap">
                <Button
                  size="xs"
                  variant="light"
                  loading={test.isPending && test.variables === id}
                  onClick={() => test.mutate(id)}
                  aria-label={`Send a test to ${name}`}
                >
                  Test
                </Button>
                <Confirm
                  label="Remove"
                  ariaLabel={`Remove ${name}`}
                  title={`Remove ${name}`}
                  verb="Remove"
                  size="xs"
                  onConfirm={() => remove.mutate(id)}
                >
                  <Text size="sm">It is told nothing any more, and its secret is forgotten.</Text>
                </Confirm>
              </Group>
            ),
          },
        ]
      : []),
  ];
  const error = test.error ?? remove.error;
  return (
    <>
      {error ? <Problem error={error} /> : null}
      <div aria-live="polite">{test.isSuccess ? <Text size="sm">The test arrived at {test.data.to}.</Text> : null}</div>
      <DataTable label="Notifiers" items={items} columns={columns} keyOf={({ id }) => id} minWidth={800} />
    </>
  );
}

function Last({ one }: { one: Notifier }) {
  return (
    <>
      {one.lastSentAt ? <Time at={one.lastSentAt} /> : 'never'}
      {one.lastError ? (
        <Text size="xs" c="var(--mantine-color-error)">
          {one.lastError}; tried again
        </Text>
      ) : null}
    </>
  );
}
