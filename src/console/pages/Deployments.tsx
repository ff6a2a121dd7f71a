import { Paper, Text, Title } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import type { Deployment } from '../../model/deployment.ts';
import { useAgentUpdates } from '../api/agent-updates.ts';
import { useCoverage, useDeployments, useDeployRules } from '../api/deployments.ts';
import { AgentUpdates } from '../components/AgentUpdates.tsx';
import { CoverageTable } from '../components/CoverageTable.tsx';
import { DataTable, type Column } from '../components/DataTable.tsx';
import { DeploymentBadge } from '../components/DeploymentBadge.tsx';
import { DeployRules } from '../components/DeployRules.tsx';
import { Empty, Loaded, Page } from '../components/Page.tsx';
import { Time } from '../components/Time.tsx';
import { paths } from '../paths.ts';

export function Deployments() {
  return (
    <Page
      title="Deployments"
      lead="How servers that were found become servers that are managed, and how long it takes."
    >
      <Paper withBorder p="lg">
        <Title order={2} size="h4" mb="sm">
          Coverage
        </Title>
        <Loaded query={useCoverage()}>
          {(items) =>
            items[0]?.hosts ? (
              <CoverageTable items={items} />
            ) : (
              <Empty title="No hosts yet" hint="What a scan finds is counted here." />
            )
          }
        </Loaded>
      </Paper>
      <Paper withBorder p="lg">
        <Title order={2} size="h4" mb="sm">
          Rules
        </Title>
        <Loaded query={useDeployRules()}>{(rules) => <DeployRules rules={rules} />}</Loaded>
      </Paper>
      <Paper withBorder p="lg">
        <Title order={2} size="h4" mb="sm">
          Deployments
        </Title>
        <Loaded query={useDeployments()}>
          {(items) =>
            items.length === 0 ? (
              <Empty
                title="No deployments yet"
                hint={
                  <>
                    Pick hosts on the page <Link to={paths.hosts()}>Hosts</Link>, or run{' '}
                    <code>lastember deploy --unknown</code>.
                  </>
                }
              />
            ) : (
              <DataTable label="Deployments" items={items} columns={COLUMNS} keyOf={(item) => item.id} minWidth={640} />
            )
          }
        </Loaded>
      </Paper>
      <Paper withBorder p="lg">
        <Title order={2} size="h4" mb="sm">
          Agent updates
        </Title>
        <Loaded query={useAgentUpdates()}>
          {(updates) =>
            updates.length === 0 ? (
              <Empty
                title="No updates yet"
                hint={
                  <>
                    An operator asks for one: <code>lastember agent update --all</code>.
                  </>
                }
              />
            ) : (
              <AgentUpdates updates={updates} />
            )
          }
        </Loaded>
      </Paper>
    </Page>
  );
}

const COLUMNS: Column<Deployment>[] = [
  {
    title: 'Asked',
    min: 150,
    cell: (item) => (
      <Link to={paths.deployment(item.id)} className="row-link">
        <Time at={item.createdAt} /> by {item.createdBy}
      </Link>
    ),
  },
  { title: 'State', cell: (item) => <DeploymentBadge {...item} /> },
  {
    title: 'Hosts',
    end: true,
    cell: (item) => `${item.hosts.filter(({ state }) => state === 'done').length} of ${item.hosts.length}`,
  },
  { title: 'How', cell: (item) => (item.agentless ? 'over SSH' : 'agent') },
  {
    title: 'Why it ended',
    min: 180,
    cell: (item) => (
      <Text size="sm" lineClamp={2}>
        {item.why ?? '–'}
      </Text>
    ),
  },
];
