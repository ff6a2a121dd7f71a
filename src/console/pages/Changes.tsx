import { Paper } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import type { Change } from '../../model/change.ts';
import { BURNING } from '../../model/finding.ts';
import { kitsIn, useFindingCounts } from '../api/findings.ts';
import { useChanges } from '../api/hooks.ts';
import { ChangeBadge } from '../components/Badges.tsx';
import { DataTable, type Column } from '../components/DataTable.tsx';
import { Empty, Loaded, Page } from '../components/Page.tsx';
import { PlanChange } from '../components/PlanChange.tsx';
import { Time } from '../components/Time.tsx';
import { paths } from '../paths.ts';

const COLUMNS: Column<Change>[] = [
  {
    title: 'Change',
    cell: (change) => (
      <Link to={paths.change(change.id)} className="row-link">
        {change.title}
      </Link>
    ),
  },
  { title: 'State', cell: (change) => <ChangeBadge state={change.state} /> },
  { title: 'Kit', cell: (change) => change.kit },
  { title: 'Approvals', cell: (change) => `${change.approvals.length} of ${change.approvalsRequired}` },
  { title: 'Updated', cell: (change) => <Time at={change.updatedAt} /> },
];

export function Changes() {
  const changes = useChanges();
  const burning = useFindingCounts({ states: BURNING }).data;
  return (
    <Page
      title="Changes"
      lead="One immutable plan each. What is approved is exactly what runs."
      actions={<PlanChange kits={burning ? kitsIn(burning) : []} />}
    >
      <Paper withBorder p="md">
        <Loaded query={changes}>
          {(items) =>
            items.length === 0 ? (
              <Empty title="No changes yet" hint="Plan one from the open findings of a kit." />
            ) : (
              <DataTable items={items} columns={COLUMNS} keyOf={(change) => change.id} minWidth={560} />
            )
          }
        </Loaded>
      </Paper>
    </Page>
  );
}
