import { Button, Paper, SegmentedControl, Text, TextInput } from '@mantine/core';
import { IconSearch } from '@tabler/icons-react';
import { Link } from '@tanstack/react-router';
import { useMemo, useState } from 'react';
import type { Host } from '../../model/estate.ts';
import { BURNING } from '../../model/finding.ts';
import { useFindings, useHosts } from '../api/hooks.ts';
import { ClaimBadge, ManagementBadge } from '../components/Badges.tsx';
import { DataTable, type Column } from '../components/DataTable.tsx';
import { Empty, Loaded, Page } from '../components/Page.tsx';
import { Time } from '../components/Time.tsx';
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
  const findings = useFindings().data;
  const burning = useMemo(() => {
    const counts = new Map<string, number>();
    for (const { hostId, state } of findings ?? [])
      if (BURNING.includes(state)) counts.set(hostId, (counts.get(hostId) ?? 0) + 1);
    return counts;
  }, [findings]);
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
  const columns: Column<Host>[] = [
    { title: 'Host', cell: (host) => <Name host={host} /> },
    { title: 'Addresses', mono: true, cell: (host) => host.addresses.join(', ') },
    { title: 'Claim', cell: (host) => <ClaimBadge host={host} /> },
    { title: 'Management', cell: (host) => <ManagementBadge host={host} /> },
    { title: 'Seen by', cell: (host) => host.sources.join(', ') },
    { title: 'Open findings', end: true, cell: (host) => burning.get(host.id) ?? 0 },
    { title: 'Last seen', cell: (host) => <Time at={host.lastSeen} /> },
  ];
  return <DataTable items={hosts} columns={columns} keyOf={(host) => host.id} minWidth={720} />;
}

function Name({ host }: { host: Host }) {
  return (
    <>
      <Link to={paths.host(host.id)} className="row-link">
        {host.name}
      </Link>
      {host.guess ? (
        <Text size="xs" c="dimmed">
          {host.guess}
        </Text>
      ) : null}
    </>
  );
}
