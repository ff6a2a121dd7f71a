import { Paper, Table } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { useChanges, useFindings } from '../api/hooks.ts';
import { ChangeBadge } from '../components/Badges.tsx';
import { Empty, Loaded, Page } from '../components/Page.tsx';
import { PlanChange } from '../components/PlanChange.tsx';
import { Time } from '../components/Time.tsx';
import { BURNING } from '../../model/finding.ts';
import { paths } from '../paths.ts';

export function Changes() {
  const changes = useChanges();
  const findings = useFindings().data ?? [];
  const kits = [
    ...new Set(findings.filter((finding) => BURNING.includes(finding.state)).map((finding) => finding.kit)),
  ].sort();
  return (
    <Page
      title="Changes"
      lead="One immutable plan each. What is approved is exactly what runs."
      actions={<PlanChange kits={kits} />}
    >
      <Paper withBorder p="md">
        <Loaded query={changes}>
          {(items) =>
            items.length === 0 ? (
              <Empty title="No changes yet" hint="Plan one from the open findings of a kit." />
            ) : (
              <Table.ScrollContainer minWidth={560}>
                <Table highlightOnHover>
                  <Table.Thead>
                    <Table.Tr>
                      <Table.Th>Change</Table.Th>
                      <Table.Th>State</Table.Th>
                      <Table.Th>Kit</Table.Th>
                      <Table.Th>Approvals</Table.Th>
                      <Table.Th>Updated</Table.Th>
                    </Table.Tr>
                  </Table.Thead>
                  <Table.Tbody>
                    {items.map((change) => (
                      <Table.Tr key={change.id}>
                        <Table.Td>
                          <Link to={paths.change(change.id)} className="row-link">
                            {change.title}
                          </Link>
                        </Table.Td>
                        <Table.Td>
                          <ChangeBadge state={change.state} />
                        </Table.Td>
                        <Table.Td>{change.kit}</Table.Td>
                        <Table.Td>
                          {change.approvals.length} of {change.approvalsRequired}
                        </Table.Td>
                        <Table.Td>
                          <Time at={change.updatedAt} />
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
