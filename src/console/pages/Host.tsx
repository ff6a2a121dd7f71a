import { Badge, Button, Code, Group, Paper, SimpleGrid, Stack, Table, Text, Title } from '@mantine/core';
import { Link, useParams } from '@tanstack/react-router';
import { useState } from 'react';
import type { Endpoint, Host } from '../../model/estate.ts';
import type { Finding } from '../../model/finding.ts';
import { useClaimHost, useDependencies, useFindings, useHost, useMe, useTrail } from '../api/hooks.ts';
import { ClaimBadge, ManagementBadge } from '../components/Badges.tsx';
import { DataTable, type Column } from '../components/DataTable.tsx';
import { EntryList } from '../components/EntryList.tsx';
import { Empty, Loaded, Page, Problem } from '../components/Page.tsx';
import { Time } from '../components/Time.tsx';
import { paths } from '../paths.ts';
import { FindingDrawer, FindingTable } from './Findings.tsx';

export function HostPage() {
  const { id } = useParams({ strict: false });
  const host = useHost(id!);
  return <Loaded query={host}>{(data) => <HostView host={data.host} endpoints={data.endpoints} />}</Loaded>;
}

function HostView({ host, endpoints }: { host: Host; endpoints: Endpoint[] }) {
  const me = useMe().data;
  const claim = useClaimHost(host.id);
  const mayClaim = host.claim === 'unknown' && (me?.role === 'operator' || me?.role === 'admin');
  return (
    <Page
      title={host.name}
      lead={host.guess ?? host.addresses.join(', ')}
      actions={
        mayClaim ? (
          <Button onClick={() => claim.mutate()} loading={claim.isPending}>
            Claim
          </Button>
        ) : null
      }
    >
      {claim.error ? <Problem error={claim.error} /> : null}
      <SimpleGrid cols={{ base: 1, md: 2 }} spacing="lg">
        <Identity host={host} />
        <Neighbourhood host={host} />
      </SimpleGrid>
      <HostFindings host={host} />
      <Endpoints endpoints={endpoints} />
      <History host={host} />
    </Page>
  );
}

function Identity({ host }: { host: Host }) {
  return (
    <Paper withBorder p="lg">
      <Title order={2} size="h4" mb="sm">
        Who this is
      </Title>
      <Stack gap={6}>
        <Group gap="xs">
          <ClaimBadge host={host} />
          <ManagementBadge host={host} />
          {Object.entries(host.tags).map(([key, value]) => (
            <Badge key={key} variant="outline" color="gray" tt="none">
              {key}={value}
            </Badge>
          ))}
        </Group>
        <Text size="sm">
          Seen by {host.sources.join(', ')}; first <Time at={host.firstSeen} />, last <Time at={host.lastSeen} />
        </Text>
        {host.note ? <Text size="sm">{host.note}</Text> : null}
        {host.agentId ? (
          <Text size="sm">
            Agent {host.agentVersion} <Code>{host.agentId}</Code>
          </Text>
        ) : null}
        <Table verticalSpacing={4} layout="fixed">
          <Table.Tbody>
            {host.identifiers.map((identifier) => (
              <Table.Tr key={identifier.kind + identifier.value}>
                <Table.Td w={120} c="dimmed">
                  {identifier.kind}
                </Table.Td>
                <Table.Td className="mono">{identifier.value}</Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Stack>
    </Paper>
  );
}

function Neighbourhood({ host }: { host: Host }) {
  const dependencies = useDependencies();
  return (
    <Paper withBorder p="lg">
      <Title order={2} size="h4" mb="sm">
        Who depends on whom
      </Title>
      <Loaded query={dependencies}>
        {(all) => {
          const callers = all.filter((d) => d.serverHostId === host.id);
          const callees = all.filter((d) => d.clientHostId === host.id);
          if (callers.length + callees.length === 0)
            return (
              <Empty
                title="No connections seen"
                hint="Agents on this host or its peers report connections; none was open yet."
              />
            );
          return (
            <Stack gap={6}>
              {callers.map((d) => (
                <Text size="sm" key={d.id}>
                  <Link to={paths.host(d.clientHostId)} className="row-link">
                    {d.clientName}
                  </Link>{' '}
                  needs this host’s :{d.port} ({d.connections} open)
                </Text>
              ))}
              {callees.map((d) => (
                <Text size="sm" key={d.id}>
                  needs{' '}
                  <Link to={paths.host(d.serverHostId)} className="row-link">
                    {d.serverName}
                  </Link>{' '}
                  :{d.port} ({d.connections} open)
                </Text>
              ))}
            </Stack>
          );
        }}
      </Loaded>
    </Paper>
  );
}

function HostFindings({ host }: { host: Host }) {
  const findings = useFindings();
  const [shown, setShown] = useState<Finding | null>(null);
  return (
    <Paper withBorder p="md">
      <Title order={2} size="h4" mb="sm">
        Findings
      </Title>
      <Loaded query={findings}>
        {(items) => <FindingTable findings={items.filter((finding) => finding.hostId === host.id)} onShow={setShown} />}
      </Loaded>
      <FindingDrawer finding={shown} onClose={() => setShown(null)} />
    </Paper>
  );
}

function summary(endpoint: Endpoint): string {
  const probe = endpoint.probe;
  if (!probe) return endpoint.lastError ?? 'not probed yet';
  if (probe.protocol === 'tls')
    return `${probe.versions.join(', ')}; Heartbleed: ${probe.heartbleed.verdict}; key ${probe.chain[0]?.spki.slice(0, 12) ?? 'none'}…`;
  if (probe.protocol === 'ssh') return probe.banner;
  return `unknown banner ${probe.banner.slice(0, 32)}`;
}

const ENDPOINT_COLUMNS: Column<Endpoint>[] = [
  { title: 'Endpoint', mono: true, cell: (endpoint) => `${endpoint.address}:${endpoint.port}` },
  {
    title: 'Service',
    cell: (endpoint) => (
      <>
        {endpoint.service}{' '}
        {endpoint.state === 'gone' ? (
          <Badge color="gray" variant="light">
            gone
          </Badge>
        ) : null}
      </>
    ),
  },
  { title: 'Probe', cell: summary },
  { title: 'Probed', cell: (endpoint) => <Time at={endpoint.probedAt} /> },
];

function Endpoints({ endpoints }: { endpoints: Endpoint[] }) {
  return (
    <Paper withBorder p="md">
      <Title order={2} size="h4" mb="sm">
        Listeners, seen from outside
      </Title>
      {endpoints.length === 0 ? (
        <Empty title="No listener seen" hint="Nothing answered on the ports of the scopes that cover this host." />
      ) : (
        <DataTable items={endpoints} columns={ENDPOINT_COLUMNS} keyOf={(endpoint) => endpoint.id} minWidth={640} />
      )}
    </Paper>
  );
}

function History({ host }: { host: Host }) {
  const trail = useTrail({ host: host.id, limit: 30 });
  return (
    <Paper withBorder p="md">
      <Title order={2} size="h4" mb="sm">
        On the trail
      </Title>
      <Loaded query={trail}>{(page) => <EntryList items={page.items} />}</Loaded>
    </Paper>
  );
}
