import { Badge, Button, Code, Group, List, Paper, Stack, Text, Title } from '@mantine/core';
import { MAY, type Role } from '../../model/actor.ts';
import type { NotLooked, Source, SourceKindInfo, Space, SpaceBlock } from '../../model/source.ts';
import { useMe } from '../api/hooks.ts';
import { useNotLooked, useReadSource, useSourceKinds, useSources, useSpace } from '../api/sources.ts';
import { count } from '../components/count.ts';
import { DataTable, type Column } from '../components/DataTable.tsx';
import { Fold } from '../components/Fold.tsx';
import { HostLink } from '../components/HostLink.tsx';
import { Empty, Loaded, Page, Problem } from '../components/Page.tsx';
import { Time } from '../components/Time.tsx';

/** Who tells us of machines, how that went, and where nobody looks. */
export function Sources() {
  const sources = useSources();
  const space = useSpace();
  const blind = useNotLooked();
  const read = useReadSource();
  return (
    <Page
      title="Sources"
      lead="Clouds, leases, zones and lists that tell of machines, beside our own looks; and the address space where nobody looks."
    >
      {read.error ? <Problem error={read.error} /> : null}
      <Paper withBorder p="md">
        <Loaded query={sources}>
          {(items) =>
            items.length === 0 ? (
              <Empty
                title="No sources yet"
                hint={
                  <>
                    Add one with <code>lastember source add cmdb --kind netbox</code>; below is what can be one.
                  </>
                }
              />
            ) : (
              <SourceTable items={items} reading={read.isPending ? read.variables : null} onRead={read.mutate} />
            )
          }
        </Loaded>
      </Paper>
      <Stack gap="xs">
        <Title order={2} size="h4">
          Address space
        </Title>
        <Paper withBorder p="md">
          <Loaded query={space}>{(found) => <SpaceView space={found} />}</Loaded>
        </Paper>
      </Stack>
      <Stack gap="xs">
        <Title order={2} size="h4">
          What we failed to look at
        </Title>
        <Paper withBorder p="md">
          <Loaded query={blind}>
            {(items) =>
              items.length === 0 ? (
                <Empty title="Nothing" hint="Everything that was to be looked at was looked at." />
              ) : (
                <DataTable
                  label="What we failed to look at"
                  items={items}
                  columns={BLIND_COLUMNS}
                  keyOf={({ what, name, why }) => `${what} ${name} ${why}`}
                  minWidth={700}
                />
              )
            }
          </Loaded>
        </Paper>
      </Stack>
      <Kinds />
    </Page>
  );
}

const BLIND_COLUMNS: Column<NotLooked>[] = [
  { title: 'What', cell: ({ what }) => what },
  { title: 'Name', min: 140, cell: ({ name, hostId }) => (hostId ? <HostLink id={hostId} name={name} /> : name) },
  { title: 'Why', min: 260, cell: ({ why }) => why },
  { title: 'Last looked at', cell: ({ lastAt }) => (lastAt ? <Time at={lastAt} /> : 'never') },
];

const COLOURS: Record<Source['state'], string> = { new: 'gray', running: 'blue', ok: 'green', failing: 'red' };

function SourceTable({
  items,
  reading,
  onRead,
}: {
  items: readonly Source[];
  reading: string | null;
  onRead: (id: string) => void;
}) {
  const me = useMe().data;
  const mayRead = me !== undefined && (MAY.operate as readonly Role[]).includes(me.role);
  const kinds = useSourceKinds().data ?? [];
  const asked = new Set(kinds.filter(({ how }) => how === 'asked').map(({ kind }) => kind));
  const columns: Column<Source>[] = [
    { title: 'Source', min: 140, cell: ({ name, kind }) => <NameAndKind name={name} kind={kind} /> },
    { title: 'State', min: 220, cell: (source) => <State source={source} /> },
    { title: 'Machines', end: true, cell: ({ counts }) => counts?.records ?? '–' },
    { title: 'New', end: true, cell: ({ counts }) => counts?.newHosts ?? '–' },
    { title: 'Left out', min: 160, cell: (source) => <LeftOut source={source} /> },
    { title: 'Last told', cell: ({ lastOkAt }) => (lastOkAt ? <Time at={lastOkAt} /> : 'never') },
    {
      title: 'Every',
      cell: (source) => (
        <Group gap="xs" wrap="nowrap" justify="space-between">
          <span className="mono">{source.every ?? 'by hand'}</span>
          {mayRead && asked.has(source.kind) ? (
            <Button
              size="compact-sm"
              variant="light"
              loading={reading === source.id || source.state === 'running'}
              onClick={() => onRead(source.id)}
              aria-label={`Read ${source.name} now`}
            >
              Read now
            </Button>
          ) : null}
        </Group>
      ),
    },
  ];
  return <DataTable items={items} columns={columns} keyOf={(source) => source.id} minWidth={900} />;
}

