import { Anchor, Group, Paper, Table } from '@mantine/core';
import { useDocuments } from '../api/hooks.ts';
import { Empty, Loaded, Page } from '../components/Page.tsx';
import { Time } from '../components/Time.tsx';
import { paths } from '../paths.ts';

const KIND = { change: 'Change record', host: 'Host dossier', campaign: 'Campaign report' } as const;

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
              <Table.ScrollContainer minWidth={520}>
                <Table highlightOnHover>
                  <Table.Thead>
                    <Table.Tr>
                      <Table.Th>Document</Table.Th>
                      <Table.Th>About</Table.Th>
                      <Table.Th>Rendered</Table.Th>
                      <Table.Th>Read</Table.Th>
                    </Table.Tr>
                  </Table.Thead>
                  <Table.Tbody>
                    {items.map((item) => (
                      <Table.Tr key={`${item.kind}${item.id}`}>
                        <Table.Td>{KIND[item.kind]}</Table.Td>
                        <Table.Td>{item.title}</Table.Td>
                        <Table.Td>
                          <Time at={item.at} />
                        </Table.Td>
                        <Table.Td>
                          <Group gap="sm">
                            {(['html', 'md', 'json'] as const).map((format) => (
                              <Anchor
                                key={format}
                                href={paths.document(item.kind, item.id, format)}
                                target="_blank"
                                rel="noreferrer"
                                aria-label={`${KIND[item.kind]} ${item.title} as ${format.toUpperCase()}`}
                              >
                                {format.toUpperCase()}
                              </Anchor>
                            ))}
                          </Group>
                        </Table.Td>
                      </Table.Tr>
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
