import { Anchor, Group, Paper } from '@mantine/core';
import type { DocumentRef } from '../../model/trail.ts';
import { useDocuments } from '../api/hooks.ts';
import { DataTable, type Column } from '../components/DataTable.tsx';
import { Empty, Loaded, Page } from '../components/Page.tsx';
import { Time } from '../components/Time.tsx';
import { paths } from '../paths.ts';

const KIND = { change: 'Change record', host: 'Host dossier', campaign: 'Campaign report' } as const;

const COLUMNS: Column<DocumentRef>[] = [
  { title: 'Document', cell: (item) => KIND[item.kind] },
  {
    title: 'About',
    min: 150,
    cell: (item) => (
      <Anchor href={paths.document(item.kind, item.id, 'html')} target="_blank" rel="noreferrer" inherit>
        {item.title}
      </Anchor>
    ),
  },
  { title: 'Rendered', cell: (item) => <Time at={item.at} /> },
  {
    title: 'Read',
    cell: (item) => (
      <Group gap="sm" wrap="nowrap">
        {(['html', 'md', 'json'] as const).map((format) => (
          <Anchor
            key={format}
            size="sm"
            href={paths.document(item.kind, item.id, format)}
            target="_blank"
            rel="noreferrer"
            aria-label={`${KIND[item.kind]} ${item.title} as ${format.toUpperCase()}`}
          >
            {format.toUpperCase()}
          </Anchor>
        ))}
      </Group>
    ),
  },
];

export function Documents() {
  const documents = useDocuments();
  return (
    <Page
      title="Documents"
      lead="Written by the system from the trail alone; rendered again whenever something new is on it."
    >
      <Paper withBorder p="md">
        <Loaded query={documents}>
          {(items) =>
            items.length === 0 ? (
              <Empty
                title="No documents yet"
                hint="A change record appears when a change closes; host dossiers and campaign reports beside it."
              />
            ) : (
              <DataTable items={items} columns={COLUMNS} keyOf={(item) => item.kind + item.id} minWidth={620} />
            )
          }
        </Loaded>
      </Paper>
    </Page>
  );
}