function NameAndKind({ name, kind }: { name: string; kind: string }) {
  return (
    <>
      {name}
      <Text size="xs" c="dimmed">
        {kind}
      </Text>
    </>
  );
}

function State({ source }: { source: Source }) {
  return (
    <>
      <Badge color={COLOURS[source.state]} variant="light">
        {source.state}
      </Badge>
      {source.lastError ? (
        <Text size="xs" mt={4}>
          {source.lastError}
        </Text>
      ) : null}
    </>
  );
}

function LeftOut({ source: { counts } }: { source: Source }) {
  if (!counts || counts.skipped.length === 0) return <>–</>;
  return (
    <>
      {counts.skipped.map(({ why, count: times }) => (
        <Text size="xs" key={why}>
          {times} × {why}
        </Text>
      ))}
    </>
  );
}

const SPACE_COLUMNS: Column<SpaceBlock>[] = [
  { title: 'Block', mono: true, min: 130, cell: ({ block }) => block },
  { title: 'Scope', cell: ({ scope }) => scope ?? '–' },
  { title: 'Hosts', end: true, cell: ({ hosts }) => hosts },
  { title: 'Unknown', end: true, cell: ({ unknown }) => unknown },
  { title: 'On no list', end: true, cell: ({ unlisted }) => unlisted },
  { title: 'Never seen', end: true, cell: ({ unseen }) => unseen },
  { title: 'Seen by', min: 160, cell: ({ sources }) => <SeenBy sources={sources} /> },
  { title: 'Blind', min: 160, cell: ({ blind }) => blind ?? '' },
];

function SeenBy({ sources }: Pick<SpaceBlock, 'sources'>) {
  return (
    <>
      {sources.map(({ source, lastSeen }) => (
        <Text size="xs" key={source}>
          {source} <Time at={lastSeen} />
        </Text>
      ))}
    </>
  );
}

function SpaceView({ space }: { space: Space }) {
  return (
    <Stack gap="sm">
      <Text size="sm">
        {count(space.hosts, 'host')}, {space.unknown} unknown, {space.twice} known to two sources or more.
      </Text>
      {space.items.length > 0 ? (
        <DataTable
          label="Address space"
          items={space.items}
          columns={SPACE_COLUMNS}
          keyOf={({ block }) => block}
          minWidth={840}
        />
      ) : null}
      {space.empty.length > 0 ? (
        <List size="sm">
          {space.empty.map(({ scope, why }) => (
            <List.Item key={scope}>
              <b>{scope}</b>: {why}
            </List.Item>
          ))}
        </List>
      ) : null}
    </Stack>
  );
}

/** What can be a source, and what each needs. */
function Kinds() {
  const kinds = useSourceKinds();
  return (
    <Fold title="What can be a source">
      <Loaded query={kinds}>
        {(items) => (
          <DataTable
            label="Kinds of sources"
            items={items}
            columns={KIND_COLUMNS}
            keyOf={({ kind }) => kind}
            minWidth={700}
          />
        )}
      </Loaded>
    </Fold>
  );
}

const KIND_COLUMNS: Column<SourceKindInfo>[] = [
  { title: 'Kind', min: 140, cell: ({ kind, title }) => <NameAndKind name={title} kind={kind} /> },
  { title: 'Needs', min: 260, cell: ({ needs }) => needs },
  {
    title: 'Add it with',
    min: 240,
    cell: ({ kind, fields }) => (
      <Code block style={{ whiteSpace: 'pre-wrap' }}>
        {[
          `lastember source add NAME --kind ${kind}`,
          ...fields.flatMap(({ name, required, secret }) =>
            required ? [secret ? `--secret-file ${name}=FILE` : `--set ${name}=…`] : [],
          ),
        ].join(' ')}
      </Code>
    ),
  },
];
