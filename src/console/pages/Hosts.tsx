import { Button, Paper, SegmentedControl, Table, Text, TextInput } from '@mantine/core';
import { IconSearch } from '@tabler/icons-react';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import type { Host } from '../../model/estate.ts';
import { useFindings, useHosts } from '../api/hooks.ts';
import { ClaimBadge, ManagementBadge } from '../components/Badges.tsx';
import { Empty, Loaded, Page } from '../components/Page.tsx';
import { Time } from '../components/Time.tsx';
import { BURNING } from '../../model/finding.ts';
import { paths } from '../paths.ts';

type Filter = 'all' | 'unknown' | 'unmanaged';
const KEEP: Record<Filter, (host: Host) => boolean> = {
  all: () => true,
  unknown: (host) => host.claim === 'unknown',
  unmanaged: (host) => host.management !== 'managed',
};

export function Hosts() {
  const hosts = useHosts();
  const [filter, setFilter] = useState<Filter>('all');
  const [search, setSearch] = useState('');
  const matches = (host: Host): boolean =>
    KEEP[filter](host) &&
    `${host.name} ${host.addresses.join(' ')} ${host.guess ?? ''}`.toLowerCase().includes(search.toLowerCase());
  return (
    <Page title="Hosts" lead="Every machine that any source saw. Unknown means nobody claimed it.">
      <Paper withBorder p="md">
        <TextInput
          aria-label="Search hosts"
          placeholder="Name or address"
          leftSection={<IconSearch size={16} aria-hidden />}
          value={search}
          onChange={(event) => setSearch(event.currentTarget.value)}
          mb="sm"
          maw={360}
        />
        <SegmentedControl
          aria-label="Which hosts"
          value={filter}
          onChange={(value) => setFilter(value as Filter)}
          data={[
            { value: 'all', label: 'All' },
            { value: 'unknown', label: 'Unknown' },
            { value: 'unmanaged', label: 'Not managed' },
          ]}
          mb="sm"
        />
        <Loaded query={hosts}>
          {(items) => (
            <HostTable
              hosts={items.filter(matches)}
              all={items.length}
              reset={() => {
                setFilter('all');
                setSearch('');
              }}
            />
          )}
        </Loaded>
      </Paper>
    </Page>
  );
}

function HostTable({ hosts, all, reset }: { hosts: Host[]; all: number; reset: () => void }) {
  const findings = useFindings().data ?? [];
  if (all === 0)
    return (
      <Empty
        title="No hosts yet"
        hint={
          <>
            Tell Lastember where to look: <code>lastember scope add office 192.0.2.0/24</code>, then{' '}
            <code>lastember scan office</code>.
          </>
        }
      />
    );
  if (hosts.length === 0)
    return (
      <Empty
        title="No host matches"
        hint={
          <Button variant="light" size="xs" onClick={reset}>
            Show all {all}
          </Button>
        }
      />
    );
  const burning = (host: Host): number =>
    findings.filter((finding) => finding.hostId === host.id && BURNING.includes(finding.state)).length;
  return (
    <Table.ScrollContainer minWidth={720}>
      <Table highlightOnHover>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>Host</Table.Th>
            <Table.Th>Addresses</Table.Th>
            <Table.Th>Claim</Table.Th>
            <Table.Th>Management</Table.Th>
            <Table.Th>Seen by</Table.Th>
            <Table.Th ta="right">Open findings</Table.Th>
            <Table.Th>Last seen</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {hosts.map((host) => (
            <Table.Tr key={host.id}>
              <Table.Td>
                <Link to={paths.host(host.id)} className="row-link">
                  {host.name}
                </Link>
                {host.guess ? (
                  <Text size="xs" c="dimmed">
                    {host.guess}
                  </Text>
                ) : null}
              </Table.Td>
              <Table.Td className="mono">{host.addresses.join(', ')}</Table.Td>
              <Table.Td>
                <ClaimBadge host={host} />
              </Table.Td>
              <Table.Td>
                <ManagementBadge host={host} />
              </Table.Td>
              <Table.Td>{host.sources.join(', ')}</Table.Td>
              <Table.Td ta="right">{burning(host)}</Table.Td>
              <Table.Td>
                <Time at={host.lastSeen} />
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}
